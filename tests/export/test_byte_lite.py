"""``lite`` in bytes from end to end: the same pictures, and nothing but bytes between its layers."""

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import pytest

from export.byte_lite import in_bytes
from export.forms import FORMS
from export.grid import Grid, best_grid
from export.model import ExportRequest, export_model
from export.parity import GraphRunner, psnr
from models.architectures.lite import Lite
from realtime.inference.onnx_runtime import onnxruntime
from realtime.inference.session import SILENT
from realtime.swap import open_model
from tests.export.networks import card, expected, faces, shaken, small

OWN = FORMS[".onnx"]


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"size": 128, "skips": 3, "residuals": (1, 0, 0, 0)},
        {"skips": 1, "residuals": (0, 0, 2, 1)},
        {"encoder": (16, 32, 16, 8), "decoder": (24, 16, 8, 16), "neck": 8, "code": 12, "skips": 2},
    ],
    ids=["plain", "as the statue", "residuals", "widths"],
)
def test_it_answers_as_torch_does(fields: dict[str, object]) -> None:
    config = small("lite", **fields)
    network, pictures = shaken(config), faces(config.size).samples
    assert isinstance(network, Lite)
    model = in_bytes(network, 1, pictures)
    onnx.checker.check_model(model, full_check=True)
    right = expected(network, 1, pictures).transpose(0, 3, 1, 2).astype(np.float32) / 255
    assert psnr(GraphRunner(model, OWN)(pictures), right) > 28  # nets that learnt nothing answer in what is left over


def test_runtimes_make_integer_kernels_of_it(tmp_path: Path) -> None:
    """As ONNX Runtime optimises it: no layer is left in floats, and no picture is turned but around the code."""
    config, optimised = small("lite", skips=3), tmp_path / "optimised.onnx"
    network, options = shaken(config), onnxruntime.SessionOptions()
    assert isinstance(network, Lite)
    options.optimized_model_filepath, options.log_severity_level = str(optimised), SILENT
    onnxruntime.InferenceSession(in_bytes(network, 0, faces(64).samples).SerializeToString(), options)
    kinds = Counter(node.op_type for node in onnx.load(optimised).graph.node)
    layers = len([module for module in network.modules() if hasattr(module, "weight")]) // 2 + 1  # of two sides, one
    assert kinds["QLinearConv"] + kinds["QGemm"] >= layers
    assert kinds["Conv"] == kinds["Gemm"] == 0
    assert kinds["Transpose"] <= 2


def test_an_export_takes_it_where_it_is_good_enough(tmp_path: Path) -> None:
    config, path, pictures = small("lite"), tmp_path / "model.onnx", faces(64)
    network = shaken(config)
    exported = export_model(network, config, ExportRequest((0, 1), 64, "int8"), card(0, 1), pictures, path)
    assert all(side.model.graph.name == "bytes" and not side.found.left_out for side in exported.sides if side.found)
    assert exported.manifest.precision == "int8"
    model = open_model(str(path), "cpu")
    for side, who in ((1, "bob"), (0, "ada")):
        model.identity = who
        swapped, mask = model.swap(pictures.samples)
        errors = np.concatenate([swapped, mask[..., None]], -1) - expected(network, side, pictures.samples)
        assert 10 * np.log10(255**2 / np.square(errors).mean()) > 35
    # The encoder is there once.
    assert path.stat().st_size < 0.9 * sum(side.model.ByteSize() for side in exported.sides)
    (side,) = export_model(
        network, config, ExportRequest((0,), 64, "int8", quality=50), card(0), pictures, tmp_path / "finer.onnx"
    ).sides
    assert side.model.graph.name != "bytes" and side.found is not None and side.found.left_out


def test_a_grid_has_zero_and_spares_the_rare() -> None:
    random = np.random.default_rng(0)
    values = np.concatenate([random.uniform(-1, 1, 1_000_000), [1.3]]).astype(np.float32)
    grid = best_grid(values)
    assert grid.rounded(np.zeros(1, np.float32))[0] == 0
    assert grid.scale * (255 - grid.zero) < 1.29
    even = best_grid(np.linspace(-1, 3, 1000, dtype=np.float32))
    assert even.scale == pytest.approx(4 / 255, rel=0.02) and even.zero == 64
    positive = best_grid(np.linspace(0, 2, 1000, dtype=np.float32))
    assert positive == Grid(positive.scale, 0)
    behind = best_grid(np.linspace(-8, 2, 1000, dtype=np.float32), slope=0.01)
    assert behind.scale < best_grid(np.linspace(-8, 2, 1000, dtype=np.float32)).scale
