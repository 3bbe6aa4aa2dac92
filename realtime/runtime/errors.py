"""The error tree. Every message says what was wrong, with which file or device, and what to do about it.

The command line prints the message as one line and exits with ``exit_code``; a traceback is for our own bugs only.
"""

from typing import Final

from realtime.runtime.redaction import redacted

__all__ = [
    "HEADLESS",
    "ConsentError",
    "DetectorError",
    "InputError",
    "ModelError",
    "MummerError",
    "OutputError",
    "SigningError",
    "UsageError",
    "reason",
]

#: Puts the build of OpenCV that needs no display over any other that is installed.
HEADLESS: Final = "pip install --force-reinstall --no-deps opencv-python-headless"


class MummerError(Exception):
    """Anything a user can cause and mend.

    Addresses in its message are shown without their secrets, however it was put together.
    """

    exit_code = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(redacted(message))


class InputError(MummerError):
    """The source cannot be opened, read or understood."""


class OutputError(MummerError):
    """The sink cannot be created or written."""


class ModelError(MummerError):
    """A model file is missing, unreadable, or does not fit the contract it claims."""


class ConsentError(MummerError):
    """A consent record is missing, malformed, expired, or not that of the file it should be of."""


class SigningError(MummerError):
    """The key that outputs are signed with is missing, unreadable, open to others, or does not fit its certificate."""


class DetectorError(MummerError):
    """A face detector is unknown or cannot be loaded."""


class UsageError(MummerError):
    """The request itself makes no sense, whatever the files hold."""

    exit_code = 2


def reason(error: Exception) -> str:
    """The system's own words for an ``OSError`` (or FFmpeg's, for its errors), without number and file name."""
    words = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(words).rstrip(".").lower()
