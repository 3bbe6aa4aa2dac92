"""Standard input and output: the same frames and sound as by files, and nothing but the video on standard output."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from realtime.jobs.convert import Job, convert
from realtime.settings import Look
from tests.realtime.clips import Clip, decoded, make, payloads, times
from tests.realtime.forked import run
from tests.realtime.tiny import make_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


#: Asks all in one process, each with a pipe of its own to read from: its imports take longer than any of them.
IN_TURN = """
import json, os, sys
from realtime.cli import main
for words, given in json.load(sys.stdin):
    reading, writing = os.pipe()
    os.dup2(reading, 0)
    os.close(reading)
    with open(writing, "wb") as pipe:
        pipe.write(bytes.fromhex(given))  # little enough for the pipe to hold
    sys.stdin = open(0, closefd=False)
    sys.argv = ["mummer", *words]
    try:
        main()
    except SystemExit as ended:
        print(ended.code, "ended", sep="\\n", file=sys.stderr, flush=True)
"""


def mummer(data: bytes, *words: str | Path) -> tuple[int, bytes, str]:
    """The command in a process of its own, fed through a pipe: exit code, standard output, standard error."""
    done = run([*map(str, words)], data=data, text=False, timeout=120)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr.decode()


@pytest.mark.parametrize(("before", "after"), [("mkv", "mkv"), ("mkv", "mp4"), ("ts", "ts"), ("mkv", "webm")])
def test_a_pipe_gives_what_a_file_gives(tmp_path: Path, model: Path, before: str, after: str) -> None:
    audio = "libopus" if after == "webm" else "aac"
    source = make(tmp_path / f"in.{before}", Clip(frames=12, audio=audio))
    lossless = ["--model", model, "--label", "off"]
    code, out, err = mummer(source.read_bytes(), "convert", "-", "-", "--format", after, *lossless)
    assert code == 0, err
    (piped := tmp_path / f"piped.{after}").write_bytes(out)
    convert(Job(source, target := tmp_path / f"out.{after}", Look(model=str(model), label=None)))
    assert [picture for _, picture in decoded(piped)] == [picture for _, picture in decoded(target)]
    assert [round(float(time) * 1000) for time in times(piped)] == [round(float(time) * 1000) for time in times(target)]
    assert payloads(piped) == payloads(target)
    assert "cannot be signed" in err
    assert "12 frames swapped" in err


def test_from_a_pipe_into_a_file_and_out_of_one(tmp_path: Path, model: Path) -> None:
    source, target = make(tmp_path / "in.mkv", Clip(frames=5)), tmp_path / "out.mp4"
    code, out, err = mummer(source.read_bytes(), "convert", "-", target, "--model", model)
    assert code == 0, err
    assert mummer(b"", "verify", target)[0] == 0
    code, out, _ = mummer(b"", "convert", source, "-", "--format", "mkv", "--model", model)
    assert code == 0
    assert out.startswith(b"\x1a\x45\xdf\xa3")


def test_what_a_pipe_cannot_do_is_said_in_one_line(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=5))
    data = source.read_bytes()
    at = data.index(b"mdat")
    assert at < data.index(b"moov"), "this one has its index behind it"
    transport = make(tmp_path / "in.ts", Clip(frames=5)).read_bytes()
    questions = [
        (("-", "-", "--format", "mp4"), transport, "use --format mkv or ts"),
        (("-", "-", "--format", "mkv"), b"", "standard input"),
        (("-", "-", "--format", "mkv"), b"words" * 400, "standard input"),
        (("-", "-", "--format", "avi"), data, "--format mkv or webm or ts or mp4"),
        (("-", "-"), data, "--format mkv or webm or ts or mp4"),
        ((source, tmp_path / "out.mp4", "--format", "mkv"), b"", "--format is for standard output"),
    ]
    asked = [(["convert", *map(str, words), "--model", str(model)], given.hex()) for words, given, _ in questions]
    done = subprocess.run([sys.executable, "-c", IN_TURN], input=json.dumps(asked).encode(), capture_output=True)
    assert done.stdout == b""
    *answers, rest = done.stderr.decode().split("ended\n")
    assert rest == ""
    for answer, (_, _, says) in zip(answers, questions, strict=True):
        *lines, code = answer.splitlines()
        assert code in ("1", "2")
        assert says in lines[0]
        assert len(lines) == 1
