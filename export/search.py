"""Which parts of a graph to leave as they are, found by measuring.

For half precision and for whole numbers alike: the least that has to stay in single precision for the picture to be
good enough.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from realtime.runtime.errors import ModelError

__all__ = ["Conversion", "leave_out"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Conversion(Generic[T]):
    """A converted graph, its quality in dB, and what was left as it is, the most harmful first.

    ``alone`` is the quality with one part converted and no other; empty where the whole graph was good enough.
    """

    model: T
    quality: float
    left_out: tuple[str, ...]
    alone: dict[str, float]


def leave_out(
    parts: Sequence[str], convert: Callable[[Collection[str]], T], quality: Callable[[T], float], bar: float
) -> Conversion[T]:
    """Convert as many of ``parts`` as the ``bar`` of ``quality`` (dB, more is better) allows.

    ``convert`` makes the graph with the given parts left as they are. Where converting all of them is too much, each
    is measured alone, and the harmful ones are left out, worst first; how many, a bisection finds. Raises
    ``ModelError`` where nothing can be converted.
    """
    whole = convert(())
    measured = quality(whole)
    if measured >= bar:
        return Conversion(whole, measured, (), {})
    alone = {part: quality(convert([other for other in parts if other != part])) for part in parts}
    worst_first = sorted(parts, key=lambda part: alone[part])
    low, high = 1, len(parts)  # the least count that is enough lies between
    found: Conversion[T] | None = None
    while low < high:
        count = (low + high) // 2
        model = convert(worst_first[:count])
        measured = quality(model)
        if measured >= bar:
            found, high = Conversion(model, measured, tuple(worst_first[:count]), alone), count
        else:
            low = count + 1
    if found is None:
        raise ModelError(f"no part of the network can be converted and keep {bar:g} dB; not written")
    return found
