"""The models at hand: those that come with the program, found by name, and files, found by path."""

from pathlib import Path
from typing import Final

from realtime.errors import ModelError
from realtime.manifest import KEY

__all__ = ["ASSETS", "DEFAULT", "SUFFIX", "find_model", "list_models"]

ASSETS: Final = Path(__file__).parent / "assets"
SUFFIX: Final = ".onnx"
#: The model that a command takes when none is named.
DEFAULT: Final = "bronze"


def list_models() -> list[Path]:
    """The built-in swap models, by name."""
    return sorted(path for path in ASSETS.glob(f"*{SUFFIX}") if _swaps(path))


def find_model(name_or_path: str) -> Path:
    """The file of a built-in model's name, or of a path. Raises ``ModelError`` that lists what there is."""
    path = Path(name_or_path)
    for built_in in ASSETS.glob(f"*{SUFFIX}"):
        if built_in.stem == name_or_path and _swaps(built_in):
            return built_in
    try:
        if path.exists():
            return path
    except OSError as error:
        raise ModelError(f"{name_or_path}: cannot be read: {(error.strerror or str(error)).lower()}") from error
    if path.suffix or len(path.parts) > 1:
        raise ModelError(f"{name_or_path}: no such model file")
    names = ", ".join(model.stem for model in list_models()) or "none"
    raise ModelError(f"no model {name_or_path!r}; built in: {names}; or give the path of a file")


def _swaps(path: Path) -> bool:
    """Whether a file beside the face finder's networks is a swap model; those carry a manifest."""
    return KEY.encode() in path.read_bytes()
