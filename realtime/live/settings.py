"""What an engine runs with, and what can be changed while it runs."""

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from realtime.jobs.convert import Look
from realtime.live.fail_closed import OnMiss
from realtime.live.sink import SinkSettings
from realtime.live.source import SourceSettings
from realtime.swap import ModelOptions

__all__ = ["Change", "LiveSettings"]


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What an engine runs with.

    ``camera`` and ``sinks`` are addresses. ``light_model`` takes the model's place while cost is to be saved.
    ``patient`` tries again too where the very first opening of the source or of a sink fails; otherwise that ends the
    run with the error. The look's label must not be None: live output always says what it is.
    """

    camera: str
    sinks: tuple[str, ...] = ()
    look: Look = field(default_factory=Look)
    source: SourceSettings = field(default_factory=SourceSettings)
    sink: SinkSettings = field(default_factory=SinkSettings)
    on_miss: OnMiss = "cover"
    light_model: str | None = None
    patient: bool = False


class Change(BaseModel):
    """What to change of a running engine; what is None stays.

    ``model`` is a name or file, and ``options`` what is chosen of it, or of the model that runs. ``sharpen`` is 0..1,
    ``camera`` and the sinks are addresses, the other names are those of the command line.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str | None = None
    options: ModelOptions = ModelOptions()
    blend: str | None = None
    color: str | None = None
    sharpen: Annotated[float | None, Field(ge=0, le=1)] = None
    label: str | None = None
    label_place: str | None = None
    on_miss: OnMiss | None = None
    camera: str | None = None
    add_sinks: tuple[str, ...] = ()
    remove_sinks: tuple[str, ...] = ()
