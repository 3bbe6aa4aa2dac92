"""Room on a disk, looked at before it is full: what is written until then can still be finished in good order."""

import shutil
from pathlib import Path
from typing import Final

from realtime.runtime.errors import OutputError
from realtime.runtime.files import writing

__all__ = ["RESERVE", "check_space"]

#: Bytes that stay free: for the end of a file, its signature, and the other programs of this machine.
RESERVE: Final = 64 << 20


def check_space(path: Path, coming: int = 0) -> None:
    """Raise ``OutputError`` where the disk of the file ``path`` has less room than ``coming`` bytes and the reserve."""
    with writing(path):
        free = shutil.disk_usage(path.resolve().parent).free
    if free < RESERVE + coming:
        raise OutputError(f"{path}: its disk is full but for {free >> 20} MB; make room, or write elsewhere")
