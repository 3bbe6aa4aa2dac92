"""How well live runs: every figure that must hold, in one process, with a verdict on each.

Runs ``mummer bench live`` and compares what it prints with the bars. The bars are for two idle cores without a GPU and
a clip of 720p at 30 frames a second; some of them ask for ten minutes.

    python tests/bench/bench_live.py CLIP [--seconds 600]
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

P50_MS, P99_MS = 20.0, 50.0
DROPS = 0.001
FPS_OF_60 = 59.0
GROWTH = 1.05  # memory at the end, against that after the first minute


def bench(clip: Path, *arguments: str) -> dict[str, dict[str, object]]:
    command = [sys.executable, "-m", "realtime", "bench", "live", str(clip), "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, dict[str, object]] = json.loads(done.stdout)
    return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--seconds", type=float, default=600.0)
    options = parser.parse_args()
    result = bench(options.clip, "--seconds", str(options.seconds))
    fast = bench(options.clip, "--seconds", str(min(options.seconds, 60.0)), "--fps", "60", "--only", "steady")[
        "steady"
    ]
    steady, privacy, switch, faults = (result[name] for name in ("steady", "privacy", "switch", "faults"))
    missed = [name for name, kept in verdicts(steady, fast, privacy, switch, faults) if not kept]
    print(json.dumps(result | {"steady_60": fast, "missed": missed}, indent=2))
    return bool(missed)


def verdicts(steady: dict, fast: dict, privacy: dict, switch: dict, faults: dict) -> list[tuple[str, bool]]:  # type: ignore[type-arg]
    return [
        ("latency p50", steady["latency_ms"]["p50"] <= P50_MS),
        ("latency p99", steady["latency_ms"]["p99"] <= P99_MS),
        ("drops", steady["dropped_share"] <= DROPS),
        ("order", not any(run["out_of_order"] for run in (steady, fast, switch, faults))),
        ("memory is flat", flat(steady)),
        ("threads are flat", steady["end"]["threads"] <= steady["settled"]["threads"]),
        ("descriptors are flat", steady["end"]["descriptors"] == steady["settled"]["descriptors"]),
        ("60 frames a second", fast["fps"] >= FPS_OF_60),
        ("privacy", privacy["shown"] == 0 and privacy["missed"] > 0),
        ("switches", switch["switches"] == 50 and switch["dropped"] == 0),
        ("faults", faults["recovered"] and faults["source_retries"] == faults["sink_retries"] == 10),
        ("faults leave nothing behind", faults["end"]["threads"] <= faults["settled"]["threads"]),
    ]


def flat(run: dict) -> bool:  # type: ignore[type-arg]
    before, after = run["settled"]["rss_mb"], run["end"]["rss_mb"]
    return before is None or after <= GROWTH * before


if __name__ == "__main__":
    sys.exit(main())
