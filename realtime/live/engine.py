"""The live engine: frames from a source, swapped, to all sinks, for hours.

    for item in source:                   a thread of its own, see ``SourceWorker``
        captured.put(item)                depth 2, one that is too slow gets the latest only
    for frame in captured:                the swapping thread, ``Engine._process``
        broadcaster.send(swap(frame))
    for frame in queue:                   a thread a sink, see ``SinkWorker``; depth 2, likewise
        sink.write(frame)

A fourth kind of thread, the ``Watch``, sends slates while no frames come, and closes a source that has stalled.
A helper of the swapping thread looks at whole frames for new faces, while those that are known are swapped. The
``Cleaner`` collects what lost sources and sinks leave behind.
``Output`` is the format that all frames are brought into, ``SwapController`` how they are swapped, ``ModelLoader``
opens another model beside the one that runs.
"""

import logging
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from threading import Event, RLock
from time import monotonic_ns
from typing import Final

from realtime.finder import FaceFinder
from realtime.live.address import Names
from realtime.live.broadcaster import Broadcaster
from realtime.live.counters import Counters
from realtime.live.delay import delayed
from realtime.live.mirror import mirrored
from realtime.live.model_loader import ModelLoader
from realtime.live.output import Output
from realtime.live.preview import Preview, Previews
from realtime.live.settings import Change, LiveSettings
from realtime.live.sink import OpenSink
from realtime.live.sink_set import FINISHING, SinkSet
from realtime.live.sinks import SinkOpener
from realtime.live.source import LiveItem, OpenSource
from realtime.live.sources import open_source
from realtime.live.status import Drops, EngineState, Status
from realtime.live.swap_controller import SwapController
from realtime.live.watch import Watch
from realtime.live.workers import STALLED, SourceWorker
from realtime.media.frame import Frame
from realtime.runtime.channel import Channel
from realtime.runtime.cleaner import Cleaner
from realtime.runtime.clock import SYSTEM_CLOCK, Clock
from realtime.runtime.events import Events, Subscription
from realtime.runtime.latency import Distribution
from realtime.runtime.stages import Stages
from realtime.runtime.threads import guarded_thread
from realtime.swap.library import find_model

__all__ = ["Engine"]

_log: Final = logging.getLogger(__name__)

#: Frames that may wait to be swapped: one that takes as long as two, or nearly three, loses none of those behind it.
WAITING: Final = 2
#: Seconds that ending may take; most of them are for what is under way.
ENDING: Final = 4.5


