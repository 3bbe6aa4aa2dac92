"""The watermark's figures: what it outlives, what it costs, how far it is from being seen or found by mistake.

    python tests/bench/bench_watermark.py CLIP... [--seconds 10] [--lossless]

Swaps the faces of each clip as ``mummer convert`` does, sends the output through every attack of
``tests/realtime/attacks.py`` and reads it back. Prints tables in Markdown; the exit code is 1 where a bar is missed.
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from math import exp, log10
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, thread_time

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from realtime.jobs.convert import Job, convert  # noqa: E402
from realtime.jobs.pipeline import run  # noqa: E402
from realtime.marking.watermark import Payload, Watermark, payload_of  # noqa: E402
from realtime.marking.watermark.evidence import chip_sums, evened, lattice_to_tile, sampled, whitened  # noqa: E402
from realtime.marking.watermark.pattern import COARSE  # noqa: E402
from realtime.marking.watermark.read import brightness, brightness_of, read_pictures  # noqa: E402
from realtime.media.encoding import Encoding  # noqa: E402
from realtime.media.file_sink import FileSink  # noqa: E402
from realtime.media.file_source import FileSource  # noqa: E402
from realtime.media.frame import Frame  # noqa: E402
from realtime.runtime.arrays import Floats  # noqa: E402
from realtime.runtime.stages import Stages  # noqa: E402
from realtime.settings import Look  # noqa: E402
from realtime.swapper import make_swapper  # noqa: E402
from tests.realtime.attacks import ATTACKS, Attack  # noqa: E402

PSNR_DB, COST_MS, MUST = 42.0, 0.5, ("as written", "CRF 18", "CRF 23", "CRF 30", "half size", "25 to 30 fps")
#: Pictures that are read of ten seconds, and of two.
WINDOWS = {"10 s": 60, "2 s": 12}
PATTERNS = 10_000


@dataclass
class Rate:
    """How many windows were found, of how many, and how many raw bits were wrong in them."""

    found: int = 0
    wrong_payloads: int = 0
    windows: int = 0
    wrong_bits: int = 0
    chances: list[float] = field(default_factory=list)

    def count(self, pictures: list[Floats], payload: Payload) -> None:
        reading = read_pictures(iter(pictures))
        self.windows += 1
        self.found += reading.payload == payload
        self.wrong_payloads += reading.payload not in (None, payload)
        self.wrong_bits += (int(reading.bits, 16) ^ int(payload.hex(), 16)).bit_count()
        self.chances.append(reading.log10_chance)

    def row(self) -> str:
        return f"{self.found} of {self.windows}"

    def quality(self) -> str:
        return f"{self.wrong_bits / (64 * self.windows):.1%} | {max(self.chances):.0f}"


def windows(pictures: list[Floats], length: int) -> Iterator[list[Floats]]:
    """Whole windows, and the only one of a clip that is shorter."""
    for start in range(0, max(len(pictures) - length, 0) + 1, length):
        yield pictures[start : start + length]


def outlives(clips: list[Path], folder: Path, encoding: Encoding, suffix: str, seconds: float) -> bool:
    totals: dict[tuple[str, str], Rate] = {}
    attacks: list[Attack | None] = [None, *ATTACKS]
    for clip in clips:
        target = folder / f"{clip.stem}{suffix}"
        report = convert(Job(clip, target, Look(), encoding))
        assert report.model is not None
        payload = payload_of(report.model.sha256)
        cpu = report.stages_ms["watermark"]["cpu"]
        print(
            f"{clip.stem}: {report.frames_swapped} frames marked, {cpu:.3f} ms CPU each,"
            f" {cpu * report.frames_swapped / report.wall_s / 10:.1f} % of the conversion's time",
            flush=True,
        )
        for attack in attacks:
            path = target if attack is None else attack.run(target, folder / "again.mp4", seconds)
            pictures = list(islice(brightness(path), round(seconds * 6.25)))
            for length, count in WINDOWS.items():
                rate = totals.setdefault((attack.name if attack else "as written", length), Rate())
                for window in windows(pictures, count):
                    rate.count(window, payload)
    print("\n| what was done | found in 10 s | found in 2 s | raw bits wrong | weakest, log10 of the chance |")
    print("|---|---|---|---|---|")
    for name in dict.fromkeys(name for name, _ in totals):
        rows = [totals[name, length] for length in WINDOWS]
        print(f"| {name} | {' | '.join(rate.row() for rate in rows)} | {rows[-1].quality()} |")
    wrong = sum(rate.wrong_payloads for rate in totals.values())
    print(f"\nfound with another payload: {wrong} of {sum(rate.windows for rate in totals.values())}")
    must = [rate for (name, length), rate in totals.items() if length == "10 s" and name.startswith(MUST)]
    return all(rate.found == rate.windows for rate in must if "size, CRF 30" not in name)


def seen(clips: list[Path]) -> bool:
    """PSNR of luma between swapped pictures with the mark and without, before encoding; the worst of a clip."""
    good = True
    for clip in clips:
        worst = {}
        for confined in (False, True):
            swapper = make_swapper(Look(label=None), Stages(), confined=confined)
            assert swapper.watermark is not None
            errors = []
            source = FileSource(clip)
            for number, frame in enumerate(item for item in source if isinstance(item, Frame)):
                if number % 20 == 0:
                    swapper.swap(frame)
                    before = brightness_of(frame.picture)
                    swapper.watermark.draw(frame)
                    errors.append(float(np.mean((brightness_of(frame.picture) - before) ** 2)))
            source.close()
            worst[confined] = 10 * log10(255**2 / max(errors))
        print(f"{clip.stem}: PSNR {worst[False]:.1f} dB over the picture; {worst[True]:.1f} dB kept to the faces")
        good &= min(worst.values()) >= PSNR_DB
    return good


def costs() -> bool:
    """Median CPU time of drawing on a 720p picture, one thread."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    worst = 0.0
    for name in ("yuv420p", "yuv420p10le", "gbrp"):
        for confined in (False, True):
            frame = Frame(Frame.from_rgb(rng.integers(0, 256, (720, 1280, 3), np.uint8)).picture.reformat(format=name))
            side = 300
            alpha = np.full((side, side), 255, np.uint8)
            frame.paste(np.zeros((side, side, 3), np.uint8), alpha, np.array([[1.0, 0, -400], [0, 1, -200]]))
            mark = Watermark(Payload("000000"), confined)
            times = []
            for _ in range(300):
                began = thread_time()
                mark.draw(frame)
                times.append(thread_time() - began)
            cost = float(np.median(times)) * 1e3
            worst = max(worst, cost if name == "yuv420p" else 0.0)
            print(f"{name}, {'a face of 300 x 300' if confined else 'the whole picture'}: {cost:.3f} ms")
    return worst <= COST_MS


