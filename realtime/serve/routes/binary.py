"""Files as answers, to be kept."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from fastapi import HTTPException
from fastapi.responses import StreamingResponse

__all__ = ["A_FILE", "BINARY", "CONTENT", "Binary", "sent"]

BINARY: Final = "application/octet-stream"
#: How the API's document describes it, and an answer of it.
CONTENT: Final = {BINARY: {"schema": {"type": "string", "format": "binary"}}}
A_FILE: Final[dict[int | str, dict[str, Any]]] = {200: {"description": "The file.", "content": CONTENT}}
#: Bytes that are read at a time.
_PIECE: Final = 1 << 18


class Binary(StreamingResponse):
    """A file to keep."""

    media_type = BINARY


def sent(path: Path) -> Binary:
    """The file ``path``, to be kept under its name."""
    if not path.is_file():
        raise HTTPException(404)
    file = path.open("rb")
    name = f"attachment; filename*=utf-8''{quote(path.name)}"

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_PIECE):
                yield piece

    return Binary(pieces(), headers={"content-length": str(path.stat().st_size), "content-disposition": name})
