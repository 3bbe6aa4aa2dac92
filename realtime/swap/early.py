"""Faces of a frame that were swapped while its finder was still looking for more."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from realtime.finder.face import Face
from realtime.runtime.arrays import Bytes
from realtime.runtime.threads import Failure
from realtime.swap.face_crop import FaceCrop
from realtime.swap.model import SwapModel

__all__ = ["Early", "Swapped"]

#: The crop of a face, and what a model has made of it: the new face, and its mask.
Swapped = tuple[FaceCrop, Bytes, Bytes]


@dataclass(slots=True, eq=False)
class _Made:
    """What ``model`` has made of ``face``; ``undo`` makes it forget that, unless it was ``asked`` for."""

    model: SwapModel
    face: Face
    swapped: Swapped
    undo: Callable[[], None]
    asked: bool = False


class Early:
    """Keeps them until the frame's faces are known. One frame at a time."""

    def __init__(self) -> None:
        self._made: list[_Made] = []
        self._failure, self.failed = Failure(), False

    def keep(
        self,
        model: SwapModel,
        faces: Sequence[Face],
        swapped: Sequence[Swapped],
        undo: Sequence[Callable[[], None]] | None = None,
    ) -> None:
        """``model`` has ``swapped`` these ``faces``; ``undo`` makes it forget those that nobody asks for."""
        undo = undo or [_nothing] * len(faces)
        self._made += [_Made(model, *each) for each in zip(faces, swapped, undo, strict=True)]

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
        made = self._find(model, face)
        if made is None:
            return None
        made.asked = True
        return made.swapped

    def clear(self) -> None:
        """Another frame."""
        for made in reversed(self._made):
            if not made.asked:
                made.undo()
        self._made.clear()
        self._failure, self.failed = Failure(), False

    def _find(self, model: SwapModel, face: Face) -> _Made | None:
        same = (made for made in self._made if made.model is model and made.face.landmarks is face.landmarks)
        return next(same, None)


def _nothing() -> None:
    """What there is to undo with a model that learns nothing from its faces."""
