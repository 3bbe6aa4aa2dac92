"""Events of a running engine, and subscriptions to them."""

from collections import deque
from collections.abc import Iterator
from logging import INFO, WARNING, Logger, getLogger
from threading import Condition, Lock
from time import time
from typing import Final, Literal, Self, TypeAlias

from pydantic import BaseModel, Field

__all__ = ["Event", "Events", "Subscription", "Topic"]

#: What an event is about.
Topic: TypeAlias = Literal["engine", "source", "sink", "model", "look", "governor", "puppet", "privacy"]

_log: Final = getLogger(__name__)

#: Events that wait for a listener at most; then the oldest go.
WAITING: Final = 256


class Event(BaseModel, frozen=True):
    """Something that happened. ``time`` is in seconds of the calendar's clock, ``problem`` whether it is one."""

    topic: Topic
    text: str
    problem: bool = False
    time: float = Field(default_factory=time)


class Subscription:
    """The events from now on, in order, for one listener. Close it when done; a ``with`` does."""

    def __init__(self, events: "Events") -> None:
        self._events = events
        self._changed = Condition()
        self._waiting: deque[Event] = deque(maxlen=WAITING)
        self._open = True

    def get(self, timeout: float | None = None) -> Event | None:
        """The next event; None where there is none in ``timeout`` seconds (None: ever), or nothing more comes."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or not self._open, timeout)
            return self._waiting.popleft() if self._waiting else None

    def __iter__(self) -> Iterator[Event]:
        """Every event until the end."""
        while (event := self.get()) is not None:
            yield event

    def put(self, event: Event) -> None:
        """Tell this listener."""
        with self._changed:
            self._waiting.append(event)
            self._changed.notify()

    def close(self) -> None:
        """Nothing more comes; whoever waits wakes up, and what waits can still be read."""
        self._events.leave(self)
        with self._changed:
            self._open = False
            self._changed.notify_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Events:
    """Hands events to all subscriptions, and to ``log``. From any thread; nobody ever waits for a listener."""

    def __init__(self, log: Logger = _log) -> None:
        self._log = log
        self._lock = Lock()
        self._listeners: tuple[Subscription, ...] = ()
        self._closed = False

    def subscribe(self) -> Subscription:
        """A new listener."""
        subscription = Subscription(self)
        with self._lock:
            self._listeners = (*self._listeners, subscription)
            closed = self._closed
        if closed:
            subscription.close()
        return subscription

    def tell(self, topic: Topic, text: str, problem: bool = False) -> None:
        """Something happened."""
        self._log.log(WARNING if problem else INFO, "%s", text, extra={"topic": topic})
        event = Event(topic=topic, text=text, problem=problem)
        for listener in self._listeners:
            listener.put(event)

    def leave(self, subscription: Subscription) -> None:
        """Forget a listener."""
        with self._lock:
            self._listeners = tuple(each for each in self._listeners if each is not subscription)

    def close(self) -> None:
        """Nothing more will happen: every listener comes to its end."""
        with self._lock:
            self._closed = True
            listeners = self._listeners
        for listener in listeners:
            listener.close()
