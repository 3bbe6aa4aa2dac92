"""Getting another model ready beside the one that runs."""

from collections.abc import Callable
from threading import Lock
from typing import TypeAlias

from realtime.runtime.errors import MummerError
from realtime.runtime.events import Events
from realtime.runtime.thread_priority import give_way
from realtime.runtime.threads import guarded_thread
from realtime.settings import ModelOptions

__all__ = ["ModelLoader", "Prepare"]

#: Opens a model by its name or file and warms it up; what comes back lets it take over. Raises ``MummerError``.
Prepare: TypeAlias = Callable[[str, ModelOptions], Callable[[], None]]


class ModelLoader:
    """Models are opened one at a time, in a thread of their own; of those that were chosen the last one takes over.

    ``loading`` is its name until it does. ``failed`` is told errors of our own.
    """

    def __init__(self, prepare: Prepare, events: Events, failed: Callable[[BaseException], None]) -> None:
        self._prepare, self._events, self._failed = prepare, events, failed
        self._lock = Lock()
        self._chosen: tuple[str, ModelOptions] | None = None
        self._busy = False
        self.loading: str | None = None

    def load(self, name: str, options: ModelOptions) -> None:
        """Get the model ``name``, or that file, ready. What was chosen before and waits is forgotten."""
        with self._lock:
            self.loading, self._chosen = name, (name, options)
            if self._busy:
                return
            self._busy = True
        guarded_thread(self._run, "load model", self._failed).start()

    def _run(self) -> None:
        give_way()
        while (chosen := self._take()) is not None:
            try:
                take_over = self._prepare(*chosen)
            except MummerError as error:
                self._events.tell("model", str(error), problem=True)
                continue
            with self._lock:
                if self._chosen is None:  # nothing else was chosen meanwhile
                    take_over()

    def _take(self) -> tuple[str, ModelOptions] | None:
        with self._lock:
            chosen, self._chosen = self._chosen, None
            if chosen is None:
                self._busy, self.loading = False, None
            return chosen
