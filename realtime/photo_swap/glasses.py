"""Glasses in a photograph: told by thin lines around the eyes and across the nose, and painted out.

Otherwise their rims would be dragged over the performer's face, as a drawing on the skin.
"""

from functools import cache
from typing import Final

import cv2
import numpy as np

from realtime.mesh.expression import NEUTRAL
from realtime.mesh.vertices import EYES
from realtime.photo_swap.brightness import light_of, with_light
from realtime.photo_swap.unrolled import unrolled
from realtime.photo_swap.weighted import weighted_mean
from realtime.photo_swap.zones import AMID, BROW_POINTS, SKIN, away
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["without_glasses"]

#: Side of the texture in which lines are looked for, and the width below which something is a line, in its pixels.
SIDE: Final = 512
WIDTH: Final = 13
#: How far a line is from what is around it, as a share of the face's brightness, to be one; and to be painted out.
LINE, FAINT = 0.08, 0.05
#: How bright a line over a brow is, as a share of the face's brightness, to be metal that shines and no skin.
SHINES: Final = 1.05
#: Shares of the nose's bridge and of the places below the eyes that lines cover where there are glasses.
BRIDGE, BELOW = 0.15, 0.06
#: Lines are painted out with so many pixels around them.
MARGIN: Final = 7
#: Side of the texture in which the colour behind lenses is compared with that around them, and the scales of both.
COARSE: Final = 256
NEAR, FAR = 4.0, 24.0
#: By how much the skin there may be brighter, and of another colour, in logarithms.
BRIGHTER, TINT = 0.02, 0.03


def without_glasses(texture: Bytes) -> Bytes | None:
    """The unrolled face, uint8 (S, S, 3) RGB, with its glasses painted out; None where there are none to be seen."""
    small = np.asarray(cv2.resize(texture, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
    around, bridge, below, brows = _zones()
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.uint8)
    level = max(float(np.median(grey[around > 0.5])), 20.0)
    dark, bright = (_lines(grey, how) / level for how in (cv2.MORPH_BLACKHAT, cv2.MORPH_TOPHAT))
    lines = np.maximum(dark, bright)
    if float((lines > LINE)[bridge > 0.5].mean()) < BRIDGE or float((lines > LINE)[below > 0.5].mean()) < BELOW:
        return None
    shines = (bright > LINE) & (grey > SHINES * level) & (brows > 0.5)
    mask = (((lines > FAINT) & (np.maximum(around, bridge) > 0.3)) | shines).astype(np.uint8)
    mask = np.asarray(cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((2, 2), np.uint8)), np.uint8)
    mask = np.asarray(cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (MARGIN, MARGIN))), np.uint8)
    painted = np.asarray(cv2.inpaint(small, mask, 7, cv2.INPAINT_TELEA), np.float32)
    share = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)
    size = texture.shape[1::-1]
    share = np.clip(1.3 * cv2.resize(share, size), 0, 1)[..., None]
    full = texture + (cv2.resize(painted, size) - texture) * share
    return _without_reflections(np.asarray(np.clip(full, 0, 255), np.uint8))


def _without_reflections(texture: Bytes) -> Bytes:
    """The texture, uint8 (S, S, 3) RGB, with the skin behind the lenses in the colour of the skin around them.

    Coated lenses tint it, and what they mirror makes it brighter; darker it may be, as skin below eyes is.
    """
    lens, beyond = _lenses()
    small = np.asarray(cv2.resize(texture, (COARSE, COARSE), interpolation=cv2.INTER_AREA), np.uint8)
    light = light_of(small)
    off = weighted_mean(light, np.maximum(lens, np.float32(0.02)), NEAR) - weighted_mean(light, beyond, FAR)
    luma = off.mean(axis=2, keepdims=True)
    tint = off - luma
    wanted = np.minimum(luma, BRIGHTER) + tint * np.minimum(
        1, TINT / np.maximum(np.linalg.norm(tint, axis=2, keepdims=True), 1e-6)
    )
    return with_light(texture, (wanted - off) * lens[..., None])


@cache
def _lenses() -> tuple[Floats, Floats]:
    """The skin behind lenses, and that around them: float32 (COARSE, COARSE), 0..1."""
    eyes, off_brow = away([v for eye in EYES for v in eye]), away(BROW_POINTS)
    behind = np.clip(eyes / 0.4, 0, 1) * np.clip((2.8 - eyes) / 0.5, 0, 1) * np.clip(off_brow / 0.6 - 0.4, 0, 1)
    beyond = SKIN * (1 - behind) * (eyes < 6) * AMID
    lens, around = unrolled(np.column_stack([behind, beyond]), COARSE)
    return lens, around


def _lines(grey: Bytes, how: int) -> Floats:
    """By how many levels each pixel is darker, or brighter, as ``how`` says, than all that is wider than a line."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (WIDTH, WIDTH))
    return np.asarray(cv2.morphologyEx(grey, how, disc), np.float32)


@cache
def _zones() -> tuple[Floats, Floats, Floats, Floats]:
    """Around the eyes where rims may be, the bridge of the nose, below the eyes, and over the brows.

    float32 (SIDE, SIDE) each, 0..1.
    """
    eyes = [vertex for eye in EYES for vertex in eye]
    x, y = NEUTRAL[:, 0], NEUTRAL[:, 1] - NEUTRAL[eyes, 1].mean()
    off_eye, off_brow = away(eyes), away(BROW_POINTS)
    around = np.clip((off_eye - 0.35) / 0.3, 0, 1) * np.clip((2.8 - off_eye) / 0.4, 0, 1)
    around *= np.clip(off_brow / 0.6 - 0.4, 0, 1)
    bridge = np.clip(1.5 - np.abs(x), 0, 1) * np.clip(1.6 - 1.2 * np.abs(y), 0, 1)
    below = around * np.clip((y - 0.6) / 0.4, 0, 1) * np.clip((np.abs(x) - 1.6) / 0.4, 0, 1)
    over = np.clip(2 - off_brow / 0.6, 0, 1) * np.clip((off_eye - 0.35) / 0.3, 0, 1)
    near_eyes, nose, under, brows = unrolled(np.column_stack([around, bridge, below, over]), SIDE)
    return near_eyes, nose, under, brows
