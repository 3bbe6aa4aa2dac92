"""Faces of a frame that were swapped while its finder was still looking for more."""

from collections.abc import Sequence

from realtime.finder.face import Face
from realtime.runtime.arrays import Bytes
from realtime.runtime.threads import Failure
from realtime.swap.face_crop import FaceCrop
from realtime.swap.model import SwapModel

__all__ = ["Early", "Swapped"]

#: The crop of a face, and what a model has made of it: the new face, and its mask.
Swapped = tuple[FaceCrop, Bytes, Bytes]


class Early:
    """Keeps them until the frame's faces are known. One frame at a time."""

    def __init__(self) -> None:
        self._made: list[tuple[SwapModel, Face, Swapped]] = []
        self._failure, self.failed = Failure(), False

    def keep(self, model: SwapModel, faces: Sequence[Face], swapped: Sequence[Swapped]) -> None:
        """``model`` has ``swapped`` these ``faces``."""
        self._made += [(model, *each) for each in zip(faces, swapped, strict=True)]

    def fail(self, error: Exception) -> None:
        """A model has failed on them: so it is said when they are asked for."""
        self._failure.note(error)
        self.failed = True

    def has(self, model: SwapModel, face: Face) -> bool:
        """Whether there is what ``model`` has made of ``face``."""
        return self._find(model, face) is not None

    def of(self, model: SwapModel, face: Face) -> Swapped | None:
        """What ``model`` has made of ``face``; None where it was not asked. Raises what the model raised."""
        self._failure.check()
        return self._find(model, face)

    def clear(self) -> None:
        """Another frame."""
        self._made.clear()
        self._failure, self.failed = Failure(), False

    def _find(self, model: SwapModel, face: Face) -> Swapped | None:
        same = (made for its, known, made in self._made if its is model and known.landmarks is face.landmarks)
        return next(same, None)
