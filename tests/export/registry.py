"""Torch's translations of its operators to ONNX, read once for all the exports of a worker."""

from functools import cache

import pytest

__all__ = ["share_registry"]


def share_registry(patch: pytest.MonkeyPatch) -> None:
    """Torch reads them anew for each export, which takes a second: longer than most of the small networks here."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        read = ONNXRegistry.from_torchlib
    except (ImportError, AttributeError):
        return  # another torch: no slower than it is
    patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(read)))
