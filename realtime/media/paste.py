"""Putting a small RGB picture with alpha into the planes of a frame.

The picture is multiplied by its alpha while it is small, and travels to each plane's lattice together with
what is to be kept of the frame (1 - alpha), so that a plane costs one warp, one multiplication and one
addition over the region it touches. Where alpha is 0 the frame is multiplied by exactly 1 and 0 is added:
its bits stay.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final, cast

import cv2
import numpy as np

from realtime.media.affine import compose, invert, scale_of, translation
from realtime.media.colorspace import Codes, Conversion
from realtime.media.pixel_formats import PixelFormat
from realtime.media.resample import halve, halvings, pyramid_to_picture, reach
from realtime.runtime.arrays import Bytes, Matrix, Points

__all__ = ["Patch", "patches"]

#: From this enlargement on the picture is first doubled bicubically; bilinear alone would show its pixels.
SMOOTH_FROM: Final = 1.25


@dataclass(frozen=True, slots=True, eq=False)
class Patch:
    """What one plane gets: its region from (x, y) becomes ``region * keep / full + add``.

    ``add`` and ``keep`` are (h, w) or (h, w, C) of the plane's dtype; ``keep`` runs from 0 to the dtype's
    greatest. ``top`` is the greatest code value, ``shift`` the number of low bits that stay 0.
    """

    plane: int
    x: int
    y: int
    add: Codes
    keep: Codes
    top: int
    shift: int

    @property
    def touched(self) -> Bytes:
        """Where the plane takes anything of the patch, uint8 (h, w): 1 there, 0 where it keeps its bits."""
        keep = self.keep if self.keep.ndim == 2 else self.keep[..., 0]
        return np.not_equal(keep, np.iinfo(keep.dtype).max).view(np.uint8)

    def within(self, others: Iterable["Patch"]) -> "Patch | None":
        """The part of it that lies where ``others`` take something of the same plane; None where there is none."""
        height, width = self.add.shape[:2]
        inside = np.zeros((height, width), np.bool_)
        for other in others:
            if other.plane == self.plane:
                touched = other.touched
                x0, y0 = max(self.x, other.x), max(self.y, other.y)
                x1 = min(self.x + width, other.x + touched.shape[1])
                y1 = min(self.y + height, other.y + touched.shape[0])
                if x0 < x1 and y0 < y1:
                    there = touched[y0 - other.y : y1 - other.y, x0 - other.x : x1 - other.x]
                    inside[y0 - self.y : y1 - self.y, x0 - self.x : x1 - self.x] |= there.astype(np.bool_)
        if not inside.any():
            return None
        add, keep = self.add.copy(), self.keep.copy()
        add[~inside], keep[~inside] = 0, np.iinfo(keep.dtype).max
        return replace(self, add=add, keep=keep)

    def of_field(self, first: int) -> "Patch":
        """The same for a whole plane, if this one is for the field of it that begins in the row ``first``."""
        height, *width = self.add.shape
        add = np.zeros((2 * height - 1, *width), self.add.dtype)
        keep = np.full_like(add, np.iinfo(self.add.dtype).max)
        add[::2], keep[::2] = self.add, self.keep
        return replace(self, y=2 * self.y + first, add=add, keep=keep)

    def put(self, plane: Codes) -> None:
        """Blend into ``plane``, (H, W) or (H, W, C), in place."""
        height, width = self.add.shape[:2]
        region = plane[self.y : self.y + height, self.x : self.x + width]
        full = np.iinfo(self.add.dtype).max
        if self.top == full:
            cv2.add(cv2.multiply(region, self.keep, scale=1 / full), self.add, dst=region)
            return
        # The sum of two roundings may pass the top by one, and must leave no low bits.
        blended = cast(Codes, cv2.add(cv2.multiply(region, self.keep, scale=1 / full), self.add))
        if self.shift:
            blended += 1 << self.shift >> 1
            blended &= 0xFFFF << self.shift & 0xFFFF
        np.minimum(blended, self.top, out=region)


def patches(
    rgb: Bytes,
    alpha: Bytes,
    frame_to_crop: Matrix,
    lattices: Sequence[tuple[Matrix, tuple[int, int]]],
    pixels: PixelFormat,
    coding: Conversion,
) -> Iterator[Patch]:
    """The patches that paste a crop into a frame.

    ``rgb`` is uint8 (H, W, 3), ``alpha`` uint8 (H, W), 0..255; beyond the crop alpha is 0. ``lattices`` are, plane by
    plane, the map from its samples to the frame, and its (width, height).
    """
    x, y, width, height = cv2.boundingRect(alpha)
    if not width:
        return
    alpha = alpha[y : y + height, x : x + width]
    codes = coding.from_rgb(rgb[y : y + height, x : x + width])
    channels = cast(Sequence[Codes], cv2.split(codes))
    wide: Codes = alpha if coding.dtype is np.uint8 else np.multiply(alpha, 257, dtype=np.uint16)
    outline = _outline(alpha)
    for numbers in pixels.alike:
        plane_to_frame, size = lattices[numbers[0]]
        plane_to_crop = compose(plane_to_frame, frame_to_crop)
        plane_to_region = compose(plane_to_crop, translation(-x, -y))
        components = [c for number in numbers for c in pixels.planes[number].components]
        members = [channels[c] for c in components]
        landed = _land(members, wide, outline, plane_to_region, size)
        if landed is None:
            continue
        left, top, (*adds, keep) = landed
        place = dict(zip(components, adds, strict=True))
        for number in numbers:
            parts = [place[c] for c in pixels.planes[number].components]
            add, kept = _interleave(parts), _interleave([keep] * len(parts))
            yield Patch(number, left, top, add, kept, coding.top, pixels.shift)


def _outline(alpha: Bytes) -> Points:
    """The convex hull of what is not 0, as points in its pixels."""
    contours, _ = cv2.findContours(alpha, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return cv2.convexHull(np.concatenate(contours)).reshape(-1, 2).astype(np.float32)


def _interleave(parts: list[Codes]) -> Codes:
    return parts[0] if len(parts) == 1 else cast(Codes, cv2.merge(parts))


def _land(
    channels: list[Codes], alpha: Codes, outline: Points, plane_to_region: Matrix, size: tuple[int, int]
) -> tuple[int, int, list[Codes]] | None:
    """Up to three channels and their alpha on a plane of ``size``: x, y, and there the products and the rest.

    None where they miss the plane.
    """
    if (whole := _whole_pixels(plane_to_region)) is not None:
        return _laid(channels, alpha, whole, size)
    step = scale_of(plane_to_region)  # crop pixels a sample of the plane
    times = halvings(step)
    block = 2**times
    doubled = step * SMOOTH_FROM < 1
    # How far, in crop pixels along an axis, a pixel of alpha is felt after all the resampling.
    spread = 1.5 if doubled else 1.5 * block - 0.5
    x0, y0, x1, y1 = reach(invert(plane_to_region), outline, 2**0.5 * spread / step)
    x0, y0, x1, y1 = max(x0, 0), max(y0, 0), min(x1, size[0]), min(y1, size[1])
    if x0 >= x1 or y0 >= y1:
        return None

    if doubled:
        channels = [_double(channel, cv2.INTER_CUBIC) for channel in channels]
        alpha = _double(alpha, cv2.INTER_LINEAR)
        plane_to_region = compose(plane_to_region, np.array([[2, 0, 0.5], [0, 2, 0.5]]))
    full = np.iinfo(alpha.dtype).max
    *products, keep = _weighed(channels, alpha)
    spare = 4 - len(products)  # OpenCV warps four channels faster than two or three
    sheet = cast(Codes, cv2.merge([*products, *[keep] * spare]))
    outside = (0.0,) * len(products) + (float(full),) * spare

    if times:
        height, width = alpha.shape
        right, bottom = -width % block, -height % block
        padded = cv2.copyMakeBorder(sheet, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=outside)
        sheet = halve(cast(Codes, padded), times)
    roi_to_region = compose(translation(x0, y0), plane_to_region)
    warped = cv2.warpAffine(
        sheet,
        compose(roi_to_region, invert(pyramid_to_picture(times, 0, 0))),
        (x1 - x0, y1 - y0),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=outside,
    )
    return x0, y0, list(cast(Sequence[Codes], cv2.split(warped))[: len(products) + 1])


def _weighed(channels: list[Codes], alpha: Codes) -> list[Codes]:
    """The products of ``channels`` and ``alpha``, and what is to be kept."""
    full = np.iinfo(alpha.dtype).max
    products = (cv2.multiply(channel, alpha, scale=1 / full) for channel in channels)
    return [cast(Codes, each) for each in (*products, cv2.bitwise_not(alpha))]


def _whole_pixels(plane_to_region: Matrix) -> tuple[int, int] | None:
    """Where the region's first pixel falls on the plane, if each of its pixels falls on one of the plane's."""
    (a, b, x), (c, d, y) = plane_to_region.tolist()
    on_grid = (a, b, c, d) == (1, 0, 0, 1) and x == round(x) and y == round(y)
    return (-round(x), -round(y)) if on_grid else None


def _laid(
    channels: list[Codes], alpha: Codes, corner: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, list[Codes]] | None:
    """What ``_land`` gives where pixels fall on pixels, from ``corner`` on: nothing has to be warped."""
    (x, y), (height, width) = corner, alpha.shape
    x0, y0, x1, y1 = max(x, 0), max(y, 0), min(x + width, size[0]), min(y + height, size[1])
    if x0 >= x1 or y0 >= y1:
        return None
    part = slice(y0 - y, y1 - y), slice(x0 - x, x1 - x)
    return x0, y0, _weighed([channel[part] for channel in channels], alpha[part])


def _double(channel: Codes, interpolation: int) -> Codes:
    return cast(Codes, cv2.resize(channel, None, fx=2, fy=2, interpolation=interpolation))
