"""One photograph's face drawn over one performer's: the way of a crop, step by step."""

from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.media.resample import halve, looked_up
from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES, VERTICES
from realtime.mesh.normals import towards_camera
from realtime.mesh.outline import AROUND, ring_triangles, rings
from realtime.mesh.pose import Pose
from realtime.mesh.raster import far_to_near, rasterise
from realtime.photo_swap.lids import Lids
from realtime.photo_swap.light import SMALL, Lamp, relit, to_planes
from realtime.photo_swap.shape import OUTLINE, Person
from realtime.photo_swap.texture import SIDE
from realtime.photo_swap.wrinkles import SIDE as WRINKLES_SIDE
from realtime.photo_swap.wrinkles import Wrinkles
from realtime.photo_swap.zones import COVER, EDGE, HAIR_OF_PERFORMER, HOLES, LIDS, SKIN, smooth
from realtime.runtime.arrays import Bytes, Floats, Points

__all__ = ["Performer", "PhotoFace", "draw", "draw_as"]

#: Pixels of the crop to one of the picture in which triangles are drawn: for crops of up to so many pixels.
STEPS: Final = ((320, 2), (576, 4), (1 << 16, 8))
#: Rings around the outline, in its sizes, and which share of its motion each follows.
RINGS: Final = ((1.10, 0.80), (1.24, 0.35), (1.46, 0.0))
_TRIANGLES: Final = np.concatenate([TRIANGLES, ring_triangles(len(RINGS))])
_POINTS: Final = VERTICES + len(RINGS) * len(AROUND)
#: The photograph covers the performer a little sooner than the zones say.
BOLD: Final = 1.5
#: The photograph fades where a normal has less than this share towards the camera: triangles seen from the side
#: are narrower than the pixels in which they are drawn, and an edge there would jump between those.
ASLANT: Final = 0.45
#: What moves by fewer pixels than this is left alone.
STILL: Final = 0.15
#: Pixels of a sheet that are kept around what is wanted: the outermost are not true where it is enlarged.
MARGIN: Final = 2
#: Texture pixels a unit of the face axes: the chin lies so far below the forehead in both.
TEXELS: Final = float((ATLAS[152, 1] - ATLAS[10, 1]) * SIDE / 17.5)


