"""Digests of training data, so that a model file can say what it was made from."""

import hashlib

from realtime.runtime.arrays import Bytes

__all__ = ["digest"]


def digest(*arrays: Bytes) -> str:
    """sha256 over shapes and bytes of uint8 arrays, of any shape, in their order; 64 hexadecimal digits."""
    sha256 = hashlib.sha256()
    for array in arrays:
        sha256.update(repr(array.shape).encode())
        for part in array:  # one picture at a time, since the array may be mapped from a file
            sha256.update(part.tobytes())
    return sha256.hexdigest()
