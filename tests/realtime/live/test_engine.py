"""The engine as a whole, on a real clip in real time: order, losses, changes, ends."""

import os
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, current_thread, get_native_id
from threading import enumerate as enumerate_threads
from time import monotonic, monotonic_ns, sleep
from weakref import ref

import av
import numpy as np
import pytest
from pydantic import ValidationError

from realtime.finder import BuiltinFinder, FaceFinder
from realtime.finder.face import Face
from realtime.inference import session
from realtime.live import preview, swap_controller
from realtime.live.delay import delayed
from realtime.live.engine import Engine
from realtime.live.mirror import mirrored
from realtime.live.settings import Change, LiveSettings, SourceSettings
from realtime.live.sink import LiveSink, StreamFormat
from realtime.live.slate import render
from realtime.live.source import LiveItem, LiveSource, Sound
from realtime.live.sources.file import PacedFile
from realtime.live.testing.probes import InspectingSink, PrivacyProbe
from realtime.marking.label import Label
from realtime.marking.watermark import Watermark
from realtime.media.colorspace import Codes
from realtime.media.frame import Frame, PictureFormat
from realtime.media.paste import Patch
from realtime.runtime import backoff, process
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError, ModelError, OutputError, UsageError
from realtime.runtime.thread_priority import give_way
from realtime.settings import ModelOptions
from realtime.swap import SwapModel, open_model
from tests.realtime.clips import Clip, make
from tests.realtime.live.waiting import LONG, until
from tests.realtime.tiny import make_model


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST", 0.1)


@contextmanager
def running(
    clip: Path,
    *sinks: LiveSink,
    finder: FaceFinder | None = None,
    loop: bool = True,
    begin: bool = True,
    **changes: object,
) -> Iterator[Engine]:
    """An engine with these sinks, each at an address of its own: ``0``, ``1``, ..."""
    open_source = changes.pop("open_source", PacedFile_)
    open_sink = changes.pop("open_sink", lambda address, settings: sinks[int(address)])
    addresses = tuple(str(number) for number in range(len(sinks)))
    settings = LiveSettings.model_validate(
        {"camera": str(clip), "sinks": addresses, "device": "cpu", "loop": loop} | changes
    )
    engine = Engine(settings, open_source, open_sink, finder or BuiltinFinder("cpu"))  # type: ignore[arg-type]
    if begin:
        engine.start()
    try:
        yield engine
    finally:
        engine.stop()


def PacedFile_(address: str, settings: SourceSettings) -> LiveSource:  # noqa: N802
    return PacedFile(Path(address), settings)


def test_a_clip_goes_through_once_in_order(face_clip: Path) -> None:
    sink = InspectingSink()
    with running(face_clip, sink, loop=False) as engine:
        assert engine.wait(LONG)
    status = engine.status()
    dropped = status.drops.captured + status.drops.late + status.drops.thinned + status.sinks[0].dropped
    assert status.frames_in == 60
    slates = status.slates  # where the machine was too busy to send anything for seconds
    assert sink.frames - slates + dropped + status.sinks[0].missed == 60
    assert sink.frames == status.sinks[0].frames == status.sinks[0].overall_ms.frames + slates > slates
    assert sink.out_of_order == 0
    assert status.state == "ended"
    assert status.source.state == "ended"
    assert status.rate == 30
    assert status.size == (640, 360)
    assert {"find", "swap", "paste", "label"} <= status.stages_ms.keys()


def test_what_the_first_frame_costs_is_no_reason_to_save(face_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    controller, done, observed = swap_controller.SwapController, list[int](), list[tuple[int, int]]()
    process = controller.process

    def slow_at_first(self: swap_controller.SwapController, frame: Frame) -> Frame | None:
        if not done:
            sleep(0.3)
        done.append(frame.captured_ns or 0)
        return process(self, frame)

    def note(self: swap_controller.SwapController, spent: float, budget: float, drops: int) -> None:
        observed.append((len(done), drops))

    monkeypatch.setattr(controller, "process", slow_at_first)
    monkeypatch.setattr(controller, "observe", note)
    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: len(observed) > 2)
        assert engine.status().drops.captured > 0
    assert observed[0] == (2, 0)


