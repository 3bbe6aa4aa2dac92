"""Two signals, one right after the other, while a command runs for hours: it ends once, in good order."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.realtime.clips import decoded
from tests.realtime.tiny import make_model

#: How many runs get two signals; 100 is what a release is held to.
RUNS = int(os.environ.get("MUMMER_STOPS", "6"))
LONG = 60.0  # seconds that nothing here takes
PAIRS = (
    (signal.SIGTERM, signal.SIGTERM),
    (signal.SIGINT, signal.SIGTERM),
    (signal.SIGINT, signal.SIGINT),
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def test_two_signals_end_live_once(face_clip: Path, tmp_path: Path) -> None:
    model = make_model(tmp_path / "negative.onnx")
    longest = 0.0
    for run in range(RUNS):
        recording = tmp_path / f"{run}.mkv"
        words = ("live", "--camera", face_clip, "--loop", "--model", model, "--to", recording, "--quiet")
        with subprocess.Popen(
            [sys.executable, "-m", "realtime", *map(str, words)], stderr=subprocess.PIPE, text=True
        ) as process:
            try:
                until = time.monotonic() + LONG
                while not (recording.exists() and recording.stat().st_size > 5_000):
                    assert process.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.02)
                first, second = PAIRS[run % len(PAIRS)]
                began = time.monotonic()
                process.send_signal(first)
                time.sleep(run % 7 / 1000)
                process.send_signal(second)
                _, said = process.communicate(timeout=LONG)
                longest = max(longest, time.monotonic() - began)
            finally:
                process.kill()
        assert process.returncode == 0 and "Traceback" not in said, (run, said)
        assert decoded(recording)
        for left in recording.parent.glob(f"{recording.name}*"):  # its signature, too: it is not replaced unasked
            left.unlink()
    print(f"{RUNS} runs, the longest end took {longest:.2f} s")


def test_two_signals_end_the_daemon_once(face_clip: Path, tmp_path: Path) -> None:
    recording, model = tmp_path / "recording.mkv", make_model(tmp_path / "negative.onnx")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = tmp_path / "serve.toml"
    settings.write_text(
        f"port = {port}\nroots = ['{face_clip.parent}', '{tmp_path}']\n[start]\ncamera = '{face_clip}'\nloop = true\n"
        f"sinks = ['{recording}']\nmodel = '{model}'\n"
    )
    for first, second in PAIRS:
        with subprocess.Popen(
            [sys.executable, "-m", "realtime", "serve", "--config", str(settings)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=os.environ | {"MUMMER_SERVE_TOKEN_FILE": str(tmp_path / "token")},
        ) as process:  # fmt: skip
            try:
                until = time.monotonic() + LONG
                while not (recording.exists() and recording.stat().st_size > 5_000):
                    assert process.poll() is None
                    assert time.monotonic() < until
                    time.sleep(0.02)
                process.send_signal(first)
                process.send_signal(second)
                _, said = process.communicate(timeout=LONG)
            finally:
                process.kill()
        assert process.returncode == 0 and "Traceback" not in said
        assert decoded(recording)
        for left in recording.parent.glob(f"{recording.name}*"):  # its signature, too: it is not replaced unasked
            left.unlink()
