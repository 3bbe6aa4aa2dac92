"""Sinks against real receivers: files that are killed, streams on the loopback, a registered virtual camera."""

import gc
import os
import shutil
import signal
import socket
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread
from time import sleep

import av
import numpy as np
import pytest
import pyvirtualcam
from numpy.typing import NDArray

from realtime.live.broadcaster import Broadcaster
from realtime.live.endless import CONTAINER, OPTIONS
from realtime.live.protocols import carries
from realtime.live.settings import LiveSettings, SinkSettings
from realtime.live.sink import LiveSink
from realtime.live.sinks import SinkOpener, mux_process
from realtime.live.sinks.live_muxer import COMMENT, LiveMuxer
from realtime.live.testing.fake_clock import FakeClock
from realtime.live.throttle import Throttle
from realtime.live.workers import SinkWorker
from realtime.runtime.disk_space import RESERVE
from realtime.runtime.errors import MummerError, OutputError, UsageError
from realtime.runtime.events import Events
from realtime.runtime.process import clear_up
from tests.realtime.live.players import FPS, SIZE, Heard, apart, measure, noise, picture, play, shape, tone
from tests.realtime.live.rtsp_server import RtspServer

#: What the issue allows; here nothing comes between.
LIPS = 0.045


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Receiver:
    """Receives in a thread of its own, and measures."""

    def __init__(self, address: str, options: dict[str, str]) -> None:
        self.heard: Heard | None = None
        self._address, self._options = address, {"analyzeduration": "500000", **options}
        self._thread = Thread(target=self._receive)
        self._thread.start()

    def _receive(self) -> None:
        try:
            container = av.open(self._address, "r", container_options=self._options, timeout=(15, 1))
        except (av.error.FFmpegError, OSError):
            return
        self.heard = measure(container)

    def result(self) -> Heard:
        self._thread.join(20)
        assert self.heard is not None, "nothing arrived"
        return self.heard


def play_when_heard(address: str, frames: int, enough: Callable[[], bool] = bool) -> None:
    """Play as soon as somebody listens, until they have ``enough``."""
    when_heard(lambda: play(SinkOpener()(address, SinkSettings()), frames, paced=True, enough=enough))


def when_heard(send: Callable[[], None]) -> None:
    """Send as soon as somebody listens: connections are refused before."""
    for _ in range(40):
        try:
            send()
        except OutputError as error:
            if "refused" not in str(error):
                raise
        else:
            return
    raise AssertionError("nobody listens")