def test_the_detectors_thread_ends_with_the_engine(face_clip: Path) -> None:
    before = set(enumerate_threads())
    with running(face_clip, InspectingSink(), loop=False) as engine:
        until(engine, lambda status: status.swapped > 3)
        assert any(thread.name.startswith("detect") for thread in set(enumerate_threads()) - before)
    for thread in set(enumerate_threads()) - before:
        if thread.name != "watchdog":  # which is of the whole process
            thread.join(LONG)
            assert not thread.is_alive()


def test_a_pause_in_a_files_own_times_is_no_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.live.workers.STALLED", 0.8)
    frame = 512  # 1/25 s in the clip's time base
    pts = [number * frame if number < 10 else (number + 40) * frame for number in range(20)]  # 1.64 s in the middle
    clip = make(tmp_path / "pause.mkv", Clip(frames=20, pts=pts))
    sink = InspectingSink()
    with running(clip, sink, loop=False) as engine:
        assert engine.wait(LONG)
    status = engine.status()
    assert (status.source.frames, status.source.retries) == (20, 0)
    assert sink.out_of_order == 0


def test_no_real_face_leaves_the_engine(face_clip: Path) -> None:
    probe = PrivacyProbe(BuiltinFinder("cpu", 3), lambda number: number % 5 == 4 or 40 <= number < 100)
    sink = InspectingSink(probe.look)
    with running(face_clip, sink, finder=probe) as engine:
        until(engine, lambda status: sink.frames >= 110)
    assert probe.missed > 20
    assert probe.shown == 0
    assert sink.out_of_order == 0


def test_a_source_that_is_not_there_ends_the_run_or_is_waited_for(tmp_path: Path, face_clip: Path) -> None:
    missing = tmp_path / "camera.mp4"
    with running(missing, InspectingSink()) as engine, pytest.raises(InputError, match="no such file"):
        engine.wait(LONG)
    sink = InspectingSink()
    with running(missing, sink, patient=True) as engine:
        status = until(engine, lambda status: sink.frames > 0)
        assert status.state == "slate"
        assert status.size == (1280, 720)
        assert "no such file" in status.problems[0]
        missing.symlink_to(face_clip)
        status = until(engine, lambda status: status.state == "live")
        assert status.size == (1280, 720)  # what was settled stays


