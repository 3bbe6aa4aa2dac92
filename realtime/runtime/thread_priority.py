"""Thread priorities: which thread waits when the cores are busy.

A frame can be decoded and encoded by several threads at once, but swapped by one only. Where that thread has to
share its core with the encoder's, the encoder runs out of frames a moment later, and a core stands idle. So the
encoder's threads give way. On Linux a thread has a niceness of its own, and hands it to the threads that it starts;
elsewhere nothing is changed.

SVT-AV1 goes the other way: run by root, it puts the thread that opens it and all of its own under real-time scheduling,
and a machine with few cores does nothing else until it is done. That is taken back.
"""

import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import get_native_id
from typing import Final

__all__ = ["give_way", "schedule_as_usual", "start_giving_way"]

#: Anyone may raise the niceness of a thread. At 10 it gets a tenth of what the others get, where there is not enough.
NICENESS: Final = 10


def give_way() -> None:
    """Let the calling thread, and those that it starts from now on, run after the others."""
    if sys.platform == "linux":
        thread = get_native_id()
        # A process that is nicer already stays so, and may not go back.
        os.setpriority(os.PRIO_PROCESS, thread, max(os.getpriority(os.PRIO_PROCESS, thread), NICENESS))


def start_giving_way(start: Callable[[], None]) -> None:
    """Call ``start``, so that the threads it starts give way and the calling thread does not; raises what it raises."""
    with ThreadPoolExecutor(1, "open encoder", give_way) as pool:
        pool.submit(start).result()
        schedule_as_usual()


def schedule_as_usual() -> None:
    """End the real-time scheduling of this process' threads, whoever began it; each keeps its niceness."""
    if sys.platform != "linux":
        return
    for thread in (int(each.name) for each in Path("/proc/self/task").iterdir()):
        with suppress(ProcessLookupError):  # it has just ended
            if os.sched_getscheduler(thread) in (os.SCHED_FIFO, os.SCHED_RR):
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
