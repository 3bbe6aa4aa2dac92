"""Which groups of pictures are copied as they are, because there is no face in them, and what is made of the rest."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final, TypeAlias

import numpy as np
from av.packet import Packet
from av.stream import Stream
from numpy.typing import NDArray

from realtime.finder.found import Found
from realtime.jobs.segments.plan import Plan, UncuttableError
from realtime.media.closed_groups import (
    ClosedGroups,
    Group,
    UncopiableError,
    ahead,
    copied_packets,
    read_closed_groups,
)
from realtime.media.codec_family import codec_of
from realtime.media.containers import Container
from realtime.media.encoding import Encoding, find_encoder
from realtime.media.file_sink import FileSink, moved_by
from realtime.media.file_source import FileSource
from realtime.media.nal_units import CODECS, Described, avc_description, in_lengths, units_of
from realtime.media.video_encoder import choose_pixels

__all__ = ["Copies", "Faces", "UncopiableError", "faces_in", "read_copies", "with_copies"]

#: For each frame, whether there is a face in it: bool (N,).
Faces: TypeAlias = NDArray[np.bool_]

#: Frames of a scene before and after a face that count as having it: it may be half in the picture, or turned away.
MARGIN: Final = 5
#: Encoders whose streams go together with others of their codec.
_ENCODERS: Final = frozenset({"libx264", "libx265"})
#: Containers, by FFmpeg's name, whose description of H.264 holds the parameter sets of several encoders, and those that
#: have parameter sets among the pictures, by codec. The others hold those of one encoder.
_BESIDE: Final = frozenset({"mp4", "mov", "3gp", "matroska"})
_AMONG: Final = {"h264": frozenset({"mpegts"}), "hevc": frozenset({"mpegts", "matroska"})}
_NAMES: Final = {"h264": "H.264", "hevc": "HEVC"}
#: Numbers that parameter sets may have in x264; that which they have unasked is taken most often.
_NUMBERS: Final = range(1, 32)


@dataclass(frozen=True, slots=True)
class Copies:
    """What of a source may be copied: its ``groups``, beside what an encoder makes of the rest with ``encoding``.

    ``beside`` says that all parameter sets stand beside the packets, in one description.
    """

    groups: ClosedGroups
    encoding: Encoding
    beside: bool

    def describe(self, sink: FileSink) -> None:
        """Let the header of ``sink``, before it is written, hold for what is copied, too.

        Raises ``UncuttableError`` where the two do not go together after all.
        """
        if not self.beside:
            return
        try:
            encoded = Described.read("h264", sink.video_header)
            sink.describe(avc_description([*self.groups.described.sets, *encoded.sets]))
        except ValueError as error:
            raise UncuttableError(f"its encoder has {error}") from error

    def without(self, faces: Faces) -> list[Group]:
        """The groups without a face, in order."""
        return [group for group in self.groups.groups if not faces[group.frames.start : group.frames.stop].any()]

    def packets(self, groups: Sequence[Group], source: FileSource, sink: FileSink) -> "Iterator[Packet[Stream]]":
        """The packets of ``groups`` as they go into ``sink``, without decoding times. Raises ``InputError``."""
        return copied_packets(source, self.groups.described, groups, self.beside, self.later(source, sink))

    def later(self, source: FileSource, sink: FileSink) -> int:
        """By how many units of its clock ``source`` comes later in ``sink``."""
        return int(moved_by(source, sink.kind) / source.time_base)

    def fitting(self, packet: "Packet[Stream]") -> "Packet[Stream]":
        """A packet that was encoded, in the form of those that are copied."""
        if not self.beside:
            return packet
        like: Packet[Stream] = Packet(in_lengths(units_of(bytes(packet), 0)))
        like.pts, like.duration, like.is_keyframe, like.time_base = (
            packet.pts, packet.duration, packet.is_keyframe, packet.time_base
        )  # fmt: skip
        return like


def read_copies(source: FileSource, plan: Plan, encoding: Encoding, kind: Container) -> Copies:
    """What of ``source`` may be copied into a file of ``kind`` whose rest is encoded with ``encoding``.

    Raises ``UncopiableError`` that says why nothing can be, and ``InputError``.
    """
    codec, encoder = codec_of(source.video), find_encoder(encoding.codec or kind.codec)
    if encoder.canonical_name != codec:
        raise UncopiableError(f"the input is {codec}, and the output {encoder.canonical_name}")
    if codec not in CODECS:
        raise UncopiableError(f"groups of pictures are told apart in H.264 and HEVC only, and the input is {codec}")
    if encoder.name not in _ENCODERS:
        raise UncopiableError(f"only what {' and '.join(sorted(_ENCODERS))} make goes together with what is copied")
    if source.facts.fields is not None:
        raise UncopiableError("the video is interlaced")
    context, picture = source.video.codec_context, source.first.picture
    pixels = (context.pix_fmt or "").replace("yuvj", "yuv")
    if choose_pixels(encoder, picture.format.name)[0].replace("yuvj", "yuv") != pixels:
        raise UncopiableError(f"the encoder {encoder.name} takes no {context.pix_fmt}")
    beside = codec == "h264" and kind.muxer in _BESIDE
    if not beside and kind.muxer not in _AMONG.get(codec, ()):
        name = _NAMES[codec]
        raise UncopiableError(f"{kind.muxer} holds {name} of one encoder only, and .mkv of several")
    groups = read_closed_groups(source, plan.times)
    if beside:
        try:
            avc_description(groups.described.sets)
        except ValueError as error:
            raise UncopiableError(f"the input has {error}") from error
    delay = max(map(ahead, groups.groups))
    if not kind.reorders and 2 * plan.times[0] < plan.times[delay]:
        raise UncopiableError(f"the first picture would have to be decoded before {kind.muxer} begins")
    number = _free_number(groups.described) if codec == "h264" else 1
    return Copies(groups, replace(encoding, sets=number), beside)


def faces_in(frames: Iterable[Found]) -> Faces:
    """Where faces are, or may be, with a margin around them that ends where the scene does."""
    seen = np.array([(frame.has_face, frame.begins_scene) for frame in frames], np.bool_)
    faces: Faces = seen[:, 0].copy()
    goes_on: Faces = ~seen[1:, 1]
    for _ in range(MARGIN):
        before = faces.copy()
        faces[1:] |= before[:-1] & goes_on
        faces[:-1] |= before[1:] & goes_on
    return faces


def with_copies(plan: Plan, copied: Sequence[Group]) -> Plan:
    """``plan`` without the groups that are ``copied``: what is left of each segment, whose cuts stay where they are."""
    is_copied = np.zeros(plan.frames, np.bool_)
    edges = {span.start for span in plan.spans} | {plan.frames}
    for group in copied:
        is_copied[group.frames.start : group.frames.stop] = True
        edges |= {group.frames.start, group.frames.stop}
    spans = tuple(range(begin, end) for begin, end in pairwise(sorted(edges)) if not is_copied[begin])
    beside = plan.beside + sum(group.size for group in copied)
    return replace(plan, spans=spans, warm_up=0, beside=beside)


def _free_number(described: Described) -> int:
    """A number for the encoder's parameter sets that none of the source has."""
    taken = described.numbers
    for number in _NUMBERS:
        if number not in taken:
            return number
    raise UncopiableError("its parameter sets have all numbers")