# files


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".mov", ".ts"])
def test_a_recording_is_in_step_and_has_short_groups(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"talk{suffix}"
    finished: list[Path] = []
    play(SinkOpener()(str(path), SinkSettings(on_finished=finished.append)), 5 * FPS)
    heard = measure(av.open(str(path)))
    assert heard.frames == 5 * FPS
    assert apart(heard) < 0.003
    assert len(heard.flashes) == 4
    assert max(np.diff([*heard.keys, heard.times[-1]])) <= 2.0
    assert np.allclose(np.diff(heard.times), 1 / FPS, atol=0.002)
    assert finished == [path]
    if suffix != ".ts":  # which has no place for words
        assert COMMENT in heard.metadata.values()


def test_frames_at_any_pace_still_begin_a_group_every_two_seconds(tmp_path: Path) -> None:
    path = tmp_path / "slow.mkv"
    sink = SinkOpener()(str(path), SinkSettings())
    sink.open(shape(sound=False))
    for number in range(0, 8 * FPS, 5):  # a fifth of the rate that was told
        sink.write(picture(number, bright=False))
    sink.close()
    assert max(np.diff(measure(av.open(str(path))).keys)) <= 2.0


KILLED = """
import os, signal, sys
from realtime.live.settings import SinkSettings
from realtime.live.sink import LiveSink
from realtime.live.sinks import SinkOpener, mux_process
from tests.realtime.live.players import FPS, picture, shape, tone
sink = SinkOpener()(sys.argv[1], SinkSettings(on_finished=lambda path: print("finished")))
sink.open(shape())
for number in range(int(sys.argv[2])):
    marked = number >= FPS and number % FPS < 3
    sink.write_sound(tone(number, marked))
    sink.write(picture(number, marked))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing kills like that there")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
def test_a_killed_recording_plays_up_to_its_last_fragment(tmp_path: Path, suffix: str) -> None:
    path, frames = tmp_path / f"killed{suffix}", 8 * FPS
    done = subprocess.run([sys.executable, "-c", KILLED, str(path), str(frames)], check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert not done.stdout
    heard = measure(av.open(str(path)))
    # A group of pictures, and what the encoder still looked ahead at, may be missing.
    assert heard.frames >= frames - 4 * FPS
    assert heard.times[-1] - heard.times[0] == pytest.approx((heard.frames - 1) / FPS, abs=0.01)
    kept = min(len(heard.flashes), len(heard.beeps))
    assert kept >= 2
    assert max(abs(a - b) for a, b in zip(heard.flashes[:kept], heard.beeps[:kept], strict=True)) < LIPS


def test_a_clean_end_makes_an_ordinary_file(tmp_path: Path) -> None:
    """One table of contents for all, so that every player finds its way, and it can be signed."""
    path = tmp_path / "whole.mp4"
    play(SinkOpener()(str(path), SinkSettings()), 5 * FPS)
    boxes, data = [], path.read_bytes()
    while data:
        size = int.from_bytes(data[:4], "big")
        size = int.from_bytes(data[8:16], "big") if size == 1 else size
        boxes.append(data[4:8].decode())
        data = data[size or len(data) :]
    assert "moov" in boxes
    assert "moof" not in boxes


def test_an_existing_file_stays_unless_forced(tmp_path: Path) -> None:
    path = tmp_path / "mine.mp4"
    path.write_bytes(b"dear")
    with pytest.raises(OutputError, match="exists already; use --force"):
        SinkOpener()(str(path), SinkSettings())
    assert path.read_bytes() == b"dear"
    play(SinkOpener(force=True)(str(path), SinkSettings()), 5)
    assert measure(av.open(str(path))).frames == 5


def test_a_recording_without_a_frame_is_not_handed_on(tmp_path: Path) -> None:
    finished: list[Path] = []
    play(SinkOpener()(str(tmp_path / "empty.mp4"), SinkSettings(on_finished=finished.append)), 0)
    assert not finished


def test_a_recording_that_begins_again_goes_on_beside_the_first(tmp_path: Path) -> None:
    opener = SinkOpener()
    for _ in range(3):
        play(opener(str(tmp_path / "talk.mp4"), SinkSettings()), 5, sound=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["talk-2.mp4", "talk-3.mp4", "talk.mp4"]


@pytest.mark.parametrize("other", ["./talk.mkv", "link.mkv", "hard.mkv", "folder/../talk.mkv"])
def test_two_recordings_never_share_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("talk.mkv").write_bytes(b"old")
    Path("folder").mkdir()
    Path("link.mkv").symlink_to("talk.mkv")
    Path("hard.mkv").hardlink_to("talk.mkv")
    opener = SinkOpener(force=True)
    play(opener("talk.mkv", SinkSettings()), 5, sound=False)
    with pytest.raises(OutputError, match=r"is written to already, as talk\.mkv"):
        opener(other, SinkSettings())


@pytest.mark.parametrize("name", ["mine.mp4", "./mine.mp4", "link.mp4"])
def test_what_is_read_is_never_recorded_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.mp4").write_bytes(b"dear")
    Path("link.mp4").symlink_to("mine.mp4")
    settings = LiveSettings(camera="mine.mp4")
    with pytest.raises(OutputError, match="the output is the input"):
        SinkOpener(True, settings.read)(name, SinkSettings())
    assert Path("mine.mp4").read_bytes() == b"dear"


@pytest.mark.parametrize(("name", "codec"), [("x.ts", "libvpx"), ("x.ts", "ffv1")])
def test_a_container_that_does_not_hold_the_codec_is_refused_at_once(tmp_path: Path, name: str, codec: str) -> None:
    with pytest.raises(OutputError, match=f"mpegts does not hold what {codec} encodes"):
        SinkOpener()(str(tmp_path / name), SinkSettings(codec=codec))
    assert not list(tmp_path.iterdir())


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    path, opener = tmp_path / "talk.mkv", SinkOpener()
    sink = opener(str(path), SinkSettings())
    path.write_bytes(b"dear")
    with pytest.raises(OutputError, match="appeared meanwhile"):
        sink.open(shape())
    sink.close()
    play(opener(str(path), SinkSettings()), 5, sound=False)
    assert path.read_bytes() == b"dear"
    assert measure(av.open(str(tmp_path / "talk-2.mkv"))).frames == 5


def test_the_signature_of_another_file_stays(tmp_path: Path) -> None:
    (tmp_path / "talk.mkv.c2pa").write_bytes(b"dear")
    with pytest.raises(OutputError, match="the signature of another file"):
        SinkOpener()(str(tmp_path / "talk.mkv"), SinkSettings())


def test_tries_that_fail_leave_no_files(tmp_path: Path) -> None:
    opener = SinkOpener()
    for _ in range(3):
        sink = opener(str(tmp_path / "talk.mkv"), SinkSettings())
        with pytest.raises(OutputError):
            sink.open(replace(shape(), width=1 << 20))
        sink.close()
        play(opener(str(tmp_path / "talk.mkv"), SinkSettings()), 0)
        assert not list(tmp_path.iterdir())


SMALL_DISK = """
import sys
from pathlib import Path
from realtime.live.settings import SinkSettings
from realtime.live.sink import LiveSink
from realtime.live.sinks import SinkOpener, mux_process
from realtime.live.sinks import file
from realtime.runtime import disk_space
from realtime.runtime.errors import OutputError
from tests.realtime.live.players import FPS, noise, shape
opener, path = SinkOpener(), Path(sys.argv[1])
disk_space.RESERVE = file.RESERVE = RESERVE = int(sys.argv[2])
settings = SinkSettings(codec="ffv1", on_finished=lambda path: print("finished"))
sink = opener(str(path), settings)
sink.open(shape(sound=False))
written = 0
try:
    for written in range(400 * FPS):
        sink.write(noise(written))
except OutputError as error:
    print(error)
sink.close()
try:
    opener(str(path), settings).open(shape(sound=False))
except OutputError as error:
    print(error)
import av, shutil
print(written, sum(1 for _ in av.open(str(path)).decode(video=0)), shutil.disk_usage(path.parent).free > RESERVE // 2)
print(sorted(each.name for each in path.parent.iterdir()))
"""


def test_a_recording_ends_in_good_order_before_its_disk_is_full(tmp_path: Path) -> None:
    reserve = RESERVE // 4  # a smaller one, which is sooner reached
    disk = f"mount -t tmpfs -o size={(2 * reserve >> 20) + 4}m tmpfs {tmp_path}"
    if subprocess.run(["unshare", "-Urm", "sh", "-c", disk], check=False, capture_output=True).returncode:
        pytest.skip("no disk of a known size can be made here")
    words = ["unshare", "-Urm", "sh", "-c", f'{disk} && exec "$@"', "sh"]
    done = subprocess.run(
        [*words, sys.executable, "-c", SMALL_DISK, str(tmp_path / "rec.mkv"), str(reserve)],
        check=True,
        capture_output=True,
        text=True,
    )
    first, finished, again, counts, files = done.stdout.splitlines()
    assert "rec.mkv: its disk is full but for" in first and "make room" in first
    assert "rec-2.mkv: its disk is full but for" in again
    assert finished == "finished"
    written, played, left = counts.split()
    assert int(written) == int(played) > FPS
    assert left == "True"
    assert files == "['rec.mkv']"


def test_lost_sound_is_silence_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "gap.mkv"
    sink = SinkOpener()(str(path), SinkSettings())
    sink.open(shape())
    for number in range(6 * FPS):
        marked = number % FPS < 3
        if not 2 * FPS <= number < 4 * FPS:
            sink.write_sound(tone(number, marked))
        sink.write(picture(number, marked))
    sink.close()
    heard = measure(av.open(str(path)))
    assert [round(time) for time in heard.beeps] == [0, 1, 4, 5]
    assert all(min(abs(beep - flash) for flash in heard.flashes) < LIPS for beep in heard.beeps[1:])
    assert sink.silence == pytest.approx(2, abs=0.1)  # type: ignore[attr-defined]


def test_half_a_minute_on_a_clock_that_is_wrong_by_two_thousandths(tmp_path: Path) -> None:
    """Without correction lips and voice would be 60 ms apart at the end."""
    path, drift = tmp_path / "drift.mkv", 2e-3
    sink = SinkOpener()(str(path), SinkSettings(preset="ultrafast"))
    sink.open(shape())
    for number in range(30 * FPS):
        marked = number >= FPS and number % FPS < 3
        sink.write_sound(tone(number, marked, drift))
        sink.write(picture(number, marked))
    sink.close()
    heard = measure(av.open(str(path)))
    assert len(heard.beeps) == 29
    assert max(abs(beep - second * (1 + drift)) for second, beep in enumerate(heard.beeps, 1)) < 0.010


# streams


def test_streams_hold_no_frame_back() -> None:
    with BytesIO() as memory:
        container = av.open(memory, "w", format=CONTAINER, container_options=OPTIONS)
        muxer = LiveMuxer(container, "memory", shape(sound=False), SinkSettings(), instant=True)
        sizes = []
        for number in range(10):
            muxer.write(picture(number, bright=False))
            sizes.append(memory.tell())
        assert all(a < b for a, b in pairwise(sizes))
        muxer.finish()
        memory.seek(0)
        assert measure(av.open(memory)).frames == 10


def test_a_stream_without_an_end_has_no_table_that_grows() -> None:
    """Places to begin at, and the index of them, are what both ends of the pipe would keep in memory."""
    places, index = b"NK\xe4\xad\xee\xca\x45\x69", b"NX\xdd\x67\x2f\x23\xe6\x4e"  # NUT's startcodes for them

    def muxed(options: dict[str, str]) -> bytes:
        with BytesIO() as memory:
            container = av.open(memory, "w", format=CONTAINER, container_options=options)
            muxer = LiveMuxer(container, "memory", shape(sound=False), SinkSettings(), instant=True)
            for number in range(3 * FPS):
                muxer.write(picture(number, bright=False))
            muxer.finish()
            return memory.getvalue()

    of_a_file, of_a_stream = muxed({}), muxed(OPTIONS)
    assert of_a_file.count(places) > 1 and index in of_a_file
    assert of_a_stream.count(places) == 1 and index not in of_a_stream  # the beginning itself is one
    assert measure(av.open(BytesIO(of_a_stream))).frames == 3 * FPS


def test_udp_is_in_step() -> None:
    address = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    receiver = Receiver(address, {})
    play(SinkOpener()(address, SinkSettings()), 4 * FPS, paced=True)
    heard = receiver.result()
    assert heard.frames >= 3 * FPS
    assert apart(heard) < LIPS


def test_rtmp_is_in_step_and_says_what_it_is() -> None:
    address = f"rtmp://127.0.0.1:{free_port()}/live/talk"
    receiver = Receiver(address, {"listen": "1"})
    play_when_heard(address, 4 * FPS)
    heard = receiver.result()
    assert heard.frames >= 3 * FPS
    assert apart(heard) < LIPS
    assert COMMENT in heard.metadata.values()


@pytest.mark.parametrize("silent", [FPS, 3 * FPS], ids=["late", "never"])
def test_rtmp_takes_sound_that_comes_after_the_first_picture(silent: int) -> None:
    """As the slate does, which is sent before there is any sound."""
    address = f"rtmp://127.0.0.1:{free_port()}/live/slate"
    receiver = Receiver(address, {"listen": "1"})

    def send() -> None:
        sink = SinkOpener()(address, SinkSettings())
        sink.open(shape())
        with closing(sink):
            for number in range(3 * FPS):
                if number >= silent:
                    sink.write_sound(tone(number, loud=False))
                sink.write(picture(number, bright=False))

    when_heard(send)
    assert receiver.result().frames == 3 * FPS


@pytest.mark.parametrize("sound", ["silence", "beeps", "late", "none"])
def test_no_picture_waits_for_sound_and_sound_waits_for_nothing(sound: str) -> None:
    """In a transport stream silence is small, and would be gathered for a third of a second."""
    address = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    behind: list[float] = []
    pictures = [0]

    def receive() -> None:
        newest = None
        with (
            av.open(address, "r", container_options={"analyzeduration": "500000"}, timeout=(15, 1)) as container,
            suppress(av.error.FFmpegError, OSError),  # a stream that was sent to the end
        ):
            for packet in container.demux():
                if packet.pts is None or packet.time_base is None:
                    continue
                time = float(packet.pts * packet.time_base)
                if packet.stream.type == "video":
                    newest, pictures[0] = time, pictures[0] + 1
                elif newest is not None:
                    behind.append(newest - time)

    receiver = Thread(target=receive)
    receiver.start()
    sink = SinkOpener()(address, SinkSettings())
    sink.open(shape())
    for number in range(2 * FPS):
        if sound in ("beeps", "silence") or (sound == "late" and number > FPS):
            sink.write_sound(tone(number, sound == "beeps" and number % FPS < 3))
        sink.write(picture(number, bright=False))
        sleep(1 / FPS)
    sink.close()
    receiver.join(20)
    assert pictures[0] >= 2 * FPS - 1  # a receiver cannot know that the last one is whole
    assert max(behind[4:]) < 0.04 + 1 / FPS


def test_a_network_that_takes_less_is_asked_for_less_and_for_more_when_it_can() -> None:
    throttle, bits = Throttle(4_000_000), []
    for capacity, seconds in ((9e6, 20), (1.5e6, 60), (9e6, 240)):
        for _ in range(seconds * 10):
            throttle.observe(0.1, max(0.1 * (1 - capacity / throttle.bits), 0))
        bits.append(throttle.bits)
    assert bits[0] == bits[2] == 4_000_000
    assert 0.7 * 1.5e6 <= bits[1] <= 1.5e6 / 0.7
    assert Throttle(1000).bits == 1000


def test_an_encoder_follows_the_bits_that_it_is_told(tmp_path: Path) -> None:
    with BytesIO() as memory:
        container = av.open(memory, "w", format="nut", container_options={"flush_packets": "1"})
        muxer = LiveMuxer(container, "memory", shape(sound=False), SinkSettings(bitrate=800_000), instant=True)
        sizes = []
        for number in range(6 * FPS):
            if number == 3 * FPS:
                muxer.bitrate = 200_000
            muxer.write(noise(number))
            sizes.append(memory.tell())
        assert sizes[-1] - sizes[-FPS] < 0.6 * (sizes[3 * FPS - 1] - sizes[2 * FPS - 1])
        muxer.finish()


def test_rtsp_through_a_server_is_in_step() -> None:
    server = RtspServer()
    receiver = Receiver(server.address, {"rtsp_transport": "tcp"})
    play(SinkOpener()(server.address, SinkSettings()), 5 * FPS, paced=True)
    server.close()
    heard = receiver.result()
    assert heard.frames >= 2 * FPS
    assert apart(heard) < LIPS


def test_srt_goes_through_the_ffmpeg_program_where_pyav_has_none() -> None:
    program = shutil.which("ffmpeg")
    if carries("srt") or program is None or "srt" not in protocols(program):
        pytest.skip("PyAV has it, or no ffmpeg program does")
    port, other = free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM)
    quick = ["-probesize", "100000", "-analyzeduration", "500000"]
    listen = [
        program,
        "-v",
        "error",
        *quick,
        "-i",
        f"srt://127.0.0.1:{port}?mode=listener",
        "-c",
        "copy",
        "-f",
        "mpegts",
    ]
    listener = subprocess.Popen([*listen, f"udp://127.0.0.1:{other}?pkt_size=1316"], stderr=subprocess.DEVNULL)
    try:
        receiver = Receiver(f"udp://127.0.0.1:{other}", {})
        play(SinkOpener()(f"srt://127.0.0.1:{port}", SinkSettings()), 5 * FPS, paced=True)
        assert apart(receiver.result()) < LIPS
    finally:
        listener.kill()
        listener.wait()


def protocols(program: str) -> list[str]:
    return subprocess.run(
        [program, "-v", "quiet", "-protocols"], capture_output=True, text=True, check=False
    ).stdout.split()


def test_without_an_ffmpeg_program_srt_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    if carries("srt"):
        pytest.skip("PyAV has it")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OutputError, match=r"srt://127.0.0.1:9: PyAV's FFmpeg comes without srt; install"):
        SinkOpener()("srt://127.0.0.1:9", SinkSettings()).open(shape())


@pytest.mark.parametrize("scheme", ["rtmp", "rtsp"])
def test_a_refused_connection_is_one_line(scheme: str) -> None:
    sink = SinkOpener()(f"{scheme}://127.0.0.1:{free_port()}/x", SinkSettings())
    with pytest.raises(OutputError, match="connection refused; check that something takes it there"):
        sink.open(shape())
    sink.close()


def test_a_connection_that_is_given_up_leaves_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mux_process, "CONNECTING", 0.5)
    before = children()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = SinkOpener()(f"rtmp://127.0.0.1:{silent.getsockname()[1]}/x", SinkSettings())
        with pytest.raises(OutputError, match="no answer"):
            sink.open(shape())
    assert children() <= before
    sink.close()


def children() -> set[str]:
    """The processes that this one started and has not waited for, where the system tells."""
    return {pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()}


def test_a_server_that_says_nothing_can_be_left_at_any_moment() -> None:
    """Whoever waits for a connection wakes up at once when it is cut from another thread."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sink = SinkOpener()(f"rtmp://127.0.0.1:{silent.getsockname()[1]}/x", SinkSettings())
        errors: list[MummerError] = []

        def connect() -> None:
            try:
                sink.open(shape())
            except MummerError as error:
                errors.append(error)

        waiting = Thread(target=connect)
        waiting.start()
        caller, _ = silent.accept()
        sink.abort()
        waiting.join(5)
        assert not waiting.is_alive()
        assert len(errors) == 1
        caller.close()
        sink.close()


def test_a_receiver_that_goes_is_one_line() -> None:
    port = free_port()
    receiver = Receiver(f"rtmp://127.0.0.1:{port}/live/x", {"listen": "1"})
    sink = SinkOpener()(f"rtmp://127.0.0.1:{port}/live/x", SinkSettings())
    for _ in range(40):
        try:
            sink.open(shape())
            break
        except OutputError:
            sink.close()
            sink = SinkOpener()(f"rtmp://127.0.0.1:{port}/live/x", SinkSettings())
    mux = sink._mux  # type: ignore[attr-defined]
    mux._process.kill()  # the network program is gone, as when the other end hangs up
    with pytest.raises(OutputError, match=r"rtmp://127.0.0.1.*check that something takes it there"):
        for number in range(20 * FPS):
            sink.write_sound(tone(number, loud=False))
            sink.write(picture(number, bright=False))
    with pytest.raises(OutputError):
        sink.close()
    receiver._thread.join(20)


def test_a_sink_that_failed_leaves_nothing_behind() -> None:
    """An error knows the frames that it went through: encoders, their threads and pictures would stay with it."""
    address = f"rtmp://127.0.0.1:{free_port()}/x"
    opened: list[weakref.ref[object]] = []
    fourth = Event()

    class Clock(FakeClock):
        def wait(self, event: Event, seconds: float) -> bool:
            return event.is_set()

    def open_sink() -> LiveSink:
        sink = SinkOpener()(address, SinkSettings())
        opened.append(weakref.ref(sink))
        if len(opened) == 4:
            fourth.set()
        return sink

    broadcaster = Broadcaster()
    broadcaster.settle(shape())
    gc.disable()
    try:
        worker = SinkWorker(
            address, address, open_sink, broadcaster, lambda error: None, Events(), clear_up, True, Clock()
        )
        worker.start()
        assert fourth.wait(60)
        assert [ref() for ref in opened[:2]] == [None, None]
    finally:
        gc.enable()
        worker.end()
        worker.join(20)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("foo://x", "no way to send there; use virtualcam"),
        ("rtmp://", "where to"),
        ("null:x", "nothing comes after"),
        ("virtualcam", None),
        ("talk.avi", "no kind of file that survives a crash; use one of .mp4"),
        ("nowhere/talk.mp4", "does not exist"),
    ],
)
def test_addresses_that_make_no_sense(address: str, words: str | None) -> None:
    if words is None:
        assert SinkOpener()(address, SinkSettings())
        return
    with pytest.raises((UsageError, OutputError), match=words) as raised:
        SinkOpener()(address, SinkSettings())
    assert "\n" not in str(raised.value)


