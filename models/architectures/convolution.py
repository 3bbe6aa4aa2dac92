"""A convolution for small pictures with many channels, which CPUs train faster as one matrix product."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["PatchConv2d"]


class PatchConv2d(nn.Conv2d):
    """A ``Conv2d`` in all but speed, for square kernels and pictures of about 4 x 4.

    There the weights are far larger than the picture, and oneDNN's convolutions, above all the gradient of the
    weights, reach a fifth of the speed of its matrix products. So while a CPU trains, the patches under the kernel are
    laid out as rows and multiplied; everywhere else this is the plain convolution.
    """

    def forward(self, x: Tensor) -> Tensor:
        """As ``Conv2d``'s: float (B, C, S, S) in, (B, outputs, s, s) out."""
        if not self.training or x.device.type != "cpu" or torch.compiler.is_compiling():
            return super().forward(x)
        (kernel, _), (stride, _), padding = self.kernel_size, self.stride, self.padding[0]
        assert isinstance(padding, int)  # noqa: S101  (narrows the type)
        lined = F.pad(x, [padding] * 4).permute(0, 2, 3, 1)  # (B, S, S, C)
        patches = lined.unfold(1, kernel, stride).unfold(2, kernel, stride)  # (B, s, s, C, k, k)
        count, height, width = patches.shape[:3]
        # Rows run by kernel row, column, channel: as weights lie in memory in the channels-last format.
        rows = patches.permute(0, 1, 2, 4, 5, 3).reshape(count * height * width, -1)  # (B * s * s, k * k * C)
        weight = self.weight.permute(0, 2, 3, 1).reshape(self.out_channels, -1)
        return F.linear(rows, weight, self.bias).view(count, height, width, -1).permute(0, 3, 1, 2)
