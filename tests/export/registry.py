"""What exports of tests share: torch's translations of its operators to ONNX, and short ways to the same graph."""

from functools import cache
from typing import Any

import pytest

__all__ = ["share_registry"]


def share_registry(patch: pytest.MonkeyPatch) -> None:
    """Make exports cheaper, the files the same to the bit. With another torch they may take their time."""
    _read_once(patch)
    _decompose_by_one_table(patch)
    _keep_shapes(patch)


def _read_once(patch: pytest.MonkeyPatch) -> None:
    """Torch reads its translations anew for each export: a second, longer than most of the small networks here."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry

        read = ONNXRegistry.from_torchlib
    except (ImportError, AttributeError):
        return
    patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(read)))


def _decompose_by_one_table(patch: pytest.MonkeyPatch) -> None:
    """Torch asks anew, for each export, which of its thousands of operators are made of others, and bends them all.

    What it is told is remembered by what it asks with: the operators that ONNX has, the libraries that have any. Bent
    are those that the network has.
    """
    try:
        from torch import ops
        from torch.export import decomp_utils, exported_program
        from torch.onnx._internal.exporter import _decomp

        collect = exported_program._collect_all_valid_cia_ops
        table_of = _decomp.create_onnx_friendly_decomposition_table
        decompose = exported_program._decompose_and_get_gm_with_new_signature_constants
    except (ImportError, AttributeError):
        return
    made = cache(lambda libraries: collect())
    table = cache(lambda known, libraries: table_of(set(known)))

    def libraries() -> frozenset[str]:
        return frozenset(ops._dir)

    def only_its_own(program: Any, *, cia_to_decomp: dict[Any, Any], **options: Any) -> Any:
        there = {node.target for node in program.graph.nodes}
        few = {each: how for each, how in cia_to_decomp.items() if each in there}
        return decompose(program, cia_to_decomp=few, **options)

    for module in (decomp_utils, exported_program):
        patch.setattr(module, "_collect_all_valid_cia_ops", lambda: {*made(libraries())})
    patch.setattr(
        _decomp, "create_onnx_friendly_decomposition_table", lambda known: {**table(frozenset(known), libraries())}
    )
    patch.setattr(exported_program, "_decompose_and_get_gm_with_new_signature_constants", only_its_own)


def _keep_shapes(patch: pytest.MonkeyPatch) -> None:
    """What an activation, a norm or a clamp gives has its input's shape.

    By the general way torch takes a third of an export for them.
    """
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

    patch.setitem(known, ops.aten.clamp.default, alike)
    patch.setitem(known, ops.aten.leaky_relu.default, alike)
    patch.setitem(known, ops.aten.relu.default, alike)
    patch.setitem(known, ops.aten._native_batch_norm_legit_no_training.default, norm)
