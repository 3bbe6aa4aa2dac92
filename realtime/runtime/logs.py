"""Logging for programs that run for hours: one line a record on stderr, in words or as JSON, without secrets.

How many lines one thing may come to is bounded (``log_limit``).

Modules log to ``logging.getLogger(__name__)`` and set nothing up; commands call ``set_up``. The loggers of other
libraries, such as the web server's, go the same way.
"""

import json
import logging
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final, Literal, TypeAlias

from realtime.runtime.log_limit import RateLimit
from realtime.runtime.redaction import redacted

__all__ = ["Level", "set_up"]

#: What is logged at least.
Level: TypeAlias = Literal["debug", "info", "warning", "error"]

#: Loggers that obey the level; those of other libraries are heard from warnings on.
OURS: Final = ("realtime", "models", "export", "uvicorn")
#: What every record has; what else it carries are its fields.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def set_up(level: Level, as_json: bool = False) -> None:
    """Log what is at least as grave as ``level`` to stderr; ``as_json`` writes one JSON object a line.

    Its members are ``time`` (UTC, ISO 8601), ``level``, ``logger``, ``message``, the record's own fields, and ``error``
    with the traceback where there is one. Called again, it replaces what was set up before.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if as_json else _Words())
    handler.addFilter(RateLimit())
    number = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(number, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(number)


class _Words(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        fields = " ".join(f"{name}={value}" for name, value in _fields(record))
        line = f"{_time(record)} {record.levelname.lower()} {record.name}: {' '.join(record.getMessage().split())}"
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        return redacted("".join((line, fields and f" ({fields})", trace and f"\n{trace}")))


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, object] = {
            "time": _time(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": redacted(record.getMessage()),
        }
        said |= {name: redacted(value) if isinstance(value, str) else value for name, value in _fields(record)}
        if record.exc_info:
            said["error"] = redacted(self.formatException(record.exc_info))
        return json.dumps(said, default=lambda value: redacted(str(value)), ensure_ascii=False)


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")


def _fields(record: logging.LogRecord) -> Iterable[tuple[str, object]]:
    return ((name, value) for name, value in vars(record).items() if name not in _STANDARD)
