"""What every architecture offers: one encoder shared by all sides, and a way back to a picture for each side."""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import ClassVar

from torch import Tensor, nn

from realtime.runtime.errors import UsageError

__all__ = ["Config", "Network"]


class Network(nn.Module, ABC):
    """An autoencoder with one encoder and a way back for each identity.

    What a face shares with every other face (pose, expression, light) passes through the code; what is its
    own stays in its decoder. Swapping is encoding A's face and decoding it as B.
    """

    def __init__(self, sides: int = 1) -> None:
        super().__init__()
        self.sides = sides

    @abstractmethod
    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        """Code of ``face``, float (B, 3, S, S) RGB in 0..1: tensors that only ``decode`` reads."""

    @abstractmethod
    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        """Picture of side ``side``: float (B, 4, S, S), RGB and mask, nominally in 0..1 but not clipped."""

    def forward(self, face: Tensor, side: int) -> Tensor:
        """Encode ``face`` and decode it as ``side``; shapes as in ``encode`` and ``decode``."""
        return self.decode(self.encode(face), side)


@dataclass(frozen=True)
class Config(ABC):
    """The numbers that fix an architecture; written into checkpoints and manifests.

    ``size`` is the side of a picture in pixels, ``sides`` the number of identities. Raises ``UsageError`` where the
    numbers do not fit together.
    """

    name: ClassVar[str]

    size: int = 64
    sides: int = 2

    def __post_init__(self) -> None:
        if self.sides < 1:
            raise UsageError("a network needs at least one side")
        self.check_size()

    @abstractmethod
    def check_size(self) -> None:
        """Raise ``UsageError`` where the architecture has no such ``size``."""

    @abstractmethod
    def build(self) -> Network:
        """A network with fresh weights."""

    def fields(self) -> dict[str, object]:
        """The numbers by name, with the architecture's own name under ``name``; JSON can hold them."""
        return {"name": self.name, **asdict(self)}
