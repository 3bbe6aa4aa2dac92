"""The cores that one of several processes keeps to."""

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

__all__ = ["Share", "spread"]


class Share(NamedTuple):
    """That of the process ``number``, from 0, of so many that work at the same time."""

    number: int
    of: int

    def take(self) -> bool:
        """Keep to it with the calling thread, and with all that it starts from now on; whether that was done.

        Each of the processes has threads for all cores, and the system moves them to and fro, away from what they have
        in their caches: two workers on two cores lose a tenth of their time to that. Nothing is done where the cores
        that this process may use cannot be shared out evenly, or the system gives no such choice.
        """
        if sys.platform != "linux":
            return False
        cores = sorted(os.sched_getaffinity(0))
        size, left = divmod(len(cores), self.of)
        if left or size in (0, len(cores)):
            return False
        os.sched_setaffinity(0, cores[self.number * size : (self.number + 1) * size])
        return True


def spread(process: int) -> None:
    """Let all threads of ``process`` run wherever the calling thread may: others have left their shares."""
    if sys.platform != "linux":
        return
    cores = os.sched_getaffinity(0)
    with suppress(FileNotFoundError):  # it is gone
        for thread in [int(each.name) for each in Path(f"/proc/{process}/task").iterdir()]:
            with suppress(ProcessLookupError):  # it has just ended
                os.sched_setaffinity(thread, cores)
