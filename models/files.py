"""Files that appear under their name only when they are whole."""

import os
import tempfile
from pathlib import Path

from realtime.runtime.errors import OutputError

__all__ = ["make_folder", "write_whole"]


def make_folder(folder: Path) -> None:
    """Make ``folder`` and those above it, where they are missing. Raises ``OutputError``."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot make this folder: {error.strerror or error}") from error


def write_whole(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Write ``data`` to ``path`` in one step: beside it first, then in its place. Raises ``OutputError``.

    Without ``sync`` it survives the end of the process at any moment, but not that of the machine; for the many small
    files that would have to wait for the disk each.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            partial = Path(file.name)
            try:
                file.write(data)
                if sync:
                    file.flush()
                    os.fsync(file.fileno())  # the new name must not outrun its content
                file.close()
                partial.chmod(0o644)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
