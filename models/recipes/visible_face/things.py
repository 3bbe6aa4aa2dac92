"""Things in front of a face, drawn: hands, microphones, cups, sheets, hair, lettering, rags of all sorts; and glasses.

Everything is drawn at twice the size that is needed, so that edges are as soft as a camera's. Light comes from one
side, skin is shaded as cylinders are. A thing need not be beautiful: a net has to learn that it is not the face.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from models.recipes.face_finder.data import clouds
from realtime.runtime.arrays import Bytes, Floats, Points

__all__ = ["KINDS", "Scene", "Thing", "cloth", "draw_glasses", "draw_thing"]

#: Pixels are drawn so many times finer.
FINER: Final = 2
#: Skin from dark to light, hair from black to white: RGB.
SKINS: Final = np.array([(58, 38, 30), (112, 76, 56), (168, 120, 94), (208, 162, 136), (238, 204, 184)], np.float32)
HAIRS: Final = np.array([(18, 15, 14), (52, 36, 26), (104, 70, 42), (172, 134, 84), (208, 196, 182)], np.float32)
#: A hand in its own lengths, wrist at the origin, fingers up: where fingers begin, how long and wide they are,
#: and the outline of what is between.
KNUCKLES: Final = np.array([(-0.165, -0.50), (-0.055, -0.54), (0.055, -0.52), (0.155, -0.46)], np.float32)
LENGTHS: Final = (0.38, 0.44, 0.40, 0.31)
WIDTHS: Final = (0.105, 0.11, 0.105, 0.09)
JOINTS: Final = (0.46, 0.30, 0.24)
PALM: Final = np.array(
    [(-0.15, 0.02), (-0.235, -0.2), (-0.225, -0.45), (-0.11, -0.57), (0.1, -0.56), (0.21, -0.45), (0.215, -0.2),
     (0.14, 0.02)], np.float32,
)  # fmt: skip

Colour: TypeAlias = NDArray[np.floating[Any]]
#: Points of something drawn, (N, 2), in pixels of the drawing.
Path: TypeAlias = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Thing:
    """A picture, uint8 (S, S, 3) RGB, and how much of what is behind it it covers, uint8 (S, S)."""

    rgb: Bytes
    alpha: Bytes


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What a thing is drawn for: a face in a crop of ``size`` pixels.

    ``outline`` is the face's, float32 (N, 2) in crop pixels; ``skin`` and ``hair`` are colours, float32 (3,) RGB;
    ``other`` is any other picture, uint8 (H, W, 3), to take textures from.
    """

    size: int
    outline: Points
    skin: Colour
    hair: Colour
    other: Bytes
    rng: Generator

    @property
    def side(self) -> int:
        """Of what is drawn, in pixels."""
        return self.size * FINER

    def inside(self, spread: float = 0.9) -> Points:
        """A point of the face, float32 (2,) in pixels of the drawing, rather anywhere."""
        low, high = self.outline.min(axis=0), self.outline.max(axis=0)
        at = self.rng.uniform(-0.5, 0.5, 2) * spread * (high - low) + (low + high) / 2
        return np.asarray(at * FINER, np.float32)


