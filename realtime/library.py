"""The models at hand: those that come with the program, found by name, and files, found by path."""

from pathlib import Path
from typing import Final

from realtime.errors import ModelError

__all__ = ["ASSETS", "DEFAULT", "SUFFIX", "find_model", "list_models"]

ASSETS: Final = Path(__file__).parent / "assets"
SUFFIX: Final = ".onnx"
#: The model that a command takes when none is named.
DEFAULT: Final = "bronze"
# Parts of the face finder lie beside the swap models.
NOT_SWAP: Final = frozenset({"detector", "landmarks"})


def list_models() -> list[Path]:
    """The built-in swap models, by name."""
    return sorted(path for path in ASSETS.glob(f"*{SUFFIX}") if path.stem not in NOT_SWAP)


def find_model(name_or_path: str) -> Path:
    """The file of a built-in model's name, or of a path. Raises ``ModelError`` that lists what there is."""
    built_in = {path.stem: path for path in list_models()}
    if name_or_path in built_in:
        return built_in[name_or_path]
    path = Path(name_or_path)
    if path.exists():
        return path
    looks_like_path = path.suffix or len(path.parts) > 1
    names = ", ".join(built_in) or "none"
    raise ModelError(
        f"{name_or_path}: no such model file"
        if looks_like_path
        else f"no model {name_or_path!r}; built in: {names}; or give the path of a file"
    )
