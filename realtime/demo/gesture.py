"""How the portrait holds itself from moment to moment: head, eyes and brows, as plain functions of time."""

from dataclasses import dataclass
from math import exp, pi, sin
from typing import Final

from realtime.demo.speech import Speech

__all__ = ["Gesture", "gesture"]


@dataclass(frozen=True, slots=True)
class Gesture:
    """One moment. At the defaults the photograph stands as it was taken.

    ``yaw``, ``pitch`` and ``roll`` in radians: the nose to the picture's right, down, and the crown to the
    right; ``shift`` of the head in pixels of the photograph (x, y); ``blink`` 0 (open) .. 1 (closed);
    ``brow`` 0..1 (raised); ``gaze`` of the irises in pixels (x, y); ``opening``, ``rounding`` and ``shut`` of
    the mouth, 0..1 each; ``zoom`` of the camera, 1 or more.
    """

    yaw: float = 0.0
    pitch: float = 0.0
    roll: float = 0.0
    shift: tuple[float, float] = (0.0, 0.0)
    blink: float = 0.0
    brow: float = 0.0
    gaze: tuple[float, float] = (0.0, 0.0)
    opening: float = 0.0
    rounding: float = 0.0
    shut: float = 0.0
    zoom: float = 1.0


_DEGREE: Final = pi / 180
#: When the eyes close, in seconds; a longer clip starts over.
_BLINKS: Final = (0.75, 2.15, 2.45, 4.3, 6.05)
_BLINK_PERIOD_S: Final = 7.0
#: Nods: when, how deep in degrees, how long in seconds (standard deviation).
_NODS: Final = ((1.35, 5.0, 0.16), (3.55, 7.0, 0.19), (4.15, 4.0, 0.17))
_BROWS: Final = ((1.0, 0.8, 0.25), (4.6, 1.0, 0.35))
#: When the mouth lets go of its smile and when it comes back, at a clip's end.
_SMILE_S: Final = 0.9


def gesture(seconds: float, length: float, speech: Speech) -> Gesture:
    """The moment at ``seconds`` of a clip that is ``length`` seconds long and says ``speech``."""
    t = seconds
    opening = float(speech.at(speech.opening, t))
    # Each clip starts and ends on the photograph's own smile; in between the lips belong to the speech.
    smile = max(_ramp(1 - t / 0.35), _ramp(1 - (length - t) / _SMILE_S))
    yaw = 11.5 * sin(2 * pi * t / 4.4) + 2.0 * sin(2 * pi * t / 1.9 + 1.0) - 1.7
    pitch = 2.2 * sin(2 * pi * t / 2.7) + 1.4 * opening + _bumps(_NODS, t)
    roll = 3.2 * sin(2 * pi * t / 5.1 + 0.4) - 1.2
    return Gesture(
        yaw=yaw * _DEGREE,
        pitch=pitch * _DEGREE,
        roll=roll * _DEGREE,
        shift=(2.2 * sin(2 * pi * t / 4.4 - 0.5), 0.9 * sin(2 * pi * t / 3.4)),
        blink=_blink(t),
        brow=min(_bumps(_BROWS, t) + 0.25 * opening, 1.0),
        # The eyes stay with the viewer, so they turn against the head, and dart a little.
        gaze=(-0.075 * yaw + 0.25 * sin(2 * pi * t / 1.3), 0.04 * pitch),
        opening=opening * (1 - smile),
        rounding=(0.55 + 0.45 * float(speech.at(speech.rounding, t))) * (1 - smile),
        shut=float(speech.at(speech.shut, t)) * (1 - smile),
        zoom=1.0 + 0.03 * (1 - exp(-t / 6)),
    )


def _bumps(bumps: tuple[tuple[float, float, float], ...], t: float) -> float:
    return sum(height * exp(-0.5 * ((t - when) / width) ** 2) for when, height, width in bumps)


def _ramp(x: float) -> float:
    x = min(max(x, 0.0), 1.0)
    return x * x * (3 - 2 * x)


def _blink(t: float) -> float:
    """Lids shut in 70 ms, rest for 40 ms, and open more slowly."""
    since = [(t % _BLINK_PERIOD_S) - when for when in _BLINKS]
    return max(_ramp(1 + s / 0.07) if s < 0 else _ramp(1 - (s - 0.04) / 0.15) for s in since)