class Canvas:
    """Where a thing is drawn, ``FINER`` times as large as the crop."""

    def __init__(self, scene: Scene) -> None:
        side = scene.side
        self.rgb = np.zeros((side, side, 3), np.uint8)
        self.alpha = np.zeros((side, side), np.uint8)

    def line(self, points: Path, colour: Colour, width: float, opacity: int = 255) -> None:
        """A line with round ends through ``points``, float32 (N, 2)."""
        path = [np.rint(points * 16).astype(np.int32)]
        thick = max(1, round(width))
        ink = tuple(float(c) for c in np.clip(colour, 0, 255))
        cv2.polylines(self.rgb, path, False, ink, thick, cv2.LINE_AA, 4)
        cv2.polylines(self.alpha, path, False, (opacity,), thick, cv2.LINE_AA, 4)

    def fill(self, points: Path, colour: Colour) -> None:
        """A polygon, float32 (N, 2)."""
        path = [np.rint(points * 16).astype(np.int32)]
        cv2.fillPoly(self.rgb, path, tuple(float(c) for c in np.clip(colour, 0, 255)), cv2.LINE_AA, 4)
        cv2.fillPoly(self.alpha, path, (255,), cv2.LINE_AA, 4)

    def paint(self, texture: Bytes, points: Path) -> None:
        """A polygon of a ``texture`` as large as the canvas."""
        here = np.zeros_like(self.alpha)
        cv2.fillPoly(here, [np.rint(points * 16).astype(np.int32)], (255,), cv2.LINE_AA, 4)
        self.rgb[here > 0] = texture[here > 0]
        cv2.max(self.alpha, here, dst=self.alpha)

    def thing(self) -> Thing:
        """What was drawn, at the crop's size. Colours reach beyond the edge, so that nothing dark shows there."""
        size = (self.alpha.shape[1] // FINER, self.alpha.shape[0] // FINER)
        inked = cv2.bitwise_and(self.rgb, self.rgb, mask=self.alpha)
        rgb, alpha = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (inked, self.alpha))
        weight = np.maximum(cv2.blur(alpha, (7, 7)), 1)
        beyond = cv2.blur(rgb, (7, 7)) * (np.float32(255) / weight)[..., None]
        rgb = np.where(alpha[..., None] >= 200, rgb, np.clip(beyond, 0, 255))
        return Thing(rgb.astype(np.uint8), np.asarray(alpha, np.uint8))


def any_colour(rng: Generator) -> Colour:
    """Any colour, dull ones more often."""
    grey = rng.uniform(10, 245)
    return np.asarray(np.clip(grey + rng.normal(0, rng.choice([4, 25, 70]), 3), 5, 250), np.float32)


def between(tones: Floats, rng: Generator) -> Colour:
    """A colour from a row of ``tones``, float32 (N, 3), and about as bright as one."""
    at = rng.uniform(0, len(tones) - 1)
    low = min(int(at), len(tones) - 2)
    tone = tones[low] + (tones[low + 1] - tones[low]) * (at - low)
    return np.asarray(np.clip(tone * np.exp(rng.normal(0, 0.12)) * np.exp(rng.normal(0, 0.04, 3)), 4, 252), np.float32)


def turned(points: Points, angle: float) -> Points:
    """Points, float32 (N, 2), turned about the origin."""
    c, s = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[c, s], [-s, c]], np.float32), np.float32)


def cloth(scene: Scene) -> Bytes:
    """A texture as large as the drawing, uint8 (side, side, 3): plain, shaded, striped, blotched, or a photograph."""
    rng, side = scene.rng, scene.side
    kind = rng.random()
    if kind < 0.3:
        picture = scene.other
        cut = int(rng.integers(12, max(13, min(picture.shape[:2]))))
        y, x = (int(rng.integers(0, max(1, length - cut))) for length in picture.shape[:2])
        texture = cv2.resize(picture[y : y + cut, x : x + cut], (side, side), interpolation=cv2.INTER_LINEAR)
    elif kind < 0.45:
        texture = clouds(side, rng)
    else:
        texture = np.full((side, side, 3), any_colour(rng), np.uint8)
        if rng.random() < 0.35:  # stripes or checks
            lines = (np.sin(np.arange(side) * rng.uniform(0.05, 0.9)) > rng.uniform(-0.7, 0.7)).astype(np.uint8)
            grid = lines[None] | (lines[:, None] if rng.random() < 0.4 else 0)
            texture = np.where(np.broadcast_to(grid, (side, side))[..., None] > 0, any_colour(rng), texture)
    shade = cv2.resize(rng.normal(1, rng.uniform(0, 0.2), (4, 4)), (side, side), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(texture * shade[..., None], 0, 255), np.uint8)