def mistaken(clips: list[Path], folder: Path) -> bool:
    """Unmarked files: the inputs, the inputs encoded again, and swapped without a mark; and many other patterns."""
    good = True
    rng = np.random.default_rng(0)
    beyond = dict.fromkeys((2.0, 3.0, 4.0, 5.0), 0)
    tried, highest, squares = 0, 0.0, 0.0
    for clip in clips:
        plain = folder / "plain.mp4"
        swapper = make_swapper(Look(), Stages())
        swapper.watermark = None
        source = FileSource(clip)
        sink = FileSink(plain, source, Encoding())
        sink.open()
        run(source, swapper.process, sink)
        source.close()
        files = {
            "input": clip,
            "input at CRF 23": Attack("", 23).run(clip, folder / "again.mp4", 10),
            "swapped, no mark": plain,
        }
        chances = {}
        for what, path in files.items():
            pictures = list(islice(brightness(path), WINDOWS["10 s"]))
            readings = [read_pictures(iter(window)) for window in windows(pictures, WINDOWS["2 s"])]
            good &= not any(reading.found for reading in readings)
            chances[what] = min(reading.log10_chance for reading in readings)
            # What would patterns other than ours have found in it? The bound holds for a pattern drawn at random.
            total = sum(whitened(sampled(picture, COARSE)) for picture in pictures)
            sums = chip_sums(evened(np.asarray(total)), lattice_to_tile(np.asarray(total)))
            used = sums[sums != 0].astype(np.float32)
            for _ in range(PATTERNS // 1000):
                signs = rng.integers(0, 2, (1000, len(used)), np.int8) * np.float32(2) - 1
                t = signs @ used / np.linalg.norm(used)
                tried += len(t)
                squares += float(t @ t)
                highest = max(highest, float(t.max()))
                for x in beyond:
                    beyond[x] += int((t >= x).sum())
        shown = ", ".join(f"{what} {chance:.1f}" for what, chance in chances.items())
        print(f"{clip.stem}: nothing found; the likeliest window, log10: {shown}")
    print(f"\n{tried:,} random patterns: t has a mean square of {squares / tried:.3f}, the highest is {highest:.2f}")
    print("\n| t at least | share measured | bound |\n|---|---|---|")
    for x, count in beyond.items():
        print(f"| {x:g} | {count / tried:.2g} | {exp(-x * x / 2):.2g} |")
        good &= count / tried <= exp(-x * x / 2)
    return good


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each output")
    parser.add_argument("--lossless", action="store_true", help="the mark in the faces of FFV1 outputs instead")
    options = parser.parse_args()
    began = perf_counter()
    with TemporaryDirectory(prefix="mummer-bench-") as name:
        folder = Path(name)
        if options.lossless:
            return not outlives(options.clips, folder, Encoding("ffv1"), ".mkv", options.seconds)
        good = costs()
        good &= seen(options.clips)
        good &= outlives(options.clips, folder, Encoding(), ".mp4", options.seconds)
        good &= mistaken(options.clips, folder)
    print(f"\n{perf_counter() - began:.0f} s; {'every bar is held' if good else 'a bar is missed'}")
    return not good


if __name__ == "__main__":
    sys.exit(main())
