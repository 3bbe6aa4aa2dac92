"""Sampling a picture through a matrix, without aliasing and without touching more of it than is needed.

Bilinear sampling is good down to half the size: there it is nearer to an ideal (Lanczos) reduction than
halving and enlarging again would be. What shrinks more is first halved with 2x2 means, which costs next to
nothing, and only around the pixels that are asked for. What a map places pixel by pixel is ``looked_up`` as it is.
"""

from collections.abc import Sequence
from itertools import accumulate
from math import ceil, floor, log2, sqrt
from typing import Final, TypeVar, cast

import cv2
import numpy as np

from realtime.media.affine import apply, compose, invert, scale_of
from realtime.media.colorspace import Codes
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points

__all__ = ["Rect", "halve", "halvings", "looked_up", "pyramid_to_picture", "reach", "sample", "sample_all"]

_Picture = TypeVar("_Picture", Floats, Bytes)

#: x0, y0, x1, y1 in whole pixels, the end excluded.
Rect = tuple[int, int, int, int]

#: Sampling positions that are off the grid by less than this many pixels are taken to be on it.
ON_GRID: Final = 1e-3


def pyramid_to_picture(times: int, x: int, y: int) -> Matrix:
    """The matrix from a region, halved ``times`` times, to the picture it was cut from at (x, y)."""
    step = 2**times
    return np.array([[step, 0.0, x + (step - 1) / 2], [0.0, step, y + (step - 1) / 2]])


def halvings(step: float) -> int:
    """How often to halve a picture of which one pixel in ``step`` is asked for; a step below 2 is left."""
    return max(0, floor(log2(step) + ON_GRID))


def halve(picture: Codes, times: int) -> Codes:
    """Means of 2x2 pixels, ``times`` times; width and height must be multiples of ``2**times``."""
    for _ in range(times):
        height, width = picture.shape[:2]
        half = cv2.resize(picture, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        picture = cast(Codes, half)
    return picture


def reach(matrix: Matrix, points: Points, margin: float = 0.0) -> Rect:
    """The box of whole pixels around the image of ``points`` under ``matrix``, and ``margin`` pixels more."""
    moved = apply(matrix, points)
    low, high = moved.min(axis=0) - margin, moved.max(axis=0) + margin
    return floor(low[0]), floor(low[1]), ceil(high[0]) + 1, ceil(high[1]) + 1


def sample(picture: Codes, picture_to_out: Matrix, size: tuple[int, int]) -> Codes:
    """The picture seen through ``picture_to_out``: (H, W) or (H, W, C) in, ``size`` = (width, height) out.

    Anti-aliased where it shrinks, bilinear otherwise; beyond the picture its edge goes on.
    """
    return sample_all([picture], picture_to_out, size)[0]


def sample_all(pictures: Sequence[Codes], picture_to_out: Matrix, size: tuple[int, int]) -> list[Codes]:
    """``sample`` for each of ``pictures``, which are of one size and have four channels or fewer together."""
    width, height = size
    out_to_picture = invert(picture_to_out)
    rows, columns = pictures[0].shape[:2]
    # However small the picture is wanted, there is nothing to halve below one pixel.
    times = min(halvings(scale_of(out_to_picture)), max(rows, columns).bit_length() - 1)
    step = 2**times
    wanted = _around(out_to_picture, width, height, step)
    # Whole blocks of the pyramid, at least one of them, inside the picture but for a block cut by its edge.
    x0, x1 = _blocks(wanted[0], wanted[2], columns, step)
    y0, y1 = _blocks(wanted[1], wanted[3], rows, step)
    regions = [picture[y0:y1, x0:x1] for picture in pictures]
    if x1 > columns or y1 > rows:
        right, bottom = max(0, x1 - columns), max(0, y1 - rows)
        regions = [
            cast(Codes, cv2.copyMakeBorder(region, 0, bottom, 0, right, cv2.BORDER_REPLICATE)) for region in regions
        ]
    regions = [halve(region, times) for region in regions]
    out_to_region = compose(out_to_picture, invert(pyramid_to_picture(times, x0, y0)))

    (a, b, left), (c, d, top) = out_to_region.tolist()
    x, y = round(left), round(top)
    inside = 0 <= x <= regions[0].shape[1] - width and 0 <= y <= regions[0].shape[0] - height
    across = abs(a - 1) * width + abs(b) * height + abs(left - x)
    down = abs(c) * width + abs(d - 1) * height + abs(top - y)
    if inside and max(across, down) < ON_GRID * sqrt(width * height):
        return [region[y : y + height, x : x + width] for region in regions]

    whole = (x0, y0, x1, y1) == _outset(wanted, step)
    border = cv2.BORDER_CONSTANT if whole else cv2.BORDER_REPLICATE  # the constant is never seen, and cheaper
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    out = cv2.warpAffine(_one_or_four(regions), out_to_region, size, flags=flags, borderMode=border)
    return _apart(cast(Codes, out), regions)


def _one_or_four(parts: Sequence[Codes]) -> Codes:
    """All channels in one picture: OpenCV warps one channel or four, and two or three in three times the time."""
    count = sum(_channels(part) for part in parts)
    if len(parts) == 1 and count in (1, 4):
        return parts[0]
    spare = [np.empty((*parts[0].shape[:2], 4 - count), parts[0].dtype)] if count < 4 else []
    return cast(Codes, cv2.merge([*parts, *spare]))


def _apart(whole: Codes, like: Sequence[Codes]) -> list[Codes]:
    """The channels of ``whole`` in pictures of as many channels as those of ``like``; what is left over goes."""
    counts = [_channels(part) for part in like]
    if counts == [_channels(whole)]:
        return [whole]
    planes = cast(Sequence[Codes], cv2.split(whole))
    ends = list(accumulate(counts))
    groups = [planes[end - count : end] for end, count in zip(ends, counts, strict=True)]
    return [group[0] if len(group) == 1 else cast(Codes, cv2.merge(group)) for group in groups]


def _channels(picture: Codes) -> int:
    return 1 if picture.ndim == 2 else picture.shape[2]


def _around(matrix: Matrix, width: int, height: int, margin: int) -> Rect:
    """``reach`` of a whole picture of ``width`` x ``height``, whose edges lie half a pixel beyond its outer pixels."""
    rows = []
    for a, b, start in matrix.tolist():
        middle = start + a * (width - 1) / 2 + b * (height - 1) / 2
        half = (abs(a) * width + abs(b) * height) / 2 + margin
        rows.append((floor(middle - half), ceil(middle + half) + 1))
    (x0, x1), (y0, y1) = rows
    return x0, y0, x1, y1


def _blocks(low: int, high: int, length: int, step: int) -> tuple[int, int]:
    """A range of pixels made whole blocks of ``step`` that lie at least partly in 0..length."""
    last = (length - 1) // step * step
    start = min(max(low // step * step, 0), last)
    stop = min(max(-(-high // step) * step, start + step), last + step)
    return start, stop


def _outset(rect: Rect, step: int) -> Rect:
    x0, y0, x1, y1 = rect
    return x0 // step * step, y0 // step * step, -(-x1 // step) * step, -(-y1 // step) * step


def looked_up(picture: _Picture, x: Floats, y: Floats) -> _Picture:
    """``picture`` at ``x`` and ``y``, float32 (H, W) in its pixels, bilinear; its edge goes on."""
    return cast(_Picture, cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
