"""The two forms of a model file: our own, bytes in and out, and the ecosystem's ``.dfm``, floats in and out.

Whatever a network answers, the graph around it does the rest: layout, colour order, range, size, rounding.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from models.architectures import Network
from realtime.runtime.arrays import Bytes, Floats
from realtime.swap.manifest import Tensors

__all__ = ["ANSWER", "FORMS", "Form", "Picture"]

#: The output that is compared and then cut off: the network's own answer, float32 (N, 4, S, S).
ANSWER: Final = "answer"


class Picture(nn.Module):
    """Side ``side`` of ``network`` for pictures of ``size`` pixels: float (N, 3, P, P) in, (N, 4, P, P) out, RGB 0..1.

    Where the network works at another size, pictures are resized on the way in and on the way out.
    """

    def __init__(self, network: Network, side: int, inner: int, size: int) -> None:
        super().__init__()
        self.network = network
        self.side = side
        self.inner = inner
        self.size = size

    def forward(self, rgb: Tensor) -> Tensor:
        """RGB to RGB and mask, see above."""
        answer: Tensor = self.network(resize(rgb, self.inner), self.side)  # (N, 4, S, S)
        return resize(answer, self.size).clamp(0, 1)  # (N, 4, P, P)


def resize(picture: Tensor, size: int) -> Tensor:
    """Square pictures (N, C, P, P) at ``size`` pixels: bilinear, and anti-aliased where they shrink."""
    if picture.shape[-1] == size:
        return picture
    shrinks = picture.shape[-1] > size
    return F.interpolate(picture, size=(size, size), mode="bilinear", antialias=shrinks)


class Form(ABC):
    """How a model file takes faces and gives them back. Faces are uint8 (N, P, P, 3) RGB on our side of it."""

    tensors: ClassVar[Tensors]
    #: Names of the outputs in their order.
    outputs: ClassVar[tuple[str, ...]]
    #: Which of the outputs are masks.
    masks: ClassVar[tuple[str, ...]]
    #: How far an output may lie from the answer by rounding alone, on 0..1.
    rounding: ClassVar[float] = 0.0
    #: Whether a file may hold several sides, and an input that chooses.
    chooses: ClassVar[bool] = False
    #: Whether pictures come and go as bytes.
    in_bytes: ClassVar[bool] = False

    @abstractmethod
    def wrap(self, picture: Picture) -> nn.Module:
        """The module to export: this form's input to this form's outputs and, last, ``ANSWER``."""

    @abstractmethod
    def to_input(self, faces: Bytes) -> NDArray[np.uint8] | Floats:
        """``faces`` as the graph takes them."""

    @abstractmethod
    def from_outputs(self, outputs: Mapping[str, NDArray[np.uint8] | Floats]) -> Floats:
        """The graph's outputs as float32 (N, 4, P, P), RGB and mask in 0..1."""


class Own(Form):
    """uint8 (N, P, P, 3) RGB in; uint8 (N, P, P, 3) RGB and uint8 (N, P, P, 1) out: a quarter of the floats' bytes."""

    tensors = Tensors()
    outputs = ("swapped", "mask")
    masks = ("mask",)
    rounding = 0.5 / 255
    chooses = True
    in_bytes = True

    def wrap(self, picture: Picture) -> nn.Module:
        """See ``Form.wrap``."""
        return _Bytes(picture)

    def to_input(self, faces: Bytes) -> NDArray[np.uint8] | Floats:
        """See ``Form.to_input``."""
        return faces

    def from_outputs(self, outputs: Mapping[str, NDArray[np.uint8] | Floats]) -> Floats:
        """See ``Form.from_outputs``."""
        levels = np.concatenate([outputs["swapped"], outputs["mask"]], axis=-1)
        return levels.transpose(0, 3, 1, 2).astype(np.float32) / np.float32(255)


class Dfm(Form):
    """The contract of DeepFaceLab's exported models, which DeepFaceLive and FaceFusion read.

    ``in_face:0`` float32 (N, P, P, 3) BGR 0..1; out ``out_face_mask:0`` (N, P, P, 1), ``out_celeb_face:0`` (N, P, P,
    3) BGR and ``out_celeb_face_mask:0`` (N, P, P, 1), all in 0..1. Both masks are our one.
    """

    tensors = Tensors(
        input="in_face:0",
        swapped="out_celeb_face:0",
        mask="out_celeb_face_mask:0",
        color_order="BGR",
        dtype="float32",
        value_range=(0, 1),
    )
    outputs = ("out_face_mask:0", "out_celeb_face:0", "out_celeb_face_mask:0")
    masks = ("out_face_mask:0", "out_celeb_face_mask:0")

    def wrap(self, picture: Picture) -> nn.Module:
        """See ``Form.wrap``."""
        return _Floats(picture)

    def to_input(self, faces: Bytes) -> NDArray[np.uint8] | Floats:
        """See ``Form.to_input``."""
        return np.ascontiguousarray(faces[..., ::-1]).astype(np.float32) / np.float32(255)

    def from_outputs(self, outputs: Mapping[str, NDArray[np.uint8] | Floats]) -> Floats:
        """See ``Form.from_outputs``."""
        face, mask = outputs["out_celeb_face:0"][..., ::-1], outputs["out_celeb_face_mask:0"]
        return np.concatenate([face, mask], axis=-1).transpose(0, 3, 1, 2).astype(np.float32)


class _Bytes(nn.Module):
    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rgb = face.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)  # (N, 3, P, P)
        answer: Tensor = self.picture(rgb)  # (N, 4, P, P)
        # Conversion cuts the fraction off, so half a level is added first.
        rounded = (answer * 255 + 0.5).to(torch.uint8)
        return rounded[:, :3].permute(0, 2, 3, 1), rounded[:, 3:].permute(0, 2, 3, 1), answer


class _Floats(nn.Module):
    def __init__(self, picture: Picture) -> None:
        super().__init__()
        self.picture = picture

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        answer: Tensor = self.picture(face.permute(0, 3, 1, 2).flip(1))  # (N, 4, P, P)
        mask = answer[:, 3:].permute(0, 2, 3, 1)
        return mask, answer[:, :3].flip(1).permute(0, 2, 3, 1), mask.clone(), answer


#: By the suffix of the file.
FORMS: Final[Mapping[str, Form]] = {".onnx": Own(), ".dfm": Dfm()}
