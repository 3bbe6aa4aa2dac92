"""A small software renderer: triangles to per-pixel attributes, and attributes to polished, patinated bronze.

The view is along z without perspective: x and y are picture pixels, and smaller z is nearer. Everything is a
smooth function of the vertices (interpolated normals, coverage by supersampling, no random numbers), so that
a picture that moves a little changes a little.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.recipes.bronze.mesh import Triangles
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Model", "Rendering", "rasterise", "render", "vertex_normals"]

#: Overall brightness of the studio.
EXPOSURE: Final = 0.85
#: Samples of a pixel along each axis.
SUPERSAMPLING: Final = 2


@dataclass(frozen=True, slots=True)
class Model:
    """What to draw.

    ``points`` float32 (V, 3) in pixels of the crop, ``triangles`` int64 (T, 3) whose front shows the viewer a
    negative z normal, and per vertex, float32 (V,) in 0..1: ``cover`` (how much of the mask it carries),
    ``hollow`` (inside of the mouth), ``polish`` (lips, lids and eyes are rubbed brighter), ``mottle``
    (unevenness of the patina), ``groove`` (carved lines that stay dark), ``inner`` (0 on the outline, 1 well
    inside) and ``inlay`` (pale gold let into the bronze). ``unit`` is the length of one unit of the canonical
    face, about a centimetre, in pixels.
    """

    points: Floats
    triangles: Triangles
    cover: Floats
    hollow: Floats
    polish: Floats
    mottle: Floats
    groove: Floats
    inner: Floats
    inlay: Floats
    unit: float


@dataclass(frozen=True, slots=True)
class Rendering:
    """``rgb`` uint8 (S, S, 3), filled beyond the statue with its own colours, and ``mask`` uint8 (S, S)."""

    rgb: Bytes
    mask: Bytes


def vertex_normals(points: Floats, triangles: Triangles) -> Floats:
    """Unit normals, float32 (V, 3): the mean of the faces around each vertex, weighted by their area."""
    a, b, c = (points[triangles[:, i]] for i in range(3))
    faces = np.cross(b - a, c - a)
    corners = triangles.reshape(-1)
    columns = [np.bincount(corners, np.repeat(faces[:, i], 3), len(points)) for i in range(3)]
    total = np.stack(columns, axis=1)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12), np.float32)


def rasterise(points: Floats, triangles: Triangles, values: Floats, size: int) -> tuple[Floats, Floats]:
    """Draw triangles with a z-buffer; those that turn their back are left out.

    ``points`` float32 (V, 3), ``values`` float32 (V, A) are interpolated. Returns the depth, float32 (S, S)
    with infinity where nothing is, and the values, float32 (S, S, A) with zeros there.

    Small triangles are tested all at once: those whose box of pixels fits k x k share one (n, k * k) array.
    """
    a, b, c = (points[triangles[:, i]] for i in range(3))
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    corners = np.stack([a[:, :2], b[:, :2], c[:, :2]])  # (3, T, 2)
    low = np.maximum(np.ceil(corners.min(axis=0)), 0).astype(np.int64)
    high = np.minimum(np.floor(corners.max(axis=0)), size - 1).astype(np.int64)
    extent = (high - low).max(axis=1) + 1
    drawn = (area < -1e-9) & (high >= low).all(axis=1)

    pixels: list[NDArray[np.int64]] = []
    owners: list[NDArray[np.int64]] = []
    weights: list[Floats] = []
    k = 2
    smaller = 0
    while smaller < size:
        offsets = np.stack(np.meshgrid(np.arange(k), np.arange(k)), axis=-1).reshape(-1, 2)
        chosen = np.flatnonzero(drawn & (extent > smaller) & (extent <= k))
        for part in np.array_split(chosen, 1 + len(chosen) * k * k // 2_000_000):
            at = low[part, None] + offsets  # (n, k * k, 2)
            x, y = at[..., 0], at[..., 1]
            shares = []
            for p, q in ((b, c), (c, a)):
                px, py = p[part, 0, None], p[part, 1, None]
                qx, qy = q[part, 0, None], q[part, 1, None]
                shares.append(((qx - px) * (y - py) - (qy - py) * (x - px)) / area[part, None])
            wa, wb = shares
            inside = (wa >= -1e-6) & (wb >= -1e-6) & (wa + wb <= 1 + 1e-6) & (at <= high[part, None]).all(axis=2)
            row, column = np.nonzero(inside)
            pixels.append(y[row, column] * size + x[row, column])
            owners.append(part[row])
            first, second = wa[row, column], wb[row, column]
            weights.append(np.stack([first, second, 1 - first - second], axis=1).astype(np.float32))
        smaller, k = k, k * 2

    pixel, owner, weight = np.concatenate(pixels), np.concatenate(owners), np.concatenate(weights)
    z = np.einsum("ni,ni->n", points[:, 2][triangles[owner]], weight).astype(np.float32)
    depth = np.full(size * size, np.inf, np.float32)
    np.minimum.at(depth, pixel, z)
    front = z == depth[pixel]
    pixel, owner, weight = pixel[front], owner[front], weight[front]
    picture = np.zeros((size * size, values.shape[1]), np.float32)
    picture[pixel] = np.einsum("nia,ni->na", values[triangles[owner]], weight)
    return depth.reshape(size, size), picture.reshape(size, size, -1)


def render(model: Model, size: int) -> Rendering:
    """Draw the statue into a crop of ``size`` x ``size`` pixels."""
    fine = size * SUPERSAMPLING
    points = model.points.copy()
    points[:, :2] = (points[:, :2] + 0.5) * SUPERSAMPLING - 0.5
    points[:, 2] *= SUPERSAMPLING
    unit = model.unit * SUPERSAMPLING
    normals = vertex_normals(points, model.triangles)
    values = np.column_stack(
        [
            normals,
            model.cover,
            model.hollow,
            model.polish,
            model.mottle,
            model.groove,
            model.inner,
            model.inlay,
        ]
    )
    depth, drawn = rasterise(points, model.triangles, values.astype(np.float32), fine)
    there = np.isfinite(depth)
    colour = _bronze(depth, there, drawn, unit)

    solid = there.astype(np.float32)
    rgb = _spread(colour, solid, unit)
    cover = cv2.resize(drawn[..., 3] * solid, (size, size), interpolation=cv2.INTER_AREA)
    mask = np.clip(cv2.GaussianBlur(cover, (0, 0), max(0.15 * model.unit, 0.5)) * 255 + 0.5, 0, 255)
    small = cv2.resize(rgb, (size, size), interpolation=cv2.INTER_AREA)
    display = np.clip(small, 0, 1) * 255 + 0.5
    return Rendering(display.astype(np.uint8), mask.astype(np.uint8))


def _blur(picture: Floats, sigma: float) -> Floats:
    """Gaussian blur, worked out on a smaller copy where the blur is wide."""
    step = max(int(sigma / 3), 1)
    height, width = picture.shape[:2]
    small = cv2.resize(picture, (width // step, height // step), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / step)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _spread(colour: Floats, solid: Floats, unit: float) -> Floats:
    """Fill what lies beyond the statue with the colours of its edge, so that a soft mask finds no foreign
    colour.
    """
    filled = colour * solid[..., None]
    weight = solid
    sigma = 0.8 * unit
    close = _blur(weight, sigma)[..., None]
    near = _blur(filled, sigma) / np.maximum(close, 1e-3)
    reach = np.clip(close * 6, 0, 1)
    beyond = near * reach + _BEYOND * (1 - reach)
    return np.asarray(np.where(solid[..., None] > 0, filled, beyond), np.float32)


#: Colours in linear light.
_METAL: Final = np.array((0.80, 0.42, 0.19), np.float32)
_PATINA: Final = np.array((0.070, 0.030, 0.013), np.float32)
_VERDIGRIS: Final = np.array((0.040, 0.075, 0.058), np.float32)
_GOLD: Final = np.array((0.80, 0.60, 0.36), np.float32)
#: What lies far beyond the statue, as displayed.
_BEYOND: Final = np.array((0.16, 0.11, 0.07), np.float32)
_HOLLOW: Final = np.array((0.006, 0.004, 0.003), np.float32)


def _toward(x: float, y: float, z: float) -> Floats:
    vector = np.array((x, y, z), np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


@cache
def _studio(cells: int = 256) -> tuple[Floats, Floats]:
    """The studio as two tables over the normal's x and y in -1..1: light mirrored by polished metal, and
    light that falls on dull patina; float32 (cells, cells, 3) each, linear.
    """
    line = np.linspace(-1, 1, cells, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    radius = np.sqrt(x * x + y * y)
    shrink = np.where(radius > 0.999, 0.999 / np.maximum(radius, 1e-6), 1)
    x, y = x * shrink, y * shrink
    z = -np.sqrt(1 - x * x - y * y)
    normal = np.stack([x, y, z], axis=-1).astype(np.float32)
    view = np.array((0, 0, -1), np.float32)
    facing = -z
    mirror = 2 * facing[..., None] * normal - view  # where the eye's ray goes after the surface

    def lobe(direction: Floats, sharpness: float) -> Floats:
        return np.asarray(np.exp(sharpness * (mirror @ direction - 1)), np.float32)

    lights = (
        (_toward(-0.55, -0.75, -0.75), 5.0, 0.62, (1.0, 0.95, 0.86)),  # key: a broad softbox, upper left
        (_toward(-0.50, -0.70, -0.80), 45.0, 2.3, (1.0, 0.97, 0.92)),  # its hot centre
        (_toward(0.85, -0.25, -0.50), 8.0, 0.30, (0.86, 0.92, 1.0)),  # fill, right
        (_toward(0.92, -0.35, 0.35), 12.0, 0.75, (0.95, 0.97, 1.0)),  # rim, from behind on the right
        (_toward(-0.95, -0.10, 0.40), 12.0, 0.40, (1.0, 0.92, 0.82)),  # rim, from behind on the left
        (_toward(0.10, 0.95, -0.20), 4.0, 0.16, (1.0, 0.72, 0.45)),  # the warm floor
    )
    mirrored = np.full((cells, cells, 3), 0.030, np.float32)
    for direction, sharpness, power, tint in lights:
        mirrored += (power * lobe(direction, sharpness))[..., None] * np.array(tint, np.float32)
    key = np.clip(normal @ _toward(-0.55, -0.75, -0.75) * 0.75 + 0.25, 0, None)
    sky = np.clip(-normal[..., 1] * 0.5 + 0.5, 0, 1)
    dull = (1.5 * key + 0.35 * sky + 0.25)[..., None] * np.array((1.0, 0.95, 0.88), np.float32)
    fresnel = (1 - facing[..., None]) ** 5
    tint = _METAL + (1 - _METAL) * fresnel * 0.6
    return np.asarray(mirrored * tint, np.float32), np.asarray(dull, np.float32)


def _bronze(depth: Floats, there: NDArray[np.bool_], drawn: Floats, unit: float) -> Floats:
    """Shade: worn high places mirror the studio, hollows keep a dull patina. Returns float32 (S, S, 3) in
    0..1.
    """
    mirrored, dull = _studio()
    cells = mirrored.shape[0]
    length = np.maximum(np.linalg.norm(drawn[..., :3], axis=2, keepdims=True), 1e-6)
    normal = drawn[..., :3] / length
    u = ((normal[..., 0] + 1) / 2 * (cells - 1)).astype(np.float32)
    v = ((normal[..., 1] + 1) / 2 * (cells - 1)).astype(np.float32)
    reflection = cv2.remap(mirrored, u, v, cv2.INTER_LINEAR)
    diffuse = cv2.remap(dull, u, v, cv2.INTER_LINEAR)
    hollow, polish, mottle, groove, inner, inlay = (drawn[..., i] for i in range(4, 10))

    fine = _blur(_relief(depth, there, 0.2 * unit), 0.07 * unit) / (0.06 * unit)
    broad = _relief(depth, there, 0.7 * unit) / (0.50 * unit)
    cavity = np.clip(fine, 0, 1.5) * 0.55 + np.clip(broad, 0, 1.5) * 0.6 + groove
    ridge = np.clip(-fine, 0, 1) * 0.5 + np.clip(-broad, 0, 1) * 0.3
    cavity = cavity * inner  # the outline bends away from the viewer without being a hollow
    open_sky = np.exp(-1.9 * cavity) * (1 - hollow)
    wear = np.clip(0.52 + 0.5 * ridge - 0.55 * cavity + 0.22 * polish + 0.16 * mottle, 0.05, 1)
    green = np.clip(0.7 * cavity - 0.12 + 0.15 * mottle, 0, 0.6) * (1 - polish * 0.7)

    patina = _PATINA + (_VERDIGRIS - _PATINA) * green[..., None]
    gold = (reflection / _METAL * 0.5 + diffuse * 0.14) * _GOLD * np.exp(-1.3 * cavity)[..., None]
    light = reflection * (wear * open_sky)[..., None] + diffuse * patina * (0.35 + 0.65 * open_sky)[..., None]
    light = light * (1 - hollow[..., None]) + _HOLLOW * hollow[..., None]
    light = light + (gold - light) * inlay[..., None]
    light = light * EXPOSURE
    tone = light * (2.51 * light + 0.03) / (light * (2.43 * light + 0.59) + 0.14)  # ACES, Narkowicz's fit
    return np.asarray(np.power(np.clip(tone, 0, 1), 1 / 2.2), np.float32)


def _relief(depth: Floats, there: NDArray[np.bool_], sigma: float) -> Floats:
    """How far each pixel lies behind its surroundings, in pixels, float32 (S, S); negative on ridges."""
    solid = there.astype(np.float32)
    z = np.where(there, depth, 0).astype(np.float32)
    near = _blur(z * solid, sigma) / np.maximum(_blur(solid, sigma), 1e-3)
    return np.asarray(np.where(there, z - near, 0), np.float32)
