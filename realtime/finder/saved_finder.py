"""A face finder that looks into a file of saved faces and not at pictures."""

from dataclasses import replace
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

    With ``smooth`` the landmarks are steadied over the whole file. Where ``mesh`` is set each face gets the dense mesh
    that is seen where its landmarks are.
    """

    def __init__(self, path: Path, source: Path, smooth: bool = True) -> None:
        """Read the file ``path``. Raises ``InputError`` where it is none, or not of the video ``source``."""
        self._path = path
        held = Alignments.read(path)
        held.check_input(path, source)
        frames = smoothed(held.frames) if smooth else held.frames
        self._faces = {(frame.pts, frame.field): tuple(each.face for each in frame.faces) for frame in frames}
        self._landmarker: Landmarker | None = None

    @property
    def mesh(self) -> bool:
        """Whether faces have their dense mesh."""
        return self._landmarker is not None

    @mesh.setter
    def mesh(self, wanted: bool) -> None:
        self._landmarker = Landmarker(mesh=True) if wanted else None

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of ``frame``, by its time. Raises ``InputError`` for a frame that the file does not know."""
        time = None if frame.picture.pts is None else frame.picture.pts + frame.moved
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
        if self._landmarker is None:
            return faces
        meshes = [self._landmarker.follow(frame, face.landmarks).mesh for face in faces]
        return tuple(replace(face, mesh=mesh) for face, mesh in zip(faces, meshes, strict=True))

    def reset(self) -> None:
        """Nothing to forget."""
