"""The model library: built-in models, models that the user added, and files by path."""

import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from realtime.inference.modelfile import ModelFile
from realtime.runtime.errors import ModelError, reason
from realtime.runtime.folders import data_folder
from realtime.swap.consent import Identity
from realtime.swap.manifest import KEY

__all__ = [
    "ASSETS", "SUFFIXES", "ModelRecord", "find_model", "how_to_add", "list_models", "models_folder",
    "record_of",
]  # fmt: skip

ASSETS: Final = Path(__file__).parents[1] / "assets"
SUFFIXES: Final = (".onnx", ".dfm", ".drawn")

Text = Annotated[str, Field(min_length=1, max_length=2000)]


class ModelRecord(BaseModel):
    """What the user says about another program's model, in a JSON file beside it in the library.

    ``sha256`` and ``bytes`` are the file's, so that a record is of one file only; ``size`` is the crop's side in
    pixels. ``identities`` is empty for models that put in any face they are shown.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    kind: Literal["dfm", "one-image"]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    bytes: Annotated[int, Field(gt=0)]
    added: datetime.date
    size: Annotated[int, Field(ge=16, le=2048)]
    template: Text
    identities: tuple[Identity, ...]
    licence: Text
    color: Text = "none"

    def check(self, file: ModelFile) -> None:
        """Raise ``ModelError`` where ``file`` is not the one that was added."""
        if file.sha256() != self.sha256:
            raise ModelError(
                f"{file.path}: is not the file that was added (its digest differs); remove it with "
                f"`mummer models remove {file.path.stem}`, and add it again"
            )


def models_folder() -> Path:
    """Where the user's models lie."""
    return data_folder() / "models"


def list_models() -> list[Path]:
    """The built-in swap models, by name, then the user's. Raises ``ModelError`` where those cannot be looked at."""
    return [*_built_in(), *_added()]


def find_model(name_or_path: str) -> Path:
    """The file of a model's name, or of a path. Raises ``ModelError`` that lists what there is."""
    path = Path(name_or_path)
    for model in list_models():
        if model.stem == name_or_path:
            return model
    try:
        if path.exists():
            return path
    except OSError as error:
        raise ModelError(f"{name_or_path}: cannot be read: {reason(error)}") from error
    if path.suffix or len(path.parts) > 1:
        raise ModelError(f"{name_or_path}: no such model file")
    built_in = ", ".join(model.stem for model in _built_in()) or "none"
    added = ", ".join(model.stem for model in _added()) or "none"
    raise ModelError(f"no model {name_or_path!r}; built in: {built_in}; added: {added}; or give the path of a file")


def record_of(path: Path) -> ModelRecord | None:
    """The user's record of a model in the library; None for other files. Raises ``ModelError`` for a damaged one."""
    page = path.with_suffix(".json")
    if path.parent.resolve() != models_folder().resolve() or not page.is_file():
        return None
    try:
        return ModelRecord.model_validate_json(page.read_text(encoding="utf-8"))
    except (OSError, UnicodeError, ValidationError) as error:
        raise ModelError(
            f"{page}: not the record of a model; remove it with `mummer models remove {path.stem}`, and add it again"
        ) from error


def how_to_add(path: Path, *, consent: bool = True) -> str:
    """What to say of another program's model that nobody has recorded; ``consent`` where it is of one face."""
    identity = " --consent IDENTITY.json" if consent else ""
    return (
        f"{path}: made by another program, and does not say whose face it puts in; record it once with "
        f"`mummer models add {path} --name NAME{identity}`, then use --model NAME"
    )


def _built_in() -> list[Path]:
    # The face finder's networks lie there too; swap models carry a manifest.
    networks = [path for path in ASSETS.glob("*.onnx") if _has_manifest(path, path.stat().st_mtime_ns)]
    return sorted([*networks, *ASSETS.glob("*.drawn")])


@cache
def _has_manifest(path: Path, written: int) -> bool:
    """Whether the file, as of the time it was ``written``, says that it is a swap model."""
    return KEY.encode() in path.read_bytes()


def _added() -> list[Path]:
    folder = models_folder()
    try:
        return sorted(path for suffix in SUFFIXES for path in folder.glob(f"[!.]*{suffix}"))
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read: {reason(error)}") from error
