"""A thread for the source and for each sink, which opens it, and opens it again when it is lost."""

import logging
from collections.abc import Callable
from fractions import Fraction
from threading import Event, Lock, Thread
from typing import Final

from realtime.live.address import waits_for_senders
from realtime.live.broadcaster import Broadcaster
from realtime.live.sink import LiveSink, OverflowingSink, WaitingSink
from realtime.live.sink_queue import SinkQueue
from realtime.live.slate import SlateFrame
from realtime.live.source import LiveItem, LiveSource, PacedSource
from realtime.live.status import Connection, SinkStatus, SourceStatus
from realtime.media.frame import Frame
from realtime.runtime.backoff import Backoff
from realtime.runtime.clock import Clock
from realtime.runtime.errors import InputError, MummerError, OutputError
from realtime.runtime.events import Events
from realtime.runtime.latency import Latency
from realtime.runtime.rate import Meter
from realtime.runtime.redaction import redacted
from realtime.runtime.threads import guarded_thread

__all__ = ["SILENT", "STALLED", "SinkWorker", "SourceWorker"]

_log: Final = logging.getLogger(__name__)

#: Seconds without a frame after which a source is lost: once it has given one, and before.
STALLED: Final = 2.0
SILENT: Final = 15.0
#: Seconds after which a source that only waits has waited, and has not failed.
LISTENED: Final = 2.0


class SourceWorker:
    """Keeps a source going: what it gives goes to ``take``, and ``over`` is called where it is over for good.

    ``name`` is what is shown of the address.
    ``over`` gets the error where the very first opening failed and ``patient`` is false, None where the source came to
    its end. ``clear_up`` is called where a connection has ended, for what it leaves.
    """

    def __init__(
        self,
        address: str,
        name: str,
        open_: Callable[[], LiveSource],
        take: Callable[[LiveItem], None],
        over: Callable[[BaseException | None], None],
        events: Events,
        clear_up: Callable[[], None],
        patient: bool,
        clock: Clock,
    ) -> None:
        self.address, self.name = address, name
        self._open, self._take, self._over = open_, take, over
        self._events, self._clear_up, self._patient, self._clock = events, clear_up, patient, clock
        self._source = open_()  # an address that makes no sense is told at once
        self._ended = Event()
        self._lock = Lock()
        self._state: Connection = "opening"
        self._problem: str | None = None
        self._live_ns: int | None = None  # since when the connection holds
        self._retries = 0
        self._size: tuple[int, int] | None = None
        self._stalled = False
        self._last_ns = 0  # of the last frame, or of the opening
        self._meter = Meter()
        self._thread = guarded_thread(self._run, f"source {self.name}", over)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """End; false where the source's thread did not come back in ``timeout`` seconds."""
        self._ended.set()
        self._close()
        return _joined(self._thread, timeout)

    @property
    def rate(self) -> Fraction | None:
        """Frames a second that the source says it gives."""
        return self._source.rate

    def deadline_ns(self) -> int:
        """When the source counts as stalled unless a frame comes before."""
        seconds = STALLED if self._state == "live" else SILENT
        due_ns = self._source.due_ns if isinstance(self._source, PacedSource) else 0
        return max(self._last_ns, due_ns) + int(seconds * 1e9)

    def check(self, now_ns: int) -> None:
        """Where the deadline is over, close the source: it will be opened again."""
        if self._state in ("opening", "live") and self._last_ns and now_ns >= self.deadline_ns():
            self._stalled = True
            self._close()

    def status(self) -> SourceStatus:
        """How it is."""
        return SourceStatus(
            address=self.name,
            state=self._state,
            frames=self._meter.frames,
            fps=self._meter.rate(self._clock.now_ns()),
            size=self._size,
            buffer=round(getattr(self._source, "buffered", 0.0), 3),
            retries=self._retries,
            problem=self._problem,
        )

    def _close(self) -> None:
        with self._lock:
            self._source.close()

    def _run(self) -> None:
        waits = waits_for_senders(self.address)
        backoff, told = Backoff(grows=not waits), ""
        while not self._ended.is_set():
            began_ns = self._last_ns = self._clock.now_ns()
            self._live_ns = None
            error = self._play()
            if self._ended.is_set():
                break
            if error is None:
                self._state = "ended"
                self._events.tell("source", f"{self.name}: over")
                self._over(None)
                return
            first = self._meter.frames == 0
            self._state, self._problem = "lost", str(error)
            if first and not self._patient:
                self._over(error)
                return
            pause = backoff.after(_held(self._live_ns, self._clock.now_ns()))
            if waits and self._live_ns is None and _held(began_ns, self._clock.now_ns()) >= LISTENED:
                # Nobody came. Who comes now is not to be refused, and that is said once.
                if str(error) != told:
                    self._events.tell("source", f"{error}; waiting on", problem=True)
                pause, told = 0.0, str(error)
            else:
                self._events.tell("source", f"{error}; trying again in {pause:.0f} s", problem=True)
                told = ""
                self._clear_up()
            if self._clock.wait(self._ended, pause):
                break
            self._state = "opening"
            self._retries += 1
            self._stalled = False
        self._state = "ended"

    def _play(self) -> MummerError | None:
        """Pass on what the source gives; returns why it ended, None for good."""
        try:
            if self._retries:
                with self._lock:
                    if self._ended.is_set():
                        return None
                    self._source = self._open()
            for item in self._source:
                if self._ended.is_set():
                    break
                if isinstance(item, Frame):
                    self._note(item)
                self._take(item)
        except MummerError as error:
            return _private(error, self.address)
        finally:
            self._source.close()
        if self._stalled:
            seconds = STALLED if self._state == "live" else SILENT
            return InputError(f"{self.name}: no frame for {seconds:.0f} s; check the camera or the stream")
        return None

    def _note(self, frame: Frame) -> None:
        self._last_ns = self._clock.now_ns()
        self._meter.tick(self._last_ns)
        if self._state != "live":
            self._state, self._problem, self._live_ns = "live", None, self._last_ns
            self._size = frame.width, frame.height
            self._events.tell("source", f"{self.name}: frames of {frame.width}x{frame.height}")