class StuckSink(InspectingSink):
    """Blocks in the third frame until it is aborted."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = Event()

    def write(self, frame: Frame) -> None:
        super().write(frame)
        if self.frames == 3:
            self.aborted.wait()
            raise OutputError("aborted")

    def abort(self) -> None:
        self.aborted.set()


def test_a_stuck_sink_holds_up_nobody_not_even_the_end(face_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("realtime.live.engine.FINISHING", 0.3)
    stuck, healthy = StuckSink(), InspectingSink()
    with running(face_clip, stuck, healthy) as engine:
        until(engine, lambda status: status.sinks[1].frames > 20)
        assert engine.status().sinks[0].dropped > 0
    assert stuck.aborted.is_set()
    assert [sink.state for sink in engine.status().sinks] == ["ended", "ended"]


@pytest.mark.parametrize("where", ["write", "close"])
def test_a_sink_that_raises_anything_ends_only_itself(face_clip: Path, where: str) -> None:
    class Broken(InspectingSink):
        def write(self, frame: Frame) -> None:
            if where == "write":
                raise AttributeError("the driver has no such thing")
            super().write(frame)

        def close(self) -> None:
            if where == "close":
                raise ZeroDivisionError("in the driver")

        def abort(self) -> None:
            raise KeyError("abort")

    broken, healthy = Broken(), InspectingSink()
    with running(face_clip, broken, healthy) as engine:
        until(engine, lambda status: status.sinks[1].frames > 15)
        if where == "write":
            # Opened again, and until it gets a frame, it has no problem.
            status = until(engine, lambda status: status.sinks[0].state == "lost")
            assert "failed with AttributeError: the driver has no such thing" in str(status.sinks[0].problem)
            assert status.sinks[0].errors
    assert [sink.state for sink in engine.status().sinks] == ["ended", "ended"]
    assert healthy.out_of_order == 0


def test_a_close_that_blocks_delays_the_end_only_where_a_file_is_finished(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("realtime.live.engine.FINISHING", 0.2)
    monkeypatch.setattr("realtime.live.engine.ENDING", 0.4)
    let_go, finished = Event(), Event()

    class Stuck(InspectingSink):
        def close(self) -> None:
            let_go.wait(LONG)

    class Slow(InspectingSink):
        def close(self) -> None:
            let_go.wait(1)
            finished.set()

    camera, recording = Stuck(), Slow()
    sinks = {"virtualcam": camera, str(tmp_path / "a.mkv"): recording}
    engine = Engine(
        LiveSettings(camera=str(face_clip), sinks=tuple(sinks), device="cpu", loop=True),
        PacedFile_,
        lambda address, settings: sinks[address],
        BuiltinFinder("cpu"),
    )
    with engine.events() as events:
        engine.start()
        until(engine, lambda status: all(sink.frames > 2 for sink in status.sinks))
        began = monotonic()
        engine.stop()
        assert monotonic() - began < LONG / 2  # not the minute that a file may take
        assert finished.is_set()
        assert any("virtualcam: does not answer and was left behind" in event.text for event in events)
    let_go.set()


def test_a_first_opening_that_fails_ends_the_run(face_clip: Path) -> None:
    class Refusing(InspectingSink):
        def open(self, shape: StreamFormat) -> None:
            raise OutputError("nobody listens there; start the receiver first")

    with running(face_clip, Refusing()) as engine, pytest.raises(OutputError, match="nobody listens"):
        engine.wait(LONG)


def test_an_error_of_our_own_ends_the_run_with_its_traceback(face_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def buggy(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("realtime.live.output.Output.settle", buggy)
    with running(face_clip, InspectingSink()) as engine, pytest.raises(ZeroDivisionError):
        engine.wait(LONG)


def test_another_model_costs_the_swapping_thread_no_watermark(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, fitted = Watermark._fit, list[str]()

    def noted(self: Watermark, kind: PictureFormat) -> tuple[Codes, Codes]:
        fitted.append(current_thread().name)
        return fit(self, kind)

    monkeypatch.setattr(Watermark, "_fit", noted)
    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: status.swapped > 0)
        engine.change(Change(model=str(make_model(tmp_path / "other.onnx"))))
        swapped = until(engine, lambda status: status.model.name == "other").swapped
        until(engine, lambda status: status.swapped > swapped + 1)
    assert fitted == ["marks", "load model"]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_the_former_model_is_gone_before_its_memory_is_given_back_by_a_thread_that_gives_way_to_nobody(
    face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heap is locked meanwhile: were it done late, whoever swaps would wait."""
    opened, cleared = list[ref[SwapModel]](), list[tuple[int, bool]]()
    open_ = swap_controller.open_model

    def noted(name: str, device: str, options: ModelOptions) -> SwapModel:
        model = open_(name, device, options)
        opened.append(ref(model))
        return model

    def give_back() -> bool:
        cleared.append((os.getpriority(os.PRIO_PROCESS, get_native_id()), opened[0]() is None))
        return True

    monkeypatch.setattr(swap_controller, "open_model", noted)
    monkeypatch.setattr(process, "give_back_freed_memory", give_back)
    with running(face_clip, InspectingSink()) as engine:
        for number in range(2):
            engine.change(Change(model=str(make_model(tmp_path / f"{number}.onnx"))))
            until(engine, lambda status, number=number: status.model.name == str(number) and len(cleared) > number)
    ours = os.getpriority(os.PRIO_PROCESS, 0)
    assert cleared == [(ours, False), (ours, True)]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no niceness of their own")
