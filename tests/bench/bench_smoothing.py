"""How steady saved faces are, and whether they lag: as they were seen, as they are live, and smoothed in two passes.

    python tests/bench/bench_smoothing.py CLIP...

``jitter`` is the mean change of a landmark's speed from frame to frame, in thousandths of the outer-eye distance;
``lag`` is by how many frames the landmarks trail those that were seen; ``lips`` and ``lids`` are how much of their
opening and closing is left (standard deviation of the gap, 1 is all).
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from realtime.finder.alignments import AlignedFrame, Alignments  # noqa: E402
from realtime.finder.landmarks68 import INNER_LIP_PAIRS, LID_PAIRS, lower, upper  # noqa: E402
from realtime.finder.one_euro import OneEuro  # noqa: E402
from realtime.finder.two_pass import smoothed  # noqa: E402
from realtime.jobs.save_faces import look_through  # noqa: E402
from realtime.runtime.process import tune  # noqa: E402

_Track = NDArray[np.float64]  # (N, 68, 2)


def main(clips: list[Path]) -> None:
    tune()
    print(f"{'clip':8} {'landmarks':10} {'jitter':>7} {'lag':>6} {'lips':>6} {'lids':>6}")
    for clip in clips:
        with TemporaryDirectory() as folder:
            look_through(clip, Path(folder) / "faces.jsonl", None)
            frames = Alignments.read(Path(folder) / "faces.jsonl").frames
        times, seen = longest(frames)
        eyes = np.linalg.norm(seen[:, 36] - seen[:, 45], axis=1)
        for name, track in (("seen", seen), ("live", live(times, seen)), ("two passes", longest(smoothed(frames))[1])):
            print(
                f"{clip.stem:8} {name:10} {jitter(track, eyes):7.2f} {lag(track, seen):6.2f}"
                f" {gap(track, INNER_LIP_PAIRS) / gap(seen, INNER_LIP_PAIRS):6.3f}"
                f" {gap(track, sum(LID_PAIRS, ())) / gap(seen, sum(LID_PAIRS, ())):6.3f}"
            )


def longest(frames: Sequence[AlignedFrame]) -> tuple[list[float], _Track]:
    """The times and landmarks of the track that is seen for longest."""
    numbers = [each.face.track for frame in frames for each in frame.faces]
    track = max(set(numbers), key=numbers.count)
    seen = [(frame.time, face.landmarks) for frame in frames if (face := frame.face(track)) is not None]
    return [time for time, _ in seen], np.stack([points for _, points in seen]).astype(np.float64)


def live(times: list[float], seen: _Track) -> _Track:
    """What the filter of live runs makes of it."""
    steady = OneEuro(seen[0].astype(np.float32))
    made = [seen[0]]
    for at in range(1, len(seen)):
        eyes = float(np.linalg.norm(seen[at, 36] - seen[at, 45]))
        made.append(steady(seen[at].astype(np.float32), times[at] - times[at - 1], eyes))
    return np.stack(made).astype(np.float64)


def jitter(track: _Track, eyes: NDArray[np.float64]) -> float:
    return float(1000 * (np.linalg.norm(np.diff(track, 2, axis=0), axis=2) / eyes[1:-1, None]).mean())


def lag(track: _Track, seen: _Track) -> float:
    """The shift along the motion that explains the difference best; central differences owe nothing to white noise."""
    speed = (seen[2:] - seen[:-2]) / 2
    return float(-((track - seen)[1:-1] * speed).sum() / (speed**2).sum())


def gap(track: _Track, pairs: Sequence[tuple[int, int]]) -> float:
    return float(np.linalg.norm(track[:, upper(*pairs)] - track[:, lower(*pairs)], axis=2).mean(axis=1).std())


if __name__ == "__main__":
    main([Path(name) for name in sys.argv[1:]])
