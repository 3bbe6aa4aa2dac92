"""A signal at any moment from the first import on: exit code 130, one line, nothing left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.realtime.clips import Clip, make
from tests.realtime.tiny import make_model

ROOT = Path(__file__).parents[3]
#: How many starts are stopped, and how many at a time; 400 is what a release is held to.
STARTS = int(os.environ.get("MUMMER_STARTS", "6"))
TOGETHER = 2
#: Seconds from the program's first step on over which the signals are spread: its imports, and the job's first frames.
SPAN = 1.5

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def begin(folder: Path, source: Path, model: Path) -> "subprocess.Popen[str]":
    folder.mkdir()
    words = ["convert", str(source), str(folder / "out.mp4"), "--model", str(model), "--preset", "placebo"]
    return subprocess.Popen(
        [sys.executable, "-m", "realtime", *words], cwd=ROOT, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def await_first_step(process: "subprocess.Popen[str]") -> None:
    """Until the interpreter has started and the program answers SIGTERM; before that the system ends the process."""
    while process.poll() is None:
        if not sys.platform.startswith("linux"):
            time.sleep(0.5)
            return
        caught = next(line for line in Path(f"/proc/{process.pid}/status").read_text().split("\n") if "SigCgt" in line)
        if int(caught.split()[1], 16) >> (signal.SIGTERM - 1) & 1:
            return
        time.sleep(0.001)


def test_starts_that_are_stopped(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(size=(640, 480), frames=400, options={"preset": "ultrafast"}))
    model = make_model(tmp_path / "negative.onnx")
    for first in range(0, STARTS, TOGETHER):
        numbers = range(first, min(first + TOGETHER, STARTS))
        started = [(begin(tmp_path / str(number), source, model), number) for number in numbers]
        for process, number in started:
            await_first_step(process)
            time.sleep(SPAN * number / STARTS)
            process.send_signal(signal.SIGTERM)
        for process, number in started:
            out, said = process.communicate(timeout=60)
            assert (process.returncode, out, said) == (130, "", "mummer: interrupted\n"), number
            assert list((tmp_path / str(number)).iterdir()) == []


SLOW = """
import os, sys
for name in ("{name}", "numpy"):
    sys.modules.pop(name, None)
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == "{name}":
            try:
                os.kill(os.getpid(), {number})
                for _ in range(1000):
                    pass
            except BaseException:  # as callbacks from C do
                pass
sys.meta_path.insert(0, Finder())
from realtime.__main__ import main
main()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("name", ["typer", "pydantic", "numpy", "cv2", "av", "onnxruntime", "realtime.jobs.convert"])
def test_a_signal_in_an_import(tmp_path: Path, name: str, number: signal.Signals) -> None:
    source, model = make(tmp_path / "in.mp4", Clip(frames=5)), make_model(tmp_path / "negative.onnx")
    words = ["convert", str(source), str(tmp_path / "out.mp4"), "--model", str(model)]
    code = SLOW.format(name=name, number=int(number))
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "mummer: interrupted\n")
    assert not (tmp_path / "out.mp4").exists()