def shaded(canvas: Canvas, points: Path, widths: tuple[float, ...], colour: Colour, light: Path) -> None:
    """A limb of capsules: a dark rim, its colour, and a lighter middle drawn towards the light."""
    for tone, share, shift in ((0.62, 1.0, 0.0), (0.88, 0.86, 0.03), (1.0, 0.66, 0.08), (1.09, 0.34, 0.14)):
        for k, width in enumerate(widths):
            moved = points[k : k + 2] + light * (shift * width)
            canvas.line(np.asarray(moved, np.float32), colour * tone, width * share)


def bent_fingers(rng: Generator) -> list[Points]:
    """The joints of four fingers, more or less bent and spread: float32 (4, 2) each, in lengths of the hand."""
    spread, curl = abs(rng.normal(0, 0.13)), rng.uniform(0.0, 0.75) if rng.random() < 0.7 else 0.0
    lean = rng.normal(0, 0.15)
    fingers = []
    for k in range(4):
        direction = (k - 1.5) * spread + lean + rng.normal(0, 0.06)
        bent = np.clip(curl + rng.normal(0, 0.12), 0, 0.85)
        joints = [KNUCKLES[k]]
        for part, share in enumerate(JOINTS):
            step = LENGTHS[k] * share * (1 - bent * (0.35, 0.9, 1.1)[part] * 0.9)
            direction += rng.normal(0, 0.07)
            joints.append(joints[-1] + step * np.array([np.sin(direction), -np.cos(direction)], np.float32))
        fingers.append(np.array(joints, np.float32))
    return fingers


def bent_thumb(rng: Generator) -> Points:
    """The thumb's joints, as those of fingers."""
    out = rng.uniform(-0.2, 1.0)
    joints = [np.array([-0.17, -0.14], np.float32)]
    for share in (0.2, 0.15, 0.12):
        joints.append(joints[-1] + share * np.array([-np.sin(out), -np.cos(out)], np.float32))
        out += rng.normal(-0.15, 0.2)
    return np.array(joints, np.float32)


def draw_finger(
    canvas: Canvas, path: Points, widths: tuple[float, ...], skin: Colour, light: Path, rng: Generator
) -> None:
    """A finger through ``path``, float32 (4, 2), with or without a nail and the folds over its joints."""
    shaded(canvas, path, widths, skin, light)
    if rng.random() < 0.5:  # a nail
        tip = path[-1] + 0.3 * (path[-1] - path[-2])
        canvas.line(np.stack([path[-1], tip]), skin * 1.1 + (8, -2, 0), 0.5 * widths[2])
    if rng.random() < 0.5:
        for joint, before in ((path[1], path[0]), (path[2], path[1])):
            along = (joint - before) / max(float(np.linalg.norm(joint - before)), 1e-3)
            across = np.array([-along[1], along[0]], np.float32) * widths[1] * 0.3
            canvas.line(np.stack([joint - across, joint + across]), skin * 0.72, 1)


