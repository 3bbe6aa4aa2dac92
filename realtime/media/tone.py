"""HDR for eyes that know SDR only, such as a model's: a curve there, and the same curve back.

PQ (SMPTE ST 2084) says light in cd/m2; HLG (ITU-R BT.2100) is taken as shown on a display of 1000 cd/m2. Reference
white is 203 cd/m2 (ITU-R BT.2408); up to 70 % of an SDR signal nothing changes but the coding, above the light of
highlights is pressed together, so that 1000 cd/m2 are still told from white. The primaries stay as they are.
"""

from functools import cache
from typing import Final

import numpy as np
from av.video.reformatter import ColorTrc
from numpy.typing import NDArray

from realtime.runtime.arrays import Bytes

__all__ = ["HDR", "from_sdr", "to_sdr"]

#: The transfer curves, by FFmpeg's codes, that are HDR, and what people call them.
HDR: Final = {int(ColorTrc.SMPTE2084): "PQ", int(ColorTrc.ARIB_STD_B67): "HLG"}

#: float64 (N,).
Values = NDArray[np.float64]


def to_sdr(transfer: int) -> Bytes:
    """The SDR code, uint8 (256,), for each HDR code of 0..255."""
    signal = np.linspace(0, 1, 256)
    return np.rint(255 * _pressed(_light(signal, transfer))).astype(np.uint8)


def from_sdr(transfer: int) -> NDArray[np.uint16]:
    """The HDR code in 256ths, uint16 (256,), for each SDR code of 0..255."""
    signal, wanted = _fine(), np.linspace(0, 1, 256)
    back = np.interp(wanted, _pressed(_light(signal, transfer)), signal)
    return np.rint(255 * 256 * back).astype(np.uint16)


@cache
def _fine() -> Values:
    return np.linspace(0, 1, 1 << 14)


def _light(signal: Values, transfer: int) -> Values:
    """cd/m2 of a signal of 0..1."""
    if HDR[transfer] == "PQ":
        m1, m2, c1, c2, c3 = 1305 / 8192, 2523 / 32, 107 / 128, 2413 / 128, 2392 / 128
        root = signal ** (1 / m2)
        return np.asarray(10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1))
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return np.asarray(PEAK * scene**1.2)


def _pressed(light: Values) -> Values:
    """The SDR signal, 0..1, for light in cd/m2; rises up to ``PEAK``."""
    signal = (light / WHITE) ** (1 / GAMMA)
    most = (PEAK / WHITE) ** (1 / GAMMA) - KNEE
    above = np.clip(signal - KNEE, 0, most)
    return np.where(signal <= KNEE, signal, KNEE + (1 - KNEE) * np.log1p(BEND * above) / np.log1p(BEND * most))


WHITE: Final = 203.0
PEAK: Final = 1000.0
#: Of an SDR display (ITU-R BT.1886).
GAMMA: Final = 2.4
KNEE: Final = 0.7
#: With it the curve has no corner at the knee.
BEND: Final = 8.0
