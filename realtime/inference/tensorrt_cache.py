"""The cache of TensorRT engines: machine code that takes minutes to build, in a folder closed to other users."""

import hashlib
import os
import stat
import sys
from pathlib import Path
from typing import Final

from realtime.inference.onnx_runtime import onnxruntime
from realtime.runtime.errors import ModelError, reason
from realtime.runtime.folders import cache_folder

__all__ = ["engine_folder"]

#: Closed to everybody but its owner.
CLOSED: Final = 0o700
_DRIVER: Final = Path("/proc/driver/nvidia")


def engine_folder(model_sha256: str) -> Path:
    """The folder for the engines of one model on this machine, made where there is none.

    Its name is made of the model's digest, the cards, their driver and ONNX Runtime's version, so that an engine is
    never loaded where it was not built. Raises ``ModelError`` where the folder cannot be made, belongs to somebody
    else, or is open to others.
    """
    key = hashlib.sha256("\n".join([model_sha256, onnxruntime.__version__, *_cards()]).encode()).hexdigest()
    folder = cache_folder() / "engines" / key[:32]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=CLOSED)
        facts = folder.stat()
    except OSError as error:
        raise ModelError(f"{folder}: cannot be made for TensorRT's engines: {reason(error)}") from error
    if sys.platform != "win32" and (facts.st_uid != os.getuid() or stat.S_IMODE(facts.st_mode) & 0o077):
        raise ModelError(f"{folder}: open to others, who could put their code there; remove it, or chmod 700 it")
    return folder


def _cards() -> list[str]:
    """The NVIDIA cards and their driver, as far as the system tells."""
    pages = [_DRIVER / "version", *sorted(_DRIVER.glob("gpus/*/information"))]
    return [page.read_text(errors="replace") for page in pages if page.is_file()]
