"""Malformed and malicious model files: one clear line each, nothing touched, no hang, bounded memory."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from realtime.inference import guarded_session
from realtime.inference.onnx_reader import GraphError, read_graph
from realtime.runtime.errors import ModelError
from realtime.swap import open_model
from realtime.swap.consent import Identity
from realtime.swap.manifest import KEY, Manifest, Training
from tests.realtime.tiny import CONSENT

SIZE = 32
ROOT = Path(__file__).parents[3]
HUGE = 10**12

node = helper.make_node


def manifest() -> str:
    return Manifest(
        architecture={"name": "hostile"},
        size=SIZE,
        template="whole-face",
        identities=(Identity(id="nobody", name="Nobody", kind="synthetic", consent=CONSENT),),
        licence="MIT",
        training=Training(counts=(1,), iterations=0, code_version="0"),
        weights_sha256="0" * 64,
    ).model_dump_json()


def numbers(name: str, *values: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(values, np.int64), name)


def good(*between: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...] = ()) -> onnx.ModelProto:
    """A model that turns a face negative, with more nodes ``between``; the last makes ``m``, which goes into the mask.

    ``one`` is a 1 that is computed from the face, so that nothing which uses it can be computed beforehand.
    """
    nodes = [
        node("Cast", ["face"], ["wide"], to=TensorProto.INT64),
        node("ReduceMax", ["wide"], ["most"], keepdims=0),
        node("Div", ["most", "most"], ["one"]),
        *between,
        node("BitwiseNot", ["face"], ["swapped"]),
        node("Slice", ["wide", "zeros", "ones", "last"], ["red"]),
        node("Add", ["red", "m" if between else "zeros"], ["sum"]),
        node("Cast", ["sum"], ["mask"], to=TensorProto.UINT8),
    ]
    picture = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "hostile",
        [picture("face", TensorProto.UINT8, ["n", SIZE, SIZE, 3])],
        [picture(name, TensorProto.UINT8, ["n", SIZE, SIZE, depth]) for name, depth in (("swapped", 3), ("mask", 1))],
        [numbers("zeros", 0), numbers("ones", 1), numbers("last", 3), *weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    helper.set_model_props(model, {KEY: manifest()})
    return model


def grown(*grow: onnx.NodeProto, weights: tuple[onnx.TensorProto, ...] = ()) -> onnx.ModelProto:
    """A model that makes a large ``big``, int64, and goes on with its greatest value."""
    return good(*grow, node("ReduceMax", ["big"], ["m"], keepdims=0), weights=weights)


def scaled(*sizes: int) -> tuple[onnx.TensorProto, ...]:
    return (numbers("sizes", *sizes),)


def at_run(op: str, inputs: list[str], **attributes: object) -> tuple[onnx.NodeProto, ...]:
    """An operator whose sizes depend on the face."""
    return node("Mul", ["sizes", "one"], ["shape"]), node(op, inputs, ["big"], **attributes)


def subgraph(
    name: str, *nodes: onnx.NodeProto, out: str, weights: tuple[onnx.TensorProto, ...] = ()
) -> onnx.GraphProto:
    result = helper.make_tensor_value_info(out, TensorProto.INT64, None)
    return helper.make_graph(list(nodes), name, [], [result], list(weights))


def nested(depth: int) -> onnx.ModelProto:
    inner = subgraph("leaf", node("Identity", ["one"], ["v0"]), out="v0")
    for level in range(1, depth):
        other = subgraph("other", node("Identity", ["one"], [f"o{level}"]), out=f"o{level}")
        branch = node("If", ["yes"], [f"v{level}"], then_branch=inner, else_branch=other)
        inner = subgraph(f"level{level}", branch, out=f"v{level}")
    return good(
        node("Cast", ["one"], ["yes"], to=TensorProto.BOOL),
        node("If", ["yes"], ["m"], then_branch=inner, else_branch=inner),
    )


def loop(trips: int) -> onnx.ModelProto:
    """Counts up for ever, or ``trips`` times."""
    body = helper.make_graph(
        [node("Add", ["had", "one"], ["has"]), node("Identity", ["on"], ["still"])],
        "body",
        [
            helper.make_tensor_value_info("trip", TensorProto.INT64, []),
            helper.make_tensor_value_info("on", TensorProto.BOOL, []),
            helper.make_tensor_value_info("had", TensorProto.INT64, []),
        ],
        [
            helper.make_tensor_value_info("still", TensorProto.BOOL, []),
            helper.make_tensor_value_info("has", TensorProto.INT64, []),
        ],
    )
    yes = numpy_helper.from_array(np.array(True), "yes")
    count = numpy_helper.from_array(np.array(trips, np.int64), "trips")
    return good(node("Loop", ["trips" if trips else "", "yes", "one"], ["m"], body=body), weights=(yes, count))


def changed(change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    model = good()
    change(model)
    return model


def outside(tensor: onnx.TensorProto) -> onnx.TensorProto:
    """Its data are in a file that blocks whoever opens it."""
    for data in ("raw_data", "int64_data"):
        tensor.ClearField(data)  # type: ignore[arg-type]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="pipe")
    return tensor


def claims(*shape: int, kind: int = TensorProto.FLOAT) -> onnx.TensorProto:
    return onnx.TensorProto(name="w", dims=shape, data_type=kind)


def constant(tensor: onnx.TensorProto) -> onnx.ModelProto:
    return good(node("Constant", [], ["c"], value=tensor), node("Mul", ["zeros", "one"], ["m"]))


def local_function(model: onnx.ModelProto) -> None:
    function = helper.make_function("", "Abs", ["x"], ["y"], [node("Neg", ["x"], ["y"])], [])
    model.functions.append(function)


def tag(number: int, kind: int, payload: bytes) -> bytes:
    size = len(payload)
    length = b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | kind]) + length + bytes([size]) + payload


def matryoshka(depth: int) -> bytes:
    """Graphs that hold a node with an attribute that is a graph, deeper than any library would write."""
    graph = b""
    for _ in range(depth):
        graph = tag(1, 2, tag(5, 2, tag(6, 2, graph)))
    return tag(7, 2, graph)


WHOLE = good().SerializeToString()

#: What is refused by a look at the bytes: the file, and words of the message.
ODD_BYTES: dict[str, tuple[bytes, str]] = {
    "cut in the middle": (WHOLE[: len(WHOLE) // 2], "cut short"),
    "cut at the end": (WHOLE[:-1], "cut short"),
    "noise": (np.random.default_rng(1).bytes(9999), "not an ONNX model"),
    "a number without an end": (b"\x08" + b"\xff" * 40, "without an end"),
    "more than it has": (b"\x3a\xff\xff\xff\xff\x0f", "cut short"),
    "groups": (b"\x0b\x0c" * 9, "unknown kind"),
    "a number for a graph": (b"\x38\x07", "not an ONNX model"),
    "no graph": (b"\x08\x0a", "no graph"),
    "a million empty nodes": (tag(7, 2, b"\x0a\x00" * 1_000_000), "more parts"),
    "graphs in graphs without an end": (matryoshka(2000), "nested"),
    "another program's format": (b"\x24\x00\x00\x00ORTM" + bytes(99), "not an ONNX model"),
}

ODD_GRAPHS: dict[str, tuple[onnx.ModelProto, str]] = {
    "weights outside": (changed(lambda m: outside(m.graph.initializer[0])), "another file"),
    "a constant outside": (constant(outside(numbers("w", 1))), "another file"),
    "a branch outside": (
        good(
            node("Cast", ["one"], ["yes"], to=TensorProto.BOOL),
            node(
                "If",
                ["yes"],
                ["m"],
                then_branch=subgraph("t", node("Identity", ["one"], ["a"]), out="a"),
                else_branch=subgraph("e", node("Identity", ["w"], ["b"]), out="b", weights=(outside(numbers("w", 1)),)),
            ),
        ),
        "another file",
    ),
    "weights larger than the file": (changed(lambda m: m.graph.initializer.append(claims(10**6, 10**6))), "shape"),
    "a product that overflows": (changed(lambda m: m.graph.initializer.append(claims(2**62, 4))), "shape"),
    "a negative shape": (changed(lambda m: m.graph.initializer.append(claims(-1, 4))), "impossible"),
    "a hundred axes": (changed(lambda m: m.graph.initializer.append(claims(*[1] * 100))), "axes"),
    "weights of no type": (changed(lambda m: m.graph.initializer.append(claims(1, kind=99))), "unknown type"),
    "weights of text": (
        changed(lambda m: m.graph.initializer.append(helper.make_tensor("w", TensorProto.STRING, [1], [b"x"]))),
        "text",
    ),
    "sparse weights": (
        changed(
            lambda m: m.graph.sparse_initializer.append(
                onnx.SparseTensorProto(values=numbers("w", 1), indices=numbers("i", 0), dims=[HUGE])
            )
        ),
        "sparse",
    ),
    "a sparse constant": (
        good(
            node(
                "Constant",
                [],
                ["c"],
                sparse_value=onnx.SparseTensorProto(values=numbers("w", 1), indices=numbers("i", 0), dims=[HUGE]),
            ),
            node("Mul", ["zeros", "one"], ["m"]),
        ),
        "sparse",
    ),
    "an operator of somebody's": (good(node("Shell", ["one"], ["m"], domain="com.example")), "com.example"),
    "an operator of ONNX Runtime's": (good(node("Gelu", ["one"], ["m"], domain="com.microsoft")), "com.microsoft"),
    "an operator of its own": (changed(local_function), "of its own"),
    "an operator of nobody's": (good(node("Teleport", ["one"], ["m"])), "Teleport"),
    "instructions for training": (changed(lambda m: m.training_info.add()), "training"),
    "graphs in graphs": (nested(24), "nested"),
    "two outputs of a name": (changed(lambda m: m.graph.output.append(m.graph.output[0])), "same name"),
    "two manifests": (changed(lambda m: m.metadata_props.append(m.metadata_props[0])), "twice"),
    "a name that clears the screen": (changed(lambda m: setattr(m.graph.output[0], "name", "\x1b[2Jx")), "shown"),
    "a name without an end": (changed(lambda m: setattr(m.graph.node[0], "name", "x" * 9999)), "9999 bytes"),
    "a deep manifest": (changed(lambda m: helper.set_model_props(m, {KEY: "[" * 10**6})), "manifest"),
    "a long manifest": (changed(lambda m: helper.set_model_props(m, {KEY: " " * 10**7})), "10000000 bytes"),
    "a circle": (good(node("Add", ["one", "m"], ["b"]), node("Neg", ["b"], ["m"])), "cannot be run"),
    "operators of the future": (changed(lambda m: setattr(m.opset_import[0], "version", 9999)), "cannot be run"),
    "no such output": (changed(lambda m: m.graph.output.pop()), "no output 'mask'"),
    "one input more": (
        changed(lambda m: m.graph.input.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, [1]))),
        "its inputs are",
    ),
    "faces of a kilometre": (
        changed(lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[1], "dim_value", 10**6)),
        "1000000",
    ),
}

#: What asks for a terabyte or more, while it loads or while it runs.
GREEDY: dict[str, onnx.ModelProto] = {
    "ConstantOfShape": grown(*at_run("ConstantOfShape", ["shape"], value=numbers("v", 1)), weights=scaled(HUGE)),
    "ConstantOfShape, at once": grown(
        node("ConstantOfShape", ["sizes"], ["big"], value=numbers("v", 1)), weights=scaled(HUGE)
    ),
    "Expand": grown(*at_run("Expand", ["one", "shape"]), weights=scaled(10**6, 10**6)),
    "Expand, at once": grown(node("Expand", ["ones", "sizes"], ["big"]), weights=scaled(10**6, 10**6)),
    "Tile": grown(*at_run("Tile", ["ones", "shape"]), weights=scaled(HUGE)),
    "Tile, at once": grown(node("Tile", ["ones", "sizes"], ["big"]), weights=scaled(HUGE)),
    "Range": grown(
        node("Squeeze", ["sizes"], ["end"]),
        node("Sub", ["one", "one"], ["begin"]),
        node("Range", ["begin", "end", "one"], ["big"]),
        weights=scaled(HUGE),
    ),
    "Pad": grown(*at_run("Pad", ["wide", "shape"]), weights=scaled(0, 0, 0, 0, 0, 10**5, 10**5, 0)),
    "Resize": grown(
        node("Cast", ["wide"], ["real"], to=TensorProto.FLOAT),
        node("Mul", ["sizes", "one"], ["shape"]),
        node("Resize", ["real", "", "", "shape"], ["large"], mode="nearest"),
        node("ReduceMax", ["large"], ["top"], keepdims=0),
        node("Cast", ["top"], ["big"], to=TensorProto.INT64),
        weights=scaled(1, 10**6, 10**6, 3),
    ),
    "an outer product": grown(
        node("Mul", ["sizes", "one"], ["shape"]),
        node("ConstantOfShape", ["shape"], ["tall"], value=numbers("v", 1)),
        node("Reshape", ["tall", "row"], ["flat"]),
        node("Mul", ["tall", "flat"], ["big"]),
        weights=(*scaled(10**6, 1), numbers("row", 1, -1)),
    ),
    "OneHot": grown(
        node("Mul", ["sizes", "one"], ["shape"]),
        node("OneHot", ["zeros", "shape", "pair"], ["big"]),
        weights=(*scaled(HUGE), numbers("pair", 0, 1)),
    ),
    "RandomNormal": grown(
        node("RandomNormal", [], ["noise"], shape=[10**6, 10**6]),
        node("ReduceMax", ["noise"], ["top"], keepdims=0),
        node("Cast", ["top"], ["big"], to=TensorProto.INT64),
    ),
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a pipe in it on which a reader would wait for ever."""
    monkeypatch.chdir(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
    return tmp_path


def refused(folder: Path, data: bytes) -> str:
    """Open and run the file; the one line that refuses it."""
    path = folder / "model.onnx"
    path.write_bytes(data)
    before = sorted(folder.iterdir())
    with pytest.raises(ModelError) as refusal:
        model = open_model(str(path), "cpu")
        model.swap(np.full((1, SIZE, SIZE, 3), 9, np.uint8))
    assert sorted(folder.iterdir()) == before
    line = str(refusal.value)
    assert line.startswith(str(path))
    assert line.isprintable()
    assert len(line) < len(str(path)) + 400
    return line.removeprefix(str(path))


def test_the_model_that_all_others_are_made_of_is_good(folder: Path) -> None:
    (folder / "model.onnx").write_bytes(WHOLE)
    model = open_model(str(folder / "model.onnx"), "cpu")
    swapped, _ = model.swap(np.full((2, SIZE, SIZE, 3), 9, np.uint8))
    assert (swapped == 246).all()


@pytest.mark.parametrize("case", ODD_BYTES)
def test_odd_bytes(folder: Path, case: str) -> None:
    data, words = ODD_BYTES[case]
    assert words in refused(folder, data)


def test_any_byte_may_be_wrong() -> None:
    """Whatever the bytes, the look ends in a graph or in a refusal; ONNX Runtime is not asked."""
    random = np.random.default_rng(7)
    refusals = 0
    for _ in range(1500):
        data = bytearray(WHOLE)
        for place in random.integers(0, len(data), random.integers(1, 6)):
            data[place] = random.integers(256)
        try:
            read_graph(memoryview(data))
        except GraphError as error:
            refusals += 1
            assert str(error).isprintable()
    assert refusals > 300


@pytest.mark.parametrize("case", ODD_GRAPHS)
def test_odd_graphs(folder: Path, case: str) -> None:
    model, words = ODD_GRAPHS[case]
    assert words in refused(folder, model.SerializeToString())


@pytest.mark.parametrize("trips", [0, 2**62], ids=["endless", "very long"])
def test_a_run_without_an_end_is_ended(folder: Path, monkeypatch: pytest.MonkeyPatch, trips: int) -> None:
    monkeypatch.setattr(guarded_session, "RUNNING", 0.3)
    assert "gave no answer in 0.3 s" in refused(folder, loop(trips).SerializeToString())


def test_a_model_runs_again_after_it_was_stopped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "model.onnx").write_bytes(loop(20_000).SerializeToString())
    model = open_model(str(folder / "model.onnx"), "cpu")
    face = np.full((1, SIZE, SIZE, 3), 9, np.uint8)
    monkeypatch.setattr(guarded_session, "RUNNING", 1e-4)
    with pytest.raises(ModelError, match="gave no answer"):
        model.swap(face)
    monkeypatch.setattr(guarded_session, "RUNNING", 60)
    assert (model.swap(face)[0] == 246).all()


