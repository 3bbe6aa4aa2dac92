"""Our packages and others of the same name: ``models`` and ``export`` are names that other people use, too.

Python imports whichever it finds first. What comes by an entry point is looked at before it is loaded, so that nobody
runs a stranger's code, or is told that ours is not installed while another stands in its place.
"""

from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from realtime.runtime.errors import MummerError

__all__ = ["OURS", "ROOT", "imported_instead", "load", "taken_name"]

#: Where this program's packages lie, side by side.
ROOT: Final = Path(__file__).resolve().parents[2]
#: Those that plug in by entry points.
OURS: Final = ("models", "export")


def imported_instead(name: str) -> Path | None:
    """The file or folder that is imported in place of our package ``name``; None where it is ours, or there is none."""
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    places = [Path(place) for place in [spec.origin, *(spec.submodule_search_locations or ())] if place]
    ours = ROOT / name
    # A wheel of another project may have laid its files where ours belong; this one lies in none but ours.
    if any(ours in (place.resolve(), place.resolve().parent) for place in places) and (ours / "cli.py").is_file():
        return None
    return places[0] if places else Path(name)


def load(entry: EntryPoint, kind: type[MummerError], what: str) -> Any:
    """What ``entry`` names, of whatever type. ``what`` is what the user asked for, such as a command.

    Raises ``kind`` where a package is missing, and where another one is imported in place of one of ours, and
    ``ImportError`` where one is there and cannot be loaded.
    """
    package = entry.module.partition(".")[0]
    if _is_ours(entry) and (found := imported_instead(package)) is not None:
        raise kind(_mixed_up(what, package, found))
    try:
        return entry.load()
    except ImportError as error:
        if words := taken_name(error, what):
            raise kind(words) from error
        if not isinstance(error, ModuleNotFoundError):
            raise  # it is there, and cannot be loaded: another matter
        raise kind(
            f"{what} needs {error.name or 'a package'}, which is not installed: pip install 'mummer[train]'"
        ) from error


def taken_name(error: ImportError, what: str) -> str | None:
    """What to say where ``error`` came of another package in place of one of ours; None where it did not."""
    package = (error.name or "").partition(".")[0]
    found = imported_instead(package) if package in OURS else None
    return None if found is None else _mixed_up(what, package, found)


def _is_ours(entry: EntryPoint) -> bool:
    return entry.module.partition(".")[0] in OURS and (entry.dist is None or entry.dist.name == "mummer")


def _mixed_up(what: str, package: str, found: Path) -> str:
    return (
        f"{what} needs this program's own package {package!r}, but Python finds another of that name first: {found};"
        " rename it, or start from another folder, or uninstall the project that it belongs to"
    )
