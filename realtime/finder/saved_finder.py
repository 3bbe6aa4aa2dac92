"""A face finder that looks into a file of saved faces and not at pictures."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from realtime.finder.alignments import AlignedFrame, Alignments
from realtime.finder.face import Face
from realtime.finder.saved_mesh import SavedMesh
from realtime.finder.two_pass import smoothed
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError

__all__ = ["SavedFinder"]

#: Frames that are smoothed at once, and those on either side that are smoothed with them and not used: beyond so many
#: the filter remembers nothing.
BLOCK: Final = 512
MARGIN: Final = 128


class SavedFinder:
    """Gives each frame the faces that the file has for its time, in whatever order frames are asked for.

    With ``smooth`` the landmarks are steadied over time. Where ``mesh`` is set each face gets its dense mesh, too;
    frames must then come in order.
    """

    def __init__(self, path: Path, source: Path, smooth: bool = True) -> None:
        """Read the file ``path``. Raises ``InputError`` where it is none, or not of the video ``source``."""
        self._path, self._smooth = path, smooth
        held = Alignments.read(path)
        held.check_input(path, source)
        self._frames = held.frames
        self._places = {(frame.pts, frame.field): at for at, frame in enumerate(held.frames)}
        self._block: tuple[int, list[AlignedFrame]] = -1, []
        self._mesh: SavedMesh | None = None

    @property
    def mesh(self) -> bool:
        """Whether faces have their dense mesh."""
        return self._mesh is not None

    @mesh.setter
    def mesh(self, wanted: bool) -> None:
        self._mesh = SavedMesh() if wanted else None

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of ``frame``, by its time. Raises ``InputError`` for a frame that the file does not know."""
        time = None if frame.picture.pts is None else frame.picture.pts + frame.moved
        place = None if time is None else self._places.get((time, frame.field), self._places.get((time, 0)))
        if place is None:
            unit = frame.time_base
            at = "without a time" if time is None or unit is None else f"at {float(time * unit):.3f} s"
            raise InputError(
                f"{self._path}: says nothing of the frame {at}; every frame needs its line: make it anew with"
                " `mummer faces INPUT --save`"
            )
        faces = tuple(each.face for each in self._at(place).faces)
        return faces if self._mesh is None else self._mesh(frame, faces)

    def has_faces(self, times: Iterable[int]) -> list[bool]:
        """Whether there is a face in the frames at these times of the input; a frame that has no line may have one."""
        places = [self._places.get((time, 0)) for time in times]
        return [place is None or bool(self._frames[place].faces) for place in places]

    def faces_at(self, times: Iterable[int]) -> Iterator[tuple[Face, ...]]:
        """The faces of the frames at these times of the input, as they are saved; none for a frame without a line."""
        for time in times:
            place = self._places.get((time, 0))
            yield () if place is None else tuple(each.face for each in self._frames[place].faces)

    def reset(self) -> None:
        """The next frame has nothing to do with the last, which is of interest to meshes only."""
        self.mesh = self.mesh

    def _at(self, place: int) -> AlignedFrame:
        """The frame at a place in the file, smoothed with all of its block."""
        if not self._smooth:
            return self._frames[place]
        number, within = divmod(place, BLOCK)
        if self._block[0] != number:
            before = min(number * BLOCK, MARGIN)
            around = self._frames[number * BLOCK - before : (number + 1) * BLOCK + MARGIN]
            self._block = number, smoothed(around)[before : before + BLOCK]
        return self._block[1][within]