def test_an_encoder_that_is_none_is_said_at_once() -> None:
    with pytest.raises(OutputError, match="unknown encoder 'nope'"):
        SinkOpener()("talk.mkv", SinkSettings(codec="nope"))


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("talk.ts", SinkSettings(codec="ffv1"), "mpegts does not hold what ffv1 encodes"),
        ("talk.mp4", SinkSettings(codec="prores_ks"), "mp4 does not hold what prores_ks encodes"),
        ("talk.mp4", SinkSettings(preset="hasty"), "with crf=20 preset=hasty .*: check --codec, --preset"),
    ],
)
def test_a_recording_is_refused_in_the_words_of_a_converted_file(
    tmp_path: Path, name: str, settings: SinkSettings, words: str
) -> None:
    """A transport stream would take what nothing plays from it."""
    with pytest.raises(OutputError, match=words):
        SinkOpener()(str(tmp_path / name), settings).open(shape())
    assert not (tmp_path / name).exists()


# the virtual camera


class Screen:
    """A backend of pyvirtualcam's that keeps what it is shown."""

    shown: list[NDArray[np.uint8]]
    made: list[dict[str, object]]

    def __init__(self, **how: object) -> None:
        if how["device"] not in (None, "screen"):
            raise RuntimeError(f"Device {how['device']} does not exist.")
        Screen.made.append(how)

    def close(self) -> None:
        pass

    def send(self, frame: NDArray[np.uint8]) -> None:
        Screen.shown.append(frame.copy())

    def device(self) -> str:
        return "screen"

    def native_fourcc(self) -> None:
        return None


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Screen]]:
    monkeypatch.setattr(pyvirtualcam.camera, "BACKENDS", {})
    pyvirtualcam.register_backend("screen", Screen)
    Screen.shown, Screen.made = [], []
    yield Screen