def test_what_a_sink_that_gives_way_leaves_is_collected_by_a_thread_that_does_not(
    face_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Failing(InspectingSink):
        def open(self, shape: StreamFormat) -> None:
            give_way()

        def write(self, frame: Frame) -> None:
            raise OutputError("the other end is gone")

    cleared = list[int]()

    def give_back() -> bool:
        cleared.append(os.getpriority(os.PRIO_PROCESS, get_native_id()))
        return True

    monkeypatch.setattr(process, "give_back_freed_memory", give_back)
    with running(face_clip, Failing(), InspectingSink(), patient=True) as engine:
        until(engine, lambda status: status.sinks[0].retries >= 2 and bool(cleared))
    assert set(cleared) == {os.getpriority(os.PRIO_PROCESS, 0)}
    assert not any(thread.name == "clear up" for thread in enumerate_threads())


def test_marks_are_made_beside_the_search_and_no_net_is_opened_for_the_first_face(
    face_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fit, made = Label._fit, Event()

    def noted(self: Label, frame: Frame) -> tuple[Patch, ...]:
        fitted = fit(self, frame)
        made.set()
        return fitted

    class Waiting(BuiltinFinder):
        begun = False

        def find(self, frame: Frame) -> tuple[Face, ...]:
            assert not self.begun or made.wait(LONG)
            return super().find(frame)

    monkeypatch.setattr(Label, "_fit", noted)
    finder = Waiting("cpu")
    with running(face_clip, InspectingSink(), finder=finder, begin=False) as engine:
        opened = list[object]()
        monkeypatch.setattr(session, "open_on", lambda *given, **named: opened.append(given))
        finder.begun = True
        engine.start()
        until(engine, lambda status: status.swapped > 2)
    assert made.is_set()
    assert not opened


def test_a_slate_is_drawn_in_little_memory() -> None:
    tracemalloc.start()
    try:
        slate = render("no signal", 1280, 720)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 6 * slate.nbytes  # more is made while everybody waits
    assert slate[0, 0].tolist() == [13, 15, 21]  # dark, and lighter in the middle
    assert slate[300, 640].tolist() == [42, 44, 50]


def test_the_look_changes_between_two_frames(face_clip: Path) -> None:
    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: status.frames_out > 3)
        engine.change(
            Change(blend="soft", color="none", sharpen=0.1, label="MASKED", label_place="top-left", on_miss="hold")
        )
        until(engine, lambda status: status.look.label == "MASKED")
        look = engine.status().look
        assert (look.blend, look.color, look.sharpen) == ("soft", "none", 0.1)
        assert (look.label_place, look.on_miss) == ("top-left", "hold")
        engine.change(Change(occlusion="on"))
        until(engine, lambda status: "occlusion" in status.stages_ms)
        assert engine.status().look.occlusion == "on"
        engine.change(Change(occlusion="off"))
        until(engine, lambda status: status.look.occlusion == "off")


@pytest.mark.parametrize("pixels", ["yuv420p", "nv12"])
def test_a_mirror_exchanges_left_and_right_of_everything_but_the_label(pixels: str) -> None:
    rgb = np.zeros((64, 96, 3), np.uint8)
    rgb[:, :48] = 200, 40, 40
    frame = Frame(av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=pixels), 7)
    other = mirrored(frame)
    back = other.warp(np.eye(2, 3), (96, 64)).astype(int)
    assert np.abs(back[:, ::-1] - frame.warp(np.eye(2, 3), (96, 64)))[:, 4:44].max() <= 2
    assert other.captured_ns == 7


def test_the_mirror_can_be_turned_while_it_runs(face_clip: Path) -> None:
    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: status.swapped > 3)
        before = engine.preview(160)
        engine.change(Change(mirror=True))
        until(engine, lambda status: status.look.mirror)
        swapped = engine.status().swapped
        until(engine, lambda status: status.swapped > swapped + 3)
        after = engine.preview(160)
    assert before is not None and after is not None
    apart = [np.abs(after.before.astype(int) - other).mean() for other in (before.before, before.before[:, ::-1])]
    assert apart[1] < apart[0]


class NotedFile(PacedFile):
    """Notes what it gives, and when that was captured."""

    def __iter__(self) -> Iterator[LiveItem]:
        self.given: list[tuple[type, int]] = []
        for item in super().__iter__():
            self.given.append((type(item), item.captured_ns or 0))
            yield item


