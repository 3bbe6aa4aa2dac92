"""The masks that come with the program: their files hold a manifest only, and ``realtime/masks`` draws them."""

from realtime.masks.materials import MATERIALS
from realtime.runtime.files import write_whole
from realtime.swap.drawing import SUFFIX
from realtime.swap.library import ASSETS
from realtime.swap.mask import pack_material

__all__ = ["write_masks"]


def write_masks() -> None:
    """Write them among the assets."""
    for name in MATERIALS:
        write_whole(ASSETS / f"{name}{SUFFIX}", pack_material(name))


if __name__ == "__main__":
    write_masks()
