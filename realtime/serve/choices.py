"""What may be chosen for the look of a session."""

from typing import Final

from pydantic import BaseModel

from realtime.composite.color import modes
from realtime.composite.mask import BLENDS
from realtime.finder import detector_names
from realtime.jobs.convert import SHARPEN
from realtime.live.fail_closed import ON_MISS, OnMiss
from realtime.marking.label import PLACES, TEXT
from realtime.swap.library import DEFAULT

__all__ = ["Choices", "Defaults"]

_PLACE: Final = "bottom-right"


class Defaults(BaseModel, frozen=True):
    """What a session starts with where nothing is said; ``color`` None is what suits the model."""

    model: str = DEFAULT
    blend: str = "normal"
    color: str | None = None
    sharpen: float = SHARPEN
    label: str = TEXT
    label_place: str = _PLACE
    on_miss: OnMiss = "cover"


class Choices(BaseModel, frozen=True):
    """Names by field of a session."""

    blend: tuple[str, ...] = tuple(BLENDS)
    color: tuple[str, ...] = modes()
    label_place: tuple[str, ...] = tuple(PLACES)
    on_miss: tuple[str, ...] = ON_MISS
    detector: tuple[str, ...] = tuple(detector_names())
    defaults: Defaults = Defaults()