def draw_hand(scene: Scene, canvas: Canvas) -> None:
    """A hand with fingers of three jointed capsules, more or less bent and spread, on a forearm."""
    rng, side = scene.rng, scene.side
    skin = scene.skin * np.exp(rng.normal(0, 0.16)) * np.exp(rng.normal(0, 0.03, 3))
    skin = skin if rng.random() < 0.65 else between(SKINS, rng)
    skin = np.asarray(skin, np.float32)
    light = turned(np.array([[1, 0]], np.float32), rng.uniform(-np.pi, np.pi))[0]
    length = side * rng.uniform(0.45, 0.95)
    # From below or the sides mostly; up is where the fingers point.
    angle = float(rng.normal(0, 0.8) if rng.random() < 0.7 else rng.uniform(-np.pi, np.pi))
    mirrored = rng.random() < 0.5
    squeeze = rng.uniform(0.55, 1.0)  # seen from its side
    fingers, thumb = bent_fingers(rng), bent_thumb(rng)
    anchors = (fingers[int(rng.integers(4))][2], PALM.mean(axis=0), fingers[1][1], thumb[2])
    anchor = anchors[int(rng.choice(4, p=(0.4, 0.3, 0.2, 0.1)))]
    target = scene.inside()

    def place(points: Points) -> Points:
        local = (points - anchor) * ((-squeeze if mirrored else squeeze), 1)
        return turned(np.asarray(local * length, np.float32), angle) + target

    arm = place(np.array([(0, -0.05), (rng.normal(0, 0.15), 1.2)], np.float32))
    thick = length * squeeze**0.5
    shaded(canvas, arm, (0.29 * thick,), skin, light)
    if rng.random() < 0.5:  # a sleeve
        begin = arm[0] + (arm[1] - arm[0]) * rng.uniform(0.15, 0.6)
        shaded(canvas, np.stack([begin, arm[1]]), (rng.uniform(0.33, 0.5) * thick,), any_colour(rng), light)
    canvas.fill(place(PALM), skin * 0.8)
    inner = PALM.mean(axis=0) + 0.86 * (PALM - PALM.mean(axis=0))
    canvas.fill(place(inner), skin)
    order = rng.permutation(4) if rng.random() < 0.3 else np.arange(4)[:: 1 if rng.random() < 0.5 else -1]
    for k in order:
        widths = tuple(WIDTHS[k] * thick * share for share in (1.0, 0.93, 0.84))
        draw_finger(canvas, place(fingers[k]), widths, skin, light, rng)
    shaded(canvas, place(thumb), (0.14 * thick, 0.125 * thick, 0.105 * thick), skin, light)
    soft = cv2.GaussianBlur(canvas.rgb, (0, 0), side * rng.uniform(0.004, 0.012))
    grain = cv2.resize(rng.normal(1, 0.06, (12, 12)), (side, side), interpolation=cv2.INTER_CUBIC)
    canvas.rgb[:] = np.clip(soft * grain[..., None], 0, 255)


def draw_microphone(scene: Scene, canvas: Canvas) -> None:
    """A head of wire or foam on a handle; from below or a side, before the mouth more often than not."""
    rng, side = scene.rng, scene.side
    low, high = scene.outline.min(axis=0), scene.outline.max(axis=0)
    mouth = (low + (high - low) * (0.5, 0.8)) * FINER
    head = mouth + rng.normal(0, 0.1 * side, 2) if rng.random() < 0.7 else scene.inside()
    head = np.asarray(head, np.float32)
    angle = rng.normal(0, 0.7)
    away = np.array([np.sin(angle), np.cos(angle)], np.float32)
    radius = side * rng.uniform(0.035, 0.14)
    colour, light = any_colour(rng) * rng.uniform(0.2, 1), turned(np.array([[1, 0]], np.float32), rng.uniform(-3, 3))[0]
    handle = np.stack([head, head + away * side * 1.5])
    shaded(canvas, handle, (radius * rng.uniform(0.5, 1.5),), np.asarray(colour, np.float32), light)
    ball = any_colour(rng) * rng.uniform(0.15, 1.0)
    reach = np.stack([head, head - away * radius * rng.uniform(0.01, 1.2)])
    shaded(canvas, np.asarray(reach, np.float32), (2 * radius,), np.asarray(ball, np.float32), light)
    if rng.random() < 0.5:  # wire
        step = max(3, round(radius * rng.uniform(0.1, 0.25)))
        here = np.zeros_like(canvas.alpha)
        begin, end = np.rint(reach).astype(int).tolist()
        cv2.line(here, begin, end, (255,), max(1, round(1.9 * radius)))
        grid = np.zeros_like(here)
        grid[::step] = 255
        grid[:, ::step] = 255
        canvas.rgb[(here > 0) & (grid > 0)] = np.clip(any_colour(rng), 0, 255)
    noise = rng.normal(0, rng.uniform(0, 14), (side, side, 1)).astype(np.float32)
    canvas.rgb[:] = np.clip(canvas.rgb + noise, 0, 255)
    if rng.random() < 0.5:  # held in a hand
        fist = Canvas(scene)
        at = head + away * radius * rng.uniform(1.6, 4.0)
        skin = scene.skin * np.float32(np.exp(rng.normal(0, 0.16)))
        across = np.array([away[1], -away[0]], np.float32)
        width = side * rng.uniform(0.06, 0.09)
        for k in range(4):
            middle = at + away * width * 0.9 * k
            shaded(
                fist, np.stack([middle - across * width * 1.3, middle + across * width * 1.2]), (width,), skin, light
            )
        soft = cv2.GaussianBlur(fist.rgb, (0, 0), 2)
        canvas.rgb[fist.alpha > 0] = soft[fist.alpha > 0]
        cv2.max(canvas.alpha, fist.alpha, dst=canvas.alpha)


