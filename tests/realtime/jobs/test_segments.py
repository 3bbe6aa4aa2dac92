"""Long jobs: the same bits however they are cut short, and nothing of them is lost."""

import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import TypeAlias

import av
import pytest

from realtime.jobs.convert import Job, convert
from realtime.jobs.report import Report
from realtime.jobs.segments import plan as planning
from realtime.jobs.segments.engines import processes
from realtime.jobs.segments.engines.shares import Shares
from realtime.jobs.segments.journal import folder_of
from realtime.jobs.segments.maker import Order, make_segments
from realtime.jobs.segments.plan import WARM_UP, WARM_UP_DRAWN, read_plan
from realtime.media.encoding import Encoding
from realtime.media.file_sink import video_shape
from realtime.media.file_source import FileSource
from realtime.media.pixel_limit import MAX_PIXELS
from realtime.runtime.errors import MummerError, OutputError, UsageError
from realtime.runtime.process import tune
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.settings.part import WHOLE
from realtime.swapper import make_swapper
from tests.realtime.clips import Clip, make, payloads, talk, times
from tests.realtime.failing import Failing
from tests.realtime.forked import Mummer, run
from tests.realtime.tiny import make_model

ROOT = Path(__file__).parents[3]
#: How often a run is killed; a release is held to 20.
KILLS = int(os.environ.get("MUMMER_KILLS", "2"))
#: Frames a segment in most of these tests, and where the command runs in a process of its own.
GRID, LONG_GRID = 11, 100

