"""JSON lines that survive being interrupted: a line is there whole, or not at all."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from realtime.runtime.errors import InputError, OutputError, reason
from realtime.runtime.files import write_whole

__all__ = ["JsonLines"]

M = TypeVar("M", bound=BaseModel)


class JsonLines(Generic[M]):
    """A file of one object a line.

    Lines are appended with one write each. A last line without its end, as a full disk or a power cut leaves it,
    counts as not written, and the next append takes its place.
    """

    def __init__(self, path: Path, model: type[M]) -> None:
        self.path = path
        self._model = model
        self._file: int | None = None

    def read(self) -> Iterator[M]:
        """Every whole line; none where there is no file. Raises ``InputError`` naming the line that is no record."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read: {reason(error)}") from error
        *lines, _torn = data.split(b"\n")
        for number, line in enumerate(lines, 1):
            try:
                yield self._model.model_validate_json(line)
            except ValidationError as error:
                raise InputError(
                    f"{self.path}: line {number} is not the record that it should be; delete that line"
                ) from error

    def append(self, record: M) -> None:
        """Add a line. Raises ``OutputError`` where it cannot be written; the file is then as it was."""
        line = record.model_dump_json().encode() + b"\n"
        try:
            if self._file is None:
                self._file = self._open()
            end = os.fstat(self._file).st_size
            written = 0
            try:
                written = os.write(self._file, line)
            finally:
                if written < len(line):
                    os.ftruncate(self._file, end)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {reason(error)}") from error
        if written < len(line):
            raise OutputError(f"{self.path}: cannot be written: no space left on device")

    def replace(self, records: Iterator[M] | list[M]) -> None:
        """Write the whole file anew, in one step. Raises ``OutputError``."""
        self.close()
        write_whole(self.path, b"".join(record.model_dump_json().encode() + b"\n" for record in records))

    def close(self) -> None:
        """Let go of the file; a later append opens it again."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        binary = getattr(os, "O_BINARY", 0)  # or Windows writes other line ends
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | binary, 0o644)
        data = self.path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.ftruncate(file, data.rfind(b"\n") + 1)
        return file