def test_everything_comes_later_where_that_is_asked_for(face_clip: Path) -> None:
    source = NotedFile(face_clip, SourceSettings())
    came = [(type(item), (item.captured_ns or 0), monotonic_ns()) for item in delayed(source, 0.4)]
    assert [(kind, captured_ns - 400_000_000) for kind, captured_ns, _ in came] == source.given
    assert {kind for kind, _ in source.given} == {Frame, Sound}
    assert all(now_ns >= captured_ns for _, captured_ns, now_ns in came)
    with running(face_clip, InspectingSink(), delay=0.4) as engine:
        assert until(engine, lambda status: status.frames_out > 3).source.buffer == pytest.approx(0.4)


def test_which_faces_are_swapped_can_be_changed(face_clip: Path) -> None:
    with running(face_clip, InspectingSink(), faces="largest") as engine:
        until(engine, lambda status: status.look.faces == "largest")
        engine.change(Change(faces="all", color="mean"))
        until(engine, lambda status: (status.look.faces, status.look.color) == ("all", "mean"))
        engine.change(Change(color=None))  # what the model prefers, again
        until(engine, lambda status: status.look.color == "light")


def test_several_models_each_for_its_face(face_clip: Path, tmp_path: Path) -> None:
    other = make_model(tmp_path / "other.onnx")
    with running(face_clip, InspectingSink(), map={"left": str(other), "all": "bronze"}) as engine:
        status = until(engine, lambda status: status.swapped > 3)
        assert status.look.map == (f"left={other}", "all=bronze") and status.model.name == "other"
        for change in (Change(model="marble"), Change(faces="left")):
            with pytest.raises(UsageError, match="has a map"):
                engine.change(change)


@pytest.mark.parametrize("name", ["device", "detector", "map"])
def test_what_is_settled_at_the_start_cannot_be_changed(name: str) -> None:
    with pytest.raises(ValidationError, match="chosen at the start"):
        Change.model_validate({name: "all=cpu"})


@pytest.mark.parametrize(
    "change",
    [
        {"blend": "hairy"},
        {"color": "ultraviolet"},
        {"label": ""},
        {"label_place": "middle"},
        {"remove_sinks": ("7",)},
        {"model": "nobody"},
    ],
)
def test_a_change_that_makes_no_sense_changes_nothing(face_clip: Path, change: dict[str, object]) -> None:
    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: status.frames_out > 0)
        before = engine.status()
        with pytest.raises((UsageError, ModelError)):
            engine.change(Change.model_validate({"sharpen": 0.9, "label": "OTHER"} | change))
        until(engine, lambda status: status.frames_out > before.frames_out + 3)
        after = engine.status()
        assert after.look == before.look
        assert after.model == before.model


def test_a_model_takes_over_between_two_frames(face_clip: Path, tmp_path: Path) -> None:
    """No frame has faces of two models; with tiny models that can be seen in every pixel."""
    other = make_model(tmp_path / "other.onnx")
    sink = InspectingSink()
    with running(face_clip, sink) as engine, engine.events() as events:
        until(engine, lambda status: status.frames_out > 3)
        for name in (str(other), "bronze", str(other)):
            engine.change(Change(model=name))
            while (event := events.get(LONG)) is not None and event.topic != "model":
                pass
            assert event is not None
            assert not event.problem
        status = until(engine, lambda status: status.model.name == "other")
        assert status.model.loading is None
        engine.change(Change(model=str(face_clip)))
        while (event := events.get(LONG)) is not None and event.topic != "model":
            pass
        assert event is not None
        assert event.problem
        assert engine.status().model.name == "other"
    assert sink.out_of_order == 0


