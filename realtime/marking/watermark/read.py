"""Reading the watermark from a video or a picture."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Final, Literal, TypeAlias, cast

import av
import cv2
import numpy as np
from av.stream import Disposition

from realtime.marking.watermark.evidence import Picture, evened, sampled, whitened
from realtime.marking.watermark.pattern import COARSE, FINE
from realtime.marking.watermark.payload import Payload
from realtime.marking.watermark.search import Candidate, in_part, moved, straight
from realtime.media.animation import read_animation
from realtime.media.colorspace import Codes
from realtime.media.file_source import check_regular, display_matrix, open_media
from realtime.media.frame import Frame
from realtime.media.orientation import Turn
from realtime.media.picture import Kind, kind_of
from realtime.media.pixel_formats import FORMATS, nearest_known
from realtime.media.still import read_still
from realtime.runtime.arrays import Floats
from realtime.runtime.errors import InputError

__all__ = ["LIMIT", "Reading", "brightness", "brightness_of", "read_pictures", "read_watermark"]

#: A mark counts as found where the chance that an unmarked file would look like it is at most 10 to this power.
LIMIT: Final = -7.0

#: What it says is not told where the doubt about it is greater than this.
_DOUBT: Final = 0.01

#: Reading ends early where the doubt about the bits of what was found is less than this.
_SURE: Final = 1e-6

#: Pictures a second that are looked at, and how many of them are first read by themselves: a face may be swapped in
#: one second of an hour.
_RATE, _BLOCK = 6, 6

#: After so many pictures all that came before is read in sum, and in every way; then after twice as many, and so on.
_FIRST: Final = 30

#: So many seconds are looked at closely; of what comes after, only key frames.
_CLOSELY: Final = 30

#: How a mark lies in the picture.
Where: TypeAlias = Literal["whole", "faces", "cropped"]


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a file.

    ``log10_chance`` bounds the chance that a file without a mark would read like this one, 0.0 where it tells
    nothing. ``doubt`` is the chance, 0..1, that there is a mark but with another payload: of a faint one it may be
    sure that it is there and not what it says. ``payload`` is None then, and where nothing was found. ``bits`` are
    the 64 bits as they were read, 16 hexadecimal digits, of which ``corrected`` were put right by the code.
    ``frames`` counts the pictures that were looked at. ``where`` says how the mark lies: over the ``whole`` picture,
    in the ``faces``, or over a picture that was ``cropped`` since. Where nothing was found, bits and place are those
    that came nearest.
    """

    found: bool = False
    payload: Payload | None = None
    log10_chance: float = 0.0
    doubt: float = 1.0
    frames: int = 0
    bits: str = "0" * 16
    corrected: int = 0
    where: Where = "whole"

    @property
    def confidence(self) -> float:
        """How sure it is that there is a mark, 0..1."""
        return 1 - float(10**self.log10_chance)


def read_watermark(path: Path) -> Reading:
    """Candidate for the watermark in a video or a picture (PNG, JPEG, ...).

    Damage is passed over: what can be decoded is read. Raises ``InputError`` where that is nothing at all.
    """
    check_regular(path)
    ways: dict[Kind, Callable[[Path], Iterator[Floats]]] = {"still": _still, "animated": _animated, "other": brightness}
    reading = read_pictures(ways[kind_of(path)](path))
    if not reading.frames:
        raise InputError(f"{path}: no picture in it can be decoded; give a video or a picture")
    return reading


def read_pictures(pictures: Iterator[Floats]) -> Reading:
    """Candidate for the watermark in pictures, float32 (H, W) brightness in 8-bit code values, of one size, as shown.

    Stops as soon as it is sure.
    """
    reader, due, looked = _Reader(), _FIRST, 0
    while not reader.sure:
        block, before = _Total(), reader.frames
        for picture in islice(pictures, _BLOCK):
            block.add(reader.take(picture))
        ended = reader.frames - before < _BLOCK
        if reader.frames > before:
            reader.look("whole", straight, block)
        if reader.frames >= due or (ended and reader.frames > looked):
            looked, due = reader.frames, 2 * reader.frames
            reader.look("whole", straight, reader.coarse)
            reader.look("faces", in_part, reader.fine)
            reader.look("cropped", moved, reader.coarse)
        if ended:
            break
    return replace(reader.best, frames=reader.frames)


class _Total:
    """Whitened pictures, added up."""

    def __init__(self) -> None:
        self._sum: Picture = np.zeros((0, 0), np.float32)

    def add(self, white: Picture) -> None:
        self._sum = self._sum + white if self._sum.size else white

    def evened(self) -> Picture:
        return evened(self._sum)


