"""Face finders by name: the built-in one, and those that other packages bring.

A plug-in is a factory under the entry-point group ``mummer.detectors``. It takes a device name and returns a
``PictureFinder``; tracks and smoothing are put around it here.
"""

import itertools
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Protocol

import numpy as np

from realtime.finder.builtin import BuiltinFinder
from realtime.finder.face import Face
from realtime.finder.landmarker import Sighting
from realtime.finder.sfd_fan import SfdFan
from realtime.finder.tracks import Clock, Track, overlap
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes, Points
from realtime.runtime.errors import DetectorError
from realtime.runtime.packages import load

__all__ = ["FaceFinder", "PictureFinder", "PluginFinder", "detector_names", "open_finder"]

GROUP = "mummer.detectors"
BUILTIN = "builtin"
#: Boxes of consecutive frames that share this much belong to one face.
TRACK_IOU = 0.3


class FaceFinder(Protocol):
    """What the frame's way needs: the faces of each frame, frames in order."""

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of ``frame`` with landmarks in its pixels."""
        ...

    def reset(self) -> None:
        """Forget what was seen: the next frame has nothing to do with the last."""
        ...


class PictureFinder(Protocol):
    """What a plug-in gives: the faces of one picture, with no memory of the last."""

    def find(self, rgb: Bytes) -> list[tuple[Points, float]]:
        """Landmarks float32 (68, 2) in pixels and a score in 0..1 for each face of uint8 (H, W, 3) RGB."""
        ...


class PluginFinder:
    """Gives the faces of a plug-in numbers and, unless they are to be ``raw``, steadiness."""

    def __init__(self, finder: PictureFinder, *, raw: bool = False) -> None:
        self._finder, self._raw = finder, raw
        self.reset()

    def reset(self) -> None:
        """Forget all tracks, as between two sources."""
        self._tracks: list[Track] = []
        self._numbers = itertools.count()
        self._clock = Clock()

    def find(self, frame: Frame) -> tuple[Face, ...]:
        """The faces of this frame. These detectors look at the whole picture, so it is converted whole."""
        gap = self._clock.gap(frame)
        former, self._tracks = self._tracks, []
        for landmarks, score in self._finder.find(frame.warp(np.eye(2, 3), (frame.width, frame.height))):
            seen = Sighting(landmarks, score)
            box = Face(landmarks, score, -1).box
            track = max(former, key=lambda track: overlap(box, [track.box]), default=None)
            if track is not None and overlap(box, [track.box]) > TRACK_IOU:
                former.remove(track)
                track.update(seen, gap)
            else:
                track = Track(next(self._numbers), seen)
            self._tracks.append(track)
        return tuple(track.face(self._raw) for track in self._tracks)


def detector_names() -> list[str]:
    """What ``--detector`` takes, the built-in one first."""
    return [BUILTIN, *sorted(entry.name for entry in entry_points(group=GROUP))]


def open_finder(
    name: str = BUILTIN,
    device: str = "auto",
    mesh: bool = False,
    *,
    raw: bool = False,
    smallest: float | None = None,
) -> BuiltinFinder | PluginFinder:
    """The face finder called ``name``, or that in the folder of that name; with ``mesh`` the built-in one gives it.

    ``raw`` faces are not smoothed over time; ``smallest`` is as of ``BuiltinFinder``. Raises ``DetectorError`` for an
    unknown name, missing weights, a folder that holds no face finder, and a ``smallest`` face of another finder.
    """
    if name == BUILTIN:
        return BuiltinFinder(device, mesh=mesh, raw=raw, smallest=smallest)
    if smallest is not None:
        raise DetectorError(f"--faces-min is for the built-in detector; {name!r} looks as closely as it does")
    for entry in entry_points(group=GROUP, name=name):
        make: Callable[[str], PictureFinder] = load(entry, DetectorError, f"the detector {name!r}")
        return PluginFinder(make(device), raw=raw)
    if Path(name).is_dir():
        return PluginFinder(SfdFan(Path(name), device), raw=raw)
    raise DetectorError(
        f"unknown detector {name!r}: choose one of {', '.join(detector_names())}, or the folder of an exported one"
    )
