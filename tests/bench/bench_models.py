"""What opening and running a model costs beside bare ONNX Runtime; anyone can run it.

    python tests/bench/bench_models.py [--rounds N]

It writes a ``.dfm`` of 700 MB into a temporary folder, and opens it in turn with ``InferenceSession`` and as this
program does (read once, hashed, looked into, its record and consent checked), a process each. Prints one JSON object;
the exit code is 1 where the bar is missed. Run it on an idle machine.
"""

import argparse
import json
import os
import subprocess
import sys
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import thread_time

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from realtime.jobs.doctor import diagnose  # noqa: E402
from realtime.swap import open_model  # noqa: E402
from realtime.swap.add import add_model  # noqa: E402
from tests.realtime.tiny import NEGATIVE  # noqa: E402

START_RATIO = 1.2
SIZE = 320
#: Opens the file both ways, and prints seconds and the most memory.
CHILD = """
import json, sys
from time import perf_counter
from realtime.inference.onnx_runtime import onnxruntime
from realtime.runtime.process_memory import peak_rss_mb
from realtime.swap import open_model
way, path = sys.argv[1:]
began = perf_counter()
if way == "bare":
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
else:
    session = open_model("big", "cpu")
print(json.dumps([perf_counter() - began, peak_rss_mb()]))
"""


def write_big(path: Path) -> Path:
    """A ``.dfm`` of 700 MB laid out as they are: convolutions, two large dense layers, convolutions."""
    random = np.random.default_rng(0)
    nodes = [helper.make_node("Transpose", ["in_face:0"], ["x"], perm=[0, 3, 1, 2])]
    weights = []

    def layer(kind: str, source: str, *shape: int, **attributes: object) -> str:
        name = f"{kind}{len(weights)}"
        weights.append(numpy_helper.from_array(random.standard_normal(shape, np.float32) * 0.02, f"w{name}"))
        nodes.append(helper.make_node(kind, [source, f"w{name}"], [name], **attributes))
        nodes.append(helper.make_node("LeakyRelu", [name], [f"{name}r"], alpha=0.1))
        return f"{name}r"

    x, channels, side = "x", 3, SIZE // 32
    for wide in (64, 128, 256, 512, 768):
        x, channels = layer("Conv", x, wide, channels, 5, 5, strides=[2, 2], pads=[2, 2, 2, 2]), wide
    nodes.append(helper.make_node("Flatten", [x], ["flat"]))
    x = layer("MatMul", layer("MatMul", "flat", channels * side * side, 730), 730, 1024 * side * side)
    weights.append(numpy_helper.from_array(np.array([-1, 1024, side, side], np.int64), "shape"))
    nodes.append(helper.make_node("Reshape", [x, "shape"], ["inter"]))
    x, channels = "inter", 1024
    for wide in (1024, 768, 384, 192, 96):
        x = layer("Conv", x, wide * 2, channels, 3, 3, pads=[1, 1, 1, 1])
        nodes.append(helper.make_node("DepthToSpace", [x], [f"{x}d"], blocksize=2))
        x, channels = f"{x}d", wide // 2
    outputs = []
    for name, depth in (("out_face_mask:0", 1), ("out_celeb_face:0", 3), ("out_celeb_face_mask:0", 1)):
        answer = layer("Conv", x, depth, channels, 1, 1)
        nodes.append(helper.make_node("Sigmoid", [answer], [f"{answer}s"]))
        nodes.append(helper.make_node("Transpose", [f"{answer}s"], [name], perm=[0, 2, 3, 1]))
        outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", SIZE, SIZE, depth]))
    face = helper.make_tensor_value_info("in_face:0", TensorProto.FLOAT, ["N", SIZE, SIZE, 3])
    graph = helper.make_graph(nodes, "big", [face], outputs, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 12)], ir_version=7), path)
    return path


def prepare(folder: Path) -> Path:
    """Write the file, and take it into the library."""
    return add_model(write_big(folder / "theirs.dfm"), "big", NEGATIVE)


def start(rounds: int) -> dict[str, float]:
    """Medians of seconds, and the most memory, of both ways."""
    with TemporaryDirectory(prefix="mummer-bench-") as folder:
        home = os.environ | {"MUMMER_HOME": folder}
        os.environ["MUMMER_HOME"] = folder
        # In a process of its own: on Linux a child's peak begins at its parent's.
        with get_context("spawn").Pool(1) as pool:
            path = pool.apply(prepare, (Path(folder),))
        seconds: dict[str, list[float]] = {"bare": [], "mummer": []}
        peaks = dict.fromkeys(seconds, 0.0)
        for _ in range(rounds):
            for way, times in seconds.items():
                words = [sys.executable, "-c", CHILD, way, str(path)]
                done = subprocess.run(words, cwd=ROOT, env=home, capture_output=True, text=True, check=True)
                took, peak = json.loads(done.stdout)
                times.append(took)
                peaks[way] = max(peaks[way], peak)
        bytes_mb = path.stat().st_size / 1e6
    bare, ours = median(seconds["bare"]), median(seconds["mummer"])
    return {
        "file_mb": round(bytes_mb),
        "bare_s": round(bare, 3),
        "mummer_s": round(ours, 3),
        "ratio": round(ours / bare, 3),
        "bare_peak_mb": peaks["bare"],
        "mummer_peak_mb": peaks["mummer"],
    }


def batches(rounds: int) -> dict[int, float]:
    """CPU milliseconds a face of the built-in model, by the number of faces in a batch."""
    model = open_model("bronze", "cpu")
    times: dict[int, list[float]] = {1: [], 2: [], 4: [], 8: []}
    for _ in range(rounds * 5):
        for count, taken in times.items():
            faces = np.random.default_rng(0).integers(0, 256, (count, model.size, model.size, 3), np.uint8)
            began = thread_time()
            model.swap(faces)
            taken.append((thread_time() - began) / count * 1e3)
    return {count: round(median(taken), 3) for count, taken in times.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    result = {
        "start": start(rounds),
        "face_ms_by_batch": batches(rounds),
        "idle_threads": diagnose("cpu").spinning.model_dump(),
    }
    print(json.dumps(result))
    return int(result["start"]["ratio"] > START_RATIO)


if __name__ == "__main__":
    sys.exit(main())
