"""Speed and memory of training, against the bars it must hold; anyone can run it.

    python tests/bench/bench_train.py [--threads N] [--rounds N] [--faces N]

Speed: samples a second of this project's loop and of a straightforward one, the same `original` network at batch 16, in
turns, each in a process of its own. The straightforward loop is the one that books teach: for each iteration read that
many pictures and masks of each side from disk, resize them, mirror half of them, then a pass forth and back for side A
and one for side B, in float32. Both read the same facesets (512 px, as `mummer extract` writes them).

Memory: peak resident memory of `mummer train` on 20,000 faces at 256 px.

Prints one JSON object; the exit code is 1 where a bar is missed. Run it on an idle machine.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from models.architectures import OriginalConfig  # noqa: E402
from models.cli import train as command  # noqa: E402
from models.faceset.folder import Faceset  # noqa: E402
from models.faceset.reading import read_faceset  # noqa: E402
from models.faceset.record import Origin, Record  # noqa: E402
from models.settings import Settings  # noqa: E402
from models.train import train  # noqa: E402
from models.unpaired import SideBatches  # noqa: E402
from realtime.align import TEMPLATES  # noqa: E402
from realtime.demo.portrait import LANDMARKS  # noqa: E402
from realtime.media.affine import apply  # noqa: E402
from realtime.runtime.malloc import keep_all_freed_memory  # noqa: E402
from realtime.runtime.process_memory import peak_rss_mb  # noqa: E402

RATIO, RSS_GB = 3.0, 6.0
BATCH, SIZE, STORED = 16, 64, 512


def write_faces(folder: Path, count: int, size: int, seed: int) -> Path:
    """A faceset: smooth random pictures with some noise, which compress about as photographs do, and oval masks.

    Their landmarks are those of one face, a little different each time, so that sides make pseudo-pairs.
    """
    random = np.random.default_rng(seed)
    faceset = Faceset.create(folder)
    mask = np.zeros((size, size), np.uint8)
    cv2.ellipse(mask, (size // 2, size // 2), (size // 3, int(size / 2.4)), 0, 0, 360, 255, -1)
    drawn = []
    for _ in range(min(count, 64)):
        coarse = cv2.resize(random.integers(0, 256, (12, 12, 3), np.uint8), (size, size), interpolation=cv2.INTER_CUBIC)
        drawn.append(cv2.imencode(".png", cv2.add(coarse, random.integers(0, 6, coarse.shape, np.uint8)))[1].tobytes())
    outline = cv2.imencode(".png", mask)[1].tobytes()
    face = apply(TEMPLATES["whole-face"].frame_to_crop(LANDMARKS, size), LANDMARKS)
    records = []
    for index in range(count):
        landmarks = face + random.normal(0, size / 100, face.shape)
        record = Record(
            file=f"{index:05d}.png", source=Origin(name="noise", sha256="0" * 64), frame=index, pts=None,
            time_base=None, landmarks=landmarks.round(2).tolist(), matrix=((1, 0, 0), (0, 1, 0)), size=size,
            yaw=0, pitch=0, roll=0, misfit=0, sharpness=0, brightness=0.5, clipped=0, light=(0, 0), score=1, track=0,
            mask="file", sha256=f"{index:064x}", phash="0" * 64,
        )  # fmt: skip
        faceset.picture(record).write_bytes(drawn[index % len(drawn)])
        faceset.mask(record).write_bytes(outline)
        records.append(record)
    faceset.index.replace(records)
    return folder


class Clock:
    """Counts iterations, two to warm up and then ``iterations``; prints their seconds and ends the process."""

    def __init__(self, iterations: int) -> None:
        self.iterations, self.done, self.began = iterations, -2, 0.0

    def tick(self) -> None:
        """An iteration begins."""
        if self.done == 0:
            self.began = time.perf_counter()
        if self.done == self.iterations:
            print(time.perf_counter() - self.began, flush=True)
            os._exit(0)  # nothing of this run is wanted
        self.done += 1


def plain(folders: list[Path], clock: Clock) -> None:
    """The straightforward loop."""
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    network = OriginalConfig().build()
    shared = [p for name, p in network.named_parameters() if not name.startswith(("decoders", "masks"))]
    optimizers = [torch.optim.Adam(shared, 8e-5, betas=(0.5, 0.999))]
    for side in range(2):
        own = [*network.decoders[side].parameters(), *network.masks[side].parameters()]
        optimizers.append(torch.optim.Adam(own, 8e-5, betas=(0.5, 0.999)))
    paths = [sorted((folder / "faces").glob("*.png")) for folder in folders]

    def read(side: int) -> tuple[Tensor, Tensor]:
        faces, masks = [], []
        for index in random.integers(len(paths[side]), size=BATCH):
            path = paths[side][index]
            face = cv2.resize(cv2.imread(str(path)), (SIZE, SIZE))
            mask = cv2.resize(cv2.imread(str(folders[side] / "masks" / path.name), cv2.IMREAD_GRAYSCALE), (SIZE, SIZE))
            if random.random() < 0.5:
                face, mask = face[:, ::-1], mask[:, ::-1]
            faces.append(face.transpose(2, 0, 1).astype(np.float32) / 255)
            masks.append(mask[None].astype(np.float32) / 255)
        return torch.from_numpy(np.stack(faces)), torch.from_numpy(np.stack(masks))

    while True:
        clock.tick()
        for side in range(2):
            face, mask = read(side)
            for optimizer in (optimizers[0], optimizers[1 + side]):
                optimizer.zero_grad()
            answer = network(face, side)
            loss = ((answer[:, :3] - face) * mask).abs().mean() + (answer[:, 3:] - mask).abs().mean()
            loss.backward()
            for optimizer in (optimizers[0], optimizers[1 + side]):
                optimizer.step()
            loss.item()


def ours(folders: list[Path], clock: Clock) -> None:
    """This project's loop, as `mummer train` runs it."""

    class Clocked(SideBatches):
        def draw(self, *what: object):  # type: ignore[no-untyped-def]
            clock.tick()
            return super().draw(*what)  # type: ignore[arg-type]

    keep_all_freed_memory()
    batches = Clocked([read_faceset(folder, SIZE) for folder in folders], hold_out=0)
    settings = Settings(iterations=1_000_000, batch=BATCH, device="cpu", threads=torch.get_num_threads())
    train(OriginalConfig(), batches, folders[0].parent / "run", settings, log=lambda line: None)


