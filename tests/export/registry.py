"""What exports of tests share: torch's translations of its operators to ONNX, and short ways to the same graph."""

from functools import cache

import pytest

__all__ = ["share_registry"]


def share_registry(patch: pytest.MonkeyPatch) -> None:
    """Make exports cheaper, the files the same to the bit. With another torch they may take their time."""
    _read_once(patch)
    _keep_shapes(patch)


def _read_once(patch: pytest.MonkeyPatch) -> None:
    """Torch reads its translations anew for each export: a second, longer than most of the small networks here."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        read = ONNXRegistry.from_torchlib
    except (ImportError, AttributeError):
        return
    patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(read)))


def _keep_shapes(patch: pytest.MonkeyPatch) -> None:
    """What an activation or a norm gives has its input's shape: by the general way torch takes a third of an export."""
    try:
        from torch import Tensor, empty, empty_strided, ops
        from torch._subclasses.fake_impls import get_fast_op_impls
        from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode

        known = get_fast_op_impls()
    except (ImportError, AttributeError):
        return

    def alike(mode: FakeTensorMode, given: Tensor, *_: object, **__: object) -> FakeTensor:
        shape = empty_strided(given.shape, given.stride(), dtype=given.dtype, device="meta")
        return FakeTensor(mode, shape, given.device)

    def norm(mode: FakeTensorMode, given: Tensor, *_: object, **__: object) -> tuple[FakeTensor, ...]:
        # What it would remember for a step of training is empty.
        return alike(mode, given), *(FakeTensor(mode, empty(0, device="meta"), given.device) for _ in range(2))

    patch.setitem(known, ops.aten.leaky_relu.default, alike)
    patch.setitem(known, ops.aten.relu.default, alike)
    patch.setitem(known, ops.aten._native_batch_norm_legit_no_training.default, norm)
