"""Speed and completeness of extraction, against the bars it must hold; anyone can run it.

    python tests/bench/bench_extract.py [VIDEO] [--format png|jpeg] [--rounds N]

Without a video it animates the demo's portrait at 720p. Each round decodes the file, and then extracts every frame of
it, so that both see the same machine; figures are those of the best round. Prints one JSON object; the exit code is 1
where a bar is missed. Run it on an idle machine.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from models.faceset.extract import Extraction, extract  # noqa: E402
from models.faceset.folder import Faceset  # noqa: E402
from realtime.jobs.detections import detect_faces  # noqa: E402
from realtime.media.file_source import FileSource  # noqa: E402
from realtime.media.frame import Frame  # noqa: E402
from realtime.runtime.process import tune  # noqa: E402

FPS, SHARE = 40.0, 0.99


def decode(path: Path) -> int:
    source = FileSource(path)
    try:
        return sum(isinstance(item, Frame) for item in source)
    finally:
        source.close()


def timed(task: object) -> tuple[float, float]:
    """Wall and CPU seconds of all threads."""
    wall, cpu = time.perf_counter(), time.process_time()
    task()  # type: ignore[operator]
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("video", nargs="?", type=Path)
    parser.add_argument("--format", default="png", choices=("png", "jpeg"))
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    tune()
    with TemporaryDirectory(prefix="mummer-bench-") as name:
        folder = Path(name)
        video = options.video
        if video is None:
            from realtime.demo.sample import write_sample

            video = folder / "sample.mp4"
            write_sample(video)
        decodes, extracts = [], []
        for number in range(options.rounds):
            frames = decode(video)  # the file is in memory for both
            decodes.append(timed(lambda: decode(video)))
            job = Extraction((str(video),), folder / str(number), format=options.format)
            extracts.append(timed(lambda job=job: extract(job)))
        faces = len(Faceset.open(job.out).faces())
        stored = sum(path.stat().st_size for path in (job.out / "faces").iterdir())
        seen = sum(len(sighting.faces) for sighting in detect_faces(video))
    plain, whole = min(decodes), min(extracts)
    result = {
        "video": video.name,
        "frames": frames,
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "format": options.format,
        "decode_fps": round(frames / plain[0], 1),
        "extract_fps": round(frames / whole[0], 1),
        "ratio": round(plain[0] / whole[0], 3),
        "decode_cpu_ms_a_frame": round(plain[1] / frames * 1e3, 2),
        "extract_cpu_ms_a_frame": round(whole[1] / frames * 1e3, 2),
        "faces_seen": seen,
        "faces_in_the_set": faces,
        "kilobytes_a_face": round(stored / max(faces, 1) / 1e3),
    }
    kept = {"speed": result["extract_fps"] >= FPS, "complete": faces >= SHARE * seen}
    missed = [name for name, holds in kept.items() if not holds]
    print(json.dumps(result | {"missed": missed}, indent=2))
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
