"""The error-correcting code of the watermark: 30 bits become 64.

The extended BCH code (64, 30) of distance 14: generator polynomial 157464165547 (octal; S. Lin and D. Costello,
*Error Control Coding*, table of primitive BCH codes), then one bit that makes the number of ones even. It is
decoded with soft decisions by ordered statistics (M. Fossorier and S. Lin, 1995): guess the bits that are surest,
try every few errors among them, and keep the codeword that fits best.
"""

from functools import lru_cache
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.runtime.arrays import Bytes, Floats

__all__ = ["LENGTH", "MESSAGE", "decode", "encode"]

#: Bits of a codeword, and of the message in it.
LENGTH: Final = 64
MESSAGE: Final = 30

_GENERATOR: Final = 0o157464165547

#: So many errors among the surest bits are tried.
_ORDER: Final = 3


def encode(message: Bytes) -> Bytes:
    """``message`` uint8 (30,) of 0 and 1 to its codeword uint8 (64,); the message comes first."""
    return message @ _matrix() % 2


def decode(values: Floats, known: Bytes) -> tuple[Bytes, Floats]:
    """The codeword that fits ``values`` best, uint8 (64,), and how well all that were tried fit, the best first.

    ``values`` is float32 (64,): the sign is the bit (negative for 1), the size how sure it is. ``known`` is uint8
    (K,): the first bits of the message, which are not up for decision. A fit is the sum of the values, each with
    its sign turned where the codeword has a 1; float32 (G,).
    """
    matrix = _matrix()
    start = encode(np.concatenate([known, np.zeros(MESSAGE - len(known), np.uint8)]))
    # What is known is taken out: what is left to find is a word of the smaller code.
    values = values * (1 - 2 * start.astype(np.float32))
    rows, columns = _independent(matrix[len(known) :], np.argsort(-np.abs(values), kind="stable"))
    first = (values[columns] < 0).astype(np.uint8)
    guesses = first ^ _flips(len(columns))  # (G, 30 - K)
    words = (guesses.astype(np.float32) @ rows.astype(np.float32)).astype(np.uint8) % 2  # (G, 64)
    fits = (1 - 2 * words.astype(np.float32)) @ values
    order = np.argsort(-fits, kind="stable")
    return words[order[0]] ^ start, fits[order]


@lru_cache(maxsize=1)
def _matrix() -> Bytes:
    """The generator matrix, uint8 (30, 64), its first 30 columns the unit matrix."""
    degree = LENGTH - 1 - MESSAGE
    rows = []
    for place in range(MESSAGE):
        word = rest = 1 << (LENGTH - 2 - place)
        for bit in range(LENGTH - 2, degree - 1, -1):
            if rest >> bit & 1:
                rest ^= _GENERATOR << (bit - degree)
        word ^= rest
        rows.append([word >> bit & 1 for bit in range(LENGTH - 2, -1, -1)] + [word.bit_count() & 1])
    return np.array(rows, np.uint8)


def _independent(matrix: Bytes, order: NDArray[np.intp]) -> tuple[Bytes, list[int]]:
    """``matrix`` with its rows combined so that the first columns in ``order`` that can be are unit vectors."""
    rows, columns = matrix.copy(), list[int]()
    for column in order.tolist():
        done = len(columns)
        if done == len(rows):
            break
        candidates = np.flatnonzero(rows[done:, column])
        if not len(candidates):
            continue
        pivot = done + int(candidates[0])
        rows[[done, pivot]] = rows[[pivot, done]]
        others = np.flatnonzero(rows[:, column])
        rows[others[others != done]] ^= rows[done]
        columns.append(column)
    return rows, columns


@lru_cache(maxsize=4)
def _flips(length: int) -> Bytes:
    """Every pattern of at most three errors, uint8 (G, length)."""
    chosen = [places for count in range(_ORDER + 1) for places in combinations(range(length), count)]
    flips = np.zeros((len(chosen), length), np.uint8)
    for flip, places in zip(flips, chosen, strict=True):
        flip[list(places)] = 1
    return flips