class Engine:
    """Runs once, from ``start`` to ``stop``. Every method may be called from any thread."""

    def __init__(
        self,
        settings: LiveSettings,
        open_source: OpenSource = open_source,
        open_sink: OpenSink | None = None,
        finder: FaceFinder | None = None,
        names: Names | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """Open the models and understand the addresses; devices are opened by ``start``.

        ``finder`` takes the place of the look's detector; ``names`` are what addresses were called before; ``clock`` is
        that by which the frames of the source are captured. Raises ``ModelError``, ``DetectorError``, ``UsageError``,
        and ``OutputError`` for a recording that cannot be made.
        """
        self.settings = settings
        self._open_source, self._names, self._clock = open_source, names or Names(), clock
        self._events, self._stages, self._counters = Events(_log), Stages(), Counters(clock)
        self._cleaner = Cleaner()
        self._over = Event()
        self._error: BaseException | None = None
        self._lock = RLock()  # for what is started, changed and stopped

        self._captured: Channel[tuple[int, Frame]] = Channel(WAITING, "latest")
        self._cameras = count()
        self._source = self._make_source(settings.camera, settings.patient)
        self._broadcaster = Broadcaster()
        self._sinks = SinkSet(
            open_sink or SinkOpener(), settings.sink, self._broadcaster, self._names, self._events, clock,
            lambda: self._controller.claim(), self._fail, self._cleaner.ask,
        )  # fmt: skip
        self._sinks.add(settings.sinks, settings.patient)
        self._controller = SwapController(settings, self._stages, self._events, finder, clock, self._sinks.starved)
        self._output = Output(self._broadcaster, settings.source, lambda: self._controller.label)
        self._loader = ModelLoader(
            self._controller.running,
            lambda choice: self._controller.prepare_model(choice, self._blank()),
            self._events,
            self._fail,
            self._lock,
        )
        self._watch = Watch(self._broadcaster, self._output, lambda: self._source, self._events, clock)
        self._previews = Previews()
        self._threads = [
            guarded_thread(self._process, "swap", self._fail),
            guarded_thread(partial(self._watch.run, self._over), "watch", self._fail),
            guarded_thread(self._cleaner.run, "clear up", self._fail),
        ]

    # the frame's way

    def _process(self) -> None:
        """In the swapping thread: what every frame goes through."""
        for frame in self._fitted():
            captured_ns = frame.captured_ns or 0
            self._previews.before(frame)
            swapped = self._controller.process(frame) or self._output.slate(captured_ns)
            if self._broadcaster.send(swapped):
                self._watch.slating = False
                self._counters.sent(captured_ns)
            self._previews.after(swapped)

    def _fitted(self) -> Iterator[Frame]:
        """What was captured, in the output's format and at its rate; the governor is told how long each frame took."""
        shown_camera, dropped_before = -1, 0
        for camera, captured in self._captured:
            began_ns = self._clock.now_ns()
            is_first = camera != shown_camera
            if is_first:
                if shown_camera >= 0:
                    self._controller.new_picture()
                shown_camera = camera
            shape = self._output.settle(captured, self._source.rate)
            rate = float(shape.rate / self._controller.thin)
            if not self._output.wants(captured, rate):
                continue
            # Of what the camera gave meanwhile, only what was due is a loss: the rest would have been left out anyway.
            dropped = self._captured.dropped
            lost, dropped_before = min(dropped - dropped_before, self._output.missed), dropped
            with self._stages("fit"):
                frame = self._output.fit(captured, shape)
                if self._controller.look.mirror:
                    frame = mirrored(frame)
            yield frame
            if is_first:  # for which much is made that lasts: what it takes, and costs, says nothing of the others
                dropped_before = self._captured.dropped
                continue
            spent = (self._clock.now_ns() - began_ns) / 1e9
            self._controller.observe(spent, 1 / rate, lost)

    def _take(self, camera: int, item: LiveItem) -> None:
        """In the thread of a source, whose number ``camera`` is: pass on what was captured."""
        if isinstance(item, Frame):
            self._counters.captured()
            self._captured.put((camera, item))
        else:
            self._broadcaster.send_sound(item)

    # from start to stop

    def start(self) -> None:
        """Open the source and the sinks, and begin."""
        self._output.began_ns = self._clock.now_ns()
        with self._lock:
            for thread in self._threads:
                thread.start()
            self._sinks.start()
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
        """Let ``wait`` return, as if the source were over. Not for signal handlers: it takes a lock."""
        self._over.set()

    def stop(self) -> None:
        """End in good order: what was captured is sent, sinks finish their files. Raises nothing.

        Takes less than 5 s, unless a long recording has to be signed.
        """
        now_ns = monotonic_ns()  # threads are waited for by the machine's own clock
        finished_ns, ended_ns = now_ns + int(FINISHING * 1e9), now_ns + int(ENDING * 1e9)
        self._over.set()
        with self._lock:
            self._source.stop(_left(finished_ns) / 2)
            self._captured.close()
            self._cleaner.end()
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join(_left(finished_ns) / 2)
            self._broadcaster.end()
            self._sinks.end(finished_ns, ended_ns)
            self._controller.close()
        self._events.tell("engine", "ended")
        self._events.close()

    # while it runs

    def change(self, change: Change) -> None:
        """Change what runs. All is checked first: where anything makes no sense, nothing is changed.

        A change is one of what was asked for before, whether or not that has taken effect yet.
        The look takes effect between two frames. A model is opened and warmed up in a thread of its own, and takes over
        between two frames; an event says when, or why not. A camera or sink that is not there is tried again and again,
        and does not end the run. Raises ``UsageError``, and ``ModelError`` for a model that is not there.
        """
        with self._lock:
            planned = [
                self._controller.plan(change, self._blank(), self._loader.loading is not None),
                self._plan_model(change),
                self._sinks.plan(change.add_sinks, change.remove_sinks),
                self._plan_camera(change.camera),
            ]
            for begin in planned:
                begin()

    def calibrate(self) -> None:
        """Take how the performer looks now as the puppet's rest. Raises ``UsageError`` where no puppet is shown."""
        self._controller.calibrate()

    @property
    def has_puppet(self) -> bool:
        """Whether a photo moves in place of the picture."""
        return self._controller.puppet_status() is not None

    def events(self) -> Subscription:
        """What happens from now on."""
        return self._events.subscribe()

    def preview(self, width: int = 480, timeout: float = 2.0) -> Preview | None:
        """The next frame before and after, ``width`` pixels wide; None where none comes in ``timeout`` seconds."""
        return self._previews.ask(width, timeout)

    def latencies(self) -> Distribution:
        """How many frames took how long from capture to being handed out, since the start."""
        return self._counters.distribution()

    def status(self) -> Status:
        """How it is now."""
        source, sinks = self._source.status(), self._sinks.status()
        shape, controller = self._broadcaster.shape, self._controller
        began_ns = self._output.began_ns
        (frames_in, frames_out), (fps_in, fps_out) = self._counters.frames, self._counters.rates()
        lately, overall = self._counters.latencies()
        problems = (source.problem, *(sink.problem for sink in sinks), controller.trouble)
        return Status(
            state=self._state(),
            seconds=round((self._clock.now_ns() - began_ns) / 1e9, 1) if began_ns else 0.0,
            size=None if shape is None else (shape.width, shape.height),
            rate=None if shape is None else float(shape.rate),
            fps_in=fps_in,
            fps_out=fps_out,
            frames_in=frames_in,
            frames_out=frames_out,
            slates=self._watch.slates,
            swapped=controller.swapped,
            missed=controller.missed,
            shown=controller.shown,
            faces_left=controller.left,
            drops=Drops(captured=self._captured.dropped, late=self._broadcaster.late, thinned=self._output.thinned),
            latency_ms=lately,
            overall_ms=overall,
            stages_ms=self._stages.summary(),
            source=source,
            sinks=sinks,
            model=controller.model_status(self._loader.loading),
            look=controller.look_status(),
            asked=controller.asked_status(),
            puppet=controller.puppet_status(),
            governor=controller.governor_status(),
            problems=[problem for problem in problems if problem],
        )

    # what they need

    def _plan_model(self, change: Change) -> Callable[[], None]:
        before = self._loader.asked
        asked = change.chosen_after(before)
        if not change.opens_model and (self._loader.loading is None or asked == before):
            return partial(self._loader.told, asked) if asked != before else lambda: None
        find_model(asked.name)  # one that is not there is refused at once
        return partial(self._loader.load, asked)

    def _plan_camera(self, address: str | None) -> Callable[[], None]:
        if address is None:
            return lambda: None
        source = self._make_source(address, patient=True)

        def begin() -> None:
            self._source.stop(STALLED)
            self._source = source
            source.start()

        return begin

    def _make_source(self, given: str, patient: bool) -> SourceWorker:
        address = self._names.address(given)
        return SourceWorker(
            address=address,
            name=self._names.of(address),
            open_=lambda: delayed(self._open_source(address, self.settings.source), self.settings.delay),
            take=partial(self._take, next(self._cameras)),
            over=self._source_over,
            events=self._events,
            clear_up=self._cleaner.ask,
            patient=patient,
            clock=self._clock,
        )

    def _blank(self) -> Frame | None:
        return self._output.blank(self._clock.now_ns())

    def _source_over(self, error: BaseException | None) -> None:
        if error is not None:
            self._fail(error)
        self._over.set()

    def _fail(self, error: BaseException) -> None:
        """Something failed for good; the first of it is raised in ``wait``."""
        if self._error is None:
            self._error = error
        self._over.set()

    def _state(self) -> EngineState:
        if self._over.is_set():
            return "ended"
        if self._watch.slating:
            return "slate"
        return "live" if self._broadcaster.sent else "starting"


def _left(until_ns: int) -> float:
    """Seconds from now until then."""
    return max(until_ns - monotonic_ns(), 0) / 1e9
