"""What a face finder has found, frame by frame and to the last bit, kept in files until it is used."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from realtime.finder.face import Box, Face
from realtime.media.frame import Frame
from realtime.runtime.errors import OutputError, reason

__all__ = ["Found", "FoundFinder", "read_found", "write_found"]


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen in a frame: ``faces``, the boxes of heads that may have one, and whether a scene begins with it."""

    faces: tuple[Face, ...]
    doubtful: tuple[Box, ...]
    begins_scene: bool

    @property
    def has_face(self) -> bool:
        """Whether there is a face, or may be one."""
        return bool(self.faces or self.doubtful)


def write_found(path: Path, frames: Sequence[Found]) -> None:
    """Write what was found in consecutive frames; faces without their mesh. Raises ``OSError``."""
    faces = [face for frame in frames for face in frame.faces]
    with path.open("wb") as file:
        np.savez(
            file,
            scenes=np.array([frame.begins_scene for frame in frames], np.bool_),
            faces=np.array([len(frame.faces) for frame in frames], np.int64),
            landmarks=np.array([face.landmarks for face in faces], np.float32).reshape(-1, 68, 2),
            scores=np.array([face.score for face in faces], np.float64),
            tracks=np.array([face.track for face in faces], np.int64),
            doubts=np.array([len(frame.doubtful) for frame in frames], np.int64),
            boxes=np.array([box for frame in frames for box in frame.doubtful], np.float64).reshape(-1, 4),
        )


def read_found(path: Path) -> list[Found]:
    """What ``write_found`` wrote. Raises ``ValueError`` for a file that is damaged, and ``OSError``."""
    try:
        with np.load(path, allow_pickle=False) as held:
            points, scores, tracks = held["landmarks"], held["scores"].tolist(), held["tracks"].tolist()
            boxes, scenes = held["boxes"].tolist(), held["scenes"].tolist()
            faces, doubts = held["faces"].tolist(), held["doubts"].tolist()
    except (BadZipFile, KeyError, EOFError) as error:
        raise ValueError("damaged") from error
    frames, face, box = list[Found](), 0, 0
    for begins, its_faces, its_doubts in zip(scenes, faces, doubts, strict=True):
        seen = tuple(Face(points[at], scores[at], tracks[at]) for at in range(face, face + its_faces))
        heads = tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in boxes[box : box + its_doubts])
        frames.append(Found(seen, heads, begins))
        face, box = face + its_faces, box + its_doubts
    return frames


class FoundFinder:
    """Gives each frame what was found in it, in whatever order frames are asked for.

    ``times`` are those of all frames; the frames of each of ``cells`` are in the file of ``paths`` at the same place.
    """

    def __init__(self, times: NDArray[np.int64], cells: Sequence[range], paths: Sequence[Path]) -> None:
        self._times, self._paths = times, paths
        self._ends = [cell.stop for cell in cells]
        self._cell, self._held = -1, list[Found]()
        self.doubtful: tuple[Box, ...] = ()

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of ``frame``, by its time. Raises ``OutputError`` where their file is damaged."""
        number = int(self._times.searchsorted(frame.pts or 0))
        cell = int(np.searchsorted(self._ends, number, side="right"))
        if cell != self._cell:
            try:
                self._cell, self._held = cell, read_found(self._paths[cell])
            except (ValueError, OSError) as error:
                raise OutputError(f"{self._paths[cell]}: cannot be read: {reason(error)}; begin anew") from error
        found = self._held[number - self._ends[cell]]  # from the end: the last cell may be longer
        self.doubtful = found.doubtful
        return found.faces

    def reset(self) -> None:
        """Nothing: what was found is as it is."""
        self.doubtful = ()
