"""Getting another model ready beside the one that runs."""

from collections.abc import Callable
from threading import RLock
from typing import TypeAlias

from realtime.live.settings import ModelChoice
from realtime.runtime.errors import MummerError
from realtime.runtime.events import Events
from realtime.runtime.thread_priority import give_way
from realtime.runtime.threads import guarded_thread

__all__ = ["ModelLoader", "Prepare"]

#: Opens a model and warms it up; what comes back lets it take over. Raises ``MummerError``.
Prepare: TypeAlias = Callable[[ModelChoice], Callable[[], None]]


class ModelLoader:
    """Models are opened one at a time, in a thread of their own; of those that were chosen the last one takes over.

    ``loading`` is its name until it does. ``asked`` is the choice that was made last, or the one that runs where that
    cannot be opened: what a further choice starts from. ``lock`` is held by those who choose, so that no model takes
    over between a choice and its effect. ``failed`` is told errors of our own.
    """

    def __init__(
        self,
        running: ModelChoice,
        prepare: Prepare,
        events: Events,
        failed: Callable[[BaseException], None],
        lock: RLock,
    ) -> None:
        self._prepare, self._events, self._failed, self._lock = prepare, events, failed, lock
        self._chosen: ModelChoice | None = None
        self._busy = False
        self.asked = self._running = running
        self.loading: str | None = None

    def load(self, choice: ModelChoice) -> None:
        """Get a model ready. What was chosen before and waits is forgotten."""
        with self._lock:
            self.loading, self.asked, self._chosen = choice.name, choice, choice
            if self._busy:
                return
            self._busy = True
        guarded_thread(self._run, "load model", self._failed).start()

    def told(self, choice: ModelChoice) -> None:
        """The model that runs was told what is in ``choice``; opened anew, it is told that again."""
        with self._lock:
            self.asked = self._running = choice

    def _run(self) -> None:
        give_way()
        while (chosen := self._take()) is not None:
            try:
                take_over = self._prepare(chosen)
            except MummerError as error:
                self._events.tell("model", str(error), problem=True)
                continue
            with self._lock:
                if self._chosen is None:  # nothing else was chosen meanwhile
                    self._running = chosen
                    take_over()

    def _take(self) -> ModelChoice | None:
        with self._lock:
            chosen, self._chosen = self._chosen, None
            if chosen is None:
                self._busy, self.loading, self.asked = False, None, self._running
            return chosen
