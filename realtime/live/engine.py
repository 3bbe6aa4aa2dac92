"""The live engine: frames from a source, swapped, to all sinks, for hours.

    for frame in source:                  a thread of its own, see ``keepers``
        captured.put(frame)               depth 1, the latest frame counts
    for frame in captured:                the swapping thread
        broadcaster.send(process(frame))
    for frame in queue:                   a thread a sink, see ``keepers``; depth 1
        sink.write(frame)

A fourth kind of thread, the watch, sleeps until something is overdue: it sends slates while no frames come, and closes
a source that has stalled.
"""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path
from threading import Event, Lock
from time import monotonic_ns
from typing import Final

from realtime.finder import FaceFinder
from realtime.live.address import Names, file_of
from realtime.live.broadcaster import Broadcaster
from realtime.live.model_loader import ModelLoader
from realtime.live.preview import Preview, Previews
from realtime.live.reformatter import OUTPUT_PIXELS, Reformatter, format_of
from realtime.live.settings import Change, LiveSettings
from realtime.live.sink import OpenSink, StreamFormat
from realtime.live.sinks import SinkOpener
from realtime.live.slate import Slate
from realtime.live.source import LiveItem, OpenSource
from realtime.live.sources import open_source
from realtime.live.status import Drops, EngineState, Status
from realtime.live.swap_controller import SwapController
from realtime.live.workers import STALLED, SinkWorker, SourceWorker
from realtime.marking.provenance.sign import ready_to_sign, sign
from realtime.media.frame import Frame
from realtime.runtime.channel import Channel
from realtime.runtime.errors import UsageError
from realtime.runtime.events import Events, Subscription
from realtime.runtime.latency import Latency
from realtime.runtime.rate import Meter, Thinner
from realtime.runtime.redaction import shown
from realtime.runtime.stages import Stages
from realtime.runtime.threads import guarded_thread
from realtime.swap.library import find_model

__all__ = ["Engine"]

#: Where nobody says: frames a second, and the size of slates before the first frame.
RATE: Final = Fraction(30)
SIZE: Final = (1280, 720)
#: Slates a second: a still picture needs no more to keep a stream alive.
SLATES: Final = 10
#: Seconds that ending may take, and of them those for what is under way before sinks are cut off.
ENDING: Final = 4.5
FINISHING: Final = 3.0
#: Seconds for a recording that is being finished: to sign hours of video, all of it has to be read once more.
SIGNING: Final = 60.0


