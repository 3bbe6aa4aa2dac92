"""What the process holds at this moment: memory, threads, open files."""

import threading
from pathlib import Path
from typing import Final

from pydantic import BaseModel

__all__ = ["Footprint", "footprint"]

_PROC: Final = Path("/proc/self")


class Footprint(BaseModel, frozen=True):
    """Resident memory in MB (1e6 bytes), threads, and open descriptors; None where the system does not say.

    Without ``/proc`` only Python's own threads are counted.
    """

    rss_mb: float | None
    threads: int
    descriptors: int | None


def footprint() -> Footprint:
    """Of this process, now."""
    if not (_PROC / "status").exists():
        return Footprint(rss_mb=None, threads=threading.active_count(), descriptors=None)
    facts = dict(line.split(":", 1) for line in (_PROC / "status").read_text().splitlines() if ":" in line)
    return Footprint(
        rss_mb=round(int(facts["VmRSS"].split()[0]) * 1024 / 1e6, 1),
        threads=int(facts["Threads"]),
        descriptors=len(list((_PROC / "fd").iterdir())),
    )