def test_the_model_that_was_chosen_last_stays(face_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow load that was asked for first never overtakes a quick one, nor do two run at once."""
    slow, quick = make_model(tmp_path / "slow.onnx"), make_model(tmp_path / "quick.onnx")
    begun, ready, loading, most = Event(), Event(), [0], [0]

    def open_slowly(name: str, *arguments: object) -> SwapModel:
        loading[0] += 1
        most[0] = max(most[0], loading[0])
        begun.set()
        assert name != str(slow) or ready.wait(LONG)
        model = open_model(name, *arguments)  # type: ignore[arg-type]
        loading[0] -= 1
        return model

    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: status.frames_out > 3)
        monkeypatch.setattr(swap_controller, "open_model", open_slowly)
        engine.change(Change(model=str(slow)))
        assert begun.wait(LONG)
        engine.change(Change(model="bronze"))
        engine.change(Change(model=str(quick)))
        assert engine.status().model.loading == str(quick)
        before = engine.status().frames_out
        until(engine, lambda status: status.frames_out > before + 3)  # frames go on meanwhile
        ready.set()
        status = until(engine, lambda status: status.model.loading is None)
        status = until(engine, lambda status: status.frames_out > before + 10)
        assert status.model.name == "quick"
    assert most == [1]


def test_sinks_come_and_go_and_the_camera_changes(face_clip: Path, tmp_path: Path) -> None:
    sinks = {"0": InspectingSink(), "1": InspectingSink()}
    small = make(tmp_path / "small.mp4", Clip(size=(160, 120), frames=50))
    sizes = set()
    sinks["1"] = InspectingSink(lambda frame: sizes.add((frame.width, frame.height, frame.picture.format.name)))
    with running(face_clip, open_sink=lambda address, settings: sinks[address], sinks=("0",)) as engine:
        until(engine, lambda status: sinks["0"].frames > 3)
        engine.change(Change(add_sinks=("1",)))
        until(engine, lambda status: sinks["1"].frames > 3)
        engine.change(Change(remove_sinks=("0",), camera=str(small)))
        seen = sinks["1"].frames
        status = until(engine, lambda status: sinks["1"].frames > seen + 10 and status.source.size == (160, 120))
    assert [sink.address for sink in status.sinks] == ["1"]
    assert sizes == {(640, 360, "yuv420p")}
    assert sinks["1"].out_of_order == 0
    assert status.missed > 0  # nobody was found in the new picture yet: it is covered


def test_the_size_and_rate_that_are_asked_for(face_clip: Path) -> None:
    sizes = set()
    sink = InspectingSink(lambda frame: sizes.add((frame.width, frame.height)))
    with running(face_clip, sink, size=(320, 240), fps=10) as engine:
        until(engine, lambda status: status.frames_in > 60)
    status = engine.status()
    assert sizes == {(320, 240)}
    assert status.rate == 10
    assert status.frames_out < 0.4 * status.frames_in


def test_a_preview_shows_the_same_frame_before_and_after(face_clip: Path) -> None:
    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: status.swapped > 3)
        preview = engine.preview(width=320)
    assert preview is not None
    assert preview.before.shape == preview.after.shape == (180, 320, 3)
    changed = np.abs(preview.before.astype(int) - preview.after).max(axis=2) > 24
    assert 0.01 < changed.mean() < 0.4
    assert engine.preview(timeout=0.01) is None


def test_no_sink_waits_for_a_preview(face_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reduced, sent = preview._reduced, list[int]()

    def noted(frame: Frame, width: int) -> Bytes:
        sent.append(engine.status().frames_out)
        return reduced(frame, width)

    monkeypatch.setattr(preview, "_reduced", noted)
    with running(face_clip, InspectingSink()) as engine:
        until(engine, lambda status: status.swapped > 2)
        assert engine.preview(320) is not None
    before, after = sent
    assert after > before


def test_live_output_always_has_a_label(face_clip: Path) -> None:
    for label in (None, "off"):
        with pytest.raises(ValidationError, match="always carries a label"):
            LiveSettings(camera=str(face_clip), label=label)
        with pytest.raises(ValidationError, match="always carries a label"):
            Change(label=label)


def test_stopping_twice_or_before_the_start_is_harmless(face_clip: Path) -> None:
    engine = Engine(LiveSettings(camera=str(face_clip), sinks=("null:",), device="cpu"))
    engine.stop()
    with running(face_clip, InspectingSink()) as other:
        until(other, lambda status: status.frames_out > 0)
        other.stop()
