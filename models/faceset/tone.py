"""HDR faces made SDR, on request: training mixes well only within one kind of picture.

Transfer curves are those of ITU-R BT.2100 (PQ, HLG with its system gamma at 1000 cd/m²); diffuse white lies at 203
cd/m² (BT.2408). Up to 60 % of it light is kept as it is, above a shoulder after Reinhard et al. (*Photographic Tone
Reproduction*, 2002) brings 1000 cd/m² down to white. It works on the strongest channel, so that hues stay.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

import cv2
import numpy as np

from models.faceset.record import Colors
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["HDR", "tone_mapper"]

#: Diffuse white and peak, cd/m².
WHITE: Final = 203.0
PEAK: Final = 1000.0
KNEE: Final = 0.6
#: BT.2020 to BT.709 primaries (BT.2087).
_TO_709: Final = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)
_Curve: TypeAlias = Callable[[Floats], Floats]


def _pq(codes: Floats) -> Floats:
    """Code values 0..1 to cd/m², SMPTE ST 2084."""
    power = codes ** (1 / 78.84375)
    light = np.maximum(power - 0.8359375, 0) / (18.8515625 - 18.6875 * power)
    return np.asarray(10_000 * light ** (1 / 0.1593017578125), np.float32)


def _hlg(codes: Floats) -> Floats:
    """Code values 0..1 to scene light 0..1, ARIB STD-B67."""
    low, high = codes**2 / 3, (np.exp((codes - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return np.asarray(np.where(codes <= 0.5, low, high), np.float32)


def _displayed(scene: Floats) -> Floats:
    """HLG's scene light, float32 (H, W, 3), as a display of 1000 cd/m² shows it."""
    luma = scene @ np.array([0.2627, 0.678, 0.0593], np.float32)
    return np.asarray(PEAK * np.maximum(luma, 1e-6)[..., None] ** 0.2 * scene, np.float32)


#: By FFmpeg's name of the transfer: the curve, and what leads from there to cd/m².
HDR: Final[dict[str, tuple[_Curve, _Curve]]] = {
    "smpte2084": (_pq, lambda light: light),
    "arib-std-b67": (_hlg, _displayed),
}


def tone_mapper(colors: Colors) -> Callable[[Bytes], Bytes] | None:
    """What makes crops, uint8 (H, W, 3) RGB, of such a source SDR; None where they are SDR already."""
    if colors.transfer not in HDR:
        return None
    curve, display = HDR[colors.transfer]
    light_of = curve(np.arange(256, dtype=np.float32) / np.float32(255))
    wide = colors.primaries == "bt2020"

    def map_tones(crop: Bytes) -> Bytes:
        light: Floats = display(light_of[crop]) / np.float32(WHITE)
        if wide:
            light = np.asarray(cv2.transform(light, _TO_709), np.float32)
        light = np.maximum(light, np.float32(0))
        strongest = np.maximum(light.max(axis=2, keepdims=True), 1e-6)
        light *= _shoulder(strongest) / strongest
        return np.asarray(np.rint(255 * np.clip(light, 0, 1) ** (1 / 2.4)), np.uint8)

    return map_tones


def _shoulder(light: Floats) -> Floats:
    """Light over diffuse white to 0..1: the same up to the knee, then ever less, 1 at the peak."""
    over = np.maximum(light - KNEE, 0) / (1 - KNEE)
    end = (PEAK / WHITE - KNEE) / (1 - KNEE)
    return np.asarray(np.minimum(light, KNEE) + (1 - KNEE) * over * (1 + over / end**2) / (1 + over), np.float32)
