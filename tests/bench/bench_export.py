"""What smaller files gain and cost: speed on one core and quality of ``lite`` in float32 and in whole numbers.

    python tests/bench/bench_export.py [RUN FACESET]

RUN is a training run, FACESET the aligned faces of the side that it puts in. Without them a network is trained for a
minute on the portrait of the demo, which shows the speed as well, and the quality roughly. Prints one JSON object; the
exit code is 1 where a bar is missed. Run it on an idle machine.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from export.forms import FORMS  # noqa: E402
from export.model import ExportRequest, export_model  # noqa: E402
from export.samples import Faces, collect_faces, own_pictures  # noqa: E402
from export.speed import milliseconds  # noqa: E402
from models.architectures import Config, LiteConfig, Network  # noqa: E402
from models.checkpoint import load_network, read_checkpoint  # noqa: E402
from tests.export.networks import card  # noqa: E402

FASTER, QUALITY_DB = 1.6, 35.0


def portraits(size: int, count: int, seed: int) -> np.ndarray:
    """The portrait turned, moved and scaled by chance."""
    random, portrait = np.random.default_rng(seed), own_pictures(size)[0]
    middle = (size / 2, size / 2)
    turns = [cv2.getRotationMatrix2D(middle, random.uniform(-15, 15), random.uniform(0.9, 1.2)) for _ in range(count)]
    return np.stack([cv2.warpAffine(portrait, turn, (size, size), borderMode=cv2.BORDER_REFLECT) for turn in turns])


def trained(minutes: float) -> tuple[Network, Config, Faces]:
    """A network that has learned to answer the portrait with itself."""
    config = LiteConfig()
    network = config.build()
    faces = torch.from_numpy(portraits(config.size, 128, 0)).permute(0, 3, 1, 2) / 255
    optimizer = torch.optim.AdamW(network.parameters(), 1e-3)
    end = time.monotonic() + minutes * 60
    while time.monotonic() < end:
        batch = faces[torch.randint(len(faces), (8,))]
        answer = network(batch, 1)
        loss = (answer[:, :3] - batch).abs().mean() + (answer[:, 3:] - 1).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return network, config, Faces(portraits(config.size, 8, 1), portraits(config.size, 64, 2))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", nargs="?", type=Path)
    parser.add_argument("faceset", nargs="?", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.run and options.faceset:
        checkpoint = read_checkpoint(options.run)
        network, config = load_network(checkpoint), checkpoint.config
        faces = collect_faces(config.size, "whole-face", None, options.faceset)
    else:
        network, config, faces = trained(1.0)
    number = config.sides - 1
    with TemporaryDirectory(prefix="mummer-bench-") as folder:
        path = Path(folder, "model.onnx")
        (side,) = export_model(
            network, config, ExportRequest((number,), config.size, "int8"), card(0), faces, path
        ).sides
    assert side.found is not None
    slow, fast = milliseconds([side.plain, side.found.model], FORMS[".onnx"], faces.samples)
    result = {
        "architecture": config.name,
        "size": config.size,
        "float32_ms": round(slow, 3),
        "int8_ms": round(fast, 3),
        "times_as_fast": round(slow / fast, 2),
        "float32_mb": round(side.plain.ByteSize() / 1e6, 2),
        "int8_mb": round(side.found.model.ByteSize() / 1e6, 2),
        "int8_db": round(side.found.quality, 1),
        "left_in_float32": side.found.left_out,
    }
    kept = {"speed": slow / fast >= FASTER, "quality": side.found.quality >= QUALITY_DB}
    missed = [name for name, holds in kept.items() if not holds]
    print(json.dumps(result | {"missed": missed}, indent=2))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
