"""``mummer live``: a camera in, a virtual camera or a stream out."""

import os
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.cli import options
from realtime.cli.console import harmless, note, say
from realtime.cli.keys import enter_pressed
from realtime.live.settings import LiveSettings

if TYPE_CHECKING:
    from realtime.live.engine import Engine
    from realtime.live.status import Status

__all__ = ["live"]

#: Seconds between two looks at the status line.
REFRESH = 0.5
#: Seconds that a run may be told to last: three years. Beyond some centuries clocks fail.
LONGEST = 1e8


@options.with_settings
def live(
    to: Annotated[
        list[str], typer.Option(metavar="SINK", help="virtualcam[:DEVICE], address of a stream, a file, or null:.")
    ],
    settings: LiveSettings,
    duration: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, max=LONGEST, help="End after so long.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a recording that exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but problems.")] = False,
    log_level: options.LogLevel = None,
) -> None:
    """Swap the faces of a camera, live; end it with Ctrl-C.

    With --puppet, Enter takes the performer's rest anew.
    """
    from realtime.live.engine import Engine
    from realtime.live.sinks import SinkOpener
    from realtime.runtime.logs import set_up
    from realtime.runtime.process import settle, tune
    from realtime.runtime.signal_relay import relayed

    set_up(log_level or "error")  # problems are notes already
    tune()
    settings = settings.model_copy(update={"sinks": tuple(to)})
    engine = Engine(settings, open_sink=SinkOpener(force, settings.read))
    settle()
    with relayed(engine.finish):
        _run(engine, duration, quiet)
    _leave_at_once()


def _run(engine: "Engine", duration: float | None, quiet: bool) -> None:
    from realtime.runtime.threads import guarded_thread

    with engine.events() as events:

        def listen() -> None:
            for event in events:
                if event.problem:
                    note(event.text)

        listener = guarded_thread(listen, "listen")
        listener.start()
        engine.start()
        try:
            _wait(engine, duration, show=not quiet and sys.stderr.isatty())
        finally:
            engine.stop()
            listener.join(1)
    if not quiet:
        _summary(engine.status())


def _leave_at_once() -> None:
    """End the process here where a thread is still inside a library: the interpreter's end would tear it out."""
    import threading

    left = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and thread.daemon]
    if left:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _wait(engine: "Engine", duration: float | None, show: bool) -> None:
    """Until the engine is over, with a line on the terminal that says how it goes; Enter takes a puppet's rest anew."""
    if not show:
        engine.wait(duration)
        return
    from time import monotonic

    from rich.console import Console
    from rich.text import Text

    until = None if duration is None else monotonic() + duration
    with Console(stderr=True).status("starting", spinner="line") as line:
        while until is None or monotonic() < until:
            if engine.wait(REFRESH if until is None else min(REFRESH, max(until - monotonic(), 0))):
                return
            if engine.has_puppet and enter_pressed():
                engine.calibrate()
            line.update(Text(harmless(_line(engine.status()))))  # an address may look like markup


def _line(status: "Status") -> str:
    drops = status.drops.captured + status.drops.late
    sinks = [sink for sink in status.sinks if sink.state != "live"]
    return (
        f"{status.state}: {status.fps_out:.1f} fps, latency {status.latency_ms.p50:.0f}/{status.latency_ms.p99:.0f} ms"
        f" (p50/p99), {drops} dropped, {_misses(status)}" + "".join(f", {sink.address} {sink.state}" for sink in sinks)
    )


def _misses(status: "Status") -> str:
    """Frames with a face that was not swapped: hidden, and where that was asked for shown."""
    return f"{status.missed} hidden" + (f", {status.shown} shown unswapped" if status.shown else "")


def _summary(status: "Status") -> None:
    whole = status.overall_ms
    say(
        f"{status.frames_out} of {status.frames_in} frames sent in {status.seconds:.1f} s, {status.swapped} swapped,"
        f" {_misses(status)}, {status.drops.captured + status.drops.late} dropped;"
        f" latency p50 {whole.p50} ms, p95 {whole.p95} ms, p99 {whole.p99} ms"
    )
    for sink in status.sinks:
        say(f"  {sink.address}: {sink.frames} frames, {sink.dropped} dropped, {sink.retries} retries")
