"""Orders of a faceset, by name."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeAlias

from models.faceset.record import Record
from models.faceset.similarity import chain

if TYPE_CHECKING:
    from _typeshed import SupportsRichComparison

__all__ = ["ORDERS", "ordered"]

_Order: TypeAlias = Callable[[Sequence[Record]], list[int]]


def _by(key: Callable[[Record], "SupportsRichComparison"]) -> _Order:
    """Indices in the order of ``key``; what is equal stays in place."""
    return lambda records: sorted(range(len(records)), key=lambda index: key(records[index]))


def _row(record: Record) -> tuple[int, float]:
    """Rows of ten degrees of pitch, from above to below, each from the left to the right."""
    return -round(record.pitch / 10), record.yaw


#: What ``mummer faceset sort --by`` takes.
ORDERS: Final[dict[str, _Order]] = {
    "time": _by(lambda record: (record.source.name, record.source.sha256, record.frame, record.track)),
    "pose": _by(_row),
    "yaw": _by(lambda record: record.yaw),
    "pitch": _by(lambda record: record.pitch),
    "sharpness": _by(lambda record: -record.sharpness),
    "brightness": _by(lambda record: record.brightness),
    "similarity": chain,
}


def ordered(records: Sequence[Record], by: str) -> list[Record]:
    """``records`` in the order called ``by``, one of ``ORDERS``."""
    return [records[index] for index in ORDERS[by](records)]