@dataclass(frozen=True, slots=True, eq=False)
class PhotoFace:
    """A photographed face that is ready to be drawn.

    ``identity`` is its shape at rest, float32 (468, 3) in face axes; ``levels`` its texture, luma and chromaticities,
    uint8 (S, S, 4) of ``to_planes``, at full size, half, a quarter and an eighth.
    """

    identity: Floats
    levels: tuple[Bytes, ...]

    def __deepcopy__(self, memo: object) -> "PhotoFace":
        """Itself: nothing changes it."""
        return self

    @classmethod
    def of(cls, identity: Floats, texture: Bytes) -> "PhotoFace":
        """From the shape and ``texture``, uint8 (SIDE, SIDE, 3) RGB."""
        levels = [texture]
        for _ in range(3):
            half = cv2.resize(levels[-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
            levels.append(np.asarray(half, np.uint8))
        return cls(identity, tuple(to_planes(level) for level in levels))

    def level_for(self, scale: float) -> Bytes:
        """The level that is nearest to a face of ``scale`` pixels a unit, and not much larger."""
        return self.levels[self.number_for(scale)]

    def number_for(self, scale: float) -> int:
        """Which of ``levels`` that is."""
        ratio = TEXELS / max(scale, 1e-3)
        return int(np.clip(np.floor(np.log2(ratio) + 0.4), 0, len(self.levels) - 1))


@dataclass(slots=True)
class Performer:
    """What is known of one performer from earlier frames."""

    person: Person = field(default_factory=Person)
    lamp: Lamp = field(default_factory=Lamp)
    wrinkles: Wrinkles = field(default_factory=Wrinkles)
    lids: Lids = field(default_factory=Lids)


def draw(
    crop: Bytes, mesh: Floats, photo: PhotoFace, performer: Performer, outline: float = OUTLINE, share: float = 1.0
) -> tuple[Bytes, Bytes]:
    """Draw ``photo`` over the face in ``crop``, uint8 (S, S, 3) RGB, whose ``mesh`` is float32 (468, 3) in its pixels.

    ``outline`` is how far the face's outline goes to the photograph's, ``share`` how much of the photograph is shown,
    0..1 both; S is a multiple of 16. Returns the picture, uint8 (S, S, 3) RGB, and its alpha, uint8 (S, S).
    """
    target, pose = performer.person.target(mesh, photo.identity, outline, share)
    return draw_as(crop, mesh, target, pose, photo, performer, share)


def draw_as(
    crop: Bytes, mesh: Floats, target: Floats, pose: Pose, photo: PhotoFace, performer: Performer, share: float = 1.0
) -> tuple[Bytes, Bytes]:
    """``draw``, where the mesh to be drawn, ``target``, float32 (468, 3), and its ``pose`` are known already."""
    sheet = _Sheet.of(mesh, target, performer.lids.shut(mesh), len(crop))
    picture, moved = _bend(crop, sheet)
    face = sheet.around(sheet.cover > 0)
    if face is None:
        return picture, moved
    texture = _textured(photo.level_for(pose.scale), face)
    shown = picture[face.rows, face.columns]
    skin, cover, hair = (np.clip(_small(each), 0, 1) for each in (face.skin, face.cover, 1.5 * face.hair))
    relight = performer.lamp.read(_read(shown, face.step), _read(texture, face.step), skin * (cover > 0.02), hair)
    lit = relit(texture, relight, _sampled(performer.wrinkles.read(crop, mesh), face))
    alpha = face.large(_edge(face, relight.skin) * np.float32(share))
    shown[:] = cv2.blendLinear(lit, shown, alpha, 1 - alpha)
    covered = moved[face.rows, face.columns]
    cv2.max(covered, cv2.convertScaleAbs(alpha, alpha=255), dst=covered)
    return picture, moved


#: What a sheet carries.
_CARRIED: Final = ("seen_x", "seen_y", "moved", "u", "v", "skin", "hair", "cover")


@dataclass(frozen=True, slots=True, eq=False)
class _Sheet:
    """What the mesh carries, drawn small: float32 (h, w) each, one pixel to ``step`` of the crop a side.

    ``seen_x`` and ``seen_y`` are the place in the crop that is seen there, ``u`` and ``v`` that in the atlas; ``moved``
    is 1 where the first is another one; skin, hair, and how much of the photograph covers it. ``top`` and ``left`` are
    where the sheet begins in the crop.
    """

    step: int
    top: int
    left: int
    seen_x: Floats
    seen_y: Floats
    moved: Floats
    u: Floats
    v: Floats
    skin: Floats
    hair: Floats
    cover: Floats

    @classmethod
    def of(cls, mesh: Floats, target: Floats, shut: Floats, size: int) -> "_Sheet":
        """Draw the whole crop; ``shut`` is how far each eye is, float32 (2,)."""
        step = next(step for most, step in STEPS if size <= most)
        source, goal = _with_rings(mesh, target)
        order = np.concatenate([np.arange(len(TRIANGLES), len(_TRIANGLES)), far_to_near(target, TRIANGLES)])
        raster = rasterise(((goal + 0.5) / step - 0.5).astype(np.float32), _TRIANGLES, size // step, order)
        corners = np.empty((_POINTS, 7), np.float32)
        corners[:, :2] = source - goal
        corners[:, 2:6] = _FIXED
        corners[:VERTICES, 6] = COVER * (1 - shut @ LIDS) * (1 - EDGE * (1 - smooth(towards_camera(target) / ASLANT)))
        corners[VERTICES:, 6] = 0
        *moves, u, v, skin, hair, cover = raster.sheets(corners)
        free = _SKIN[raster.numbers]
        skin *= free
        cover *= free
        right, down, cover = (np.asarray(cv2.blur(each, (3, 3)), np.float32) for each in (*moves, cover))
        moved = (np.abs(right) + np.abs(down) > STILL).astype(np.float32)
        middles = (np.arange(0, size, step) + (step - 1) / 2).astype(np.float32)
        return cls(step, 0, 0, right + middles, down + middles[:, None], moved, u, v, skin, hair, cover)

    def around(self, wanted: NDArray[np.bool_]) -> "_Sheet | None":
        """The part of it around what is ``wanted``, bool (h, w); None where that is nothing."""
        x, y, width, height = cv2.boundingRect(wanted.view(np.uint8))
        if not width:
            return None
        rows = slice(max(y - MARGIN, 0), y + height + MARGIN)
        columns = slice(max(x - MARGIN, 0), x + width + MARGIN)
        parts = {name: getattr(self, name)[rows, columns] for name in _CARRIED}
        return replace(self, top=rows.start * self.step, left=columns.start * self.step, **parts)

    @property
    def rows(self) -> slice:
        """The crop's rows that it covers."""
        return slice(self.top, self.top + self.step * len(self.cover))

    @property
    def columns(self) -> slice:
        """The crop's columns that it covers."""
        return slice(self.left, self.left + self.step * self.cover.shape[1])

    def large(self, values: Floats) -> Floats:
        """``values`` of any small size at the crop's pixels: float32 (h * step, w * step, ...)."""
        height, width = self.cover.shape
        return np.asarray(cv2.resize(values, (width * self.step, height * self.step)), np.float32)


def _with_rings(mesh: Floats, target: Floats) -> tuple[Points, Points]:
    """Where the points and those of the rings are in the frame, and where they are drawn: float32 (_POINTS, 2) both."""
    outline, motion = mesh[AROUND, :2], target[AROUND, :2] - mesh[AROUND, :2]
    around = rings(outline, [size for size, _ in RINGS])
    follow = np.concatenate([share * motion for _, share in RINGS])
    return np.concatenate([mesh[:, :2], around]), np.concatenate([target[:, :2], around + follow])


def _fixed() -> Floats:
    """What never changes of the points: u, v, skin and hair, float32 (_POINTS, 4)."""
    fixed = np.zeros((_POINTS, 4), np.float32)
    fixed[:VERTICES] = np.column_stack([ATLAS, SKIN, HAIR_OF_PERFORMER])
    fixed[VERTICES:, :2] = np.tile(ATLAS[AROUND], (len(RINGS), 1))
    return fixed


_FIXED: Final = _fixed()
#: 0 for the triangles of eyes and mouth, by a triangle's number in the raster.
_SKIN: Final = 1 - np.concatenate([[0], HOLES, np.zeros(len(_TRIANGLES) - len(TRIANGLES))]).astype(np.float32)


def _bend(crop: Bytes, sheet: _Sheet) -> tuple[Bytes, Bytes]:
    """The performer's picture with the photograph's shape, and the eyes and the mouth at its places.

    Returns it, uint8 (S, S, 3), and where it was moved, uint8 (S, S), 255 there.
    """
    picture, mask = crop.copy(), np.zeros(crop.shape[:2], np.uint8)
    part = sheet.around(cv2.dilate(sheet.moved, np.ones((5, 5), np.uint8)) > 0)
    if part is None:
        return picture, mask
    # OpenCV is fast with four channels, and slow with three.
    four = np.asarray(cv2.cvtColor(crop, cv2.COLOR_RGB2RGBA), np.uint8)
    bent = looked_up(four, part.large(part.seen_x), part.large(part.seen_y))
    picture[part.rows, part.columns] = cv2.cvtColor(bent, cv2.COLOR_RGBA2RGB)
    soft = part.large(np.asarray(cv2.blur(part.moved, (7, 7)), np.float32))
    mask[part.rows, part.columns] = cv2.convertScaleAbs(soft, alpha=255)
    return picture, mask


def _textured(texture: Bytes, sheet: _Sheet) -> Bytes:
    """The texture, uint8 (S, S, 4), at the sheet's places at full size."""
    x, y = (sheet.large(each * np.float32(len(texture)) - np.float32(0.5)) for each in (sheet.u, sheet.v))
    return looked_up(texture, x, y)


def _sampled(values: Floats, sheet: _Sheet) -> Floats:
    """``values`` in the atlas, float32 (K, K), at the sheet's places, as small as it is."""
    x, y = (each * np.float32(WRINKLES_SIDE) - np.float32(0.5) for each in (sheet.u, sheet.v))
    return looked_up(values, x, y)


def _edge(sheet: _Sheet, likeness: Floats) -> Floats:
    """How much of the photograph is shown, as small as the sheet: less where the performer's hair hangs."""
    like = cv2.resize(likeness, sheet.cover.shape[::-1])
    hanging = np.clip(1.5 * sheet.hair, 0, 1) * (1 - like)
    free = cv2.blur(cv2.erode(1 - hanging, np.ones((3, 3), np.uint8)), (3, 3))
    return np.asarray(np.clip(sheet.cover * free * BOLD, 0, 1), np.float32)


def _small(values: Floats) -> Floats:
    return np.asarray(cv2.resize(values, (SMALL, SMALL), interpolation=cv2.INTER_AREA), np.float32)


def _read(picture: Bytes, step: int) -> Bytes:
    """``picture``, uint8 (h * step, w * step, K), as light is read of it: uint8 (SMALL, SMALL, K)."""
    small = halve(picture, step.bit_length() - 1)  # means of 2x2 pixels cost next to nothing
    return np.asarray(cv2.resize(small, (SMALL, SMALL), interpolation=cv2.INTER_AREA), np.uint8)
