"""What is to be known of a container beside its streams, and what another one does not take over."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from struct import error, unpack
from typing import BinaryIO, Final

from av.container import InputContainer

from realtime.media.containers import Container
from realtime.media.standard_streams import STREAM
from realtime.media.stream_facts import described

__all__ = ["ContainerFacts", "container_facts"]


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """``index_first``: an MP4 that plays while it loads; ``fragmented``: one in pieces.

    ``programs`` are the tags of each. ``languages`` are those that say more than three letters can; ``nested`` is
    whether chapters lie in chapters.
    """

    index_first: bool = False
    fragmented: bool = False
    programs: tuple[dict[str, str], ...] = ()
    languages: tuple[str, ...] = ()
    nested: bool = False

    @property
    def service(self) -> dict[str, str]:
        """The tags of the first program; empty where there is none."""
        return dict(self.programs[0]) if self.programs else {}

    def losses(self, kind: Container) -> list[str]:
        """What a file of ``kind`` does not say any more, in words."""
        told = []
        if self.fragmented:
            told.append("the input's fragments were joined")
        if len(self.programs) > 1:
            told.append(f"the input's {len(self.programs)} programs were made one")
        elif self.service and kind.muxer not in _NAMES_SERVICES:
            told.append(f"{kind.muxer} has no names of services: {', '.join(self.service.values())} was left out")
        if self.languages:
            told.append(f"languages were shortened to three letters: {', '.join(self.languages)}")
        if self.nested:
            told.append("chapters within chapters were put in one row")
        return told


def container_facts(path: Path, container: InputContainer) -> ContainerFacts:
    """The facts of the open ``container`` that is read from ``path``."""
    at, languages = dict[bytes, int](), tuple[str, ...]()
    if path != STREAM:
        with path.open("rb") as file:
            if container.format.name.startswith("mov"):
                at = dict(reversed(list(_boxes(file))))  # of several the first
                file.seek(at.get(b"moov", 0))
                languages = _languages(_MP4_LANGUAGE, file.read(HEADER))
            elif container.format.name.startswith("matroska"):
                languages = _languages(_LANGUAGE, file.read(HEADER))
    spans = [(chapter["start"], chapter["end"]) for chapter in container.chapters()]
    return ContainerFacts(
        index_first=b"moov" in at and b"mdat" in at and at[b"moov"] < at[b"mdat"] and b"moof" not in at,
        fragmented=b"moof" in at,
        programs=tuple(_programs(described(container).splitlines())),
        languages=languages,
        nested=any(later[0] < earlier[1] for earlier, later in pairwise(spans)),
    )


def _boxes(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The boxes of an MP4, their names and where they begin, in file order, up to the first that is none."""
    at = 0
    while True:
        file.seek(at)
        try:
            length, name = unpack(">I4s", file.read(8))
            if length == 1:
                (length,) = unpack(">Q", file.read(8))
        except error:
            return
        if length < 8:
            return
        yield name, at
        at += length


def _languages(form: bytes, header: bytes) -> tuple[str, ...]:
    """The languages of tracks by BCP 47, where they say more than a language: script, country, ..."""
    found = re.findall(form, header, re.DOTALL)
    return tuple(sorted({tag.decode("ascii") for tag in found if b"-" in tag}))


def _programs(lines: list[str]) -> Iterator[dict[str, str]]:
    """The tags of each program of a transport stream, as FFmpeg describes it."""
    starts = [at for at, line in enumerate(lines) if line.startswith("  Program ")]
    for start in starts:
        tags = {}
        for line in lines[start + 2 :]:
            if not line.startswith("      "):
                break
            name, _, value = line.partition(":")
            tags[name.strip()] = value.strip()
        yield {name: value for name, value in tags.items() if name.startswith("service_")}


#: More than the description of the tracks takes.
HEADER: Final = 1 << 18
#: LanguageBCP47 (RFC 9559, 5.1.4.1.20): its number, its length in one byte, letters and dashes.
_LANGUAGE: Final = rb"\x22\xb5\x9d[\x80-\xa3]([A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})+)"
#: The extended language of MP4 (ISO/IEC 14496-12, 8.4.6): a box with four zeros and a word that ends with one.
_MP4_LANGUAGE: Final = rb"elng\0{4}([A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8})+)\0"
#: Muxers that keep what programs are called.
_NAMES_SERVICES: Final = frozenset({"mpegts", "matroska"})
