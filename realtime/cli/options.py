"""Options that several commands share, written once; those of a settings model are made from its fields."""

import inspect
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from types import UnionType
from typing import Annotated, Literal, Optional, TypeAlias, TypeVar, Union, get_args, get_origin

import typer
from annotated_types import Ge, Le
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from realtime.runtime.errors import InputError, UsageError
from realtime.runtime.logs import Level
from realtime.settings import Option, first_problem

__all__ = [
    "Codec", "Consent", "Crf", "Detector", "Device", "Input", "LogLevel", "MaxPixels", "Model", "Preset", "as_file",
    "with_settings",
]  # fmt: skip

_Command = TypeVar("_Command", bound=Callable[..., object])

Input: TypeAlias = Annotated[
    str, typer.Argument(metavar="INPUT", help="The file to read; for convert a picture or a folder of them too.")
]
Model: TypeAlias = Annotated[str, typer.Option(metavar="NAME|FILE", help="Swap model; see `mummer models`.")]
Device: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Where models run: auto, cpu, cuda, ...")]
Consent: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="IDENTITY.json", help="Whose face it is and who agreed: `mummer consent new`.")
]
Detector: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Face finder: builtin, sfd, yunet, ...")]
Codec: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="ENCODER",
        help="FFmpeg's name: libx264, libx265, ffv1, h264_nvenc, ...; by default `same`, the input's codec.",
    ),
]
Crf: TypeAlias = Annotated[
    float | None,
    typer.Option(metavar="NUMBER", min=0, max=63, help="Constant quality, lower is better; 20 for libx264."),
]
Preset: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="The encoder's preset; veryfast for libx264.")
]

LogLevel: TypeAlias = Annotated[
    Level | None, typer.Option(help="Log on stderr what is at least as grave: events, and requests of `serve`.")
]

MaxPixels: TypeAlias = Annotated[
    int,
    typer.Option(metavar="NUMBER", min=1, max=2**31 - 1, help="Refuse pictures of more pixels than that."),
]


def with_settings(command: _Command) -> _Command:
    """Make the fields of each parameter that is a settings model options of the command line, in its place.

    What the model says about a field (type, default, range, description, ``Option``) is what the option says. Called
    with what a user gave, the command gets the models; what does not fit is a ``UsageError`` that names the option.
    """
    signature = inspect.signature(command)
    models = {name: each.annotation for name, each in signature.parameters.items() if _is_settings(each.annotation)}

    @wraps(command)
    def called(**given: object) -> object:
        for name, model in models.items():
            chosen = {field: given.pop(field) for field in _shown(model)}
            given[name] = _validated(model, chosen)
        return command(**given)

    parameters: list[inspect.Parameter] = []
    for name, each in signature.parameters.items():
        parameters.extend(_options(models[name]) if name in models else [each.replace(kind=_KEYWORD)])
    parameters.sort(key=lambda each: each.default is not inspect.Parameter.empty)
    called.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called  # type: ignore[return-value]


_KEYWORD = inspect.Parameter.KEYWORD_ONLY


def _is_settings(annotation: object) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _shown(model: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields that are options, by name: those of the model itself before those that it has from others."""
    names = [name for part in model.__mro__ for name in inspect.get_annotations(part)]
    fields = {name: model.model_fields[name] for name in names if name in model.model_fields}
    return {name: field for name, field in fields.items() if not _option(field).hidden}


def _option(field: FieldInfo) -> Option:
    return next((each for each in field.metadata if isinstance(each, Option)), Option())


def _options(model: type[BaseModel]) -> Iterator[inspect.Parameter]:
    for name, field in _shown(model).items():
        kind = _kind(field.annotation)
        low = next((each.ge for each in field.metadata if isinstance(each, Ge)), None)
        high = next((each.le for each in field.metadata if isinstance(each, Le)), None)
        flag = [_flag(name.replace("_", "-"), field.default is True)] if kind is bool else []
        numbers = {} if kind not in (int, float) else {"min": low, "max": high}
        option = typer.Option(*flag, metavar=_option(field).metavar, help=field.description, **numbers)  # type: ignore[arg-type]
        default = inspect.Parameter.empty if field.default is PydanticUndefined else field.default
        may_be_none = not field.is_required() and field.default is None
        annotation: object = Annotated[Optional[kind] if may_be_none else kind, option]  # noqa: UP045
        yield inspect.Parameter(name, _KEYWORD, default=default, annotation=annotation)


def _flag(name: str, is_on: bool) -> str:
    """The option of a yes or no; one that is on unless said otherwise can be turned off."""
    return f"--{name}/--no-{name}" if is_on else f"--{name}"


def _kind(annotation: object) -> object:
    """The type of the option for a field: its own, without None; text for what is written as text."""
    if get_origin(annotation) in (Union, UnionType):
        annotation = next(each for each in get_args(annotation) if each is not type(None))
    if get_origin(annotation) is Literal:
        return annotation  # typer knows it as a choice
    if get_origin(annotation) is tuple and get_args(annotation)[1:] == (...,):
        return list[_kind(get_args(annotation)[0])]  # type: ignore[misc]  # given again and again
    return annotation if annotation in (bool, int, float, Path) else str


def _validated(model: type[BaseModel], chosen: dict[str, object]) -> BaseModel:
    try:
        return model.model_validate(chosen)
    except ValidationError as error:
        raise UsageError(first_problem(error, prefix="--").replace("_", "-", 1)) from error


def as_file(text: str) -> Path:
    """``text`` as a path. Raises ``InputError`` for an address: a file job reads files."""
    scheme, colon, rest = text.partition("://")
    if colon and scheme.isalnum() and rest:
        raise InputError(f"{text}: an address; this command reads files, so download it first")
    return Path(text)
