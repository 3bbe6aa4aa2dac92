"""``mummer live`` and ``mummer bench live`` as processes: exits, signals, one line for each error."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.realtime.clips import decoded
from tests.realtime.forked import Mummer, run

ROOT = Path(__file__).parents[3]
LONG = 60.0  # seconds that nothing here takes


def mummer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run([*map(str, arguments)], timeout=LONG)


def test_a_file_goes_through_to_its_end(face_clip: Path) -> None:
    done = mummer("live", "--camera", face_clip, "--to", "null:")
    assert done.returncode == 0
    assert "of 60 frames sent" in done.stdout
    assert "null:" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(face_clip: Path, tmp_path: Path, number: signal.Signals) -> None:
    recording = tmp_path / "recording.mkv"
    arguments = ("live", "--camera", face_clip, "--loop", "--to", "null:", "--to", recording, "--quiet")
    with Mummer([*map(str, arguments)], stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + LONG
        while not (recording.exists() and recording.stat().st_size > 20_000):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(number)
        process.communicate(timeout=LONG)
        assert process.returncode == 0
    frames = decoded(recording)
    assert len(frames) > 3
    assert [time for time, _ in frames] == sorted({time for time, _ in frames})


#: What is wrong, the exit code, and what the line says.
MISTAKES = (
    (("--camera", "nowhere.mp4", "--to", "null:"), 1, "no such file"),
    (("--camera", "{clip}", "--to", "nowhere:"), 2, "nowhere:"),
    (("--camera", "{clip}", "--to", "null:", "--size", "big"), 2, "1280x720"),
    (("--camera", "{clip}", "--to", "null:", "--model", "nobody"), 1, "nobody"),
    (("--camera", "{clip}", "--to", "null:", "--label", ""), 2, "label"),
    (("--camera", "{clip}", "--to", "null:", "--label", "x" * 81), 2, "--label: is 81 characters long; give at"),
    (("--camera", "test:", "--to", "{clip}"), 1, "exists already"),
    (("--camera", "{clip}", "--to", "{clip}", "--force"), 1, "the output is the input"),
    (("--camera", "{clip}", "--to", "one.mkv", "--to", "./one.mkv"), 1, "is written to already, as one.mkv"),
    (("--camera", "{clip}", "--to", "x.ts", "--codec", "libvpx"), 1, "does not hold what libvpx encodes"),
)

#: Makes all the mistakes in one process: its imports take longer than any of them.
IN_TURN = """
import json, sys
from realtime.cli import main
for arguments in json.load(sys.stdin):
    sys.argv = ["mummer", "live", *arguments]
    try:
        main()
    except SystemExit as ended:
        print("exit code", ended.code, file=sys.stderr, flush=True)
"""


@pytest.fixture(scope="module")
def complaints(face_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, list[str]]]:
    """The exit code of each mistake, and all that came on stderr before it."""
    words = [[each.replace("{clip}", str(face_clip)) for each in arguments] for arguments, _, _ in MISTAKES]
    done = subprocess.run(
        [sys.executable, "-c", IN_TURN], input=json.dumps(words), capture_output=True, text=True, timeout=LONG,
        check=True, cwd=tmp_path_factory.mktemp("mistakes"), env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    *said, rest = re.split(r"^exit code (\d)\n", done.stderr, flags=re.MULTILINE)
    assert rest == ""
    return [(int(code), text.splitlines()) for text, code in zip(said[::2], said[1::2], strict=True)]


@pytest.mark.parametrize("number", range(len(MISTAKES)), ids=lambda number: MISTAKES[number][2])
def test_errors_are_one_line(complaints: list[tuple[int, list[str]]], number: int) -> None:
    _, code, words = MISTAKES[number]
    exit_code, lines = complaints[number]
    assert exit_code == code
    assert len(lines) == 1
    assert lines[0].startswith("mummer:")
    assert words in lines[0]


def test_the_bench_prints_its_figures(face_clip: Path) -> None:
    done = mummer(
        "bench", "live", face_clip, "--json", "--seconds", "3", "--fps", "20", "--only", "steady", "--only", "privacy"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result.keys() == {"steady", "privacy"}
    steady, privacy = result["steady"], result["privacy"]
    assert steady["frames"] > 0
    assert steady["fps"] < 21
    assert steady["latency_ms"]["p50"] <= steady["latency_ms"]["p99"]
    assert steady["out_of_order"] == privacy["shown"] == 0
    assert privacy["missed"] > 0


def test_the_bench_knows_its_runs(face_clip: Path) -> None:
    done = mummer("bench", "live", face_clip, "--only", "everything")
    assert done.returncode == 2
    assert "steady" in done.stderr
