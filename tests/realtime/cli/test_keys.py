"""Whether Enter was pressed, on a real terminal and where there is none."""

import io
import os
import pty
import sys
import time
from collections.abc import Iterator

import pytest

from realtime.cli.keys import enter_pressed

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="terminals of POSIX")


@pytest.fixture
def keyboard(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The other side of a terminal that is this process's standard input."""
    ours, theirs = pty.openpty()
    try:
        with os.fdopen(theirs) as terminal:
            monkeypatch.setattr(sys, "stdin", terminal)
            yield ours
    finally:
        os.close(ours)


def soon_pressed() -> bool:
    """What was typed takes its time through the system's terminal."""
    until = time.monotonic() + 30
    while not (pressed := enter_pressed()) and time.monotonic() < until:
        time.sleep(0.001)
    return pressed


def test_enter_counts_once_and_nothing_else_does(keyboard: int) -> None:
    assert not enter_pressed()
    os.write(keyboard, b"typed, not sent")
    assert not enter_pressed()
    os.write(keyboard, b"\n")
    assert soon_pressed()
    assert not enter_pressed()


def test_each_enter_counts(keyboard: int) -> None:
    os.write(keyboard, b"\n\n")
    assert soon_pressed()
    assert soon_pressed()
    assert not enter_pressed()


def test_a_pipe_is_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    assert not enter_pressed()
    assert sys.stdin.read() == "\n"  # and keeps what it holds
