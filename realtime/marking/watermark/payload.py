"""What the watermark says, and its 64 bits."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from realtime.marking.watermark import code
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["KNOWN_BITS", "MODEL_DIGITS", "Payload", "Tool", "payload_of"]

#: Hexadecimal digits of the model file's sha256 that the mark holds.
MODEL_DIGITS: Final = 6

_VERSION_BITS, _TOOL_BITS, _MODEL_BITS = 2, 4, 4 * MODEL_DIGITS

#: The format that this program writes and reads; another version may lie otherwise in the picture.
_VERSION: Final = 1


class Tool(IntEnum):
    """The program that made the picture, 1 to 15."""

    MUMMER = 1


@dataclass(frozen=True, slots=True)
class Payload:
    """``version`` of the format (0..3), ``tool`` (0..15), ``model``: the first six hex digits of its sha256."""

    model: str
    tool: Tool = Tool.MUMMER
    version: int = _VERSION

    def __post_init__(self) -> None:
        if len(self.model) != MODEL_DIGITS or not set(self.model) <= set("0123456789abcdef"):
            raise ValueError(f"{self.model!r} is not {MODEL_DIGITS} hexadecimal digits")

    def fits(self, sha256: str) -> bool:
        """Whether the model file with this sha256 (64 hex digits) may be the one."""
        return sha256.lower().startswith(self.model)

    def encode(self) -> Bytes:
        """The 64 bits, uint8 (64,) of 0 and 1."""
        return code.encode(np.concatenate([_head(self.version, self.tool), _bits(int(self.model, 16), _MODEL_BITS)]))

    def hex(self) -> str:
        """The 64 bits as 16 hexadecimal digits."""
        return np.packbits(self.encode()).tobytes().hex()

    @classmethod
    def decode(cls, values: Floats) -> tuple["Payload", Floats]:
        """The payload that fits best, and the fits, as ``code.decode`` has them.

        ``values`` float32 (64,): negative for 1, the greater the surer.
        """
        word, fits = code.decode(values, _head(_VERSION, Tool.MUMMER))
        model = word[_VERSION_BITS + _TOOL_BITS : code.MESSAGE]
        return cls(np.packbits(model).tobytes().hex()), fits


#: Bits that are free: any payload that is read is one of two to this power.
KNOWN_BITS: Final = _MODEL_BITS


def payload_of(sha256: str) -> Payload:
    """What this program writes into pictures made with the model file of this sha256 (64 hex digits)."""
    return Payload(sha256[:MODEL_DIGITS].lower())


def _head(version: int, tool: int) -> Bytes:
    return np.concatenate([_bits(version, _VERSION_BITS), _bits(tool, _TOOL_BITS)])


def _bits(number: int, count: int) -> Bytes:
    """The lowest ``count`` bits, the greatest first, uint8 of 0 and 1."""
    return np.array([number >> bit & 1 for bit in range(count - 1, -1, -1)], np.uint8)
