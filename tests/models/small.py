"""A run small enough for seconds. As a program it trains, with one process or several, and prints the losses.

python -m tests.models.small OUT DEVICES BATCH ITERATIONS
"""

import json
import sys
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.architectures import LiteConfig
from models.faceset.reading import AlignedFaces
from models.settings import Settings
from models.train import train
from models.unpaired import SideBatches

__all__ = ["TINY", "faces", "sides", "train_small"]

TINY: dict[str, Any] = {
    "size": 64,
    "encoder": (16, 16, 16, 16),
    "decoder": (16, 16, 16, 16),
    "neck": 16,
    "code": 32,
    "residuals": (0, 0, 0, 0),
}


def faces(seed: int, count: int = 4) -> AlignedFaces:
    """Smooth random pictures of 64 pixels, all face."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 4, 3), np.uint8)
    pictures = np.stack([cv2.resize(each, (64, 64), interpolation=cv2.INTER_LINEAR) for each in coarse])
    return AlignedFaces(pictures, np.full((count, 64, 64), 255, np.uint8))


def sides(count: int, pictures: int = 4) -> SideBatches:
    """As many sides of such faces."""
    return SideBatches([faces(seed, pictures) for seed in range(count)])


def train_small(out: Path, iterations: int, resume: bool, said: Connection) -> None:
    """Train two sides with frequent saves; what the log says goes to ``said``."""
    often = {"save_every": 4, "log_every": 3, "preview_every": 10_000}
    settings = Settings(iterations=iterations, batch=4, device="cpu", threads=1, warmup=5, **often)  # type: ignore[arg-type]
    train(LiteConfig(**TINY, sides=2), sides(2), out, settings, resume=resume, log=said.send)


def main() -> None:
    """See the module's text."""
    out, devices, batch, iterations = sys.argv[1:]
    settings = Settings(
        iterations=int(iterations), batch=int(batch), devices=int(devices), precision="fp32", device="cpu", threads=1
    )
    done = train(LiteConfig(**TINY, sides=2), sides(2), Path(out), settings, log=lambda line: None)
    print(json.dumps(done.losses), flush=True)


if __name__ == "__main__":
    main()
