"""``mummer live``: a camera in, a virtual camera or a stream out."""

import os
import signal
import sys
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from realtime.cli import options
from realtime.cli.console import note, say

if TYPE_CHECKING:
    from realtime.live.engine import Engine
    from realtime.live.status import Status

__all__ = ["live"]

#: Seconds between two looks at the status line.
REFRESH = 0.5


class OnMissChoice(StrEnum):
    """What is sent where a face could not be swapped."""

    cover = "cover"
    hold = "hold"
    slate = "slate"
    show = "show"


def live(
    camera: Annotated[
        str, typer.Option(metavar="SOURCE", help="Camera number or path, address of a stream, a file, or test:.")
    ],
    to: Annotated[
        list[str], typer.Option(metavar="SINK", help="virtualcam[:DEVICE], address of a stream, a file, or null:.")
    ],
    model: options.Model = "bronze",
    light_model: Annotated[
        str | None, typer.Option(metavar="NAME|FILE", help="Takes its place while frames take too long.")
    ] = None,
    size: Annotated[
        str | None, typer.Option(metavar="WxH", help="Size of the output; the camera is asked for it.")
    ] = None,
    fps: Annotated[float | None, typer.Option(min=1, max=240, help="Frames a second, at most.")] = None,
    audio: Annotated[
        str | None, typer.Option(metavar="DEVICE", help="A microphone in place of the source's own sound.")
    ] = None,
    on_miss: Annotated[
        OnMissChoice, typer.Option(help="Where a face is or may be that was not swapped; 'show' shows it.")
    ] = OnMissChoice.cover,
    loop: Annotated[bool, typer.Option("--loop", help="Play a file again and again.")] = False,
    duration: Annotated[float | None, typer.Option(metavar="SECONDS", min=0, help="End after so long.")] = None,
    device: options.Device = "auto",
    detector: options.Detector = "builtin",
    blend: options.Blend = "normal",
    color: options.Color = None,
    sharpen: options.Sharpen = 0.5,
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="Text in a corner that says what the video is.")
    ] = "SYNTHETIC FACES",
    label_place: options.LabelPlace = "bottom-right",
    codec: options.Codec = None,
    bitrate: Annotated[int | None, typer.Option(metavar="BITS", min=1, help="Bits a second of encoded sinks.")] = None,
    preset: options.Preset = None,
    patient: Annotated[
        bool, typer.Option("--patient", help="Keep trying where the camera or a sink is not there yet.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a recording that exists.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print nothing but problems.")] = False,
) -> None:
    """Swap the faces of a camera, live; end it with Ctrl-C."""
    from fractions import Fraction

    from realtime.jobs.convert import Look
    from realtime.live.engine import Engine
    from realtime.live.settings import LiveSettings
    from realtime.live.sink import SinkSettings
    from realtime.live.sinks import SinkOpener
    from realtime.live.source import SourceSettings
    from realtime.runtime.process import settle, tune

    tune(lasting=True)
    rate = None if fps is None else Fraction(fps).limit_denominator(1001)
    settings = LiveSettings(
        camera=camera,
        sinks=tuple(to),
        look=Look(
            model=model,
            device=device,
            detector=detector,
            blend=blend,
            color=color,
            sharpen=sharpen,
            label=label,
            label_place=label_place,
        ),
        source=SourceSettings(None if size is None else options.as_size(size), rate, audio, loop),
        sink=SinkSettings(codec, bitrate, preset),
        on_miss=on_miss.value,
        light_model=light_model,
        patient=patient,
    )
    engine = Engine(settings, open_sink=SinkOpener(force))
    settle()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: engine.finish())
    _run(engine, duration, quiet)


def _run(engine: "Engine", duration: float | None, quiet: bool) -> None:
    from threading import Thread

    with engine.events() as events:

        def listen() -> None:
            for event in events:
                if event.problem:
                    note(event.text)

        listener = Thread(target=listen, name="listen", daemon=True)
        listener.start()
        engine.start()
        try:
            _wait(engine, duration, show=not quiet and sys.stderr.isatty())
        finally:
            engine.stop()
            listener.join(1)
    if not quiet:
        _summary(engine.status())
    _leave_at_once()


def _leave_at_once() -> None:
    """End the process here where a thread is still inside a library: the interpreter's end would tear it out."""
    import threading

    left = [thread for thread in threading.enumerate() if thread is not threading.main_thread() and thread.daemon]
    if left:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _wait(engine: "Engine", duration: float | None, show: bool) -> None:
    """Until the engine is over, with a line on the terminal that says how it goes."""
    if not show:
        engine.wait(duration)
        return
    from time import monotonic

    from rich.console import Console

    until = None if duration is None else monotonic() + duration
    with Console(stderr=True).status("starting", spinner="line") as line:
        while until is None or monotonic() < until:
            if engine.wait(REFRESH if until is None else min(REFRESH, max(until - monotonic(), 0))):
                return
            line.update(_line(engine.status()))


def _line(status: "Status") -> str:
    drops = status.drops.captured + status.drops.late
    sinks = [sink for sink in status.sinks if sink.state != "live"]
    return (
        f"{status.state}: {status.fps_out:.1f} fps, latency {status.latency_ms.p50:.0f}/{status.latency_ms.p99:.0f} ms"
        f" (p50/p99), {drops} dropped, {status.missed} hidden"
        + "".join(f", {sink.address} {sink.state}" for sink in sinks)
    )


def _summary(status: "Status") -> None:
    whole = status.overall_ms
    say(
        f"{status.frames_out} of {status.frames_in} frames sent in {status.seconds:.1f} s, {status.swapped} swapped,"
        f" {status.missed} hidden, {status.drops.captured + status.drops.late} dropped;"
        f" latency p50 {whole.p50} ms, p95 {whole.p95} ms, p99 {whole.p99} ms"
    )
    for sink in status.sinks:
        say(f"  {sink.address}: {sink.frames} frames, {sink.dropped} dropped, {sink.retries} retries")
