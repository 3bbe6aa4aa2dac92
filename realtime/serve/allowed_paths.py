"""Which files may be named over the API: those in the folders that the configuration names."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from realtime.finder import detector_names
from realtime.live.address import file_of
from realtime.live.settings import Change, LiveLook, LiveSettings
from realtime.runtime.errors import InputError, UsageError
from realtime.settings import Conversion
from realtime.swap.library import list_models

__all__ = ["AllowedPaths", "check_change", "check_job", "check_start"]


class AllowedPaths:
    """The folders whose files may be read and written over the API."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folder.resolve() for folder in folders)

    def check(self, path: Path) -> None:
        """Raise ``UsageError`` unless ``path``, links followed, lies in one of the folders."""
        try:
            real = path.resolve()
        except (OSError, RuntimeError, ValueError) as error:  # a link that leads to itself, a name too long
            raise UsageError(f"{path}: no name of a file") from error
        if not any(real.is_relative_to(folder) for folder in self._folders):
            there = ", ".join(str(folder) for folder in self._folders)
            hint = f"files may be named in {there}" if there else "no folder is open to it; name some in roots"
            raise UsageError(f"{path}: out of bounds for the API: {hint}")


def check_job(settings: Conversion, is_sent: Callable[[Path], bool], roots: AllowedPaths) -> None:
    """Raise ``UsageError`` where ``settings`` name a file that is out of bounds; files that were sent are not."""
    for file in settings.files:
        if not is_sent(file):
            roots.check(file)
    _check_models(settings.models, roots)
    _check_detector(settings.detector, roots)


def check_start(request: LiveSettings, roots: AllowedPaths, is_sent: Callable[[Path], bool] = lambda _: False) -> None:
    """Raise ``UsageError`` where ``request`` names a file that is out of bounds, ``InputError`` where none is there.

    Photographs and consent records that were sent are not.
    """
    _check((request.camera, *request.sinks), (*request.models, request.light_model), request, roots, is_sent)
    played = file_of(request.camera)
    if played is not None and not request.patient and not played.is_file():
        raise InputError(f"{played}: no such file to play; say patient where it comes later")
    _check_detector(request.detector, roots)


def check_change(change: Change, roots: AllowedPaths, is_sent: Callable[[Path], bool]) -> None:
    """Raise ``UsageError`` where ``change`` names a file that is out of bounds; see ``check_start``."""
    _check((change.camera, *change.add_sinks), (change.model,), change, roots, is_sent)


def _check(
    addresses: Iterable[str | None],
    models: Iterable[str | None],
    options: LiveLook,
    roots: AllowedPaths,
    is_sent: Callable[[Path], bool],
) -> None:
    for address in addresses:
        if address is not None and (path := file_of(address)) is not None:
            roots.check(path)
    _check_models(models, roots)
    for file in (*options.photo, options.embedder, options.consent, options.puppet):
        if file is not None and not is_sent(file):
            roots.check(file)


def _check_models(models: Iterable[str | None], roots: AllowedPaths) -> None:
    names = {path.stem for path in list_models()}
    for model in models:
        if model is not None and model not in names:
            roots.check(Path(model))


def _check_detector(name: str, roots: AllowedPaths) -> None:
    folder = Path(name)
    if name not in detector_names() and (len(folder.parts) != 1 or folder.exists()):
        roots.check(folder)  # not a name that nobody knows, but the files of a detector