Packets: TypeAlias = list[tuple[int, int | None, int | None, int | None, bytes]]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A face that talks, for 40 frames; some of them are shown longer than others."""
    folder = tmp_path_factory.mktemp("segments")
    talk(folder / "even.mp4", (320, 240), 40 / 25, 25)
    with av.open(str(folder / "even.mp4")) as even, av.open(str(folder / "clip.mp4"), "w") as out:
        copies = [out.add_stream_from_template(stream, opaque=True) for stream in even.streams]
        for packet in even.demux():
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            if packet.stream.type == "video":
                packet.pts, packet.dts = (uneven(time, packet.time_base) for time in (packet.pts, packet.dts))
            packet.stream = copies[packet.stream.index]
            out.mux(packet)
    return folder / "clip.mp4"


def uneven(pts: int, clock: Fraction) -> int:
    frame = round(pts * clock * 25)
    return pts + round(frame // 7 * Fraction(1, 60) / clock)


@pytest.fixture(autouse=True, scope="module")
def same_memory() -> None:
    """As the command does: some encoders read what they have not written."""
    tune()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "GRID", GRID)


def job(source: Path, target: Path, model: Path, **changes: object) -> Job:
    return Job(**{"source": source, "target": target, "look": Look(model=str(model))} | changes)  # type: ignore[arg-type]


def packets(path: Path) -> Packets:
    with av.open(str(path)) as container:
        return [(p.stream.index, p.pts, p.dts, p.duration, bytes(p)) for p in container.demux() if p.size]


@pytest.fixture(scope="module")
def in_one_run(
    tmp_path_factory: pytest.TempPathFactory, clip: Path, model: Path
) -> Callable[[str], tuple[Report, Packets]]:
    """The clip to a container of that suffix, converted without a stop: what is said of it, and its packets."""

    @cache
    def whole(suffix: str) -> tuple[Report, Packets]:
        target = tmp_path_factory.mktemp("whole") / f"whole{suffix}"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(planning, "GRID", GRID)
            report = convert(job(clip, target, model))
        return report, packets(target)

    return whole


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_job_that_failed_goes_on_and_gives_the_same_bits(
    tmp_path: Path, clip: Path, model: Path, in_one_run: Callable[[str], tuple[Report, Packets]], suffix: str
) -> None:
    target, (expected, whole) = tmp_path / f"out{suffix}", in_one_run(suffix)
    with pytest.raises(MummerError, match=r"lights went out \(50 % of it is finished and kept.*--resume goes on"):
        convert(job(clip, target, model), finder=Failing(11 + 11 + 10 + 10 + 5))
    left = [path for path in left_in(folder_of(target)) if not path.endswith(".part")]  # begun, or not yet
    assert left == ["000000.segment", "000001.segment", "job.json"]
    progress: list[tuple[int, int]] = []
    report = convert(job(clip, target, model, resume=True), lambda *now: progress.append(now))
    assert progress[0] == (23, 40)
    assert progress[-1] == (40, 40)
    assert packets(target) == whole
    assert (report.frames_swapped, report.faces, report.frames_out) == (expected.frames_swapped, expected.faces, 40)
    assert report.faces >= 30
    assert not folder_of(target).exists()


@pytest.mark.usefixtures("short")
def test_a_layer_goes_on_and_gives_the_same_bits(tmp_path: Path, clip: Path, model: Path) -> None:
    whole, target = tmp_path / "whole.mov", tmp_path / "out.mov"
    expected = convert(job(clip, whole, model, layer=True))
    with pytest.raises(MummerError, match=r"lights went out \(50 % of it is finished and kept.*--resume goes on"):
        convert(job(clip, target, model, layer=True), finder=Failing(11 + 11 + 10 + 10 + 5))
    with pytest.raises(OutputError, match="the settings"):  # all that was asked for is a layer
        convert(job(clip, target, model, encoding=Encoding("prores_ks", profile="4444"), resume=True))
    report = convert(job(clip, target, model, layer=True, resume=True))
    assert packets(target) == packets(whole)
    assert not [warning for warning in expected.warnings if "one piece" in warning]
    assert (report.frames_swapped, report.faces, report.frames_out) == (expected.frames_swapped, expected.faces, 40)
    with av.open(str(target)) as container:
        assert (container.streams.video[0].codec_context.pix_fmt or "").startswith("yuva444p")


@pytest.mark.usefixtures("short")
def test_times_and_sound_are_those_of_the_input(tmp_path: Path, clip: Path, model: Path) -> None:
    convert(job(clip, tmp_path / "out.mp4", model))
    assert times(tmp_path / "out.mp4") == times(clip)
    assert payloads(tmp_path / "out.mp4") == payloads(clip)
    with av.open(str(tmp_path / "out.mp4")) as container:
        decoding = [p.dts for p in container.demux(video=0) if p.size]
    assert decoding == sorted(set(decoding))


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(("suffix", "drawn"), [(".mp4", None), (".mkv", None), (".ts", None), (".mp4", "gold")])
def test_a_segment_is_the_same_whoever_makes_it_and_when(
    tmp_path: Path, clip: Path, model: Path, suffix: str, drawn: str | None
) -> None:
    source = tmp_path / f"in{suffix}"
    look = Look(model=drawn or str(model), device="cpu")
    with av.open(str(clip)) as container, av.open(str(source), "w") as out:
        video = out.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = video
                out.mux(packet)

    def made(name: str, *runs: list[int]) -> list[bytes]:
        (tmp_path / name).mkdir()
        swapper = make_swapper(look, Stages())
        opened, encoding = FileSource(source), Encoding("libx264")
        plan, shape = read_plan(opened, WARM_UP_DRAWN if drawn else WARM_UP), video_shape(opened)
        order = Order(source, Path("out.mp4"), look, encoding, MAX_PIXELS, False, WHOLE, plan, shape, tmp_path / name)
        for numbers in runs:
            make_segments(order, opened, swapper, iter(numbers), lambda: None, lambda number: None)
        opened.close()
        return [order.path(number).read_bytes() for number in range(order.plan.segments)]

    first = made("in order", [0, 1, 2, 3])
    assert len(set(first)) == 4
    assert made("one by one", [3], [2], [1], [0]) == first
    assert made("with gaps", [1, 3], [0, 2]) == first


@pytest.mark.usefixtures("short")
def test_an_unfinished_job_is_neither_lost_nor_mistaken(tmp_path: Path, model: Path) -> None:
    source, target = make(tmp_path / "in.mp4", Clip(frames=30)), tmp_path / "out.mp4"

    def stop(**changes: object) -> None:
        with pytest.raises(MummerError, match="lights"):
            convert(job(source, target, model, **changes), finder=Failing(40))

    stop()
    with pytest.raises(OutputError, match=r"an earlier run was stopped; 33 % .*--resume goes on, and --force starts"):
        convert(job(source, target, model))
    with pytest.raises(OutputError, match="cannot be resumed: the settings changed since"):
        convert(job(source, target, model, resume=True, encoding=Encoding(crf=30)))
    os.utime(source, (1, 1))
    with pytest.raises(OutputError, match="cannot be resumed: the input changed since"):
        convert(job(source, target, model, resume=True))
    stop(force=True)
    convert(job(source, target, model, resume=True))
    assert left_in(tmp_path) == ["in.mp4", "out.mp4"]


@pytest.mark.usefixtures("short")
def test_a_finished_segment_that_is_damaged_is_made_anew(
    tmp_path: Path, clip: Path, model: Path, in_one_run: Callable[[str], tuple[Report, Packets]]
) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(MummerError, match="lights"):
        convert(job(clip, target, model), finder=Failing(45))
    first, second = sorted(folder_of(target).glob("*.segment"))
    content = bytearray(first.read_bytes())
    content[100] ^= 1
    first.write_bytes(content)
    second.write_bytes(second.read_bytes()[:-100])
    with pytest.raises(OutputError, match=r"000000.segment, is damaged and was removed \(75 % "):
        convert(job(clip, target, model, resume=True))
    convert(job(clip, target, model, resume=True))
    assert packets(target) == in_one_run(".mp4")[1]


@pytest.mark.usefixtures("short")
def test_what_has_no_plan_is_converted_in_one_piece_and_says_so(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.avi", Clip(frames=30, audio=None))
    report = convert(job(source, tmp_path / "out.mp4", model))
    assert report.frames_out == 30
    assert [words for words in report.warnings if "in one piece" in words and "AVI" in words]
    convert(job(source, tmp_path / "again.mp4", model, resume=True))
    assert left_in(tmp_path) == ["again.mp4", "in.avi", "out.mp4"]


#: The command with shorter segments.
SHORT = f"from realtime.jobs.segments import plan; plan.GRID = {LONG_GRID}\n"


def command(source: Path, target: Path, model: Path, *words: str) -> Mummer:
    line = ["convert", str(source), str(target), "--model", str(model), "--quiet", *words]
    return Mummer(line, SHORT, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def ended(process: Mummer) -> tuple[int, str]:
    """The exit code of a command, and what it said."""
    said = process.communicate(timeout=100)[1]
    return process.returncode, said


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three segments."""
    clip = Clip(size=(96, 64), frames=2 * LONG_GRID + 60, options={"preset": "ultrafast"})
    return make(tmp_path_factory.mktemp("long") / "in.mp4", clip)


