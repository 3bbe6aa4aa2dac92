"""The networks of the built-in face finder. Shapes at the end of the line, (C, H, W) for one picture."""

from typing import Final

import torch
from torch import Tensor, nn

from models.recipes.face_finder.descent import DescentStep
from realtime.finder.eyes_net import ZONE
from realtime.mesh.canonical import VERTICES

__all__ = [
    "DETECTOR_STRIDE",
    "DETECTOR_WEIGHTS",
    "EYES_WEIGHTS",
    "FACENESS_WEIGHTS",
    "LANDMARK_SIZE",
    "LANDMARK_WEIGHTS",
    "MESH_WEIGHTS",
    "DetectorNet",
    "EyesNet",
    "FacenessNet",
    "LandmarkNet",
    "MeshNet",
]

#: Names of the weights in a run's folder.
DETECTOR_WEIGHTS: Final = "detector.pt"
LANDMARK_WEIGHTS: Final = "landmarks.pt"
MESH_WEIGHTS: Final = "mesh.pt"
FACENESS_WEIGHTS: Final = "faceness.pt"
EYES_WEIGHTS: Final = "eyes.pt"

#: Side of the landmark net's input picture in pixels.
LANDMARK_SIZE: Final = 112
#: Pixels of the detector's input picture per cell of its output grid.
DETECTOR_STRIDE: Final = 8


#: Of the running statistics: batches are small, and the last layers have one value a picture.
MOMENTUM: Final = 0.02


def linear(inputs: int, outputs: int, kernel: int, stride: int, pad: int, groups: int, norm: bool) -> list[nn.Module]:
    """A convolution and batch norm, or with ``norm`` off one that has a bias, as the exporter leaves it."""
    filters = nn.Conv2d(inputs, outputs, kernel, stride, pad, groups=groups, bias=not norm)
    return [filters, nn.BatchNorm2d(outputs, momentum=MOMENTUM) if norm else nn.Identity()]


