"""A face finder that looks into a file of saved faces and not at pictures."""

from pathlib import Path

from realtime.finder.alignments import Alignments
from realtime.finder.face import Face
from realtime.finder.landmarker import Landmarker
from realtime.finder.two_pass import smoothed
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError

__all__ = ["SavedFinder"]


class SavedFinder:
    """Gives each frame the faces that the file has for its time; it remembers nothing from one frame to the next.

    With ``smooth`` the landmarks are steadied over the whole file. With ``mesh`` each face gets the dense mesh that is
    seen where its landmarks are.
    """

    def __init__(self, path: Path, source: Path, smooth: bool = True, mesh: bool = False, device: str = "auto") -> None:
        """Read the file ``path``. Raises ``InputError`` where it is none, or not of the video ``source``."""
        self._path = path
        held = Alignments.read(path)
        held.check_input(path, source)
        frames = smoothed(held.frames) if smooth else held.frames
        self._faces = {(frame.pts, frame.field): tuple(each.face for each in frame.faces) for frame in frames}
        self._landmarker = Landmarker(device, mesh=True) if mesh else None

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of ``frame``, by its time. Raises ``InputError`` for a frame that the file does not know."""
        time = frame.picture.pts
        faces = None if time is None else self._faces.get((time, frame.field), self._faces.get((time, 0)))
        if faces is None:
            at = (
                "without a time"
                if time is None or frame.time_base is None
                else f"at {float(time * frame.time_base):.3f} s"
            )
            raise InputError(
                f"{self._path}: says nothing of the frame {at}; every frame needs its line: make it anew with"
                " `mummer faces INPUT --save`"
            )
        return faces if self._landmarker is None else tuple(self._with_mesh(frame, face) for face in faces)

    def reset(self) -> None:
        """Nothing to forget."""

    def _with_mesh(self, frame: Frame, face: Face) -> Face:
        assert self._landmarker is not None  # noqa: S101  # asked before
        seen = self._landmarker.follow(frame, face.landmarks)
        return Face(face.landmarks, face.score, face.track, seen.mesh)
