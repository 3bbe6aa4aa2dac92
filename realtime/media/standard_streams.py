"""Standard input and output in place of files: what can be read and written there, where nobody can go back."""

from pathlib import Path
from typing import Final

from realtime.media.containers import CONTAINERS, Container
from realtime.runtime.errors import UsageError

__all__ = ["STREAM", "STREAMED", "streamed"]

#: What stands for standard input or output where a file is named.
STREAM: Final = Path("-")

#: Containers that are written from start to end, by name, with the muxer's options that make them so.
STREAMED: Final[dict[str, dict[str, str]]] = {
    "mkv": {"flush_packets": "1"},
    "webm": {"flush_packets": "1"},
    "ts": {"flush_packets": "1"},
    # In fragments, each with an index of its own: the usual one is written last and put first.
    "mp4": {"movflags": "frag_keyframe+delay_moov+default_base_moof", "flush_packets": "1"},
}


def streamed(name: str | None) -> tuple[Container, dict[str, str]]:
    """The container called ``name`` for standard output, and the muxer's options. Raises ``UsageError``."""
    if name not in STREAMED:
        raise UsageError(f"standard output has no suffix: say --format {' or '.join(STREAMED)}")
    return CONTAINERS[f".{name}"], STREAMED[name]