@pytest.fixture(scope="module")
def long_result(tmp_path_factory: pytest.TempPathFactory, long_clip: Path, model: Path) -> tuple[Packets, float]:
    """What an uninterrupted run gives, and how many seconds it takes."""
    target, began = tmp_path_factory.mktemp("whole") / "out.mp4", time.perf_counter()
    assert ended(command(long_clip, target, model)) == (0, "")
    return packets(target), time.perf_counter() - began


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_run_that_is_killed_at_any_moment_goes_on(
    tmp_path: Path, long_clip: Path, long_result: tuple[Packets, float], model: Path
) -> None:
    target, chance = tmp_path / "out.mp4", random.Random(12)
    expected, seconds = long_result
    for _ in range(KILLS):
        process = command(long_clip, target, model, "--resume")
        time.sleep(chance.uniform(0.5, 1) * seconds)
        process.kill()
        ended(process)
        if target.exists():  # it was quicker
            assert packets(target) == expected
            target.unlink()
    assert ended(command(long_clip, target, model, "--resume")) == (0, "")
    assert packets(target) == expected
    assert left_in(tmp_path) == ["out.mp4"]


def finished(target: Path) -> Iterator[int]:
    """How many segments are finished, from now on."""
    while True:
        yield len(list(folder_of(target).glob("*.segment")))
        time.sleep(0.01)


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_a_signal_keeps_what_is_finished_and_says_so(
    tmp_path: Path, long_clip: Path, long_result: tuple[Packets, float], model: Path
) -> None:
    target = tmp_path / "out.mp4"
    process = command(long_clip, target, model)
    next(done for done in finished(target) if done)
    process.send_signal(signal.SIGINT)
    code, said = ended(process)
    assert code == 130
    assert "of it is finished and kept: the same command with --resume goes on" in said
    assert said.endswith("mummer: interrupted\n")
    assert left_in(tmp_path) == ["out.mp4.unfinished"]
    assert ended(command(long_clip, target, model, "--resume")) == (0, "")
    assert packets(target) == long_result[0]


@pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")
def test_a_disk_that_fills_loses_nothing(
    tmp_path: Path, long_clip: Path, long_result: tuple[Packets, float], model: Path
) -> None:
    """The system refuses to let a file grow: each segment fits, the whole does not."""
    target = tmp_path / "out.mp4"
    largest = sum(len(packet[-1]) for packet in long_result[0]) // 2
    code = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({largest}, {largest}))\n"
    done = run(["convert", str(long_clip), str(target), "--model", str(model)], before=code + SHORT)
    assert done.returncode == 1
    assert "file too large" in done.stderr
    assert "100 % of it is finished and kept" in done.stderr
    assert not target.exists()
    assert ended(command(long_clip, target, model, "--resume")) == (0, "")
    assert packets(target) == long_result[0]


# several workers


@pytest.mark.usefixtures("short")
def test_two_workers_one_of_which_is_killed_give_the_same_bits(
    tmp_path: Path,
    clip: Path,
    model: Path,
    in_one_run: Callable[[str], tuple[Report, Packets]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(processes, "get_context", multiprocessing.get_context)  # as it is for users
    target, (expected, whole) = tmp_path / "out.mp4", in_one_run(".mp4")
    killed: list[int] = []
    progress: list[tuple[int, int]] = []

    def kill_one(done: int, frames: int) -> None:
        progress.append((done, frames))
        if done == 3 and not killed:  # the count goes back by what the worker had done
            worker = multiprocessing.active_children()[0]
            worker.kill()
            killed.append(worker.pid or 0)

    report = convert(job(clip, target, model, workers=2), kill_one)
    assert len(killed) == 1
    assert packets(target) == whole
    assert (report.faces, report.frames_swapped) == (expected.faces, expected.frames_swapped)
    assert progress[-1] == (40, 40)
    assert report.stages_ms.keys() == expected.stages_ms.keys()
    assert not multiprocessing.active_children()


def test_workers_take_over_what_lies_before_others() -> None:
    shares = Shares(range(12))
    assert [shares.next(0), shares.next(1), shares.next(2)] == [0, 6, 3]
    assert [shares.next(0, 0), shares.next(1, 6)] == [1, 7]
    shares.lost(1)
    assert shares.next(3) == 8
    assert shares.next(2, 3) == 4
    order = [shares.next(0, 1)]
    while order[-1] is not None:
        order.append(shares.next(0, order[-1]))
    assert order == [2, 6, 7, 10, 11, 5, 9, None]


@pytest.mark.usefixtures("short")
def test_a_ray_cluster_whose_worker_is_killed_gives_the_same_bits(
    tmp_path: Path,
    clip: Path,
    model: Path,
    in_one_run: Callable[[str], tuple[Report, Packets]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("ray")
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")  # another cluster is nobody's that --address does not name
    target, (expected, whole) = tmp_path / "out.mp4", in_one_run(".mp4")
    killed: list[int] = []

    def kill_one() -> None:
        while not killed:
            for line in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    if line.read_bytes().startswith(b"ray::_Maker"):
                        os.kill(int(line.parent.name), signal.SIGKILL)
                        killed.append(int(line.parent.name))
                        return
            time.sleep(0.05)

    killer = threading.Thread(target=kill_one, daemon=True)
    killer.start()
    report = convert(job(clip, target, model, workers=2, engine="ray"))
    assert killed
    assert packets(target) == whole
    assert (report.faces, report.frames_swapped) == (expected.faces, expected.frames_swapped)


def test_a_ray_cluster_that_does_not_come_up_is_one_clear_line(
    tmp_path: Path, clip: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")

    def fail(**_: object) -> None:
        raise Exception("The current node timed out during startup.\nmore")  # Ray's own kind

    monkeypatch.setattr(ray, "init", fail)
    with pytest.raises(MummerError, match=r"^no Ray cluster at this machine: The current node timed out .*startup\.$"):
        convert(job(clip, tmp_path / "out.mp4", model, engine="ray"))


def test_without_ray_its_engine_says_what_to_install(
    tmp_path: Path, clip: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'mummer\[ray\]'"):
        convert(job(clip, tmp_path / "out.mp4", model, engine="ray"))
    assert left_in(tmp_path) == []
