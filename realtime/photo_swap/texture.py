"""From a photograph to a texture of the whole face: unrolled, filled where nothing is shown, without hair."""

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES
from realtime.mesh.normals import towards_camera
from realtime.mesh.raster import Raster, rasterise
from realtime.photo_swap.behind import wall_in
from realtime.photo_swap.brightness import light_of, with_light
from realtime.photo_swap.glasses import without_glasses
from realtime.photo_swap.highlights import without_highlights
from realtime.photo_swap.lookup import look_up
from realtime.photo_swap.skin import skin_of
from realtime.photo_swap.unrolled import unrolled
from realtime.photo_swap.weighted import blurred
from realtime.photo_swap.zones import AMID, HAIR, RIM, SKIN
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["SIDE", "View", "blurred", "make_texture", "make_textures", "view_of"]

#: The texture's side in pixels: a face of some 500 px keeps all its detail.
SIDE: Final = 1024
#: A point whose normal has this share towards the camera, or less, is not seen; from the second on, all of it.
UNSEEN, SEEN = 0.38, 0.68
#: How much of the difference between the halves is taken to be light, and the scales at which it is looked for.
EVENNESS: Final = 0.85
EVENED: Final = (SIDE / 4 / 14, SIDE / 4 / 40)
#: A place near the outline is believed where it is seen so well, as a factor.
TRUST: Final = 2.5
#: Photographs that have a texture of their own; the others fill the gaps of those.
MOST_TEXTURES: Final = 8
#: How much better a texture's own photograph counts as seen, where it shows what the others show.
FAVOUR: Final = 4
#: Less like skin than this is something else, and more surely skin.
UNLIKE, ALIKE = 0.3, 0.6
#: Hair is told from skin at a quarter of the side.
COARSE: Final = SIDE // 4


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """One photograph unrolled: ``rgb`` uint8 (SIDE, SIDE, 3), ``seen`` float32 (SIDE, SIDE), how well it shows what.

    ``glasses`` says that it showed some, which were painted out.
    """

    rgb: Bytes
    seen: Floats
    glasses: bool = False


def view_of(picture: Bytes, mesh: Floats) -> View:
    """Unroll the face of ``picture``, uint8 (H, W, 3) RGB, with ``mesh``, float32 (468, 3) in its pixels."""
    towards = towards_camera(mesh)
    places = _layout().interpolate(np.column_stack([mesh[:, :2], towards]).astype(np.float32))
    rgb = look_up(picture, np.ascontiguousarray(places[..., :2]), cv2.INTER_CUBIC)
    rgb, shown = _without_background(rgb)
    seen = np.clip((places[..., 2] - UNSEEN) / (SEEN - UNSEEN), 0, 1) * _inside(SIDE) * shown
    bare = without_glasses(rgb)
    return View(rgb if bare is None else bare, np.asarray(seen, np.float32), bare is not None)


