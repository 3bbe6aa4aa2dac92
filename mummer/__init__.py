"""mummer from Python: swap the faces of pictures, of files and of a camera, marked as the command line marks them.

    import mummer

    swapper = mummer.Swapper("bronze")
    after = swapper(image)
    mummer.convert("in.mp4", "out.mp4", model="bronze", on_frame=print)
    with mummer.live(camera=0, to=["virtualcam"]) as session:
        print(session.status().fps_out)

Keyword arguments are the options of the command line. Whatever a caller can cause and mend is raised as a
``MummerError`` with one clear line. Names are loaded when they are first used: the import itself costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mummer.files import convert
    from mummer.session import Session, live
    from mummer.swapper import Swapper
    from realtime.finder.face import Face
    from realtime.jobs.batch.run import BatchReport
    from realtime.jobs.report import Report
    from realtime.live.preview import Preview
    from realtime.live.status import Status
    from realtime.runtime.errors import (
        ConsentError,
        DetectorError,
        InputError,
        ModelError,
        MummerError,
        OutputError,
        SigningError,
        UsageError,
    )

__all__ = [
    "BatchReport",
    "ConsentError",
    "DetectorError",
    "Face",
    "InputError",
    "ModelError",
    "MummerError",
    "OutputError",
    "Preview",
    "Report",
    "Session",
    "SigningError",
    "Status",
    "Swapper",
    "UsageError",
    "convert",
    "live",
]  # fmt: skip

#: The module that each name comes from.
_HOMES: Final = {
    "Swapper": "mummer.swapper",
    "convert": "mummer.files",
    "live": "mummer.session",
    "Session": "mummer.session",
    "Face": "realtime.finder.face",
    "Report": "realtime.jobs.report",
    "BatchReport": "realtime.jobs.batch.run",
    "Preview": "realtime.live.preview",
    "Status": "realtime.live.status",
}
_ERRORS: Final = "realtime.runtime.errors"


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOMES.get(name, _ERRORS)), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