def conv(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1, norm: bool = True
) -> nn.Sequential:
    """A convolution, batch norm (folded into it by the exporter) and ReLU."""
    return nn.Sequential(*linear(inputs, outputs, kernel, stride, kernel // 2, groups, norm), nn.ReLU(inplace=True))


def conv_valid(channels: int, size: int, norm: bool = True) -> nn.Sequential:
    """A depthwise filter over the whole ``size`` x ``size`` map (MobileFaceNet, Chen et al., 2018)."""
    return nn.Sequential(*linear(channels, channels, size, 1, 0, channels, norm))


class Inverted(nn.Module):
    """MobileNetV2's block (Sandler et al., 2018): widen, filter each channel, project, add."""

    def __init__(self, inputs: int, outputs: int, expand: int, stride: int = 1, norm: bool = True) -> None:
        super().__init__()
        wide = inputs * expand
        self.add = stride == 1 and inputs == outputs
        self.body = nn.Sequential(
            conv(inputs, wide, 1, norm=norm),
            conv(wide, wide, 3, stride, groups=wide, norm=norm),
            *linear(wide, outputs, 1, 1, 0, 1, norm),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Keeps the shape but for ``outputs`` and ``stride``."""
        y: Tensor = self.body(x)
        return x + y if self.add else y


def late_blocks(norm: bool) -> list[nn.Module]:
    """From a map of (72, 14, 14) to a code of (224,): what landmarks and mesh each have of their own."""
    return [
        Inverted(72, 128, 4, 2, norm),  # (128, 7, 7)
        Inverted(128, 128, 3, 1, norm),
        Inverted(128, 128, 3, 1, norm),
        conv(128, 224, 1, norm=norm),  # (224, 7, 7)
        # One 7x7 filter a channel keeps where things are, which average pooling would lose.
        conv_valid(224, 7, norm),  # (224, 1, 1)
        nn.Flatten(),  # (224,)
    ]


class LandmarkNet(nn.Module):
    """A face crop to 68 landmarks and a presence logit; in training also the teacher's 468 mesh points.

    Input float32 (N, 3, 112, 112), RGB in 0..1. Points come out as (x, y) in the crop's unit square. With ``norm`` off
    it is the net as it is shipped, with batch norm folded into the convolutions.
    """

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        self.features = nn.Sequential(
            conv(3, 24, 3, 2, norm=norm),  # (24, 56, 56)
            conv(24, 32, 3, 2, norm=norm),  # (32, 28, 28)
            Inverted(32, 32, 3, 1, norm),
            Inverted(32, 32, 3, 1, norm),
            Inverted(32, 72, 4, 2, norm),  # (72, 14, 14)
            Inverted(72, 72, 3, 1, norm),
            Inverted(72, 72, 3, 1, norm),
            Inverted(72, 72, 3, 1, norm),
            *late_blocks(norm),  # (224,)
        )
        self.landmarks = nn.Linear(224, 68 * 2)
        self.presence = nn.Linear(224, 1)
        self.mesh = nn.Linear(224, VERTICES * 2)

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the mesh net starts from: (32, 28, 28) and (72, 14, 14)."""
        fine = self.features[:FINE]((x - 0.5) * 4.0)
        return fine, self.features[FINE:COARSE](fine)

    def heads(self, coarse: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Landmarks (N, 68, 2), presence logit (N,), mesh (N, 468, 2), from the coarse map."""
        code = self.features[COARSE:](coarse)
        points = self.landmarks(code).view(-1, 68, 2) + 0.5
        return points, self.presence(code).squeeze(1), self.mesh(code).view(-1, VERTICES, 2) + 0.5

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As of ``heads``."""
        return self.heads(self.maps(x)[1])


#: Layers of the landmark net up to its fine map, and up to its coarse one.
FINE: Final = 4
COARSE: Final = 8


class MeshNet(nn.Module):
    """Maps of the landmark net, which stays as it is, to the dense mesh.

    It begins as the landmark net's own last blocks; a second way in, from the fine map, is for lids and lips. What they
    find is then moved by what the fine map shows there.
    """

    def __init__(self) -> None:
        super().__init__()
        last = nn.Conv2d(64, 72, 1)
        nn.init.zeros_(last.weight)  # at first it adds nothing
        self.fine = nn.Sequential(conv(32, 64, 3, 2, norm=False), last)  # (72, 14, 14)
        self.blocks = nn.Sequential(*late_blocks(norm=False))  # (224,)
        self.mesh = nn.Linear(224, VERTICES * 3)
        self.step = DescentStep(224)

    def code(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(N, 32, 28, 28) and (N, 72, 14, 14) -> (N, 224)."""
        code: Tensor = self.blocks(coarse + self.fine(fine))
        return code

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """The mesh (N, 468, 3) in crop sides: x and y from the crop's corner, z from the face's middle."""
        code = self.code(fine, coarse)
        mesh: Tensor = self.step(self.first(code), fine, code)
        return mesh

    def first(self, code: Tensor) -> Tensor:
        """The mesh of a code, (N, 224) -> (N, 468, 3), before its last step."""
        mesh: Tensor = self.mesh(code).view(-1, VERTICES, 3)
        return mesh


class EyesNet(nn.Module):
    """The picture of one eye to the places of the mesh's points around it.

    Input float32 (N, 3, 48, 48), RGB in 0..1, an eye on its face's right as one looks at it; output (N, K, 2) in sides
    of that picture.
    """

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            conv(3, 24, 3, 2),  # (24, 24, 24)
            Inverted(24, 32, 3, 2),  # (32, 12, 12)
            Inverted(32, 32, 3, 1),
            Inverted(32, 64, 3, 2),  # (64, 6, 6)
            Inverted(64, 64, 2, 1),
            conv(64, 160, 1),  # (160, 6, 6)
            conv_valid(160, 6),  # (160, 1, 1)
            nn.Flatten(),  # (160,)
        )
        self.points = nn.Linear(160, len(ZONE) * 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 48, 48) -> (N, K, 2)."""
        points: Tensor = self.points(self.layers((x - 0.5) * 4.0))
        return points.view(-1, len(ZONE), 2) + 0.5


class FacenessNet(nn.Module):
    """Maps of the landmark net, which stays as it is, to whether the crop shows a face at all.

    The landmark net was shown faces and little else; this one has seen what looks like one and is none.
    """

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        self.fine = conv(32, 48, 3, 2, norm=norm)  # (48, 14, 14)
        self.blocks = nn.Sequential(
            conv(72 + 48, 64, 1, norm=norm),
            Inverted(64, 96, 2, 2, norm),  # (96, 7, 7)
            Inverted(96, 96, 2, 1, norm),
            conv_valid(96, 7, norm),  # (96, 1, 1)
            nn.Flatten(),  # (96,)
        )
        self.last = nn.Linear(96, 1)

    def forward(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """(N, 32, 28, 28) and (N, 72, 14, 14) -> logit (N,)."""
        logit: Tensor = self.last(self.blocks(torch.cat([self.fine(fine), coarse], dim=1))).squeeze(1)
        return logit


class DetectorNet(nn.Module):
    """A whole picture to a grid of faces, one prediction a cell of 8 x 8 pixels, CenterNet fashion.

    Input float32 (N, 3, H, W), RGB in 0..1, H and W multiples of 32. Output (N, 5, H/8, W/8): a face logit and the
    box's left, top, right and bottom distances from the cell's centre, as logarithms of multiples of the stride.
    A face that fills the picture and one of 12 pixels share the grid: a cell sees the picture through strides
    of 8, 16 and 32.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(conv(3, 16, 3, 2), conv(16, 24, 3, 2))  # (24, H/4, W/4)
        self.s8 = nn.Sequential(conv(24, 48, 3, 2), Inverted(48, 48, 2), Inverted(48, 48, 2))  # (48, H/8, W/8)
        self.s16 = nn.Sequential(Inverted(48, 64, 3, 2), Inverted(64, 64, 3), Inverted(64, 64, 3))
        self.s32 = nn.Sequential(Inverted(64, 96, 3, 2), Inverted(96, 96, 3), Inverted(96, 96, 3), Inverted(96, 96, 3))
        self.from32 = conv(96, 64, 1)
        self.from16 = conv(64, 48, 1)
        self.up = nn.Upsample(scale_factor=2, mode="nearest")
        last = nn.Conv2d(48, 5, 1)
        if last.bias is not None:
            last.bias.data[0] = -4.0  # few cells show a face, and the loss should not have to say so first
        self.head = nn.Sequential(Inverted(48, 48, 2), conv(48, 48, 3), last)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 5, H/8, W/8)."""
        s8 = self.s8(self.stem((x - 0.5) * 4.0))
        s16 = self.s16(s8)
        s32 = self.s32(s16)
        s16 = s16 + self.up(self.from32(s32))
        out: Tensor = self.head(s8 + self.up(self.from16(s16)))
        return out