@pytest.mark.parametrize(("pixels", "fourcc"), [("yuv420p", "I420"), ("nv12", "NV12")])
def test_a_virtual_camera_gets_the_planes_as_they_are(screen: type[Screen], pixels: str, fourcc: str) -> None:
    sink = SinkOpener()("virtualcam:screen", SinkSettings())
    sink.open(shape(sound=False, pixels=pixels))
    frame = picture(0, bright=False, pixels=pixels)
    planes = [np.frombuffer(plane, np.uint8) for plane in frame.picture.planes]
    for plane in planes:
        plane[:] = np.random.default_rng(1).integers(16, 235, plane.size, np.uint8)
    sink.write(frame)
    sink.close()
    assert [(how["width"], how["height"], how["device"]) for how in screen.made] == [(*SIZE, "screen")]
    assert pyvirtualcam.util.decode_fourcc(screen.made[0]["fourcc"]) == fourcc
    assert len(screen.shown) == 1
    assert np.array_equal(screen.shown[0], frame.picture.to_ndarray().reshape(-1))


def test_no_virtual_camera_says_how_to_get_one(screen: type[Screen]) -> None:
    sink = SinkOpener()("virtualcam:/dev/video99", SinkSettings())
    with pytest.raises(OutputError, match=r"/dev/video99 does not exist.*(v4l2loopback|OBS)") as raised:
        sink.open(shape())
    assert "\n" not in str(raised.value)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks for the device's descriptor there")
def test_a_device_that_takes_no_more_frames_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device as pyvirtualcam opens it on Linux: for writing only, and a failed write is no matter to it."""
    pipe = tmp_path / "device"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)

    class Device:
        def __init__(self, **how: object) -> None:
            self._descriptor = os.open(pipe, os.O_WRONLY)

        def close(self) -> None:
            os.close(self._descriptor)

        def send(self, frame: NDArray[np.uint8]) -> None:
            raise AssertionError("it would print, and go on")

        def device(self) -> str:
            return str(pipe)

        def native_fourcc(self) -> None:
            return None

    monkeypatch.setattr(pyvirtualcam.camera, "BACKENDS", {"device": Device})
    sink = SinkOpener()("virtualcam", SinkSettings())
    sink.open(shape(sound=False))
    sink.write(picture(0, bright=True))
    taken = os.read(reader, 1 << 20)
    assert len(taken) == SIZE[0] * SIZE[1] * 3 // 2
    assert set(taken[:100]) == {235}
    os.close(reader)
    with pytest.raises(OutputError, match="virtualcam: the virtual camera takes no frames: broken pipe"):
        sink.write(picture(1, bright=True))
    sink.close()
