"""The threads of a file job: whatever ends it, none of them outlives it."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from realtime.jobs.pipeline import run


class Stop(BaseException):
    """What the handler of a signal raises."""


class SlowSource:
    """Its second item takes a while, and somebody presses Ctrl-C meanwhile."""

    def __init__(self) -> None:
        self.working = False

    def __iter__(self) -> Iterator[bytes]:
        yield b"first"
        self.working = True
        time.sleep(0.1)  # until the others are waited for
        os.kill(os.getpid(), signal.SIGALRM)
        time.sleep(0.5)
        self.working = False
        yield b"second"


class Sink:
    """Notes whether the source was still at work when the output was let go of."""

    def __init__(self, source: SlowSource) -> None:
        self._source = source
        self.finished = False
        self.cut_short: bool | None = None

    def write(self, item: bytes) -> None:
        pass

    def finish(self) -> None:
        self.finished = True

    def abort(self) -> None:
        self.cut_short = self._source.working


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_waits_for_the_frame_that_each_thread_is_at() -> None:
    """The decoder too: whoever waits for it is interrupted, and must not take it for ended."""

    def stop(*_: object) -> None:
        raise Stop

    source, before = SlowSource(), threading.active_count()
    sink, old = Sink(source), signal.signal(signal.SIGALRM, stop)
    try:
        with pytest.raises(Stop):
            run(source, None, sink)
    finally:
        signal.signal(signal.SIGALRM, old)
    assert sink.cut_short is False and not sink.finished
    assert threading.active_count() == before
