"""Which version of this program is installed."""

from functools import cache
from importlib.metadata import version

__all__ = ["our_version"]


@cache
def our_version() -> str:
    """As ``0.1.0``; looked up once, since Python reads the package's whole description to find it."""
    return version("mummer")
