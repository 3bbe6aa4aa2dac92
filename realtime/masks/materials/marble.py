"""White stone with grey veins, polished."""

import numpy as np

from realtime.masks.layout import positions
from realtime.masks.material import Material
from realtime.masks.materials.palette import cavity, cover, gloss, mix, shares, sheet
from realtime.masks.noise import fractal, waves
from realtime.masks.relief import carve
from realtime.masks.sculpture import TABLE, sculpture
from realtime.masks.studio import polished

__all__ = ["marble"]

#: Veins from the broad to the fine: a seed, how long their waves are, how wide and how dark they are.
VEINS = ((41, 7.5, 0.030, 0.62), (51, 4.6, 0.020, 0.40), (61, 2.6, 0.022, 0.20))


def marble() -> Material:
    """See the module's text."""
    ground = positions(TABLE)
    bent = ground + np.float32(1.4) * np.stack([fractal(ground, 6.0, seed, 4) for seed in (11, 21, 31)], axis=-1)
    clouds = fractal(bent, 5.0, 71)
    veins = np.zeros((TABLE, TABLE), np.float32)
    for seed, scale, width, strength in VEINS:
        # Veins thin out and end: they run where a second pattern lets them.
        runs = shares(0.5 + 1.4 * waves(ground, 5.0, seed + 1))
        veins += strength * runs * np.exp(-np.abs(waves(bent, scale, seed)) / np.float32(width))
    veins += 0.16 * shares(clouds - 0.25)
    parts = sculpture(TABLE)
    hollow = carve(parts.height).hollow
    color = mix((232, 229, 222), (212, 210, 207), 0.5 + 0.5 * clouds)
    color = cover(color, (118, 121, 130), np.clip(veins, 0, 0.75))
    # Light travels within the stone: its shadows are warm and never deep.
    color *= cavity(hollow, 0.34)[..., None] ** np.array((0.8, 1.0, 1.15), np.float32)
    return Material(sheet(color), gloss(parts.height, np.full_like(hollow, 0.30), polished(36, 0.42, 0.20)))
