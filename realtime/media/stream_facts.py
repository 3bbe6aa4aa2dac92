"""What FFmpeg knows of a video stream and PyAV has no words for: where chroma lies, field order, side data.

FFmpeg's own description of an open file says it, at its verbose level.
"""

import re
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

import av
from av.container import InputContainer

__all__ = ["StreamFacts", "described", "stream_facts"]


@dataclass(frozen=True, slots=True)
class StreamFacts:
    """In FFmpeg's words.

    ``chroma`` is where chroma samples lie (``left``, ``center``, ``topleft``, ...), None where nobody says or there are
    none. ``fields`` is the order of fields (``tt``, ``bb``: stored as shown; ``tb``, ``bt``: the first field is stored
    second), None for whole pictures. ``side_data`` holds what goes beside the pictures, like ``Spherical Mapping``, and
    what it says.
    """

    chroma: str | None = None
    fields: str | None = None
    side_data: dict[str, str] = field(default_factory=dict)


def stream_facts(container: InputContainer, index: int) -> StreamFacts:
    """The facts of the stream of ``index`` in ``container``; empty where FFmpeg says nothing."""
    lines = described(container).splitlines()
    start = next((at for at, line in enumerate(lines) if re.match(rf"  Stream #0:{index}\D", line)), None)
    if start is None:
        return StreamFacts()
    end = next((at for at in range(start + 1, len(lines)) if not lines[at].startswith("    ")), len(lines))
    pixels = re.search(r", [a-z][a-z0-9]+\(([^()]*)\)", lines[start])
    words = [] if pixels is None else [word.strip() for word in pixels[1].split(",")]
    return StreamFacts(
        chroma=next((word for word in words if word in CHROMA), None),
        fields=next((FIELDS[word] for word in words if word in FIELDS), None),
        side_data=_side_data(lines[start + 1 : end]),
    )


def _side_data(lines: list[str]) -> dict[str, str]:
    """The entries under the heading, deeper than it."""
    heading = next((at for at, line in enumerate(lines) if line.strip().lower() == "side data:"), len(lines))
    entries = [line.strip() for line in lines[heading + 1 :] if line.startswith("      ")]
    return {name.strip(): value.strip() for name, _, value in (entry.partition(":") for entry in entries)}


def described(container: InputContainer) -> str:
    """What FFmpeg says of an open file, at its verbose level; for people, line by line.

    The level of FFmpeg's log is one for all: what others log meanwhile stays below PyAV's.
    """
    with _LOCK:
        before = av.logging.get_level()
        try:
            av.logging.set_level(av.logging.VERBOSE)
            av.logging.set_libav_level(av.logging.VERBOSE)
            with av.logging.Capture():
                return str(container.dumps_format())  # type: ignore[attr-defined]  # the stub forgets it
        finally:
            av.logging.set_level(before)
            av.logging.set_libav_level(_QUIET)


_LOCK: Final = Lock()
#: FFmpeg's level where PyAV shows nothing.
_QUIET: Final = av.logging.ERROR
#: FFmpeg's names of where chroma lies.
CHROMA: Final = frozenset({"left", "center", "topleft", "top", "bottomleft", "bottom"})
#: Its words for the order of fields, and the names that its encoders take.
FIELDS: Final = {
    "top first": "tt",
    "bottom first": "bb",
    "top coded first (swapped)": "tb",
    "bottom coded first (swapped)": "bt",
}
