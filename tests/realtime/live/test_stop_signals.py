"""Two signals, one right after the other, while a command runs for hours: it ends once, in good order."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from onnx import TensorProto, helper

from tests.realtime.clips import decoded
from tests.realtime.forked import Mummer
from tests.realtime.inference.test_hostile_models import loop
from tests.realtime.tiny import make_model

#: How many runs get two signals; 100 is what a release is held to.
RUNS = int(os.environ.get("MUMMER_STOPS", "3"))
LONG = 40.0  # seconds that nothing here takes; less than a model may take for an answer
#: Hundredths of a second of computing after which a command is long past its start.
BUSY = 200
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
        with Mummer([*map(str, words)], stderr=subprocess.PIPE, text=True) as process:
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
        with Mummer(
            ["serve", "--config", str(settings)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
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


@pytest.mark.parametrize("command", ["convert", "live"])
def test_an_endless_model_ends_with_the_signal(face_clip: Path, tmp_path: Path, command: str) -> None:
    """It is inside the library, for ever, in the main thread or another one."""
    graph = loop(0)
    endless = next(node for node in graph.graph.node if node.op_type == "Loop")
    # Black is answered: what a model is warmed up with says nothing of what comes.
    seen, one = helper.make_node("Cast", ["most"], ["seen"], to=TensorProto.BOOL), "one"
    same = helper.make_node("Equal", ["most", "most"], ["same"])
    always = helper.make_node("Cast", ["same"], [one], to=TensorProto.INT64)
    endless.input[1] = "seen"
    del graph.graph.node[2]  # what divides by the face
    for place, added in enumerate((seen, same, always), 2):
        graph.graph.node.insert(place, added)
    model = tmp_path / "endless.onnx"
    model.write_bytes(graph.SerializeToString())
    words = {
        "convert": ("convert", face_clip, tmp_path / "out.mp4", "--model", model),
        "live": ("live", "--camera", face_clip, "--loop", "--model", model, "--to", tmp_path / "out.mkv", "--quiet"),
    }[command]
    with Mummer([*map(str, words)], stderr=subprocess.PIPE, text=True) as process:
        try:
            until = time.monotonic() + LONG
            while ticks(process.pid) < BUSY:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < until
                time.sleep(0.05)
            began = time.monotonic()
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=LONG)
            print(f"{command} ended after {time.monotonic() - began:.2f} s")
        finally:
            process.kill()
    assert process.returncode == {"convert": 130, "live": 0}[command], said
    assert "Traceback" not in said
    assert not [path.name for path in tmp_path.iterdir() if path.suffix == ".mp4" or path.name.startswith(".")]


def ticks(process: int) -> int:
    """Hundredths of a second that a process has spent computing."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