class Engine:
    """Runs once, from ``start`` to ``stop``. Every method may be called from any thread."""

    def __init__(
        self,
        settings: LiveSettings,
        open_source: OpenSource = open_source,
        open_sink: OpenSink | None = None,
        finder: FaceFinder | None = None,
        names: Names | None = None,
    ) -> None:
        """Open the models and understand the addresses; devices are opened by ``start``.

        ``finder`` takes the place of the look's detector; ``names`` are what addresses were called before. Raises
        ``ModelError``, ``DetectorError``, ``UsageError``, and ``OutputError`` for a recording that cannot be made.
        """
        self.settings = settings
        self._open_source, self._open_sink = open_source, open_sink or SinkOpener()
        self._names = names or Names()
        self._events = Events()
        self._stages = Stages()
        self._over = Event()
        self._error: BaseException | None = None
        self._lock = Lock()  # for what is started, replaced and stopped
        self._captured: Channel[tuple[int, Frame]] = Channel(1, "latest")
        self._cameras = count()
        self._broadcaster = Broadcaster()
        self._source = self._source_worker(settings.camera, settings.patient)
        self._sinks = [self._sink_worker(address, settings.patient) for address in self._addresses(settings.sinks)]
        self._controller = SwapController(settings, self._stages, self._events, finder)
        self._loader = ModelLoader(
            lambda file, options: self._controller.prepare_model(file, options, self._blank()), self._events, self._fail
        )
        self._previews = Previews()
        self._reformatter: Reformatter | None = None
        self._slate: Slate | None = None
        self._slating = False
        self._slates = 0
        self._thinner = Thinner()
        self._thinned = self._drops_seen = 0
        self._latency = Latency()
        self._meter_in, self._meter_out = Meter(), Meter()
        self._began_ns = 0
        self._threads = [
            guarded_thread(self._process, "swap", self._fail),
            guarded_thread(self._watch, "watch", self._fail),
        ]

    def start(self) -> None:
        """Open the source and the sinks, and begin."""
        self._began_ns = monotonic_ns()
        with self._lock:
            for thread in self._threads:
                thread.start()
            for sink in self._sinks:
                sink.start()
            self._source.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until the source is over or something failed for good; false where ``timeout`` seconds come first.

        Raises the error that ended the run. ``stop`` is still to be called.
        """
        over = self._over.wait(timeout)
        if self._error is not None:
            raise self._error
        return over

    def finish(self) -> None:
        """Let ``wait`` return, as if the source were over; may be called in a signal handler."""
        self._over.set()

    def stop(self) -> None:
        """End in good order: what was captured is sent, sinks finish their files. Raises nothing.

        Takes less than 5 s, unless a long recording has to be signed.
        """
        now_ns = monotonic_ns()
        finished_ns, ended_ns = now_ns + int(FINISHING * 1e9), now_ns + int(ENDING * 1e9)
        self._over.set()
        with self._lock:
            self._source.stop(_left(finished_ns) / 2)
            self._captured.close()
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join(_left(finished_ns) / 2)
            self._broadcaster.end()
            self._retire(self._sinks, finished_ns, ended_ns)
        self._events.tell("engine", "ended")
        self._events.close()

    def events(self) -> Subscription:
        """What happens from now on."""
        return self._events.subscribe()

    def preview(self, width: int = 480, timeout: float = 2.0) -> Preview | None:
        """The next frame before and after, ``width`` pixels wide; None where none comes in ``timeout`` seconds."""
        return self._previews.ask(width, timeout)

    def change(self, change: Change) -> None:
        """Change what runs. All is checked first: where anything makes no sense, nothing is changed.

        The look takes effect between two frames. A model is opened and warmed up in a thread of its own, and takes over
        between two frames; an event says when, or why not. A camera or sink that is not there is tried again and again,
        and does not end the run. Raises ``UsageError``, and ``ModelError`` for a model that is not there.
        """
        with self._lock:
            begin = self._controller.plan(change, self._blank())
            chosen = self._loader.loading or self._controller.look.model
            name = change.model if "model" in change.model_fields_set else chosen
            model = str(find_model(name)) if change.opens_model else None
            removed = [self._find_sink(address) for address in self._addresses(change.remove_sinks)]
            running = {sink.address for sink in self._sinks}
            added = [
                self._sink_worker(address, patient=True)
                for address in self._addresses(change.add_sinks)
                if address not in running
            ]
            camera = None if change.camera is None else self._source_worker(change.camera, patient=True)

            begin()
            if model is not None:
                self._loader.load(name, model, change)
            for sink in added:
                sink.start()
            if removed:
                finished_ns = monotonic_ns() + int(FINISHING * 1e9)
                guarded_thread(
                    lambda: self._retire(removed, finished_ns, finished_ns), "retire sinks", self._fail
                ).start()
            self._sinks = [*(sink for sink in self._sinks if sink not in removed), *added]
            if camera is not None:
                self._source.stop(STALLED)
                self._source = camera
                camera.start()

    def status(self) -> Status:
        """How it is now."""
        now_ns = monotonic_ns()
        source, sinks = self._source.status(), [sink.status() for sink in self._sinks]
        shape, controller = self._broadcaster.shape, self._controller
        problems = (source.problem, *(sink.problem for sink in sinks), controller.trouble)
        return Status(
            state=self._state(),
            seconds=round((now_ns - self._began_ns) / 1e9, 1) if self._began_ns else 0.0,
            size=None if shape is None else (shape.width, shape.height),
            rate=None if shape is None else float(shape.rate),
            fps_in=self._meter_in.rate(now_ns),
            fps_out=self._meter_out.rate(now_ns),
            frames_in=self._meter_in.frames,
            frames_out=self._meter_out.frames,
            slates=self._slates,
            swapped=controller.swapped,
            missed=controller.missed,
            drops=Drops(captured=self._captured.dropped, late=self._broadcaster.late, thinned=self._thinned),
            latency_ms=self._latency.recent(),
            overall_ms=self._latency.overall(),
            stages_ms=self._stages.summary(),
            source=source,
            sinks=sinks,
            model=controller.model_status(self._loader.loading),
            look=controller.look_status(),
            governor=controller.governor_status(),
            problems=[problem for problem in problems if problem],
        )

    # the threads

    def _take(self, camera: int, item: LiveItem) -> None:
        """In the thread of a source, the how-manieth ``camera`` says: pass on what was captured."""
        if isinstance(item, Frame):
            self._meter_in.tick(monotonic_ns())
            self._captured.put((camera, item))
        else:
            self._broadcaster.send_sound(item)

    def _process(self) -> None:
        """In the swapping thread: every frame's way."""
        on_stage = 0
        for camera, captured in self._captured:
            began_ns = monotonic_ns()
            if camera != on_stage:
                on_stage = camera
                self._controller.new_picture()
            captured_ns = captured.captured_ns or began_ns
            reformatter = self._reformatter or self._settle(captured)
            rate = reformatter.shape.rate / self._controller.thin
            if not self._thinner.wants(captured_ns, float(rate)):
                self._thinned += 1
                continue
            with self._stages("fit"):
                frame = reformatter(captured)
            self._previews.before(frame)
            done = self._controller.process(frame) or self._a_slate(captured_ns)
            self._previews.after(done)
            if self._broadcaster.send(done):
                self._slating = False
                now_ns = monotonic_ns()
                self._meter_out.tick(now_ns)
                self._latency.record(now_ns - captured_ns)
            dropped = self._captured.dropped
            self._controller.observe((monotonic_ns() - began_ns) / 1e9, float(1 / rate), dropped - self._drops_seen)
            self._drops_seen = dropped

    def _watch(self) -> None:
        """In the watch's thread: what must happen while nothing does."""
        while not self._over.is_set():
            now_ns = monotonic_ns()
            self._source.check(now_ns)
            due_ns = self._slate_due_ns()
            if now_ns >= due_ns:
                if not self._slating:
                    self._slating = True
                    self._events.tell("engine", "no frames: a slate is sent", problem=True)
                if self._broadcaster.send(self._a_slate(now_ns), stopgap=True):
                    self._slates += 1
                due_ns = self._slate_due_ns()
            self._over.wait(_left(min(due_ns, max(self._source.deadline_ns(), now_ns + 10**9 // SLATES))))

    def _slate_due_ns(self) -> int:
        """When a slate is to be sent unless a frame comes before."""
        return (self._broadcaster.last_ns or self._began_ns) + (
            10**9 // SLATES if self._slating else int(STALLED * 1e9)
        )

    # what they need

    def _settle(self, frame: Frame) -> Reformatter:
        """The first frame settles the output's format, unless a slate had to before."""
        asked = self.settings.source
        rate = asked.fps or self._source.rate or RATE
        shape = self._broadcaster.settle(format_of(frame, asked.size, rate, self._began_ns, sound=True))
        self._reformatter = Reformatter(shape)
        return self._reformatter

    def _a_slate(self, now_ns: int) -> Frame:
        shape = self._broadcaster.shape
        if shape is None:  # no frame yet: what is asked for, or what is usual
            asked = self.settings.source
            width, height = asked.size or SIZE
            usual = StreamFormat(width, height, OUTPUT_PIXELS[0], asked.fps or RATE, self._began_ns, True, 1, 1, 1, 1)
            shape = self._broadcaster.settle(usual)
        slate = self._slate
        if slate is None or slate.label is not self._controller.label:
            slate = self._slate = Slate(shape, self._controller.label)
        return slate.frame(now_ns)

    def _blank(self) -> Frame | None:
        """A frame like those that are swapped; None while nobody knows what they are like."""
        return None if self._broadcaster.shape is None else self._a_slate(monotonic_ns())

    def _source_worker(self, given: str, patient: bool) -> SourceWorker:
        address = self._names.address(given)
        return SourceWorker(
            address=address,
            name=self._names.of(address),
            open_=lambda: self._open_source(address, self.settings.source),
            take=partial(self._take, next(self._cameras)),
            over=self._source_over,
            events=self._events,
            patient=patient,
        )

    def _sink_worker(self, address: str, patient: bool) -> SinkWorker:
        settings = replace(self.settings.sink, on_finished=self._sign)
        if file_of(address) is not None:
            ready_to_sign()
        return SinkWorker(
            address=address,
            name=self._names.of(address),
            open_=lambda: self._open_sink(address, settings),
            broadcaster=self._broadcaster,
            failed=self._fail,
            events=self._events,
            patient=patient,
        )

    def _addresses(self, given: Iterable[str]) -> list[str]:
        """Each address once, in full."""
        return list(dict.fromkeys(map(self._names.address, given)))

    def _find_sink(self, address: str) -> SinkWorker:
        """The sink with that address. Raises ``UsageError`` where none runs."""
        for sink in self._sinks:
            if address == sink.address:
                return sink
        there = ", ".join(sorted(sink.name for sink in self._sinks)) or "none"
        raise UsageError(f"{shown(address)}: no such sink is running; there is {there}")

    def _retire(self, sinks: list[SinkWorker], finished_ns: int, ended_ns: int) -> None:
        """Let sinks finish, and cut off those that have not by then."""
        for sink in sinks:
            sink.end()
        late = [sink for sink in sinks if not sink.join(_left(finished_ns))]
        for sink in late:
            if not sink.closing:
                sink.abort()
        for sink in late:
            if not sink.join(SIGNING if sink.closing else _left(ended_ns)):
                self._events.tell("sink", f"{sink.name}: does not answer and was left behind", problem=True)

    def _sign(self, recording: Path) -> None:
        sign(recording, self._controller.claim(), recording)

    def _source_over(self, error: BaseException | None) -> None:
        if error is not None:
            self._fail(error)
        self._over.set()

    def _state(self) -> EngineState:
        if self._over.is_set():
            return "ended"
        if self._slating:
            return "slate"
        return "live" if self._broadcaster.sent else "starting"

    def _fail(self, error: BaseException) -> None:
        """Something failed for good; the first of it is raised in ``wait``."""
        if self._error is None:
            self._error = error
        self._over.set()


def _left(until_ns: int) -> float:
    """Seconds from now until then."""
    return max(until_ns - monotonic_ns(), 0) / 1e9
