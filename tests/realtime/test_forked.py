"""A forked ``mummer`` is as one that was started: its streams, folder, environment, limits, signals and end."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.realtime.forked import Mummer, run

SHOWS = """
import atexit, json, os, signal, sys
atexit.register(lambda: os.write(2, b"!"))
limit = None
if sys.platform.startswith("linux"):
    import resource
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
ways = [signal.getsignal(each) is signal.SIG_DFL for each in (signal.SIGTERM, signal.SIGPIPE)]
print(json.dumps([os.getcwd(), os.environ.get("SHOWN"), sys.stdin.read(), limit, ways, sys.stdout.encoding]))
sys.exit(7)
"""


def test_it_has_what_a_process_is_given(tmp_path: Path) -> None:
    given = {"cwd": tmp_path, "env": os.environ | {"SHOWN": "yes"}}
    forked = run([], before=SHOWS, data="words", **given)
    started = subprocess.run(
        [sys.executable, "-c", SHOWS], input="words", capture_output=True, text=True, check=False, **given
    )
    assert (forked.returncode, forked.stdout, forked.stderr) == (started.returncode, started.stdout, started.stderr)
    assert (forked.returncode, str(tmp_path) in forked.stdout, forked.stderr) == (7, True, "!")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_it_is_ended_as_any_process() -> None:
    with Mummer(
        [], "import time; print('on', flush=True); time.sleep(60)", stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "on\n"
        assert process.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.01)
        process.kill()
        assert process.wait(60) == -signal.SIGKILL
    assert run(["--version"]).stdout.startswith("mummer ")
