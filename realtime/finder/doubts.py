"""Which saved faces a person had better look at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from realtime.finder.alignments import AlignedFrame

__all__ = ["REACH", "FaceDoubt", "doubts_of"]

#: A face with a lower score is doubtful.
SURE: Final = 0.9
#: Landmarks that stand off the middle of where they are before and after: their mean, and the farthest of them, in
#: outer-eye distances. In six clips of real heads 9 frames of 2,385 have more, all of one in which faces are pulled.
JUMP: Final = 0.05
POINT_JUMP: Final = 0.12
#: Frames on either side of one that matter.
REACH: Final = 2


@dataclass(frozen=True, slots=True)
class FaceDoubt:
    """What is doubtful about a track, in words that follow its name."""

    track: int
    what: str


def doubts_of(frames: Sequence[AlignedFrame], at: int) -> list[FaceDoubt]:
    """What is doubtful about ``frames[at]``; nothing where a person has checked it."""
    frame = frames[at]
    if frame.checked:
        return []
    doubts: list[FaceDoubt] = []
    for each in frame.faces:
        track = each.face.track
        if each.face.score < SURE and not each.placed:
            doubts.append(FaceDoubt(track, f"has a score of {each.face.score:.2f}"))
        if at and frames[at - 1].face(track) is None:
            doubts.append(FaceDoubt(track, "appears"))
        if at + 1 < len(frames) and frames[at + 1].face(track) is None:
            doubts.append(FaceDoubt(track, "vanishes"))
        jump = _jump(frames, at, track)
        # Its neighbours stand off as well, by half as much.
        if jump > 1 and jump >= max(_jump(frames, near, track) for near in (at - 1, at + 1)):
            doubts.append(FaceDoubt(track, "jumps"))
    return doubts


def _jump(frames: Sequence[AlignedFrame], at: int, track: int) -> float:
    """How far a track stands off its neighbours, more than 1 is doubtful; 0 where it is not in all three frames."""
    if not 0 < at < len(frames) - 1:
        return 0.0
    before, now, after = (frames[near].face(track) for near in (at - 1, at, at + 1))
    if before is None or now is None or after is None:
        return 0.0
    middle = (before.landmarks + after.landmarks) / 2
    off = np.linalg.norm(now.landmarks - middle, axis=1) / max(now.face.eye_distance, 1.0)
    return max(float(off.mean()) / JUMP, float(off.max()) / POINT_JUMP)
