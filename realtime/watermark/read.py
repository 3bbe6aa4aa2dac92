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

from realtime.arrays import Floats
from realtime.colorspace import Codes
from realtime.errors import InputError
from realtime.frame import Frame
from realtime.planes import FORMATS, nearest_known
from realtime.source import check_regular, display_matrix, open_media
from realtime.turn import Turn
from realtime.watermark.evidence import Picture, evened, sampled, whitened
from realtime.watermark.pattern import COARSE, FINE, Layout
from realtime.watermark.payload import Payload
from realtime.watermark.search import Look, in_part, moved, straight

__all__ = ["LIMIT", "Reading", "brightness", "brightness_of", "read_pictures", "read_watermark"]

#: A mark counts as found where the chance of an unmarked picture to look like it is at most 10 to this power.
#: Three ways of looking make it at most three times that for a file.
LIMIT: Final = -7.0

#: Reading ends early where the doubt about the bits of what was found is less than this.
_SURE: Final = 1e-6

#: Pictures a second that are looked at, and after how many of them it is first tried to read; then after twice
#: as many, and so on.
_RATE, _FIRST = 6, 30

#: So many seconds are looked at closely; of what comes after, only key frames.
_CLOSELY: Final = 30

Where: TypeAlias = Literal["whole", "faces", "cropped"]

#: What is tried, the cheapest first.
_WAYS: Final[tuple[tuple[Where, Layout, Callable[[Picture], Look]], ...]] = (
    ("whole", COARSE, straight),
    ("faces", FINE, in_part),
    ("cropped", COARSE, moved),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What was found in a file.

    ``payload`` is None where nothing was found. ``log10_chance`` bounds the chance that a file without a mark
    would read like this one, 0.0 where it tells nothing. ``doubt`` is the chance, 0..1, that there is a mark but
    with another payload: of a faint one it may be surer that it is there than what it says. ``bits`` are the 64 bits
    as they were read, 16 hexadecimal digits, of which ``corrected`` were put right by the code. ``frames`` counts
    the pictures that were looked at. ``where`` says how the mark lies: over the ``whole`` picture, in the ``faces``,
    or over a picture that was ``cropped`` since. Where nothing was found, bits and place are those that came nearest.
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
    """Look for the watermark in a video or a picture (PNG, JPEG, ...).

    Damage is passed over: what can be decoded is read. Raises ``InputError`` where that is nothing at all.
    """
    check_regular(path)
    reading = read_pictures(_still(path) if cv2.haveImageReader(str(path)) else brightness(path))
    if not reading.frames:
        raise InputError(f"{path}: no picture in it can be decoded; give a video or a picture")
    return reading


def read_pictures(pictures: Iterator[Floats]) -> Reading:
    """Look for the watermark in pictures, float32 (H, W) brightness in 8-bit code values, of one size, as shown."""
    totals = {layout: _Total(layout) for layout in (COARSE, FINE)}
    best, frames, attempt = Reading(), 0, 0
    while not (best.found and best.doubt < _SURE):
        before, attempt = frames, attempt + 1
        for picture in islice(pictures, max(_FIRST, frames)):
            frames += 1
            for total in totals.values():
                total.add(picture)
        if frames == before:
            break
        best = max([*_readings(totals, frames, attempt), best], key=lambda it: (it.found, -it.log10_chance))
    return replace(best, frames=frames)


class _Total:
    """Whitened pictures, added up."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._sum: Picture = np.zeros((0, 0), np.float32)

    def add(self, picture: Floats) -> None:
        white = whitened(sampled(picture, self._layout))
        if self._sum.size:
            self._sum += white
        else:
            self._sum = white

    def evened(self) -> Picture:
        return evened(self._sum)


def _readings(totals: dict[Layout, _Total], frames: int, attempt: int) -> Iterator[Reading]:
    """What each way of looking gives, up to the first that finds a mark."""
    for where, layout, way in _WAYS:
        look = way(totals[layout].evened())
        finding = look.finding
        # At attempt n chances count n(n + 1) times: however many attempts there are, their sum is as for one.
        chance = finding.log10_chance(look.places * attempt * (attempt + 1))
        found = chance <= LIMIT
        bits = (finding.values < 0).astype(np.uint8)
        yield Reading(
            found=found,
            payload=finding.payload if found else None,
            log10_chance=chance,
            doubt=finding.doubt,
            frames=frames,
            bits=np.packbits(bits).tobytes().hex(),
            corrected=int(np.count_nonzero(bits != finding.payload.encode())),
            where=where,
        )
        if found:
            return


def _still(path: Path) -> Iterator[Floats]:
    picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
    if picture is not None:
        yield picture.astype(np.float32)


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
