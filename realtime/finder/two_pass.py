"""Smoothing over saved landmarks: forwards and backwards in time, so that what lags in one pass leads in the other."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np

from realtime.finder.alignments import AlignedFace, AlignedFrame
from realtime.finder.face import eye_distance
from realtime.finder.one_euro import OneEuro
from realtime.runtime.arrays import Points

__all__ = ["smoothed"]

#: A face that is not seen for longer, in seconds, or that moves by more from one frame to the next (mean over its
#: landmarks, in outer-eye distances) is another shot: nothing is smoothed across.
LONGEST_GAP: Final = 0.25
CUT: Final = 0.35

#: As of the filter: with no lag to fear, less than what is right live.
BETA: Final = 20.0

#: A frame's place in the list, that of a face in it, and the face.
_Place: TypeAlias = tuple[int, int, AlignedFace]


def smoothed(frames: Sequence[AlignedFrame]) -> list[AlignedFrame]:
    """``frames``, with the landmarks of every track steady; faces that a person has placed stay where they are.

    No landmark lags: what one pass lags, the pass the other way makes up for.
    """
    tracks: dict[int, list[_Place]] = {}
    for number, frame in enumerate(frames):
        for at, face in enumerate(frame.faces):
            tracks.setdefault(face.face.track, []).append((number, at, face))
    faces: list[list[AlignedFace]] = [list(frame.faces) for frame in frames]
    for places in tracks.values():
        for run in _runs(frames, places):
            for (number, at, face), points in zip(run, _steady(frames, run), strict=True):
                faces[number][at] = replace(face, face=replace(face.face, landmarks=points))
    return [replace(frame, faces=tuple(new)) for frame, new in zip(frames, faces, strict=True)]


def _runs(frames: Sequence[AlignedFrame], places: list[_Place]) -> Iterable[list[_Place]]:
    """A track in pieces, at cuts and where it is away for long."""
    run = places[:1]
    for (before, _, last), (now, at, face) in pairwise(places):
        gap = frames[now].time - frames[before].time
        moved = np.linalg.norm(face.landmarks - last.landmarks, axis=1).mean() / max(eye_distance(last.landmarks), 1.0)
        if not 0 < gap <= LONGEST_GAP or moved > CUT:
            yield run
            run = []
        run.append((now, at, face))
    yield run


def _steady(frames: Sequence[AlignedFrame], run: list[_Place]) -> list[Points]:
    """The landmarks of a run, float32 (68, 2) each, after both passes, in either order."""
    times = [frames[number].time for number, _, _ in run]
    placed = [face.placed for _, _, face in run]
    back_times = [-time for time in reversed(times)]
    seen = [face.landmarks for _, _, face in run]
    # Each order leans a little towards its last pass.
    ended_back = _pass(_pass(seen, placed, times)[::-1], placed[::-1], back_times)[::-1]
    ended_onwards = _pass(_pass(seen[::-1], placed[::-1], back_times)[::-1], placed, times)
    return [((one + other) / 2).astype(np.float32) for one, other in zip(ended_back, ended_onwards, strict=True)]


def _pass(seen: Sequence[Points], placed: Sequence[bool], times: Sequence[float]) -> list[Points]:
    """One pass, over ``times`` that rise; it begins anew at every face that was ``placed``."""
    steady = OneEuro(seen[0], beta=BETA)
    points = [seen[0]]
    for at in range(1, len(seen)):
        if placed[at]:
            steady = OneEuro(seen[at], beta=BETA)
            points.append(seen[at])
        else:
            points.append(steady(seen[at], times[at] - times[at - 1], eye_distance(seen[at])))
    return points
