"""One face, one mask: the sheet drawn over the face's mesh, in the light that falls on the face.

Triangles are drawn into a small picture, which says for each pixel where it lies on the sheet; enlarged, that is the
map by which the sheet's colours come into the frame, as fine as they are. Pictures have four channels on their way:
OpenCV is fast with those, and slow with three.
"""

from collections.abc import Sequence
from typing import Final, cast

import cv2
import numpy as np

from realtime.masks.layout import smooth_loop
from realtime.masks.light import SIDE as LIGHT
from realtime.masks.light import FaceLight
from realtime.masks.material import Gloss, Material
from realtime.masks.pictures import blurred, sized, split
from realtime.masks.relief import normals_of
from realtime.masks.studio import SIDE as STUDIO
from realtime.media.resample import looked_up
from realtime.mesh.canonical import TRIANGLES, UV
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.pose import pose_of
from realtime.mesh.raster import Raster, far_to_near, rasterise
from realtime.mesh.vertices import INNER_LIPS
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["wear"]

#: Sides of the small picture of the triangles, at least and at most, in pixels.
COARSE: Final = (96, 160)
#: Side of the picture of what mirrors, at most: it changes slowly.
GLOSSY: Final = 256
#: How much of what the performer's face changes of the sculpture's form shows.
FORM: Final = 0.8
#: The level that stands for 1 in pictures of light.
ONE: Final = 128


def wear(material: Material, rgb: Bytes, mesh: Floats, light: FaceLight) -> tuple[Bytes, Bytes]:
    """The mask over the face in ``rgb``, uint8 (S, S, 3), whose ``mesh`` is float32 (468, 3) in its pixels.

    Returns the picture, uint8 (S, S, 3), and its alpha, uint8 (S, S).
    """
    size = len(rgb)
    pose = pose_of(mesh, NEUTRAL)
    turn = pose.turn.astype(np.float32)
    normals = normals_of(pose.undo(mesh))
    seen = np.clip(-1.5 * (normals @ turn.T)[:, 2], 0, 1).astype(np.float32)
    drawn, there = _triangles(mesh, size)
    u, v, *bends = drawn.sheets(np.column_stack([UV, FORM * (normals - _REST)]).astype(np.float32))

    painted = cv2.remap(material.color, *_places(u, v, size, len(material.color)), cv2.INTER_LINEAR)
    alpha = _opening(np.asarray(cv2.extractChannel(painted, 3), np.uint8), there, mesh)

    scene = _scene(material, light.measure(rgb, mesh, seen), u, v)
    if material.gloss is None:
        shade = cv2.cvtColor(sized(scene, size), cv2.COLOR_GRAY2RGBA)
        return _rgb(cv2.multiply(painted, shade, scale=1 / ONE)), alpha
    lit = sized(_mirrored(material.gloss, u, v, bends, turn, scene, min(size, GLOSSY)), size)
    shade = cv2.cvtColor(cv2.extractChannel(lit, 3), cv2.COLOR_GRAY2RGBA)
    return _rgb(cv2.add(cv2.multiply(painted, shade, scale=1 / ONE), lit)), alpha


def _triangles(mesh: Floats, size: int) -> tuple[Raster, Floats]:
    """The mesh in a small picture, its triangles going on a little beyond it, and where it is, float32 0 or 1."""
    coarse = int(np.clip(size // 2, *COARSE))
    points = ((mesh[:, :2] + 0.5) * (coarse / size) - 0.5).astype(np.float32)
    drawn = rasterise(points, TRIANGLES, coarse, far_to_near(mesh, TRIANGLES))
    beyond = cv2.dilate(drawn.numbers.astype(np.uint16), _AROUND)
    numbers = np.where(drawn.numbers == 0, beyond, drawn.numbers).astype(np.int32)
    return Raster(numbers, drawn.points, TRIANGLES), (drawn.numbers > 0).astype(np.float32)


def _opening(opacity: Bytes, there: Floats, mesh: Floats) -> Bytes:
    """``opacity``, uint8 (S, S), where the face is seen and the mouth is not open."""
    size = len(opacity)
    # The edge of the far side runs where the triangles cover half of what is around: smooth, and none of their corners.
    near = sized(blurred(there, 1.2), size)
    steep = 1.6 * size / len(there)
    np.maximum(near, np.float32(0.5 - 0.5 / steep), out=near)
    shown = np.asarray(cv2.convertScaleAbs(near, alpha=255 * steep, beta=255 * (0.5 - 0.5 * steep)), np.uint8)
    loop = smooth_loop(mesh[list(INNER_LIPS), :2].astype(np.float32), 4)
    cv2.fillPoly(shown, [np.rint(loop * 16).astype(np.int32)], 0.0, cv2.LINE_AA, 4)
    return np.asarray(cv2.multiply(opacity, shown, scale=1 / 255), np.uint8)


def _scene(material: Material, light: Floats, u: Floats, v: Floats) -> Bytes:
    """The scene's light at each pixel of the small picture, uint8: 128 is 1."""
    here = looked_up(light, *_places(u, v, len(u), LIGHT))
    return np.asarray(cv2.convertScaleAbs(1 + material.lit * (here - 1), alpha=ONE), np.uint8)


def _mirrored(
    gloss: Gloss, u: Floats, v: Floats, bends: Sequence[Floats], turn: Floats, scene: Bytes, size: int
) -> Bytes:
    """What the sculpture mirrors and how much light falls on it, uint8 (size, size, 4): RGB to add, and 128 for 1."""
    surface = looked_up(gloss.surface, *_places(u, v, size, len(gloss.surface)))
    # From the normal at rest, by the head's turn, to the entry of the table that has its x and y.
    half = (STUDIO - 1) / 2
    across = np.zeros((3, 5), np.float32)
    across[:2, :3], across[:2, 4], across[2, 3] = half * turn[:2], half, 1
    x, y, mirrors = split(cv2.transform(surface, across))
    bent = cv2.transform(cv2.blur(cv2.merge(list(bends)), (5, 5)), half * turn[:2])
    right, down = split(sized(np.asarray(bent, np.float32), size))
    found = looked_up(gloss.table, x + right, y + down)
    falls = sized(scene, size)
    back = cv2.multiply(falls, mirrors, dtype=cv2.CV_8U)
    return np.asarray(cv2.multiply(found, cv2.merge([back, back, back, falls]), scale=1 / ONE), np.uint8)


def _places(u: Floats, v: Floats, size: int, side: int) -> tuple[Floats, Floats]:
    """Where to look on a sheet of ``side`` pixels for each of ``size`` x ``size`` pixels, as ``cv2.remap`` wants it."""
    return sized(u * np.float32(side) - np.float32(0.5), size), sized(v * np.float32(side) - np.float32(0.5), size)


def _rgb(picture: object) -> Bytes:
    return np.asarray(cv2.cvtColor(cast(Bytes, picture), cv2.COLOR_RGBA2RGB), np.uint8)


_REST: Final = normals_of(NEUTRAL)
_AROUND: Final = np.ones((5, 5), np.uint8)
