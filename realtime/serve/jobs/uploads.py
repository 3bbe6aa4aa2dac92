"""Files that came over the API: each in a folder of its own, for as long as the daemon runs or its job is listed."""

import asyncio
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from realtime.jobs.batch.plan import name_for
from realtime.jobs.convert import Job
from realtime.runtime.disk_space import check_space
from realtime.runtime.errors import OutputError, UsageError
from realtime.runtime.files import make_folder, sole_user, writing

__all__ = ["TooLargeError", "Uploads"]

#: Bytes that are written at a time, and between two looks at the disk.
_PIECE: Final = 1 << 20
_LOOK: Final = 64 << 20
#: Bytes that a file's name may have: with what the result adds, file systems take it.
_NAME: Final = 180
#: The folder of one daemon's, and the file in it that says whether that is there.
_OURS: Final = "mummer-uploads-"
_LOCK: Final = "lock"


class TooLargeError(Exception):
    """More came than is taken."""


class Uploads:
    """The uploads of one daemon, of at most ``most`` bytes each (0: none are taken)."""

    def __init__(self, folder: Path, most: int) -> None:
        self.most = most
        self._held = ExitStack()
        self._parent, self._folder = folder, folder / f"{_OURS}{secrets.token_hex(6)}"

    @contextmanager
    def open(self) -> Iterator[None]:
        """A block in which uploads are taken; they go with it. What daemons left that are gone, goes first.

        Raises ``OutputError``.
        """
        for lock in self._parent.glob(f"{_OURS}*/{_LOCK}"):
            with suppress(OutputError), sole_user(lock, f"{lock}: at work"):
                shutil.rmtree(lock.parent, ignore_errors=True)
        with self._held:
            try:
                yield
            finally:
                shutil.rmtree(self._folder, ignore_errors=True)

    def _make_folder(self) -> None:
        """With the first upload, for this user alone, and locked for as long as this daemon runs."""
        if self._folder.is_dir():
            return
        make_folder(self._folder)
        with writing(self._folder):
            self._folder.chmod(0o700)
        self._held.enter_context(sole_user(self._folder / _LOCK, f"{self._folder}: in use"))

    def holds(self, path: Path) -> bool:
        """Whether ``path`` is one of them."""
        with suppress(OSError, RuntimeError, ValueError):
            return self.most > 0 and path.resolve().is_relative_to(self._folder.resolve())
        return False

    def forget(self, path: Path) -> None:
        """Remove the upload ``path``, and what was made of it."""
        if self.holds(path):
            shutil.rmtree(path.resolve().parent, ignore_errors=True)

    def result_of(self, job: Job) -> Path:
        """What the output for an upload is called, beside it."""
        name, models = name_for(job), "-".join(Path(model).stem for model in job.look.models[:2])
        return job.source.with_name(f"{Path(name).stem}-{models}{Path(name).suffix}")

    async def take(self, name: str, length: int, pieces: AsyncIterator[bytes]) -> Path:
        """Write what comes, ``length`` bytes (0: nobody says), to a file of that ``name``; returns where it is.

        Raises ``UsageError`` for a name that is none, ``OutputError`` where the disk is full, and ``TooLargeError``.
        """
        if Path(name).name != name or name.startswith(".") or len(name.encode()) > _NAME or not name.isprintable():
            raise UsageError(f"{name!r}: no name for a file; leave out folders, and give at most {_NAME} bytes")
        if not self.most:
            raise UsageError("this daemon takes no uploads; name a file in the folders that are open")
        self._make_folder()
        folder = self._folder / secrets.token_hex(8)
        make_folder(folder)
        try:
            await self._write(folder / name, length, pieces)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder / name

    async def _write(self, path: Path, length: int, pieces: AsyncIterator[bytes]) -> None:
        check_space(path, 2 * length)  # the result takes room, too
        written, held = 0, bytearray()
        with writing(path), path.open("xb") as file:
            async for piece in pieces:
                held += piece
                if written + len(held) > self.most:
                    raise TooLargeError
                if len(held) >= _PIECE:
                    await asyncio.to_thread(file.write, bytes(held))
                    if written // _LOOK != (written + len(held)) // _LOOK:
                        check_space(path)
                    written += len(held)
                    held.clear()
            file.write(held)
