"""A model file, read once: what is hashed, checked and run are the same bytes."""

import hashlib
import io
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from mmap import ACCESS_READ, mmap
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from realtime.inference.onnx_reader import Graph, GraphError, read_graph
from realtime.runtime.errors import ModelError, reason
from realtime.runtime.threads import guarded_thread

__all__ = ["ModelFile", "read_model"]

#: What Protocol Buffers can hold, and so the largest ONNX file.
LARGEST: Final = 2**31 - 1
#: From this many bytes on, copies count.
LARGE: Final = 64 << 20
CHUNK: Final = 1 << 20


class ModelFile:
    """The bytes of a model file, held until the block ends. Use it in a ``with``.

    On Linux a large file's lie in a file in memory that has no name: ONNX Runtime reads a file without the two
    copies that it makes of Python's bytes, and nobody can change them between the look and the run. The digest is
    computed meanwhile, in a thread.
    """

    def __init__(self, path: Path) -> None:
        """Read ``path``. Raises ``ModelError`` saying what is wrong with it."""
        self.path = path
        self._file: io.FileIO | io.BytesIO
        with _opened(path) as file:
            if os.fstat(file.fileno()).st_size >= LARGE and sys.platform == "linux" and Path("/proc/self/fd").is_dir():
                self._file = _copy(file)
                self._data = memoryview(mmap(self._file.fileno(), 0, access=ACCESS_READ))
            else:
                self._file = io.BytesIO(file.readall())
                self._data = self._file.getbuffer()
        self._digest = ""
        self._unread: BaseException | None = None
        self._hashing = guarded_thread(self._hash, "hash", self._fail)
        self._hashing.start()

    @cached_property
    def graph(self) -> Graph:
        """What the file says of itself. Raises ``ModelError`` for a file that will not be run."""
        try:
            return read_graph(self._data)
        except GraphError as error:
            raise ModelError(f"{self.path}: {error}") from error

    @property
    def data(self) -> memoryview:
        """The bytes."""
        return self._data

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._data)

    @property
    def onnx(self) -> str | bytes:
        """What ONNX Runtime is given: the path of the file in memory, or the bytes."""
        return self._file.getvalue() if isinstance(self._file, io.BytesIO) else f"/proc/self/fd/{self._file.fileno()}"

    def write_to(self, target: BinaryIO) -> None:
        """Write the bytes to ``target``, without holding them once more."""
        self._hashing.join()
        self._file.seek(0)
        shutil.copyfileobj(self._file, target, CHUNK)

    def sha256(self) -> str:
        """The digest in hexadecimal, waited for where need be."""
        self._hashing.join()
        if self._unread is not None:
            raise self._unread
        return self._digest

    def _fail(self, error: BaseException) -> None:
        """A digest that nobody could compute is no digest."""
        self._unread = error

    def _hash(self) -> None:
        # Read, not mapped: mapped pages would count as this process's own.
        self._digest = hashlib.file_digest(self._file, "sha256").hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The map goes when the last view of it does, such as those in the traceback of an error.
        self._hashing.join()
        self.__dict__.pop("graph", None)
        self._data = memoryview(b"")
        if isinstance(self._file, io.FileIO):
            # Giving back 700 MB of pages takes a tenth of a second, which nobody needs to wait for.
            guarded_thread(self._file.close, "close model").start()


def read_model(path: Path) -> bytes:
    """The file's bytes. Raises ``ModelError`` saying what is wrong with the path."""
    with _opened(path) as file:
        return file.readall()


def _copy(file: io.FileIO) -> io.FileIO:
    """A file in memory with the bytes of ``file``, at its beginning."""
    size = os.fstat(file.fileno()).st_size
    copy = io.FileIO(os.memfd_create("model"), "r+")
    os.ftruncate(copy.fileno(), size)  # whatever happens to the file meanwhile

    def fill(start: int, end: int) -> None:
        buffer = memoryview(bytearray(CHUNK))
        while start < end and (read := os.preadv(file.fileno(), [buffer[: end - start]], start)):
            os.pwrite(copy.fileno(), buffer[:read], start)
            start += read

    # What takes time is to get the pages; two threads halve it.
    half = size // 2
    with ThreadPoolExecutor(2) as pool:
        for part in [pool.submit(fill, 0, half), pool.submit(fill, half, size)]:
            part.result()
    return copy


@contextmanager
def _opened(path: Path) -> Iterator[io.FileIO]:
    """The file, open and known to be regular, neither empty nor too large."""
    if path.is_dir():
        raise ModelError(f"{path}: a folder, not a model file")
    try:
        # What is no regular file may wait for ever when it is opened.
        if path.exists() and not path.is_file():
            raise ModelError(f"{path}: not a regular file")
        with io.FileIO(path) as file:
            facts = os.fstat(file.fileno())
            if not stat.S_ISREG(facts.st_mode):
                raise ModelError(f"{path}: not a regular file")
            if not facts.st_size:
                raise ModelError(f"{path}: empty, not a model file")
            if facts.st_size > LARGEST:
                raise ModelError(f"{path}: larger than 2 GiB, which no ONNX file can be")
            yield file
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such model file") from error
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {reason(error)}") from error
