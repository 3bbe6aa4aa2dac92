"""Weights that others publish: found in torch hub's folder, or fetched into it on first use."""

import contextlib
import hashlib
import http.client
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Final
from urllib.request import urlopen

from realtime.runtime.errors import DetectorError

__all__ = ["Weights", "ensure"]

#: How long a server may stay silent, in seconds, before it counts as out of reach.
_PATIENCE_S: Final = 10.0
#: torch hub's custom: a file name may carry the first digits of the content's SHA-256.
_DIGEST: Final = re.compile(r"-([0-9a-f]{8,})\.")


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of weights.

    ``file`` is its name in torch hub's folder. Where it comes from is the library's knowledge, so it is
    looked up there: ``constant`` of ``module`` is the address, or a table that has it under ``key``.
    """

    file: str
    module: str
    constant: str
    key: str | None = None

    def address(self) -> str:
        """The address that the library fetches this file from."""
        found = getattr(import_module(self.module), self.constant)
        return str(found if self.key is None else found[self.key])


def ensure(weights: Weights, purpose: str) -> Path:
    """The path of ``weights``, fetched first where they are not there yet; ``purpose`` names what wants them.

    Raises ``DetectorError`` that says which file to put where, when it cannot be fetched.
    """
    from torch.hub import get_dir

    folder = Path(get_dir()) / "checkpoints"
    path = folder / weights.file
    if path.is_file():
        return path
    print(f"fetching {weights.file} for {purpose}", file=sys.stderr)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _part_of(folder) as part:
            digest = _fetch(weights.address(), part)
            expected = _DIGEST.search(weights.file)
            if expected and not digest.startswith(expected[1]):
                raise OSError("what the server sent is not that file")
            part.replace(path)
    except (OSError, http.client.HTTPException) as error:  # URLError is an OSError
        reason = getattr(error, "reason", None) or error
        raise DetectorError(
            f"{purpose} needs the weights {weights.file}, which could not be fetched ({reason}): "
            f"put that file into {folder}"
        ) from error
    return path


@contextlib.contextmanager
def _part_of(folder: Path) -> Iterator[Path]:
    """A file to write to in ``folder`` that is gone afterwards unless it was renamed."""
    handle, name = tempfile.mkstemp(suffix=".part", dir=folder)
    os.close(handle)
    try:
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _fetch(address: str, path: Path) -> str:
    """Write what is at ``address`` to ``path``; returns its SHA-256 in hexadecimal digits."""
    if not address.startswith("https://"):
        raise OSError(f"{address} is not an https address")
    with urlopen(address, timeout=_PATIENCE_S) as reply, path.open("wb") as file:  # noqa: S310
        shutil.copyfileobj(reply, file, 1 << 20)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