class SinkWorker:
    """Keeps a sink going with what comes into its queue. ``failed`` is called where the very first opening fails.

    After that it is opened again, with growing backoff, for as long as the engine runs. ``name`` is what is shown of
    the address. ``starved`` counts frames that were dropped because this machine was too slow, and not the network.
    ``clear_up`` is called where a connection has ended, for what it leaves.
    """

    def __init__(
        self,
        address: str,
        name: str,
        open_: Callable[[], LiveSink],
        broadcaster: Broadcaster,
        failed: Callable[[BaseException], None],
        events: Events,
        clear_up: Callable[[], None],
        patient: bool,
        clock: Clock,
    ) -> None:
        self.address, self.name = address, name
        self._open, self._broadcaster, self._failed = open_, broadcaster, failed
        self._events, self._clear_up, self._patient, self._clock = events, clear_up, patient, clock
        self._sink = open_()  # an address that makes no sense is told at once
        self._queue = SinkQueue()
        self._ended = Event()
        self._state: Connection = "opening"
        self._problem: str | None = None
        self._live_ns: int | None = None  # since when the connection holds
        self._errors = self._retries = 0
        self.starved = self._counted = 0
        self._overflowed = self._overflowed_before = 0  # of the connection that is, and of those before
        self._meter = Meter()
        self._latency = Latency()
        self._thread = guarded_thread(self._run, f"sink {name}", failed)

    def start(self) -> None:
        """Begin."""
        self._broadcaster.join(self._queue)
        self._thread.start()

    def end(self) -> None:
        """Nothing more will come: let it write what is inside, and finish."""
        self._ended.set()
        self._broadcaster.leave(self._queue)
        self._queue.end()

    def join(self, timeout: float) -> bool:
        """Wait for the end, after ``end``; false where the sink's thread did not come back in ``timeout`` seconds."""
        return _joined(self._thread, timeout)

    def abort(self) -> None:
        """Wake up a sink that is blocked."""
        try:
            self._sink.abort()
        except Exception as failure:  # noqa: BLE001
            self._events.tell("sink", str(self._lost(failure)), problem=True)

    def status(self) -> SinkStatus:
        """How it is."""
        return SinkStatus(
            address=self.name,
            state=self._state,
            frames=self._meter.frames,
            fps=self._meter.rate(self._clock.now_ns()),
            seconds=round(_held(self._live_ns, self._clock.now_ns()), 1),
            written=getattr(self._sink, "written", None),
            bitrate=getattr(self._sink, "bitrate", None),
            dropped=self._queue.dropped + self._overflowed_before + self._overflowed,
            missed=self._queue.missed,
            dropped_sound=self._queue.dropped_sound,
            errors=self._errors,
            retries=self._retries,
            problem=self._problem,
            latency_ms=self._latency.recent(),
            overall_ms=self._latency.overall(),
        )

    def _run(self) -> None:
        if self._broadcaster.settled(self._queue) is None:
            self._state = "ended"
            return
        backoff = Backoff()
        while True:
            self._live_ns = None
            error = self._play()
            self._queue.shut()
            if error is None or self._ended.is_set():
                break
            self._errors += 1
            first = self._meter.frames == 0 and self._retries == 0 and not isinstance(error, _DriverError)
            self._state, self._problem = "lost", str(error)
            if first and not self._patient:
                self._failed(error)
                return
            pause = backoff.after(_held(self._live_ns, self._clock.now_ns()))
            self._events.tell("sink", f"{error}; trying again in {pause:.0f} s", problem=True)
            self._clear_up()
            if self._clock.wait(self._ended, pause):
                break
            self._state = "opening"
            self._retries += 1
        self._state = "ended"

    def _play(self) -> MummerError | None:
        """Open the sink and write what comes; returns why it ended, None at the end of all."""
        shape = self._broadcaster.shape
        assert shape is not None  # noqa: S101  # waited for
        error: MummerError | None = None
        try:
            if self._retries:
                self._sink = self._open()
        except Exception as failure:  # noqa: BLE001  # of a driver or a library: this sink's end, and no other's
            return self._lost(failure)
        sink = self._sink
        try:
            sink.open(shape)
            self._queue.open()
            self._counted = self._queue.dropped
            self._overflowed_before += self._overflowed
            self._overflowed = 0
            self._state, self._problem, self._live_ns = "live", None, self._clock.now_ns()
            self._events.tell("sink", f"{self.name}: open")
            for item in self._queue:
                if isinstance(item, Frame):
                    now_ns = self._write(sink, item)
                    self._meter.tick(now_ns)
                    if not isinstance(item, SlateFrame):
                        self._latency.record(now_ns - (item.captured_ns or now_ns))
                else:
                    sink.write_sound(item)
        except Exception as failure:  # noqa: BLE001
            error = self._lost(failure)
        try:
            sink.close()
        except Exception as failure:  # noqa: BLE001
            error = error or self._lost(failure)
        if error is not None and self._ended.is_set():
            self._events.tell("sink", str(error), problem=True)
        return error

    def _write(self, sink: LiveSink, frame: Frame) -> int:
        """Write ``frame``; returns when that was done, in ns."""
        waited_ns, began_ns = _waited_ns(sink), self._clock.now_ns()
        sink.write(frame)
        now_ns, dropped = self._clock.now_ns(), self._queue.dropped
        if _waited_ns(sink) - waited_ns <= (now_ns - began_ns) / 2:
            self.starved += dropped - self._counted
        self._counted = dropped
        if isinstance(sink, OverflowingSink):
            before, self._overflowed = self._overflowed, sink.overflowed
            self.starved += self._overflowed - before
        return now_ns

    def _lost(self, error: Exception) -> MummerError:
        """What to say of the error that ended a connection; one that nobody foresaw goes into the log, too."""
        if isinstance(error, MummerError):
            return _private(error, self.address)
        _log.error("%s: %s", self.name, type(error).__name__, exc_info=error)
        words = " ".join(str(error).split())
        kind = OutputError if self._live_ns is None else _DriverError
        return _private(kind(f"{self.name}: failed with {type(error).__name__}: {words}"), self.address)


class _DriverError(OutputError):
    """What a driver or a library raised of itself, once it was open: not the end of the run."""


def _private(error: MummerError, address: str) -> MummerError:
    """``error`` without what is secret of the address, which FFmpeg and the system may have repeated in parts.

    And without the frames that it went through, and the errors behind it: whoever keeps it would keep what they hold,
    such as encoders, their threads and pictures.
    """
    error.args = (redacted(str(error), address),)
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def _waited_ns(sink: LiveSink) -> int:
    """For how long ``sink`` has waited for its network so far."""
    return sink.waited_ns if isinstance(sink, WaitingSink) else 0


def _held(since_ns: int | None, now_ns: int) -> float:
    """Seconds for which a connection has held; 0 where there was none."""
    return 0.0 if since_ns is None else (now_ns - since_ns) / 1e9


def _joined(thread: Thread, timeout: float) -> bool:
    """Whether the thread is over, in ``timeout`` seconds at most."""
    if thread.ident is not None:  # it was started at all
        thread.join(timeout)
    return not thread.is_alive()
