"""The masks that come with the program, drawn by code: what they are made of. None of them depicts anybody.

Another one is one more file here, and a line below.
"""

from collections.abc import Callable
from typing import Final

from realtime.masks.material import Material
from realtime.masks.materials.gold import gold
from realtime.masks.materials.marble import marble
from realtime.masks.materials.neon import neon
from realtime.masks.materials.porcelain import porcelain
from realtime.masks.materials.wood import wood

__all__ = ["MATERIALS"]

#: By the name in a model's manifest.
MATERIALS: Final[dict[str, Callable[[], Material]]] = {
    "gold": gold,
    "marble": marble,
    "neon": neon,
    "porcelain": porcelain,
    "wood": wood,
}
