"""Where in a driving clip the performer rests."""

from contextlib import closing
from pathlib import Path
from typing import Final

from realtime.finder.builtin import BuiltinFinder
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.puppet.follower import Follower
from realtime.puppet.motion import Held
from realtime.puppet.rest import neutral
from realtime.runtime.errors import InputError, UsageError

__all__ = ["Rest", "find_rest", "read_rest"]

#: Seconds of the clip among which a rest is looked for.
WATCHED: Final = 12.0

#: The most neutral moment (None), or a frame's number: the first one with a face from there on.
Rest = int | None


def read_rest(text: str) -> Rest:
    """What ``--rest`` says: auto, first, or the number of a frame, from 0. Raises ``UsageError``."""
    if text == "auto":
        return None
    if text == "first":
        return 0
    if text.isdecimal() and len(text) < 10:
        return int(text)
    raise UsageError(f"--rest {text}: auto, first, or the number of a frame, counted from 0")


def find_rest(path: Path, rest: Rest, device: str = "auto", max_pixels: int = MAX_PIXELS) -> Held:
    """The rest of the performer in the clip ``path``. Raises ``InputError`` where there is none."""
    finder = BuiltinFinder(device, mesh=True)
    moments: list[Held] = []
    follower = Follower()
    with closing(FileSource(path, max_pixels=max_pixels)) as source:
        frames = (item for item in source if isinstance(item, Frame))
        for number, frame in enumerate(frames):
            if rest is not None and number < rest:
                continue
            moment = follower.moment(frame, finder.find(frame))
            if moment is not None:
                moments.append(moment)
                if rest is not None:
                    break
            if rest is None and moments and number >= WATCHED * source.rate:
                break
    if not moments:
        where = "" if not rest else f" from frame {rest} on"
        raise InputError(f"{path}: no face found{where}: nobody is there who could move the photo")
    return neutral(moments)
