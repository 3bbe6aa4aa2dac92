"""The words in a file's header: what comes along, under which name, and what the muxer writes itself."""

import re
from typing import Final

__all__ = ["encoded_tags", "file_tags", "has_keys", "stream_tags"]

#: What the muxer writes itself, and what counted the packets of the old video.
_OWN: Final = frozenset({"major_brand", "minor_version", "compatible_brands", "encoder", "duration"})
_COUNTED: Final = re.compile(r"(BPS|NUMBER_OF_FRAMES|NUMBER_OF_BYTES|_STATISTICS_\w+)(-\w+)?", re.IGNORECASE)
_TRANSPARENT: Final = re.compile("ALPHA_MODE", re.IGNORECASE)
#: The words for a stream's title: Matroska's, and that of MP4 and MOV as FFmpeg reads it.
_TITLE, _NAME = "title", "name"


def file_tags(metadata: dict[str, str]) -> dict[str, str]:
    """The tags of a file, for another one."""
    return {name: value for name, value in metadata.items() if name.lower() not in _OWN}


def stream_tags(metadata: dict[str, str]) -> dict[str, str]:
    """The tags of a stream, for its copy."""
    tags = file_tags(metadata)
    if _NAME in tags and _TITLE not in tags:
        tags[_TITLE] = tags[_NAME]
    return tags


def encoded_tags(metadata: dict[str, str], transparent: bool) -> dict[str, str]:
    """The tags of a video, for what it was encoded to anew: its packets count anew, and it may be less transparent."""
    stale = [_COUNTED] if transparent else [_COUNTED, _TRANSPARENT]
    tags = stream_tags(metadata)
    return {name: value for name, value in tags.items() if not any(each.fullmatch(name) for each in stale)}


def has_keys(metadata: dict[str, str]) -> bool:
    """Whether there are names that MP4 and MOV hold as keys only, as phones write them (com.android.version)."""
    return any(name.count(".") > 1 for name in metadata)
