"""The containers that are written, by suffix: one table of what each can hold."""

from dataclasses import dataclass, field, replace
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Final

import av

from realtime.runtime.errors import OutputError

__all__ = ["CONTAINERS", "Container", "container_for", "muxed_by"]


@dataclass(frozen=True, slots=True)
class Container:
    """A row of the table. ``muxer`` is FFmpeg's name, ``codec`` the encoder where nothing is asked for.

    ``numbers_frames``: it counts frames instead of timing them. ``reorders``: it tells decoding order from presentation
    order, and holds times below zero. ``videos`` and ``sounds`` are the codecs that players find in it, where the muxer
    would swallow others without a word; None where it refuses them itself. ``wraps``: its clock goes round, so that a
    file may begin below zero; in the others players leave out what does. ``growing`` are the muxer's options for a file
    that plays up to where it breaks off; None where it has none. ``tags`` are the names for codecs, by FFmpeg's, that
    players insist on where the muxer would choose others. ``mistimed`` are the codecs whose times readers guess wrongly
    in it: they are used where somebody names them, only.
    """

    muxer: str
    codec: str = "libx264"
    numbers_frames: bool = False
    reorders: bool = True
    wraps: bool = False
    videos: frozenset[str] | None = None
    sounds: frozenset[str] | None = None
    growing: dict[str, str] | None = None
    tags: dict[str, str] = field(default_factory=dict)
    mistimed: frozenset[str] = frozenset()

    def holds_video(self, codec: str) -> bool:
        """Whether it has a type for video of ``codec`` (FFmpeg's name), as far as the muxer does not say itself."""
        return self.videos is None or codec in self.videos

    def muxes(self, codec: str, encoder: str) -> bool:
        """Whether it takes video of ``codec`` from ``encoder``, by this table and by the muxer."""
        return self.holds_video(codec) and _takes(self.muxer, encoder)

    def holds_sound(self, codec: str) -> bool:
        """Whether it has a type for sound of ``codec`` (FFmpeg's name), as far as the muxer does not say itself."""
        return self.sounds is None or codec in self.sounds


@cache
def _takes(muxer: str, encoder: str) -> bool:
    """Whether the muxer has a tag for what ``encoder`` makes."""
    with av.open(BytesIO(), "w", format=muxer) as trial:
        try:
            trial.add_stream(encoder, rate=25)
        except ValueError:
            return False
    return True


# MP4 grows by fragments, one a group of pictures, and becomes an ordinary file at the clean end; Matroska by clusters
# of a second; a transport stream is cut anywhere.
_FRAGMENTS: Final = {"movflags": "hybrid_fragmented+frag_keyframe+delay_moov", "flush_packets": "1"}
# Apple's players know HEVC by no other name.
_HVC1: Final = {"hevc": "hvc1"}
_MP4: Final = Container("mp4", growing=_FRAGMENTS, tags=_HVC1)
_TRANSPORT: Final = Container(
    "mpegts",
    reorders=False,
    wraps=True,
    videos=frozenset({"h264", "hevc", "vvc", "mpeg1video", "mpeg2video", "mpeg4", "av1", "cavs", "dirac"}),
    sounds=frozenset({"aac", "mp2", "mp3", "ac3", "eac3", "dts", "truehd", "opus"}),
)

#: By suffix. Containers of one file that hold video and sound. In AVI readers guess the times of H.264.
CONTAINERS: Final[dict[str, Container]] = {
    ".mp4": _MP4,
    ".m4v": _MP4,
    ".mov": Container("mov", growing=_FRAGMENTS, tags=_HVC1),
    ".3gp": Container("3gp"),
    ".mkv": Container("matroska", growing={"cluster_time_limit": "1000", "flush_packets": "1"}),
    ".webm": Container("webm", codec="libvpx-vp9"),
    ".avi": Container("avi", codec="mpeg4", numbers_frames=True, reorders=False, mistimed=frozenset({"h264", "hevc"})),
    ".ts": replace(_TRANSPORT, growing={"flush_packets": "1"}),
    ".m2ts": _TRANSPORT,
    ".mts": _TRANSPORT,
}


def container_for(path: Path) -> Container:
    """The container for the suffix of ``path``. Raises ``OutputError`` for a suffix that names none."""
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        known = " ".join(CONTAINERS)
        raise OutputError(f"{path}: unknown kind of output {path.suffix or 'without a suffix'!r}; use one of {known}")
    return container


def muxed_by(muxer: str) -> Container:
    """The container that FFmpeg's ``muxer`` writes; one that is in no table holds what the muxer takes."""
    return next((row for row in CONTAINERS.values() if row.muxer == muxer), Container(muxer))
