"""Processes that keep to their share of the cores, on real cores."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="it takes Linux and two cores"
)

#: A process with two cores, of which a thread takes a share; prints what it, a thread of it, and another one keep to.
PROGRAM = """
import os, sys
from threading import Event, Thread
from realtime.runtime.cores import Share, spread

number, of = map(int, sys.argv[1:])
two = sorted(os.sched_getaffinity(0))[:2]
os.sched_setaffinity(0, two)
kept, taken, over = [], Event(), Event()

def inner():
    taken.set()
    over.wait()
    kept.append(os.sched_getaffinity(0))

def outer():
    print(Share(number, of).take())
    print([two.index(core) for core in sorted(os.sched_getaffinity(0))])
    thread = Thread(target=inner)
    thread.start()
    over.wait()
    thread.join()

first = Thread(target=outer)
first.start()
taken.wait()
spread(os.getpid())
over.set()
first.join()
print([two.index(core) for core in sorted(kept[0])])
"""


def lines(number: int, of: int) -> list[str]:
    command = [sys.executable, "-c", PROGRAM, str(number), str(of)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("number", [0, 1])
def test_each_of_two_has_a_core_of_its_own_until_the_other_has_ended(number: int) -> None:
    assert lines(number, 2) == ["True", str([number]), "[0, 1]"]


@pytest.mark.parametrize("of", [1, 3])
def test_what_cannot_be_shared_out_evenly_is_left_to_the_system(of: int) -> None:
    assert lines(0, of) == ["False", "[0, 1]", "[0, 1]"]
