"""The daemon's session: at most one engine at a time, started and stopped over and over."""

import logging
from collections.abc import Callable
from threading import Condition, Lock
from typing import Final, Literal, TypeAlias

from pydantic import BaseModel

from realtime.live.engine import Engine
from realtime.live.preview import Preview
from realtime.live.settings import Change, LiveSettings
from realtime.live.status import Status
from realtime.runtime.errors import MummerError, UsageError
from realtime.runtime.redaction import redacted
from realtime.runtime.threads import guarded_thread

__all__ = ["Session", "SessionState", "SessionStatus"]

SessionState: TypeAlias = Literal["idle", "starting", "running", "stopping"]
#: Makes the engine of a session.
MakeEngine: TypeAlias = Callable[[LiveSettings], Engine]

#: Seconds that a session may take to end: an engine's own, and those for signing a recording of hours.
ENDING: Final = 75.0

_log: Final = logging.getLogger(__name__)


class SessionStatus(BaseModel, frozen=True):
    """``engine`` is that of the session that runs, or of the last one; ``problem`` is what the last one ended with.

    ``browser`` is the number of the browser's connection, 0 where none is connected.
    """

    state: SessionState
    problem: str | None
    browser: int
    engine: Status | None


class _Run:
    """One session, from being asked for to its end. ``error`` is why it never began."""

    def __init__(self, settings: LiveSettings) -> None:
        self.settings = settings
        self.engine: Engine | None = None
        self.error: BaseException | None = None


class Session:
    """Starts an engine, watches over it, and stops it. Every method may be called from any thread."""

    def __init__(self, make_engine: MakeEngine = Engine, browser: Callable[[], int] = lambda: 0) -> None:
        """``browser`` gives the number of the browser's connection."""
        self._make_engine, self._browser = make_engine, browser
        self._making = Lock()  # one engine is put together at a time
        self._changed = Condition()
        self._run: _Run | None = None  # the session that starts, runs or stops
        self._engine: Engine | None = None
        self._state: SessionState = "idle"
        self._problem: str | None = None

    def start(self, settings: LiveSettings) -> None:
        """Begin; returns when the engine runs.

        Raises ``UsageError`` where one runs already, or where it is stopped meanwhile, and what ``Engine`` raises.
        """
        with self._changed:
            if self._run is not None:
                raise UsageError("a session runs already; stop it first, or change it")
            run = self._run = _Run(settings)
            self._state = "starting"
        guarded_thread(lambda: self._live(run), "session").start()
        with self._changed:
            self._changed.wait_for(lambda: run.engine is not None or self._run is not run)
        if run.error is not None:
            raise run.error
        if run.engine is None:
            raise UsageError("the session was stopped while it was starting")

    def stop(self, timeout: float = ENDING) -> None:
        """End what runs, in good order; nothing where nothing runs.

        Returns when it has ended, or after ``timeout`` seconds. An engine that is still being put together is left to
        itself: it is thrown away when it is ready, and the next one waits for that.
        """
        with self._changed:
            run = self._run
            if run is None:
                return
            if run.engine is None:
                self._end(run, None)
                return
            run.engine.finish()
            self._changed.wait_for(lambda: self._run is not run, timeout)

    def change(self, change: Change) -> None:
        """Change what runs, as ``Engine.change`` does. Raises ``UsageError`` where nothing runs."""
        self.engine().change(change)

    def calibrate(self) -> None:
        """Take the puppet's rest anew, as ``Engine.calibrate`` does. Raises ``UsageError`` where nothing runs."""
        self.engine().calibrate()

    def preview(self, width: int) -> Preview | None:
        """The next frame before and after, ``width`` pixels wide; None where no frame comes."""
        return self.engine().preview(width)

    def engine(self) -> Engine:
        """The engine that runs. Raises ``UsageError`` where none does."""
        engine = self._engine
        if engine is None or self._state != "running":
            raise UsageError("no session runs; start one first")
        return engine

    @property
    def settled(self) -> bool:
        """Whether nothing starts and nothing ends."""
        return self._state in ("idle", "running")

    def status(self) -> SessionStatus:
        """How it is now."""
        engine = self._engine
        return SessionStatus(
            state=self._state,
            problem=self._problem,
            browser=self._browser(),
            engine=None if engine is None else engine.status(),
        )

    def _live(self, run: _Run) -> None:
        """A session's life, in a thread of its own."""
        try:
            with self._making:
                if self._run is not run:
                    return  # stopped while it waited for the one before
                engine = self._make_engine(run.settings)
        except BaseException as error:  # noqa: BLE001  # raised in ``start``, which waits for it
            run.error = error
            self._end(run, None)
            return
        if not self._begin(run, engine):
            return
        problem = None
        try:
            engine.wait()
        except MummerError as error:
            problem = str(error)
        except BaseException as error:
            problem = redacted(f"{type(error).__name__}: {error}")
            raise  # a bug of ours: its traceback belongs in the log
        finally:
            self._state = "stopping"
            engine.stop()
            self._end(run, problem)

    def _begin(self, run: _Run, engine: Engine) -> bool:
        """Let the engine run, unless the session was stopped meanwhile."""
        with self._changed:
            if self._run is not run:
                _log.info("an engine is thrown away: its session was stopped while it was starting")
                return False
            engine.start()
            run.engine = self._engine = engine
            self._state, self._problem = "running", None
            self._changed.notify_all()
            return True

    def _end(self, run: _Run, problem: str | None) -> None:
        with self._changed:
            if self._run is run:
                self._run, self._state = None, "idle"
                if run.engine is not None:
                    self._problem = problem
                self._changed.notify_all()
