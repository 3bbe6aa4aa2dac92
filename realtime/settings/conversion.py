"""What a file job may be told, beside which file and where to: on the command line, in job files, over HTTP."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeAlias

from pydantic import Field, ValidationInfo, field_validator

from realtime.settings.casting import cast_of
from realtime.settings.look import Look
from realtime.settings.option import Option
from realtime.settings.part import Part, read_time

__all__ = ["LARGEST_PICTURE", "Conversion", "OnDamage"]

#: Pixels of a picture at most, where nothing else is said.
LARGEST_PICTURE: Final = 8192 * 8192

#: A damaged input: what can be decoded is converted, or it is refused.
OnDamage: TypeAlias = Literal["keep", "stop"]


class Conversion(Look):
    """A look, and how a file with it is read and written.

    ``start`` and ``end`` are times of a video as people write them, None for its own. ``codec``, ``crf`` and ``preset``
    of None are what suits the input and its codec; they are for videos. ``alignments`` is a file of saved faces.
    """

    start: Annotated[str | None, Option("TIME")] = Field(
        default=None, description="Convert a video from here on only: 12.5, 1:02.5, 00:01:02.5."
    )
    end: Annotated[str | None, Option("TIME")] = Field(default=None, description="Convert a video to before here only.")

    codec: Annotated[str | None, Option("ENCODER")] = Field(
        default=None,
        description="FFmpeg's name: libx264, libx265, ffv1, h264_nvenc, ...; by default `same`, the input's codec.",
    )
    crf: Annotated[float | None, Option("NUMBER")] = Field(
        default=None, ge=0, le=63, description="Constant quality, lower is better; 20 for libx264."
    )
    preset: Annotated[str | None, Option("NAME")] = Field(
        default=None, description="The encoder's preset; veryfast for libx264."
    )
    deinterlace: bool = Field(default=False, description="Make whole pictures of interlaced ones, which else stay so.")
    strict: bool = Field(default=False, description="An error, before the work starts, where anything would be lost.")
    layer: bool = Field(default=False, description="Write the faces alone, transparent around them: .mov, .mkv.")
    on_damage: OnDamage = Field(
        default="keep", description="A damaged INPUT: convert what can be decoded, or refuse it."
    )
    max_pixels: Annotated[int, Option("NUMBER")] = Field(
        default=LARGEST_PICTURE, ge=1, le=2**31 - 1, description="Refuse pictures of more pixels than that."
    )

    fps: Annotated[str | None, Option("RATE")] = Field(
        default=None, description="Numbered pictures that become a video: frames a second, 25 or 30000/1001."
    )
    start_number: Annotated[int | None, Option("NUMBER")] = Field(
        default=None,
        ge=0,
        le=10**8,
        description="The first number of pictures that are written; else 1, or as they are.",
    )

    alignments: Annotated[Path | None, Option("FILE.jsonl")] = Field(
        default=None, description="The faces are where this file says, and not looked for: `mummer faces --save`."
    )
    smooth: bool = Field(default=True, description="Steady the landmarks of --alignments over time, without lag.")

    smart: bool = Field(
        default=False, description="Copy groups of pictures without a face as they are; --label off belongs to it."
    )

    @field_validator("fps", mode="before")
    @classmethod
    def _rate(cls, rate: object) -> object:
        """A number, or two with a slash between them."""
        if rate is None:
            return None
        try:
            value = Fraction(str(rate))
        except (ValueError, ZeroDivisionError) as error:
            raise ValueError("is no rate; write it like 25, 23.976 or 30000/1001") from error
        if not 1 <= value <= 1000 or value.denominator > 10**6:
            raise ValueError("is out of range; give 1 to 1000 frames a second")
        return str(value)

    @field_validator("start", "end", mode="before")
    @classmethod
    def _seconds(cls, time: object) -> object:
        """A number is one of seconds."""
        return str(time) if isinstance(time, int | float) and not isinstance(time, bool) else time

    @field_validator("start", "end")
    @classmethod
    def _written(cls, time: str | None, info: ValidationInfo) -> str | None:
        if time is not None:
            seconds = read_time(time)
            if info.field_name == "end" and seconds <= read_time(info.data.get("start") or "0"):
                raise ValueError(f"{time} does not come after the start")
        return time

    @field_validator("smart")
    @classmethod
    def _copies(cls, smart: bool, info: ValidationInfo) -> bool:
        """What changes every picture leaves none to be copied."""
        if smart and info.data.get("label") is not None:
            raise ValueError("copies pictures as they are, and the label stands in every one; give label off, too")
        for name in ("deinterlace", "layer"):
            if smart and info.data.get(name):
                raise ValueError(f"copies pictures as they are, and {name} changes every one; leave out one of the two")
        return smart

    @property
    def part(self) -> Part:
        """What of the video is meant."""
        return Part(*(None if time is None else read_time(time) for time in (self.start, self.end)))

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that it names, beside a model's."""
        values = (getattr(self, name) for name in type(self).model_fields)
        lists = (value if isinstance(value, tuple) else (value,) for value in values)
        return tuple(each for values in lists for each in values if isinstance(each, Path))

    def within(self, folder: Path) -> Self:
        """The same, with the names of files taken from ``folder`` on."""
        changes: dict[str, object] = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if isinstance(value, Path):
                changes[name] = folder / value
            elif isinstance(value, tuple):
                changes[name] = tuple(folder / each if isinstance(each, Path) else each for each in value)
        if (folder / self.model).is_file():  # else it is the name of one
            changes["model"] = str(folder / self.model)
        changes["map"] = tuple(
            f"{who}={folder / model if (folder / model).is_file() else model}"
            for who, model in cast_of(self.map).items()
        )
        return self.model_copy(update=changes)

    @property
    def look(self) -> Look:
        """What of it is about the faces."""
        return Look.model_construct(**{name: getattr(self, name) for name in Look.model_fields})
