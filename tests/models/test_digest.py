"""The digest of training data: of shapes and bytes in their order, wherever they lie."""

import hashlib
from pathlib import Path

import numpy as np

from models.digest import digest


def test_it_is_that_of_shapes_and_bytes() -> None:
    first = np.arange(2 * 3 * 4 * 3, dtype=np.uint8).reshape(2, 3, 4, 3)
    second = np.full((2, 5), 7, np.uint8)
    sha256 = hashlib.sha256(b"(2, 3, 4, 3)" + first.tobytes() + b"(2, 5)" + second.tobytes())
    assert digest(first, second) == sha256.hexdigest()


def test_it_tells_apart_shapes_orders_and_single_bytes() -> None:
    array = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    other = array + np.uint8(1)
    changed = array.copy()
    changed[1, 2, 3] ^= 1
    asked = [(array,), (array.reshape(2, 4, 3),), (changed,), (array, other), (other, array), ()]
    assert len({digest(*arrays) for arrays in asked}) == len(asked)


def test_it_is_the_same_for_a_view_and_for_a_file(tmp_path: Path) -> None:
    array = np.random.default_rng(1).integers(0, 256, (4, 8, 6, 3), np.uint8)
    np.save(tmp_path / "array.npy", array)
    mapped = np.load(tmp_path / "array.npy", mmap_mode="r")
    assert digest(mapped) == digest(array)
    assert digest(array[:, ::-1]) == digest(np.ascontiguousarray(array[:, ::-1])) != digest(array)
