"""The swapped face as the model made it."""

from realtime.runtime.arrays import Bytes

__all__ = ["transfer"]


def transfer(swapped: Bytes, crop: Bytes, mask: Bytes) -> Bytes:
    """``swapped``, untouched."""
    return swapped
