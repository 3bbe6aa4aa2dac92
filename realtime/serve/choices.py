"""What may be chosen for the look of a session."""

from pydantic import BaseModel

from realtime.composite.color import modes
from realtime.composite.mask import BLENDS
from realtime.finder import detector_names
from realtime.live.settings import ON_MISS, LiveLook
from realtime.marking.label import PLACES
from realtime.settings.casting import PLACES as FACES

__all__ = ["Choices"]


class Choices(BaseModel, frozen=True):
    """Names by field of a session, and what a session starts with where nothing is said.

    ``recordings`` is the folder that recordings go to from the panel, None where no folder is open.
    """

    faces: tuple[str, ...] = FACES
    blend: tuple[str, ...] = tuple(BLENDS)
    color: tuple[str, ...] = modes()
    label_place: tuple[str, ...] = tuple(PLACES)
    on_miss: tuple[str, ...] = ON_MISS
    detector: tuple[str, ...] = tuple(detector_names())
    defaults: LiveLook = LiveLook()
    recordings: str | None = None
