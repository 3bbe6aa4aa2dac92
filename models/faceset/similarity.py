"""How alike the faces of a set look: by their perceptual hashes and by their landmarks."""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.faceset.record import Record
from realtime.media.affine import apply
from realtime.runtime.arrays import Floats

__all__ = ["chain", "crop_points", "duplicates"]

#: Two faces are nearly the same where so few of 256 bits differ, and landmarks by no more than this share of the
#: crop's side (root mean square): neighbours of a still head, not the blink between them.
DUPLICATE_BITS: Final = 10
DUPLICATE_DISTANCE: Final = 0.008

_Hashes: TypeAlias = NDArray[np.uint64]


def crop_points(records: Sequence[Record]) -> Floats:
    """Landmarks of every face, float32 (N, 68, 2), in shares of the crop's side, 0..1."""
    points = [apply(record.frame_to_crop, record.points) / np.float32(record.size) for record in records]
    return np.stack(points) if points else np.empty((0, 68, 2), np.float32)


def duplicates(records: Sequence[Record]) -> dict[int, int]:
    """Which faces are nearly the same as another: their indices, with the index of the one to keep, the sharpest."""
    hashes, points = _hashes(records), crop_points(records)
    free = np.ones(len(records), bool)
    found: dict[int, int] = {}
    for keep in sorted(range(len(records)), key=lambda index: -records[index].sharpness):
        if not free[keep]:
            continue
        free[keep] = False
        others = np.flatnonzero(free)
        others = others[np.bitwise_count(hashes[others] ^ hashes[keep]).sum(axis=1) <= DUPLICATE_BITS]
        apart = np.sqrt(((points[others] - points[keep]) ** 2).sum(axis=2).mean(axis=1))
        for index in others[apart <= DUPLICATE_DISTANCE].tolist():
            free[index] = False
            found[index] = keep
    return found


def chain(records: Sequence[Record]) -> list[int]:
    """All indices in an order in which neighbours look alike: from the first face ever on to the most similar left."""
    hashes = _hashes(records)
    left = np.arange(len(records))
    order: list[int] = []
    at = 0
    while len(left):
        current = int(left[at])
        order.append(current)
        left = np.delete(left, at)
        if len(left):
            at = int(np.bitwise_count(hashes[left] ^ hashes[current]).sum(axis=1).argmin())
    return order


def _hashes(records: Sequence[Record]) -> _Hashes:
    """uint64 (N, 4)."""
    joined = b"".join(bytes.fromhex(record.phash) for record in records)
    return np.frombuffer(joined, np.uint64).reshape(len(records), -1)
