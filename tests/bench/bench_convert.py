"""Speed, memory and start of the main job, against the bars it must hold; anyone can run it.

    python tests/bench/bench_convert.py [VIDEO] [--model NAME|FILE]

Without a video it encodes a 720p clip of its own, which has no face: that shows what the pipeline costs, not
what the models do. Prints one JSON object; the exit code is 1 where a bar is
missed. Run it on an idle machine.
"""

import argparse
import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory

import av

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.realtime.clips import Clip, make  # noqa: E402

RATIO, RSS_MB, START_S = 0.5, 500.0, 1.5
#: Runs one conversion and prints what the report and the system say of it.
CHILD = """
import json, sys
from pathlib import Path
from realtime.jobs.convert import Job, convert
from realtime.settings import Look
from realtime.runtime.process_memory import peak_rss_mb
source, target, model = sys.argv[1:]
report = convert(Job(Path(source), Path(target), Look(model=model), force=True))
print(json.dumps({"rss_mb": peak_rss_mb(), "fps": report.fps}))
"""


def repeated(source: Path, target: Path, times: int) -> Path:
    """``source`` ``times`` times over, copied without encoding."""
    shift = Fraction(0)
    with av.open(str(target), "w") as out:
        copies = None
        for _ in range(times):
            with av.open(str(source)) as container:
                copies = copies or [out.add_stream_from_template(s, opaque=True) for s in container.streams]
                end = shift
                for packet in container.demux():
                    if packet.dts is None or packet.pts is None:
                        continue
                    ticks = round(shift / packet.time_base)
                    packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                    end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
                    packet.stream = copies[packet.stream.index]
                    out.mux(packet)
                shift = end + Fraction(1, 2)
    return target


def mummer(*words: str) -> str:
    return subprocess.run([sys.executable, *words], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--model", default="bronze")
    options = parser.parse_args()
    with TemporaryDirectory(prefix="mummer-bench-") as name:
        folder = Path(name)
        source = options.video or make(folder / "clip.mp4", Clip(size=(1280, 720), frames=200))
        source = source.resolve()
        bench = json.loads(
            mummer("-m", "realtime", "bench", "convert", str(source), "--json", "--model", options.model)
        )
        target = str(folder / "out.mp4")
        short = json.loads(mummer("-c", CHILD, str(source), target, options.model))
        long = json.loads(mummer("-c", CHILD, str(repeated(source, folder / "long.mp4", 10)), target, options.model))
        single = make(folder / "single.mp4", Clip(size=(1280, 720), frames=1))
        starts = []
        for _ in range(3):
            began = time.perf_counter()
            mummer(
                "-m",
                "realtime",
                "convert",
                str(single),
                target,
                "--force",
                "--quiet",
                "--model",
                options.model,
            )
            starts.append(time.perf_counter() - began)
    result = {
        "bench": bench,
        "rss_mb": short["rss_mb"],
        "rss_mb_ten_times_as_long": long["rss_mb"],
        "one_frame_command_s": round(sorted(starts)[1], 3),
    }
    missed = [
        name
        for name, kept in {
            "ratio": bench["ratio"] >= RATIO,
            "memory": max(short["rss_mb"], long["rss_mb"]) <= RSS_MB,
            "flat memory": long["rss_mb"] <= short["rss_mb"] * 1.1,
            "start": result["one_frame_command_s"] <= START_S,
        }.items()
        if not kept
    ]
    print(json.dumps(result | {"missed": missed}, indent=2))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
