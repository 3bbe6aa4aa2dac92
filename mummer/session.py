"""Faces of a camera, live."""

from collections.abc import Sequence
from types import TracebackType
from typing import Self, Unpack

from mummer.choices import AnyPath, Changes, LiveChoices, validated
from realtime.live.engine import Engine
from realtime.live.preview import Preview
from realtime.live.settings import Change, LiveSettings
from realtime.live.sinks import SinkOpener
from realtime.live.status import Status
from realtime.settings import MODEL

__all__ = ["Session", "live"]


class Session:
    """A camera whose faces are swapped until ``stop``, or the end of the ``with`` block. Any thread may use it."""

    def __init__(self, engine: Engine) -> None:
        """``engine`` is not started yet."""
        self._engine = engine
        engine.start()

    def status(self) -> Status:
        """How it is now: state, frames a second, latencies, drops, the camera, the sinks, problems."""
        return self._engine.status()

    def change(self, **changes: Unpack[Changes]) -> None:
        """Change what is named, all or nothing: the model, the look, the camera, the sinks.

        Raises ``UsageError`` for what makes no sense, and ``ModelError`` for a model that is not there.
        """
        self._engine.change(validated(Change, changes))

    def preview(self, width: int = 480, timeout: float = 2.0) -> Preview | None:
        """The next frame ``before`` and ``after``, uint8 (H, W, 3) RGB, ``width`` pixels wide.

        None where no frame comes within ``timeout`` seconds.
        """
        return self._engine.preview(width, timeout)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the source is over; false where ``timeout`` seconds come first.

        Raises the ``MummerError`` that ended the session.
        """
        return self._engine.wait(timeout)

    def stop(self) -> None:
        """End in good order: sinks finish their files. May be called twice; raises nothing."""
        self._engine.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def live(
    camera: AnyPath | int,
    to: Sequence[AnyPath] | AnyPath,
    *,
    model: AnyPath = MODEL,
    force: bool = False,
    **choices: Unpack[LiveChoices],
) -> Session:
    """Swap the faces of ``camera`` live, and send them ``to`` one sink or several; returns at once.

    ``camera`` is a number or path, the address of a stream, a file, or ``test:``; a sink is ``virtualcam``, the address
    of a stream, a file, or ``null:``. What is live is always labelled. ``force`` replaces a recording that exists.
    Raises ``ModelError``, ``ConsentError``, ``DetectorError``, ``UsageError``, ``InputError`` or ``OutputError``; what
    goes wrong with devices shows in ``status``, and ends ``wait`` with its error.
    """
    sinks = [to] if isinstance(to, str) or not isinstance(to, Sequence) else to
    given = {"camera": str(camera), "sinks": tuple(str(sink) for sink in sinks), "model": str(model), **choices}
    settings = validated(LiveSettings, given)
    return Session(Engine(settings, open_sink=SinkOpener(force, settings.read)))
