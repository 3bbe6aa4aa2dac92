"""Colour transfer: how the swapped face takes on the colours of the shot. One file a mode, found by its name.

A mode is a module of this package with a function ``transfer``; to add one, put a file here.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import UsageError

__all__ = ["Transfer", "modes", "open_color"]


class Transfer(Protocol):
    """A colour mode: pure, and quick enough for every face of every frame."""

    def __call__(self, swapped: Bytes, crop: Bytes, mask: Bytes) -> Bytes:
        """The swapped face in its new colours, uint8 (S, S, 3) RGB.

        ``swapped`` and ``crop``, what was there before, are uint8 (S, S, 3) RGB; ``mask`` is uint8 (S, S),
        255 on the face. The arguments are left as they are; ``swapped`` itself may come back.
        """


def modes() -> tuple[str, ...]:
    """The names of all modes."""
    return tuple(sorted(module.name for module in iter_modules(__path__)))


def open_color(name: str) -> Transfer:
    """The mode of that name; ``UsageError`` where there is none."""
    if name not in modes():
        raise UsageError(f"there is no colour mode named {name!r}; choose one of {', '.join(modes())}")
    return cast(Transfer, import_module(f"{__name__}.{name}").transfer)
