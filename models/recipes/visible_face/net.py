"""The network: a small U of convolutions. Shapes at the end of the line, (C, H, W) for one crop."""

from typing import Final

from torch import Tensor, nn

from models.recipes.face_finder.nets import conv

__all__ = ["WEIGHTS", "VisibleNet"]

#: Name of the weights in a run's folder.
WEIGHTS: Final = "visible.pt"


class VisibleNet(nn.Module):
    """A face crop to two logits a pixel: whether it lies within the face's outline, and whether a thing covers it.

    Input float32 (N, 3, 128, 128), RGB in 0..1; output float32 (N, 2, 128, 128).
    """

    def __init__(self) -> None:
        super().__init__()
        self.s2 = conv(3, 16, 3, 2)  # (16, 64, 64)
        self.s4 = nn.Sequential(conv(16, 32, 3, 2), conv(32, 32))  # (32, 32, 32)
        self.s8 = nn.Sequential(conv(32, 48, 3, 2), conv(48, 48))  # (48, 16, 16)
        self.s16 = nn.Sequential(conv(48, 64, 3, 2), conv(64, 64), conv(64, 64))  # (64, 8, 8)
        self.from16, self.at8 = nn.Conv2d(64, 48, 1), self._refine(48)
        self.from8, self.at4 = nn.Conv2d(48, 32, 1), self._refine(32)
        self.from4, self.at2 = nn.Conv2d(32, 16, 1), self._refine(16)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        self.head = nn.Sequential(nn.Conv2d(16, 8, 1), nn.PixelShuffle(2))  # (2, 128, 128)

    @staticmethod
    def _refine(channels: int) -> nn.Sequential:
        return nn.Sequential(conv(channels, channels, 3, groups=channels), conv(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 128, 128) -> (N, 2, 128, 128)."""
        s2 = self.s2((x - 0.5) * 4.0)
        s4 = self.s4(s2)
        s8 = self.s8(s4)
        s8 = self.at8(s8 + self.up(self.from16(self.s16(s8))))
        s4 = self.at4(s4 + self.up(self.from8(s8)))
        out: Tensor = self.head(self.at2(s2 + self.up(self.from4(s4))))
        return out