LOOPS: dict[str, Callable[[list[Path], Clock], None]] = {"plain": plain, "ours": ours}


def child(*words: str) -> float:
    """This program in a process of its own; the number in its last line."""
    command = [sys.executable, __file__, *words]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def speed(folder: Path, rounds: int, iterations: int, threads: int) -> dict[str, object]:
    """Samples a second of both loops, and their ratio."""
    for seed, name in enumerate("ab"):
        write_faces(folder / name, 64, STORED, seed)
    words = (str(folder), "--iterations", str(iterations), "--threads", str(threads))
    paces: dict[str, list[float]] = {name: [] for name in LOOPS}
    for _ in range(rounds):
        for name, pace in paces.items():
            pace.append(2 * BATCH * iterations / child("--loop", name, *words))
    medians = {name: statistics.median(pace) for name, pace in paces.items()}
    shown = {name: round(pace, 1) for name, pace in medians.items()}
    return {"samples_a_second": shown, "ratio": round(medians["ours"] / medians["plain"], 2)}


def memory(folder: Path, count: int) -> float:
    """Peak resident memory, in GB, of `mummer train` on ``count`` faces in two sets."""
    for seed, name in enumerate("cd"):
        write_faces(folder / name, count // 2, 256, seed)
    return round(child("--loop", "memory", str(folder)) / 1000, 2)


def many(folder: Path) -> None:
    """Trains on the two large sets, and prints what the system says of its memory, in MB."""
    command(out=folder / "big", a=folder / "c", b=folder / "d", arch="lite", size=256, iterations=20)
    print(peak_rss_mb())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=8)
    parser.add_argument("--faces", type=int, default=20_000, help="0 leaves the memory out")
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    parser.add_argument("folder", type=Path, nargs="?", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    if options.loop == "memory":
        many(options.folder)
        return 0
    if options.loop:
        LOOPS[options.loop]([options.folder / "a", options.folder / "b"], Clock(options.iterations))
    with TemporaryDirectory(prefix="mummer-bench-") as name:
        result = speed(Path(name), options.rounds, options.iterations, options.threads)
        kept = {"speed": float(str(result["ratio"])) >= RATIO}
        if options.faces:
            result["rss_gb"] = gigabytes = memory(Path(name), options.faces)
            kept["memory"] = gigabytes <= RSS_GB
    missed = [bar for bar, held in kept.items() if not held]
    print(json.dumps(result | {"threads": options.threads, "missed": missed}, indent=2))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
