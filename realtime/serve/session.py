"""The daemon's session: at most one engine at a time, started and stopped over and over."""

from collections.abc import Callable
from threading import Condition, Lock, Thread
from typing import Literal, TypeAlias

from pydantic import BaseModel

from realtime.live.engine import Engine
from realtime.live.preview import Preview
from realtime.live.settings import Change, LiveSettings
from realtime.live.status import Status
from realtime.runtime.errors import MummerError, UsageError

__all__ = ["Session", "SessionState", "SessionStatus"]

SessionState: TypeAlias = Literal["idle", "starting", "running", "stopping"]
#: Makes the engine of a session.
MakeEngine: TypeAlias = Callable[[LiveSettings], Engine]


class SessionStatus(BaseModel, frozen=True):
    """``engine`` is that of the session that runs, or of the last one; ``problem`` is what the last one ended with."""

    state: SessionState
    problem: str | None
    engine: Status | None


class Session:
    """Starts an engine, watches over it, and stops it. Every method may be called from any thread."""

    def __init__(self, make_engine: MakeEngine = Engine) -> None:
        self._make_engine = make_engine
        self._engine: Engine | None = None
        self._state: SessionState = "idle"
        self._problem: str | None = None
        self._steering = Lock()  # one start or stop at a time
        self._changed = Condition()

    def start(self, settings: LiveSettings) -> None:
        """Begin. Raises ``UsageError`` where one runs already, and what ``Engine`` raises."""
        with self._steering:
            if self._state != "idle":
                raise UsageError("a session runs already; stop it first, or change it")
            self._be("starting")
            try:
                engine = self._make_engine(settings)
                engine.start()
            except BaseException:
                self._be("idle")
                raise
            self._engine, self._problem = engine, None
            self._be("running")
        Thread(target=self._watch, args=(engine,), name="session", daemon=True).start()

    def stop(self) -> None:
        """End what runs, in good order; nothing where nothing runs. Returns when it has ended."""
        if (engine := self._engine) is not None:
            engine.finish()
        with self._changed:
            self._changed.wait_for(lambda: self._state == "idle")

    def change(self, change: Change) -> None:
        """Change what runs, as ``Engine.change`` does. Raises ``UsageError`` where nothing runs."""
        self.engine().change(change)

    def preview(self, width: int) -> Preview | None:
        """The next frame before and after, ``width`` pixels wide; None where no frame comes."""
        return self.engine().preview(width)

    def engine(self) -> Engine:
        """The engine that runs. Raises ``UsageError`` where none does."""
        if self._engine is None or self._state != "running":
            raise UsageError("no session runs; start one first")
        return self._engine

    def status(self) -> SessionStatus:
        """How it is now."""
        engine = self._engine
        return SessionStatus(
            state=self._state, problem=self._problem, engine=None if engine is None else engine.status()
        )

    def _watch(self, engine: Engine) -> None:
        """In a thread of its own: wait for the end, and tidy up."""
        try:
            engine.wait()
        except MummerError as error:
            self._problem = str(error)
        except BaseException as error:
            self._problem = f"{type(error).__name__}: {error}"
            raise  # a bug of ours: its traceback belongs in the log
        finally:
            self._be("stopping")
            engine.stop()
            self._be("idle")

    def _be(self, state: SessionState) -> None:
        with self._changed:
            self._state = state
            self._changed.notify_all()
