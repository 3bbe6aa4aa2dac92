"""Protocol Buffers' wire format, read from untrusted bytes: field by field, without copies.

Enough of https://protobuf.dev/programming-guides/encoding/ to look into an ONNX file before anything else does.
"""

from collections.abc import Iterator
from typing import Final, TypeAlias

__all__ = ["Value", "Wire", "WireError", "integers", "signed", "text"]

#: A varint as a non-negative integer, or the bytes of anything else.
Value: TypeAlias = "int | memoryview"

VARINT, EIGHT, BYTES, FOUR = 0, 1, 2, 5
#: Bytes of a varint of 64 bits.
LONGEST: Final = 10


class WireError(ValueError):
    """These bytes are no such message."""


class Wire:
    """Reads messages, at most ``fields`` fields in all, so that no file can keep a reader busy for long."""

    def __init__(self, fields: int) -> None:
        self._left = fields

    def fields(self, data: memoryview) -> Iterator[tuple[int, Value]]:
        """The fields of one message, uint8 (N,), in order: number and value. Raises ``WireError``."""
        at, end = 0, len(data)
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise WireError("it has more parts than any model needs")
            tag, at = _varint(data, at)
            number, kind = tag >> 3, tag & 7
            if number == 0:
                raise WireError("a field without a number")
            if kind == VARINT:
                value, at = _varint(data, at)
                yield number, value
                continue
            if kind == BYTES:
                size, at = _varint(data, at)
            elif kind in (EIGHT, FOUR):
                size = 8 if kind == EIGHT else 4
            else:
                raise WireError(f"a field of the unknown kind {kind}")
            if size > end - at:
                raise WireError("it is cut short")
            yield number, data[at : at + size]
            at += size


def integers(value: Value) -> Iterator[int]:
    """A repeated int64 field's values: one, or several in a row. Raises ``WireError``."""
    if isinstance(value, int):
        yield signed(value)
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield signed(number)


def text(value: memoryview) -> str:
    """A string field; what is no UTF-8 is replaced."""
    return bytes(value).decode(errors="replace")


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """The number that begins at ``at``, and where it ends."""
    number = 0
    for place in range(LONGEST):
        if at >= len(data):
            raise WireError("it is cut short")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return number & (1 << 64) - 1, at
    raise WireError("a number without an end")


def signed(number: int) -> int:
    """A varint as an int64."""
    return number - (1 << 64) if number >> 63 else number
