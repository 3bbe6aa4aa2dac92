"""Pictures that move (GIF, WebP, APNG, AVIF), read with the time that each is shown."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from realtime.media.colorspace import Codes
from realtime.media.picture import opened
from realtime.media.pixel_limit import MAX_PIXELS

__all__ = ["Moment", "loops_of", "read_animation"]

#: What is shown for 10 ms or less, browsers show for 100: so files mean it.
_SHORTEST, _USUAL = 11, 100


@dataclass(frozen=True, slots=True)
class Moment:
    """One picture of an animation: uint8 (H, W, 3) RGB, alpha (H, W) or None, and how many milliseconds it stands."""

    samples: Codes
    alpha: Codes | None
    duration: int


def read_animation(path: Path, max_pixels: int = MAX_PIXELS) -> Iterator[Moment]:
    """The pictures of ``path``, whole, one after the other. Raises ``InputError``."""
    with opened(path, max_pixels=max_pixels) as image:
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            rgba = np.asarray(image.convert("RGBA"))
            alpha = np.ascontiguousarray(rgba[..., 3])
            yield Moment(np.ascontiguousarray(rgba[..., :3]), None if alpha.min() == 255 else alpha, _duration(image))


def loops_of(path: Path, max_pixels: int = MAX_PIXELS) -> int:
    """How often an animation starts again, 0 for ever; 0 too for what is none."""
    with opened(path, max_pixels=max_pixels) as image:
        loops = image.info.get("loop", 0)
    return loops if isinstance(loops, int) else 0


def _duration(image: Image.Image) -> int:
    duration = round(float(image.info.get("duration") or 0))
    return duration if duration >= _SHORTEST else _USUAL
