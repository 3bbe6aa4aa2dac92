"""The contact sheet: a picture that shows which track is who."""

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from realtime.finder.face import Face, eye_distance
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes, Points
from realtime.runtime.files import whole_or_nothing, writing

__all__ = ["ContactSheet"]

#: Side of a crop in pixels, and of a head box in it.
CROP: Final = 144
HEAD: Final = 96
#: Crops of a track on the sheet. Twice as many at most are kept while a video is looked through.
CROPS: Final = 6
#: Tracks on a sheet; those that are seen for longer come first.
ROWS: Final = 60
#: Pixels between the outer eye corners beyond which a larger face is no better to look at.
LARGE: Final = 60.0

_GROUND, _CARD, _INK, _SOFT, _BRONZE = "#f6f4f0", "#fffefb", "#1c1a17", "#6b655c", "#8f5e1e"
_EDGE, _TEXT, _HEAD, _GAP = 24, 210, 56, 8


@dataclass(slots=True)
class _View:
    """A face as it was seen once, and how well."""

    time: float
    quality: float
    crop: Bytes


@dataclass(slots=True)
class _Track:
    """What is kept of a track: when it was seen, in how many frames, and its best views, spread over its time."""

    first: float
    last: float
    frames: int = 0
    views: list[_View] = field(default_factory=list)
    stretch: int = 1  # frames of which the best view is kept

    def see(self, frame: Frame, time: float, face: Face) -> None:
        """The face in one more frame; its crop is taken where it is the best of its stretch so far."""
        begins = self.frames % self.stretch == 0
        self.frames, self.last = self.frames + 1, time
        quality = _quality(face)
        if begins or quality > self.views[-1].quality:
            view = _View(time, quality, _crop(frame, face))
            if begins:
                self.views.append(view)
            else:
                self.views[-1] = view
        if begins and len(self.views) > 2 * CROPS:  # from here on, stretches are twice as long
            newest = self.views.pop()
            pairs = zip(self.views[::2], self.views[1::2], strict=True)
            self.views = [*(max(pair, key=lambda view: view.quality) for pair in pairs), newest]
            self.stretch *= 2

    def best(self) -> list[_View]:
        """The best views of equal parts of the track's time, one after the other."""
        parts = np.array_split(np.arange(len(self.views)), min(CROPS, len(self.views)))
        return [max((self.views[at] for at in part), key=lambda view: view.quality) for part in parts]


class ContactSheet:
    """Collects the faces of a video while it is looked through, and draws a row for each track.

    ``notes`` are what is to be said of the tracks beside it.
    """

    def __init__(self) -> None:
        self._tracks: dict[int, _Track] = {}
        self._frames = 0
        self.notes: list[str] = []

    @property
    def title(self) -> str:
        """How many tracks there are, in words."""
        count = len(self._tracks)
        tracks = f"{count} {'track' if count == 1 else 'tracks'}" if count else "no face"
        return f"{tracks} in {self._frames:,} frames"

    def see(self, frame: Frame, time: float, faces: tuple[Face, ...]) -> None:
        """The ``faces`` of the next frame, which is shown at ``time``, in seconds."""
        self._frames += 1
        for face in faces:
            track = self._tracks.setdefault(face.track, _Track(time, time))
            track.see(frame, time, face)

    def write(self, path: Path, name: str, replace: bool = True) -> None:
        """Write the sheet of the video called ``name`` as PNG. Raises ``OutputError``."""
        data = BytesIO()
        self.draw(name).save(data, "PNG")
        with whole_or_nothing(path, replace=replace) as part, writing(path):
            part.write_bytes(data.getvalue())

    def draw(self, name: str) -> Image.Image:
        """The sheet: a row for each track, with its number, times, share of the frames and best crops."""
        longest = sorted(self._tracks.items(), key=lambda item: -item[1].frames)
        shown = sorted(longest[:ROWS])
        width = 2 * _EDGE + _TEXT + CROPS * (CROP + _GAP)
        sheet = Image.new("RGB", (width, _HEAD + _EDGE + max(len(shown), 1) * (CROP + 2 * _GAP)), _GROUND)
        pen = ImageDraw.Draw(sheet)
        pen.text((_EDGE, _EDGE - 4), self._title(name, len(shown)), _INK, ImageFont.load_default(18))
        for row, (number, track) in enumerate(shown):
            self._draw_track(sheet, pen, _HEAD + row * (CROP + 2 * _GAP), number, track)
        return sheet

    def _title(self, name: str, shown: int) -> str:
        left = "" if len(self._tracks) == shown else f", of which the {shown} longest are shown"
        return f"{name}: {self.title}{left}"

    def _draw_track(self, sheet: Image.Image, pen: ImageDraw.ImageDraw, top: int, number: int, track: _Track) -> None:
        pen.rounded_rectangle((_EDGE - _GAP, top, sheet.width - _EDGE + _GAP, top + CROP + _GAP), 8, _CARD)
        pen.text((_EDGE + _GAP, top + 20), f"track {number}", _BRONZE, ImageFont.load_default(26))
        lines = [
            f"{_clock(track.first)} to {_clock(track.last)}",
            f"{_share(track.frames / self._frames)} of the frames",
        ]
        for at, line in enumerate(lines):
            pen.text((_EDGE + _GAP, top + 62 + 24 * at), line, _SOFT, ImageFont.load_default(16))
        for at, view in enumerate(track.best()):
            sheet.paste(Image.fromarray(view.crop), (_EDGE + _TEXT + at * (CROP + _GAP), top + _GAP // 2))


def _quality(face: Face) -> float:
    """How well a face can be made out: sure, large enough, and turned to the camera."""
    return face.score * min(eye_distance(face.landmarks) / LARGE, 1.0) * _frontal(face.landmarks)


def _frontal(landmarks: Points) -> float:
    """1 for a face whose nose is half-way between the ends of its jaw, 0 for a profile; float32 (68, 2) in."""
    left, right = (float(np.linalg.norm(landmarks[30] - landmarks[end])) for end in (0, 16))
    return min(left, right) / max(left, right, 1e-6)


def _crop(frame: Frame, face: Face) -> Bytes:
    """The head, upright as the picture is: uint8 (CROP, CROP, 3) RGB."""
    x0, y0, x1, y1 = face.box
    zoom = HEAD / max(x1 - x0, y1 - y0, 1.0)
    middle = CROP / 2 - 0.5
    to_crop = np.array([[zoom, 0, middle - zoom * (x0 + x1) / 2], [0, zoom, middle - zoom * (y0 + y1) / 2]])
    return frame.warp(to_crop, CROP)


def _clock(seconds: float) -> str:
    """Minutes and seconds, and hours where there are some."""
    minutes, left = divmod(max(seconds, 0.0), 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{left:04.1f}" if hours else f"{minutes}:{left:04.1f}"


def _share(part: float) -> str:
    return "less than 1 %" if part < 0.01 else f"{100 * part:.0f} %"