def _without_background(texture: Bytes) -> tuple[Bytes, Floats]:
    """The texture with skin where it shows a wall, and how likely it is skin that it shows: 1 but near the outline.

    uint8 (SIDE, SIDE, 3) RGB, and float32 (SIDE, SIDE) in 0..1.
    """
    small = np.asarray(cv2.resize(texture, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.uint8)
    sure, rim, skin = unrolled(np.column_stack([SKIN * AMID, RIM, SKIN]), COARSE)
    colours = skin_of(small, sure)
    likeness = np.asarray(cv2.erode(colours.strictly(small), np.ones((19, 19), np.uint8)), np.float32)
    wall = wall_in(small, colours)
    shown = np.asarray(cv2.resize((1 - rim * (1 - likeness)) * (1 - wall), (SIDE, SIDE)), np.float32)
    if not wall.any():
        return texture, shown
    face = np.asarray(_inside(COARSE) * (1 - wall) * (likeness > 0.5), np.float32)
    going_on = cv2.resize(_continued(small, face, skin), (SIDE, SIDE))
    full = cv2.resize(wall, (SIDE, SIDE))[..., None]
    return np.asarray(texture * (1 - full) + going_on * full, np.uint8), shown


def make_textures(views: list[View]) -> list[Bytes]:
    """A texture for each of ``views``, at most ``MOST_TEXTURES``, see ``make_texture``: all are lit as the first."""
    if len(views) == 1:
        return [make_texture(views)]
    return [make_texture(views, number) for number in range(min(len(views), MOST_TEXTURES))]


def make_texture(views: list[View], favoured: int | None = None) -> Bytes:
    """One texture of all ``views``, uint8 (SIDE, SIDE, 3) RGB; that of number ``favoured`` where it shows anything.

    What none shows well is taken from its mirror image, with the light of the place it goes to.
    """
    inside = _inside(SIDE)
    first = views[0].rgb.astype(np.float32)
    weights = [(view.seen * (FAVOUR if number == favoured else 1) + 0.02) ** 2 for number, view in enumerate(views)]
    total = weights[0]
    mixed = first * total[..., None]
    for view, weight in zip(views[1:], weights[1:], strict=True):
        mixed += _lit_as(view.rgb.astype(np.float32), first, view.seen * views[0].seen) * weight[..., None]
        total = total + weight
    mixed /= total[..., None]
    seen = np.max([view.seen for view in views], axis=0)
    other = seen[:, ::-1]
    better = other > seen + 0.05
    own = np.where(better, seen, 1).astype(np.float32)
    own = np.asarray(cv2.GaussianBlur(own, (0, 0), SIDE / 60), np.float32)
    rim = np.asarray(cv2.resize(unrolled(RIM[:, None], COARSE)[0], (SIDE, SIDE)), np.float32)
    wall = better * np.clip(3 * rim, 0, 1) * np.clip(1 - 4 * seen, 0, 1)
    own = (own * (1 - wall)).astype(np.float32)  # nothing of what is no skin
    mirrored = np.ascontiguousarray(mixed[:, ::-1])
    mirrored = _lit_as(mirrored, mixed, own * inside * np.clip(3 * seen, 0.02, 1))
    filled = mixed * own[..., None] + mirrored * (1 - own[..., None])
    trust = np.clip(TRUST * (seen * own + other * (1 - own)), 0, 1).astype(np.float32)
    bald = _without_hair(np.clip(filled, 0, 255).astype(np.uint8), trust)
    return _extended(without_highlights(_evened(bald)))


def _lit_as(picture: Floats, like: Floats, weight: Floats) -> Floats:
    """``picture`` with the low frequencies of ``like``, read where ``weight`` says that both are good."""
    small = (COARSE, COARSE)
    sheets = [
        np.asarray(cv2.resize(each, small, interpolation=cv2.INTER_AREA), np.float32)
        for each in (weight.astype(np.float32), like, picture)
    ]
    lows = [blurred(each, sheets[0], COARSE / 12)[0] + np.float32(1e-3) for each in sheets[1:]]
    gain = np.clip(lows[0] / lows[1], 0.5, 2)
    return np.asarray(picture * cv2.resize(gain, (SIDE, SIDE)), np.float32)


def _without_hair(texture: Bytes, trust: Floats) -> Bytes:
    """The texture with skin where hair hung into the face; holes would let the performer's brows shine through.

    Near the outline the photograph may show what is behind the face: it counts by ``trust``, float32 (SIDE, SIDE).
    """
    small = np.asarray(cv2.resize(texture, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.uint8)
    inside = _inside(COARSE)
    sure, zone, skin, rim = unrolled(np.column_stack([SKIN * AMID, HAIR, SKIN, RIM]), COARSE)
    zone = np.clip(1.5 * zone, 0, 1)
    likeness = skin_of(small, sure).likeness(small)
    kept = _cut(small, likeness, zone, inside)
    shown = np.asarray(cv2.resize(trust, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.float32)
    margin = max(round(COARSE * 0.04), 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    kept = np.asarray(cv2.GaussianBlur(cv2.erode(kept, disc), (0, 0), COARSE / 70), np.float32)
    reach = cv2.GaussianBlur((zone > 0.3).astype(np.float32), (0, 0), 2)
    kept = np.maximum(kept, 1 - np.clip(4 * zone + reach, 0, 1))  # never in the middle of the face
    kept = np.minimum(kept, 1 - np.clip(3 * rim, 0, 1) * (1 - shown))
    full = cv2.resize(np.clip(kept, 0, 1), (SIDE, SIDE))[..., None]
    alike = np.clip((likeness - UNLIKE) / (ALIKE - UNLIKE), 0, 1)  # what is left of a strand does not go on as skin
    going_on = cv2.resize(_continued(small, kept * inside, skin * alike), (SIDE, SIDE))
    return np.asarray(np.clip(texture * full + going_on * (1 - full), 0, 255), np.uint8)


def _evened(texture: Bytes) -> Bytes:
    """The texture without most of its side light: both halves of a face are much alike, so what differs is light.

    Only the skin is compared, so that a raised brow stays one.
    """
    small = np.asarray(cv2.resize(texture, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.uint8)
    (weight,) = unrolled(SKIN[:, None], COARSE)
    light = light_of(small)
    change = np.zeros_like(light)
    for sigma in EVENED:  # from far to near
        near, total = blurred(light + change, weight, sigma)
        wide, all_ = blurred(light + change, weight, COARSE / 8)
        low = (near + 0.03 * wide) / (total + 0.03 * all_ + 1e-6)[..., None]
        change += EVENNESS / 2 * (low[:, ::-1] - low)
    return with_light(texture, change)


def _cut(small: Bytes, likeness: Floats, zone: Floats, inside: Floats) -> Floats:
    """1 where a pixel of ``small`` is skin, 0 where hair: by its likeness, then by its neighbours (GrabCut)."""
    labels = np.full(likeness.shape, cv2.GC_PR_FGD, np.uint8)
    labels[(zone > 0.3) & (likeness < 0.35)] = cv2.GC_PR_BGD
    labels[(zone > 0.6) & (likeness < 0.05)] = cv2.GC_BGD
    labels[zone < 0.05] = cv2.GC_FGD
    labels[inside == 0] = cv2.GC_PR_FGD
    if np.count_nonzero(labels == cv2.GC_BGD) > 30:
        outside = cv2.dilate((inside == 0).astype(np.uint8), np.ones((3, 3), np.uint8))
        whole = cv2.inpaint(small, outside, 3, cv2.INPAINT_TELEA)
        models = np.zeros((2, 1, 65))
        cv2.setRNGSeed(1)  # its clusters start at random
        cv2.grabCut(whole, labels, (0, 0, 0, 0), models[0], models[1], 4, cv2.GC_INIT_WITH_MASK)
    kept = ((labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)) & ((likeness > 0.3) | (zone < 0.3))
    kept |= inside == 0
    return np.asarray(cv2.morphologyEx(kept.astype(np.float32), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.float32)


def _continued(small: Bytes, kept: Floats, skin: Floats) -> Floats:
    """What skin there would be, float32 (COARSE, COARSE, 3): the blurred skin around, from near and, less, from far."""
    hard = kept * np.clip(1 - 3 * (1 - kept), 0, 1)
    weight = np.asarray(hard * skin, np.float32)
    colour: Floats = np.zeros(small.shape, np.float32)
    total = np.full(kept.shape, 1e-6, np.float32)
    for sigma, trust in ((COARSE / 30, 1.0), (COARSE / 10, 0.02), (COARSE / 4, 0.0005)):
        product, sum_ = blurred(small.astype(np.float32), weight, sigma)
        colour = colour + np.float32(trust) * product
        total = total + np.float32(trust) * sum_
    return np.asarray(colour / total[..., None], np.float32)


def _extended(texture: Bytes) -> Bytes:
    """The texture, going on beyond the face's outline, so that no filter finds black there."""
    # The outermost pixels may have been filled from beyond the outline of the other half.
    outside = cv2.dilate((_inside(SIDE) == 0).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    small = cv2.resize(texture, (COARSE, COARSE), interpolation=cv2.INTER_AREA)
    holes = cv2.dilate((_inside(COARSE) == 0).astype(np.uint8), np.ones((3, 3), np.uint8))
    around = cv2.resize(cv2.inpaint(small, holes, 5, cv2.INPAINT_TELEA), (SIDE, SIDE))
    return np.where(outside[..., None], around, texture).astype(np.uint8)


def _layout() -> Raster:
    return rasterise(ATLAS * SIDE - 0.5, TRIANGLES, SIDE)


def _inside(side: int) -> Floats:
    """1 where the face lies in a texture of ``side`` pixels, float32 (side, side)."""
    numbers = rasterise(ATLAS * side - 0.5, TRIANGLES, side).numbers
    return np.asarray(numbers > 0, np.float32)