class _Reader:
    """All pictures so far in sum, and the best that was read in any sum."""

    def __init__(self) -> None:
        self.coarse, self.fine = _Total(), _Total()
        self.best = Reading()
        self.frames = 0
        self._looks = 0

    @property
    def sure(self) -> bool:
        return self.best.found and self.best.doubt < _SURE

    def take(self, picture: Floats) -> Picture:
        """Add ``picture``, and return it whitened, on the coarse lattice."""
        self.frames += 1
        white = whitened(sampled(picture, COARSE))
        self.coarse.add(white)
        self.fine.add(whitened(sampled(picture, FINE)))
        return white

    def look(self, where: Where, way: Callable[[Picture], Candidate], total: _Total) -> None:
        """Try to read ``total`` in one way, unless that is needed no more."""
        if self.sure:
            return
        look = way(total.evened())
        finding = look.finding
        # At look n chances count n(n + 1) times: however many looks there are, their sum is at most as for one.
        self._looks += 1
        chance = finding.log10_chance(look.places * self._looks * (self._looks + 1))
        if chance > self.best.log10_chance:
            return
        bits = (finding.values < 0).astype(np.uint8)
        found = chance <= LIMIT
        self.best = Reading(
            found=found,
            payload=finding.payload if found and finding.doubt <= _DOUBT else None,
            log10_chance=chance,
            doubt=finding.doubt,
            bits=np.packbits(bits).tobytes().hex(),
            corrected=int(np.count_nonzero(bits != finding.payload.encode())),
            where=where,
        )


def _still(path: Path) -> Iterator[Floats]:
    yield brightness_of(Frame.from_samples(read_still(path).samples).picture)


def _animated(path: Path) -> Iterator[Floats]:
    for picture in read_animation(path):
        yield brightness_of(Frame.from_samples(picture.samples).picture)


def brightness(path: Path) -> Iterator[Floats]:
    """The brightness of some pictures of every second, as shown."""
    with open_media(path) as container:
        videos = [it for it in container.streams.video if not it.disposition & Disposition.attached_pic]
        if not videos:
            return
        video = videos[0]
        video.thread_type = "AUTO"
        video.codec_context.thread_count = 2
        rate = video.guessed_rate or video.average_rate or 25
        every, closely = max(1, round(rate / _RATE)), round(rate * _CLOSELY)
        turn, shape, due = Turn(), "", 0
        for number, picture in enumerate(_decoded(container, video)):
            if number == 0:
                shape = _shape(picture)
                turn = Turn.read(matrix) if (matrix := display_matrix(picture)) else turn
            if number == closely:
                video.codec_context.skip_frame = "NONKEY"
            if number >= min(due, closely) and _shape(picture) == shape:
                due = number + every
                yield brightness_of(picture, turn)


def _decoded(container: av.container.InputContainer, video: av.VideoStream) -> Iterator[av.VideoFrame]:
    """The pictures of ``video`` that can be decoded."""
    packets = container.demux(video)
    while True:
        try:
            pictures = video.decode(next(packets))
        except StopIteration:
            return
        except av.error.FFmpegError:  # damage: go on behind it, if anything is there
            continue
        yield from pictures


def _shape(picture: av.VideoFrame) -> str:
    return f"{picture.width}x{picture.height} {picture.format.name}"


def brightness_of(picture: av.VideoFrame, turn: Turn | None = None) -> Floats:
    """Luma, or the mean of red, green and blue: float32 (H, W) in 8-bit code values, as shown."""
    if picture.format.name not in FORMATS:
        picture = picture.reformat(format=nearest_known(picture.format.name))
    frame = Frame(picture)
    planes = frame.brightness()
    if planes[0].ndim == 3:
        planes = list(cast("tuple[Codes, ...]", cv2.split(planes[0])))
    pixels = frame.kind.pixels
    unit = len(planes) << (pixels.depth - 8 + pixels.shift)
    stored = planes[0].astype(np.float32)
    for plane in planes[1:]:
        stored += plane
    stored *= np.float32(1 / unit)
    return _turned(stored, turn or Turn())


def _turned(stored: Floats, turn: Turn) -> Floats:
    """A picture as stored, (H, W), turned to how it is shown."""
    shown = stored if turn.xx else stored.T
    rows = slice(None, None, -1 if turn.yx + turn.yy < 0 else 1)
    columns = slice(None, None, -1 if turn.xx + turn.xy < 0 else 1)
    return np.ascontiguousarray(shown[rows, columns])