@pytest.mark.parametrize("case", GREEDY)
def test_greed_is_refused(folder: Path, case: str) -> None:
    refused(folder, GREEDY[case].SerializeToString())


@pytest.mark.skipif(sys.platform == "win32", reason="peak memory of POSIX")
def test_greed_stays_within_bounds(folder: Path) -> None:
    """In a process of its own, that may take 256 MB: less than a terabyte is refused, too, and never taken."""
    files = []
    for place, size in enumerate((10**8, 10**9)):
        for op, inputs in (("ConstantOfShape", ["shape"]), ("Tile", ["ones", "shape"]), ("Expand", ["one", "shape"])):
            model = grown(*at_run(op, inputs), weights=scaled(size))
            files.append(folder / f"{op}{place}.onnx")
            files[-1].write_bytes(model.SerializeToString())
    for op, inputs in (("Tile", ["ones", "sizes"]), ("Expand", ["one_", "sizes"])):
        model = grown(node(op, [name.strip("_") for name in inputs], ["big"]), weights=scaled(10**9))
        files.append(folder / f"{op}.onnx")
        files[-1].write_bytes(model.SerializeToString())
    code = """
import json, sys
import numpy as np
from realtime.runtime import process_memory
from realtime.inference import session
from realtime.runtime.errors import ModelError
from realtime.swap import open_model
session.MEMORY = 256 << 20
before, refused = process_memory.peak_rss_mb(), 0
for path in sys.argv[1:]:
    try:
        open_model(path, "cpu").swap(np.full((1, 32, 32, 3), 9, np.uint8))
    except ModelError:
        refused += 1
print(json.dumps([refused, process_memory.peak_rss_mb() - before]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, files)],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    refusals, grown_mb = json.loads(done.stdout)
    assert done.stderr == ""
    assert refusals == len(files)
    assert grown_mb < 400


def test_a_file_cannot_configure_the_session(folder: Path) -> None:
    """ONNX Runtime has a way for files to ask for options; it must be off."""
    asks = json.dumps({"session_options": {"enable_profiling": True, "optimized_model_filepath": "stolen.onnx"}})
    model = changed(lambda m: m.metadata_props.add(key="ort_config", value=asks))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    before = sorted(folder.iterdir())
    open_model("model.onnx", "cpu").swap(np.full((1, SIZE, SIZE, 3), 9, np.uint8))
    assert sorted(folder.iterdir()) == before
