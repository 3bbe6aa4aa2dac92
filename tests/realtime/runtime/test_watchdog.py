"""Time limits and a program that is stopped as a whole."""

import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import sys, time
from realtime.runtime.watchdog import limited

with limited(3.0, lambda: None) as limit:
    print("begun", flush=True)
    for _ in range(8):
        time.sleep(0.1)
print(limit.passed)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_time_in_which_the_program_was_stopped_does_not_count() -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGSTOP)
        time.sleep(3.5)
        process.send_signal(signal.SIGCONT)
        assert process.stdout.read() == "False\n"
