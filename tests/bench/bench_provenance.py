"""What disclosure costs, against the bars it must hold; anyone can run it.

    python tests/bench/bench_provenance.py [VIDEO] [--model NAME|FILE] [--megabytes 1000]

Label, watermark and signature as a share of the CPU time of one conversion of VIDEO (of a clip of the demo's
portrait where none is given), all within one run; and the time and memory of signing and of checking a large MP4
and a large MKV. Prints one JSON object; the exit code is 1 where a bar is missed.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.bench.bench_convert import repeated  # noqa: E402
from tests.realtime.clips import Clip, make  # noqa: E402

SHARE, SECONDS, RSS_MB = 0.03, 10.0, 128.0
MARKS = ("watermark", "label")

#: The demo's clip. Made elsewhere, since a process counts its parent's memory as its own at first.
SAMPLE = """
import json, sys
from pathlib import Path
from realtime.demo.sample import write_sample
print(json.dumps({"frames": write_sample(Path(sys.argv[1]))}))
"""

#: One conversion: CPU seconds of the marks and of the whole, and wall seconds of signing.
CONVERT = """
import json, os, sys
from pathlib import Path
from realtime.jobs.convert import Job, convert
from realtime.settings import Look
source, target, model = sys.argv[1:]
report = convert(Job(Path(source), Path(target), Look(model=model), force=True))
marks = {name: report.stages_ms[name]["cpu"] * report.frames_out / 1000 for name in ("watermark", "label")
         if name in report.stages_ms}
spent = os.times()
print(json.dumps({"marks": marks, "sign": report.provenance.signed_s, "cpu": spent.user + spent.system,
                  "wall": report.wall_s, "swapped": report.frames_swapped}))
"""

#: One large file, signed or checked in a process of its own, so that its memory is that of this alone.
LARGE = """
import json, sys
from pathlib import Path
from time import perf_counter
from realtime.runtime.process_memory import peak_rss_mb
from realtime.marking.provenance.claim import Claim
from realtime.marking.provenance.sign import sign
from realtime.marking.provenance.verify import read_signature
path, task = Path(sys.argv[1]), sys.argv[2]
before, began = peak_rss_mb(), perf_counter()
if task == "sign":
    sign(path, Claim(None, "bench", "0" * 64, ()), path)
else:
    assert read_signature(path).state == "valid"
print(json.dumps({"seconds": round(perf_counter() - began, 2), "rss_mb": round(peak_rss_mb() or 0),
                  "more_mb": round((peak_rss_mb() or 0) - (before or 0))}))
"""


def child(code: str, *words: str | Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--model", default="bronze")
    parser.add_argument("--megabytes", type=int, default=1000)
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["MUMMER_HOME"] = folder
        video = args.video or home / "sample.mp4"
        if not args.video:
            child(SAMPLE, video)
        run = child(CONVERT, video.resolve(), home / "out.mp4", args.model)
        spent = {**run["marks"], "sign": run["sign"]}
        large = home / "large.mp4"
        small = make(home / "small.mp4", Clip(size=(1280, 720), frames=100, options={"qp": "0", "preset": "ultrafast"}))
        repeated(small, large, max(1, args.megabytes * 1_000_000 // small.stat().st_size))
        beside = large.with_suffix(".mkv")
        os.link(large, beside)  # to a sidecar any bytes are alike
        if hasattr(os, "sync"):
            os.sync()  # or the disk's backlog would be counted as signing
        megabytes = round(large.stat().st_size / 1e6)
        times = {
            f"{task} {path.suffix}": child(LARGE, path, task) for path in (beside, large) for task in ("sign", "check")
        }
    share = sum(spent.values()) / run["cpu"]
    missed = [f"share {share:.3f}"] * (share > SHARE)
    missed += [f"{name}: {what}" for name, what in times.items() if what["seconds"] > SECONDS * megabytes / 1000]
    missed += [f"{name}: {what}" for name, what in times.items() if "sign" in name and what["more_mb"] > RSS_MB]
    print(
        json.dumps(
            {
                "seconds": {name: round(value, 4) for name, value in spent.items()},
                "cpu_s": round(run["cpu"], 2),
                "share": round(share, 4),
                "megabytes": megabytes,
                "large": times,
                "missed": missed,
            },
            indent=2,
        )
    )
    raise SystemExit(bool(missed))


if __name__ == "__main__":
    main()