def draw_block(scene: Scene, canvas: Canvas) -> None:
    """A cup, a can, a telephone, a book: a box with rounded corners, shaded across, with a mark or a handle."""
    rng, side = scene.rng, scene.side
    high = side * rng.uniform(0.15, 0.6)
    wide = high * rng.uniform(0.35, 1.2)
    angle, at = float(rng.normal(0, 0.35)), scene.inside()
    narrow = rng.uniform(0.6, 1.0)
    box = np.array([(-1, -1), (1, -1), (narrow, 1), (-narrow, 1)], np.float32) * (wide / 2, high / 2)
    corners = turned(np.asarray(box, np.float32), angle) + at
    colour = any_colour(rng)
    if rng.random() < 0.4:
        handle = np.array([(0.8, -0.6), (1.5, -0.5), (1.5, 0.4), (0.8, 0.6)], np.float32) * (wide / 2, high / 2)
        canvas.line(turned(np.asarray(handle, np.float32), angle) + at, colour * 0.8, 0.09 * high)
    canvas.line(np.concatenate([corners, corners[:1]]), colour, rng.uniform(0.02, 0.2) * high)
    canvas.fill(corners, colour)
    place = canvas.alpha > 0
    if rng.random() < 0.4:
        canvas.rgb[place] = cloth(scene)[place]
    across = (np.arange(side, dtype=np.float32) - at[0]) / max(wide, 1)
    shade = 1 + rng.uniform(-0.6, 0.6) * across - rng.uniform(0, 0.8) * across**2
    canvas.rgb[:] = np.clip(canvas.rgb * np.clip(shade, 0.2, 1.6)[None, :, None], 0, 255)
    if rng.random() < 0.3:
        write(canvas, at - (wide / 3, 0), any_colour(rng), rng, high / 120)


def write(canvas: Canvas, at: Path, colour: Colour, rng: Generator, scale: float) -> None:
    """A few letters."""
    letters = "".join(chr(int(c)) for c in rng.integers(48, 91, int(rng.integers(2, 9))))
    font = int(rng.choice([cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX]))
    where, thick = (int(at[0]), int(at[1])), max(1, round(3 * scale))
    ink = tuple(float(c) for c in colour)
    cv2.putText(canvas.rgb, letters, where, font, scale, ink, thick, cv2.LINE_AA)
    cv2.putText(canvas.alpha, letters, where, font, scale, (255,), thick, cv2.LINE_AA)


def draw_lettering(scene: Scene, canvas: Canvas) -> None:
    """Words over the picture, with a box behind them or without."""
    rng, side = scene.rng, scene.side
    at = scene.inside()
    if rng.random() < 0.5:
        high = side * rng.uniform(0.05, 0.2)
        canvas.fill(np.array([(0, at[1] - high), (side, at[1] - high), (side, at[1] + high / 2), (0, at[1] + high / 2)],
                             np.float32), any_colour(rng))  # fmt: skip
    write(canvas, at * (rng.uniform(0, 0.8), 1), any_colour(rng), rng, rng.uniform(0.8, 3.0))


def draw_sheet(scene: Scene, canvas: Canvas) -> None:
    """Something large with folds that comes in from a side: paper, cloth, a scarf, a door, a mask over the mouth."""
    rng, side = scene.rng, scene.side
    texture = cloth(scene)
    low, high = scene.outline.min(axis=0) * FINER, scene.outline.max(axis=0) * FINER
    if rng.random() < 0.35:  # tied over mouth and chin
        top = low[1] + (high[1] - low[1]) * rng.uniform(0.5, 0.75)
        bow = rng.uniform(-0.06, 0.1) * side
        edge = np.array([(low[0] - 6, top + bow), (side / 2, top - bow), (high[0] + 6, top + bow)], np.float32)
        far = np.array([(high[0] - 0.1 * side, high[1] + 9), (low[0] + 0.1 * side, high[1] + 9)], np.float32)
        if rng.random() < 0.5:
            far[:, 1] = side
        points = np.concatenate([edge, far])
    else:
        cuts = np.linspace(-0.75, 0.75, int(rng.integers(2, 7)))
        edge = np.stack([cuts * side, rng.normal(0, 0.03, len(cuts)) * side], axis=1)
        deep = np.array([(0.75 * side, side * 1.5), (-0.75 * side, side * 1.5)])
        if rng.random() < 0.3:
            deep[:, 1] = side * rng.uniform(0.1, 0.5)
        around = np.concatenate([edge, deep]).astype(np.float32)
        points = turned(around, rng.uniform(-np.pi, np.pi)) + scene.inside(0.8)
    canvas.paint(texture, points.astype(np.float32))
    for _ in range(int(rng.integers(0, 6))):  # folds
        begin, end = rng.uniform(0, side, (2, 2))
        fold = np.zeros((side // 4, side // 4), np.float32)
        ends = [tuple(int(v / 4) for v in p) for p in (begin, end)]
        cv2.line(fold, ends[0], ends[1], float(rng.uniform(-0.4, 0.4)), int(rng.integers(1, 6)))
        shade = 1 + cv2.resize(cv2.GaussianBlur(fold, (0, 0), 2), (side, side))
        canvas.rgb[:] = np.clip(canvas.rgb * shade[..., None], 0, 255)


def draw_rag(scene: Scene, canvas: Canvas) -> None:
    """A blob of any texture."""
    rng, side = scene.rng, scene.side
    for _ in range(int(rng.integers(1, 4))):
        count = int(rng.integers(3, 12))
        angles = np.sort(rng.uniform(0, 2 * np.pi, count))
        far = side * rng.uniform(0.05, 0.3) * rng.uniform(0.5, 1.2, count)
        around = np.stack([np.cos(angles) * far, np.sin(angles) * far], axis=1) * np.exp(rng.normal(0, 0.3, 2))
        canvas.paint(cloth(scene), np.asarray(turned(around.astype(np.float32), 1.0) + scene.inside(), np.float32))


def draw_hair(scene: Scene, canvas: Canvas) -> None:
    """Strands from above: a few, or so many that they are a fringe."""
    rng, side = scene.rng, scene.side
    low, high = scene.outline.min(axis=0) * FINER, scene.outline.max(axis=0) * FINER
    colour = scene.hair if rng.random() < 0.6 else between(HAIRS, rng)
    dense = rng.random() < 0.6
    begin, end = np.sort(rng.uniform(low[0] - 10, high[0] + 10, 2))
    if dense and end - begin < 0.2 * side:
        end = begin + rng.uniform(0.2, 0.6) * side
    root = low[1] + (high[1] - low[1]) * rng.uniform(-0.12, 0.02)
    long, lean, curve = side * rng.uniform(0.1, 0.55), rng.normal(0, 0.5), rng.normal(0, 0.6)
    for _ in range(int(rng.integers(60, 220) if dense else rng.integers(2, 25))):
        at = rng.uniform(begin, end)
        out = (at - (low[0] + high[0]) / 2) / side  # beside the face it hangs down its sides
        reach = long * rng.uniform(0.6, 1.15) * (1 + 2.0 * abs(out))
        tilt = lean + out * 0.8 + rng.normal(0, 0.12)
        steps = np.linspace(0, 1, 7)
        x = at + reach * (np.sin(tilt) * steps + curve * 0.3 * steps**2)
        y = root + reach * np.cos(tilt) * steps + rng.normal(0, 2)
        tone = colour * np.exp(rng.normal(0, 0.22))
        canvas.line(np.stack([x, y], axis=1).astype(np.float32), tone, rng.uniform(1, 3.2))


#: What is drawn, and how often.
KINDS: Final[dict[str, tuple[Callable[[Scene, Canvas], None], float]]] = {
    "hand": (draw_hand, 0.36),
    "microphone": (draw_microphone, 0.14),
    "block": (draw_block, 0.12),
    "sheet": (draw_sheet, 0.12),
    "hair": (draw_hair, 0.12),
    "rag": (draw_rag, 0.10),
    "lettering": (draw_lettering, 0.04),
}


def draw_thing(scene: Scene, kind: str | None = None) -> Thing:
    """Something in front of the face, of a ``kind``, or of any."""
    if kind is None:
        kind = str(scene.rng.choice(list(KINDS), p=[share for _, share in KINDS.values()]))
    canvas = Canvas(scene)
    KINDS[kind][0](scene, canvas)
    return canvas.thing()


def draw_glasses(scene: Scene, eyes: Points) -> Thing:
    """Glasses on the two ``eyes``, float32 (2, 2) in crop pixels; they count as the face, whose eyes show in them."""
    rng, canvas = scene.rng, Canvas(scene)
    left, right = eyes * FINER
    apart = float(np.linalg.norm(right - left))
    angle = float(np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])))
    axes = (apart * rng.uniform(0.27, 0.46), apart * rng.uniform(0.2, 0.4))
    colour, width = any_colour(rng) * rng.uniform(0.1, 1), max(1.0, apart * rng.uniform(0.015, 0.09))
    drop = np.array([0, apart * rng.uniform(-0.02, 0.1)], np.float32)
    lens = np.zeros_like(canvas.alpha)
    rims = []
    for eye in (left, right):
        arc = np.array(
            cv2.ellipse2Poly(tuple(int(v) for v in eye + drop), tuple(int(v) for v in axes), int(angle), 0, 360, 12)
        )
        rims.append(arc.astype(np.float32))
        cv2.fillPoly(lens, [arc], (255,))
    tint = int(rng.choice([0, 0, 0, 40, 120, 230]))
    canvas.rgb[lens > 0] = np.clip(any_colour(rng) * 0.5, 0, 255)
    canvas.alpha[lens > 0] = tint
    for rim in rims:
        canvas.line(rim, colour, width)
    inner = axes[0] * 0.95
    along = (right - left) / max(apart, 1e-3)
    bridge = np.stack([left + drop + along * inner, right + drop - along * inner])
    canvas.line(bridge, colour, width)
    for eye, way in ((left, -1), (right, 1)):
        begin = eye + drop + along * inner * way
        canvas.line(np.stack([begin, begin + along * way * apart]), colour, width)
    rgb = np.asarray(cv2.resize(canvas.rgb, (scene.size, scene.size), interpolation=cv2.INTER_AREA), np.uint8)
    alpha = np.asarray(cv2.resize(canvas.alpha, (scene.size, scene.size), interpolation=cv2.INTER_AREA), np.uint8)
    return Thing(rgb, alpha)
