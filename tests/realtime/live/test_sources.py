"""Sources against real senders, all on the loopback; and the one that the program makes itself."""

import functools
import gc
import http.server
import shutil
import socket
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import closing, suppress
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from threading import Event, Thread, Timer
from time import monotonic, monotonic_ns, sleep

import av
import numpy as np
import pytest
from av.packet import Packet
from av.sidedata.sidedata import SideDataContainer
from av.stream import Stream

from realtime.finder import open_finder
from realtime.live.protocols import carries
from realtime.live.settings import SinkSettings, SourceSettings
from realtime.live.sinks import SinkOpener
from realtime.live.source import LiveItem, LiveSource, Sound
from realtime.live.sources import open_source, stream
from realtime.live.sources.camera import Camera
from realtime.live.sources.file import PacedFile
from realtime.live.sources.microphone import Microphone
from realtime.live.sources.pace import Arrivals, Fetched, Sent
from realtime.live.sources.packets import WaitingPackets
from realtime.live.sources.test_source import BEEP, SyntheticSource
from realtime.live.testing.fake_clock import FakeClock, HandSource
from realtime.live.workers import SourceWorker
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, MummerError, UsageError
from realtime.runtime.events import Events
from realtime.runtime.process import clear_up
from tests.realtime.clips import Clip, make
from tests.realtime.live.players import FPS, RATE, SIZE, picture, play, shape, tone
from tests.realtime.live.rtsp_server import RtspServer
from tests.realtime.live.test_sinks import LIPS, free_port, play_when_heard, protocols
from tests.realtime.media.test_pixel_limit import gif_bomb

SECOND = 1_000_000_000


def take(source: LiveSource, frames: int) -> tuple[list[Frame], list[Sound]]:
    """So many frames, and the sound among them; then the source is closed, and must end quietly."""
    seen: list[Frame] = []
    heard: list[Sound] = []
    for item in source:
        if isinstance(item, Sound):
            heard.append(item)
            continue
        seen.append(item)
        if len(seen) == frames:
            source.close()
    return seen, heard


def flashes(frames: list[Frame]) -> list[float]:
    """When pictures turn bright, in seconds of the monotonic clock."""
    light = [float(np.frombuffer(frame.picture.planes[0], np.uint8)[0]) for frame in frames]
    dark_then_bright = [index for index, (a, b) in enumerate(pairwise(light), 1) if b > 128 > a]
    return [(frames[index].captured_ns or 0) / SECOND for index in dark_then_bright]


def beeps(sounds: list[Sound]) -> list[float]:
    """When sound begins after silence, in seconds of the monotonic clock."""
    begins, last = [], -1.0
    for sound in sounds:
        loud = np.flatnonzero(np.abs(sound.samples.to_ndarray()[0]) > 0.1)
        for index in loud:
            time = sound.captured_ns / SECOND + index / sound.samples.sample_rate
            if time - last > 0.3:
                begins.append(time)
            last = time
    return begins


def check_stream(frames: list[Frame], sounds: list[Sound]) -> None:
    captured = [frame.captured_ns or 0 for frame in frames]
    assert all(a < b for a, b in pairwise(captured))
    assert 0 <= monotonic_ns() - captured[-1] < 5 * SECOND
    assert {(frame.width, frame.height, frame.picture.format.name) for frame in frames} == {(*SIZE, "yuv420p")}
    seen, heard = flashes(frames), beeps(sounds)
    assert seen
    pairs = [min(abs(flash - beep) for beep in heard) for flash in seen[:1]]
    assert max(pairs) < LIPS


class Sender(Thread):
    """Somebody who sends there, until the receiver has what it wanted."""

    def __init__(self, address: str, frames: int) -> None:
        super().__init__()
        self.enough = Event()
        self._address, self._frames = address, frames
        self.start()

    def run(self) -> None:
        with suppress(MummerError):  # the receiver has gone
            play_when_heard(self._address, self._frames, self.enough.is_set)

    def end(self) -> None:
        self.enough.set()
        self.join(20)


def sending(address: str, frames: int = 8 * FPS) -> Sender:
    return Sender(address, frames)


# streams


def test_udp() -> None:
    address = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    sender = sending(address, 5 * FPS)
    source = open_source(address, SourceSettings())
    check_stream(*take(source, 2 * FPS))
    assert source.rate == FPS
    sender.end()


def test_rtmp_from_somebody_who_sends_here() -> None:
    for more_tries in (2, 1, 0):  # a busy machine sends late now and then, and not every time
        address = f"rtmp://127.0.0.1:{free_port()}/live/x"
        sender = sending(address)
        try:
            check_stream(*take(open_source(f"{address}?listen=1", SourceSettings()), 2 * FPS))
        except AssertionError:
            if not more_tries:
                raise
        else:
            return
        finally:
            sender.end()


def test_rtsp_from_a_server() -> None:
    server = RtspServer()
    sender = sending(server.address)
    check_stream(*take(open_source(server.address, SourceSettings()), 2 * FPS))
    server.close()
    sender.end()


def test_srt_goes_through_the_ffmpeg_program_where_pyav_has_none() -> None:
    program = shutil.which("ffmpeg")
    if carries("srt") or program is None or "srt" not in protocols(program):
        pytest.skip("PyAV has it, or no ffmpeg program does")
    port = free_port(socket.SOCK_DGRAM)
    source = open_source(f"srt://127.0.0.1:{port}?mode=listener", SourceSettings())
    sender = sending(f"srt://127.0.0.1:{port}", 10 * FPS)
    check_stream(*take(source, 2 * FPS))
    sender.end()


WAITING = """
import sys, time
from realtime.live.ffmpeg_program import receive
print(receive(sys.argv[1], sys.argv[2]).pid, flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="elsewhere such programs end with their first packet")
def test_a_program_that_waits_for_a_sender_does_not_outlive_us() -> None:
    program = shutil.which("ffmpeg")
    if program is None or "srt" not in protocols(program):
        pytest.skip("no ffmpeg program that knows srt")
    address = f"srt://127.0.0.1:{free_port(socket.SOCK_DGRAM)}?mode=listener"
    with subprocess.Popen([sys.executable, "-c", WAITING, program, address], stdout=subprocess.PIPE) as ours:
        assert ours.stdout is not None
        helper = Path(f"/proc/{int(ours.stdout.readline())}")
        end = monotonic() + 20
        while b"ffmpeg" not in (helper / "cmdline").read_bytes().split(b"\0")[0] and monotonic() < end:
            sleep(0.02)
        ours.kill()
    while alive(helper) and monotonic() < end:
        sleep(0.02)
    assert not alive(helper)


def alive(process: Path) -> bool:
    """Whether the process of this folder of ``/proc`` is more than a name that nobody has asked for yet."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("sound", ["silence", "beeps", "none"])
def test_srt_loses_no_picture_whatever_its_sound(sound: str) -> None:
    program = shutil.which("ffmpeg")
    if carries("srt") or program is None or "srt" not in protocols(program):
        pytest.skip("PyAV has it, or no ffmpeg program does")
    port = free_port(socket.SOCK_DGRAM)
    source, enough = open_source(f"srt://127.0.0.1:{port}?mode=listener", SourceSettings()), Event()

    def send() -> None:
        sink = SinkOpener()(f"srt://127.0.0.1:{port}", SinkSettings())
        sink.open(shape(sound=sound != "none"))
        with suppress(MummerError), closing(sink):  # the receiver has what it wanted
            for number in range(6 * FPS):
                if enough.is_set():
                    break
                if sound != "none":
                    sink.write_sound(tone(number, sound == "beeps" and number % FPS < 3))
                sink.write(picture(number, bright=sound == "beeps" and number % FPS < 3))
                sleep(1 / FPS)

    sender = Thread(target=send)
    sender.start()
    frames, sounds = take(source, 3 * FPS)
    enough.set()
    apart = np.diff([frame.captured_ns or 0 for frame in frames])
    assert (np.abs(apart - SECOND / FPS) > 0.3 * SECOND).sum() <= FPS // 5  # the machine may have been busy
    times = [round(float((frame.pts or 0) * (frame.time_base or 1)) * FPS) for frame in frames]
    assert np.all(np.diff(times) == 1), "a picture is missing"
    if sound == "beeps":
        seen, heard = flashes(frames), beeps(sounds)
        assert seen and min(abs(seen[0] - beep) for beep in heard) < 0.04
    assert bool(sounds) == (sound != "none")
    sender.join(20)


def test_srt_that_announces_sound_and_sends_none_is_shown_at_the_first_connection() -> None:
    """Whoever sends does not connect again: a source that began anew would wait for ever."""
    program = shutil.which("ffmpeg")
    if carries("srt") or program is None or "srt" not in protocols(program):
        pytest.skip("PyAV has it, or no ffmpeg program does")
    port = free_port(socket.SOCK_DGRAM)
    source, enough = open_source(f"srt://127.0.0.1:{port}?mode=listener", SourceSettings()), Event()
    at_once = ["-probesize", "32", "-analyzeduration", "0", "-f", "data", "-i", "pipe:0"]  # bytes, as they are
    there = ["-map", "0", "-c", "copy", "-flush_packets", "1", "-f", "data", f"srt://127.0.0.1:{port}?pkt_size=1316"]

    def send() -> None:
        with subprocess.Popen([program, "-v", "quiet", *at_once, *there], stdin=subprocess.PIPE) as sender:
            with av.open(sender.stdin, "w", "mpegts", options={"max_interleave_delta": "1"}) as stream:
                video = stream.add_stream("libx264", FPS, options={"preset": "ultrafast", "tune": "zerolatency"})
                video.width, video.height, video.pix_fmt = *SIZE, "yuv420p"
                stream.add_stream("aac", RATE)
                for number in range(8 * FPS):
                    if enough.is_set():
                        break
                    stream.mux(video.encode(picture(number, bright=False).picture))
                    sleep(1 / FPS)
            sender.kill()

    sender = Thread(target=send)
    sender.start()
    frames, sounds = take(source, FPS)
    enough.set()
    sender.join(20)
    assert len(frames) == FPS and not sounds


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server of a folder: its address, and the folder."""
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path))
    ) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", tmp_path
        server.shutdown()
        thread.join()


def test_http_and_its_end(web: tuple[str, Path]) -> None:
    address, folder = web
    play(SinkOpener()(str(folder / "clip.ts"), SinkSettings()), 3 * FPS)
    frames: list[Frame] = []
    with pytest.raises(InputError, match=r"127.0.0.1:\d+/\*\*\*: the stream has ended"):
        frames.extend(item for item in open_source(f"{address}/clip.ts", SourceSettings()) if isinstance(item, Frame))
    assert len(frames) == 3 * FPS


def test_what_is_fetched_faster_than_it_plays_is_paced(web: tuple[str, Path]) -> None:
    address, folder = web
    play(SinkOpener()(str(folder / "clip.mp4"), SinkSettings()), 3 * FPS)
    source, early = open_source(f"{address}/clip.mp4", SourceSettings(buffer=0.2)), []
    frames: list[Frame] = []
    with pytest.raises(InputError, match="ended"):
        for item in source:
            if isinstance(item, Frame):
                frames.append(item)
                early.append((item.captured_ns or 0) - monotonic_ns())
    assert len(frames) == 3 * FPS
    assert np.allclose(np.diff([frame.captured_ns or 0 for frame in frames]), SECOND / FPS, atol=2e6)
    assert max(early) <= 0, "a frame came before it was due"


def test_a_file_that_must_be_read_from_its_end_and_cannot_is_one_line(web: tuple[str, Path]) -> None:
    """Python's web server gives no parts of a file."""
    address, folder = web
    make(folder / "late.mp4", Clip(size=(320, 240), frames=40, options={"preset": "ultrafast", "crf": "1"}))
    with pytest.raises(InputError, match=r"no parts of a file .*faststart"):
        take(open_source(f"{address}/late.mp4", SourceSettings()), 1)


@pytest.mark.parametrize("at_once", [3, 1])
def test_hls_is_even_though_it_comes_in_pieces(at_once: int) -> None:
    """Segments of two seconds; some are there at the beginning, and each of the others once it is made, or later."""
    pace, due, delayed = Fetched(None), [], 0
    for number in range(20 * 60):
        segment = number // 60
        arrived_ns = (
            (max(segment - at_once + 1, 0) * 2 * SECOND) + (segment % 3) * SECOND // 4 + number % 60 * 1_000_000
        )
        pace.arrived(Fraction(number, 30), arrived_ns)
        due_ns = pace.due_ns(Fraction(number, 30))
        due.append(due_ns)
        delayed += due_ns < arrived_ns
    assert delayed == 0
    gaps = np.diff(due)
    assert np.isclose(gaps, SECOND / 30, atol=10).sum() >= 0.99 * len(gaps)
    assert due[-1] - due[0] < 40 * SECOND + SECOND


def test_what_is_sent_waits_as_long_as_the_network_trembles() -> None:
    chance = np.random.default_rng(1)
    steady, trembling, fixed = Sent(None), Sent(None), Sent(0.5)
    late = 0
    for number in range(1000):
        sent_ns = number * SECOND // 30
        steady.arrived(Fraction(number, 30), sent_ns + 1_000_000)
        arrived_ns = sent_ns + int(chance.uniform(0, 0.08) * SECOND)
        trembling.arrived(Fraction(number, 30), arrived_ns)
        late += trembling.due_ns(Fraction(number, 30)) < arrived_ns
        trembling.arrived(Fraction(number, 30) - 1, arrived_ns, picture=False)  # late sound makes no picture wait
        fixed.arrived(Fraction(number, 30), arrived_ns)
    assert steady.depth < 0.001
    assert 0.06 < trembling.depth < 0.09
    assert late < 10
    assert fixed.depth == 0.5


def test_a_stream_of_absurd_pictures_is_refused(web: tuple[str, Path]) -> None:
    address, folder = web
    gif_bomb(folder / "bomb.gif")
    with pytest.raises(InputError, match="cannot be decoded: damaged, or with pictures of more than 67,108,864 pixels"):
        take(open_source(f"{address}/bomb.gif", SourceSettings()), 1)


def test_a_playlist_leads_to_no_file(web: tuple[str, Path]) -> None:
    address, folder = web
    play(SinkOpener()(str(folder / "secret.ts"), SinkSettings()), FPS)
    for name, entry in (("file", f"file://{folder}/secret.ts"), ("path", "secret.ts")):
        (folder / f"{name}.m3u8").write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n{entry}\n#EXT-X-ENDLIST\n")
    with pytest.raises(InputError):
        take(open_source(f"{address}/file.m3u8", SourceSettings()), 1)
    assert len(take(open_source(f"{address}/path.m3u8", SourceSettings()), 1)[0]) == 1


def test_a_stream_that_stops_is_an_error_soon() -> None:
    address = f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}"
    sender = sending(address, 3 * FPS)
    captured: list[int] = []
    with pytest.raises(InputError, match="nothing came for 3 s"):
        captured.extend(
            item.captured_ns or 0 for item in open_source(address, SourceSettings()) if isinstance(item, Frame)
        )
    assert len(captured) > FPS
    assert np.diff(captured)[-3:].max() < 2 * SECOND, "what was held back to the end is shown as if it were new"
    sender.end()


def test_who_waits_for_a_stream_can_be_woken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "OPENING", 2.0)  # seconds, of which FFmpeg lets nobody take any away
    source = open_source(f"udp://127.0.0.1:{free_port(socket.SOCK_DGRAM)}", SourceSettings())
    Timer(0.2, source.close).start()
    began = monotonic()
    assert take(source, 1) == ([], [])
    assert monotonic() - began < 10


@pytest.mark.parametrize("scheme", ["rtsp", "rtmp", "http", "tcp"])
def test_a_refused_connection_is_one_line(scheme: str) -> None:
    with pytest.raises(InputError, match="connection refused; check that something sends there") as raised:
        take(open_source(f"{scheme}://127.0.0.1:{free_port()}/x", SourceSettings()), 1)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("address", "words"),
    [("foo://x", "no way to read that"), ("rtsp://", "from where"), ("test:x", "nothing comes after 'test:'")],
)
def test_addresses_that_make_no_sense(address: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        open_source(address, SourceSettings())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks for devices of Linux")
@pytest.mark.parametrize("address", ["97", "/dev/video97"])
def test_a_camera_that_is_not_there_is_one_line(address: str) -> None:
    with pytest.raises(InputError, match=f"{address}: no such device; `mummer devices` lists them"):
        take(open_source(address, SourceSettings()), 1)


def test_a_camera_gives_every_picture_until_it_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file takes the device's place, which is not in every machine: the loop around it is the same."""
    path = make(tmp_path / "camera.avi", Clip(frames=9, codec="mjpeg", options={}, pix_fmt="yuvj420p", audio=None))
    monkeypatch.setattr(Camera, "_open", lambda self: av.open(str(path)))
    frames: list[Frame] = []
    with pytest.raises(InputError, match="7: the camera has stopped; plug it in again"):
        frames.extend(item for item in Camera("7", SourceSettings()) if isinstance(item, Frame))
    assert len(frames) == 9
    camera = Camera("7", SourceSettings())
    for number, _ in enumerate(camera):
        if number == 3:
            camera.close()
    assert number == 3


def test_what_is_no_camera_is_one_line() -> None:
    with pytest.raises(MummerError, match="camera:/dev/null: "):
        take(open_source("camera:/dev/null", SourceSettings()), 1)


@pytest.mark.parametrize("ppm", [-200, 0, 200])
def test_arrivals_follow_a_clock_that_drifts_and_a_network_that_trembles(ppm: int) -> None:
    """An hour: packets are delayed by 20 to 70 ms, and the sender's clock is wrong."""
    random = np.random.default_rng(5)
    arrivals, worst = Arrivals(), 0.0
    for number in range(3600 * 10):
        sent = number / 10
        true_ns = round(sent * (1 + ppm / 1e6) * SECOND) + 20_000_000
        told = arrivals(Fraction(number, 10), true_ns + round(random.uniform(0, 50e6)))
        if number > 100:
            worst = max(worst, abs(told - true_ns))
    assert worst < 15e6


def test_arrivals_begin_anew_where_the_senders_clock_is_set() -> None:
    arrivals = Arrivals()
    assert arrivals(Fraction(1000), 5 * SECOND) == 5 * SECOND
    assert arrivals(Fraction(0), 6 * SECOND) == 6 * SECOND
    assert arrivals(Fraction(1), 7 * SECOND) == 7 * SECOND


# the drawn face


@pytest.mark.parametrize("size", [(640, 360), (480, 640)])
def test_a_face_is_found_in_every_frame(size: tuple[int, int]) -> None:
    source, finder = SyntheticSource("test:", SourceSettings(size=size)), open_finder()
    for number in range(0, 8 * 30, 4):
        frame = Frame(source.draw(number))
        assert (frame.width, frame.height) == size
        assert len(finder.find(frame)) == 1, number


def test_its_lamp_mouth_and_tone_come_together() -> None:
    source, frames, sounds = open_source("test:", SourceSettings((320, 240), Fraction(30))), [], []
    for item in source:
        (frames if isinstance(item, Frame) else sounds).append(item)  # type: ignore[attr-defined]
        if isinstance(item, Frame) and (item.captured_ns or 0) > (frames[0].captured_ns or 0) + 1.4 * SECOND:
            source.close()
    # Pictures are left out on a machine that is too slow for them; those that come are what is due, and so is sound.
    times = [float((frame.pts or 0) * (frame.time_base or 1)) for frame in frames]
    began = [(frame.captured_ns or 0) / SECOND - time for frame, time in zip(frames, times, strict=True)]
    assert max(began) - min(began) < 1e-6
    rows = [np.frombuffer(frame.picture.planes[0], np.uint8).reshape(240, -1) for frame in frames]
    assert [float(row[24, 24]) > 128 for row in rows] == [time >= 1 and time % 1 < BEEP for time in times]
    assert beeps(sounds)[0] == pytest.approx(began[0] + 1, abs=0.005)
    ends = [sound.captured_ns + sound.samples.samples * SECOND // RATE for sound in sounds]
    assert all(abs(end - after.captured_ns) < 50_000 for end, after in zip(ends, sounds[1:], strict=False))


# the microphone


@pytest.mark.skipif(not Path("/usr/share/alsa/alsa.conf").is_file(), reason="no ALSA here")
def test_a_microphone_takes_the_place_of_the_sources_sound(monkeypatch: pytest.MonkeyPatch) -> None:
    """ALSA's own null device stands for a microphone: it is silent."""
    monkeypatch.delenv("ALSA_CONFIG_PATH", raising=False)
    frames, sounds = take(open_source("test:", SourceSettings((320, 240), Fraction(30), audio="null")), 45)
    assert len(frames) == 45
    assert {sound.samples.format.name for sound in sounds} == {"s16"}  # the drawn face's own are not
    assert all(0 <= monotonic_ns() - sound.captured_ns < 10 * SECOND for sound in sounds)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="asks for devices of Linux")
def test_a_microphone_that_is_not_there_is_one_line() -> None:
    with pytest.raises(InputError, match="hw:97: no such device; `mummer devices` lists them"):
        list(Microphone("hw:97"))
    with pytest.raises(InputError, match="hw:97: "):
        take(open_source("test:", SourceSettings((320, 240), audio="hw:97")), 100)


# a file that plays the camera


def test_round_after_round_leaves_nothing_to_the_garbage_collector(tmp_path: Path) -> None:
    """To call it holds up every thread, the longer the more there is in the process."""
    path = make(tmp_path / "clip.mp4", Clip(size=(160, 120), frames=5, audio=None))
    collections: list[str] = []
    gc.collect()
    gc.disable()
    gc.callbacks.append(lambda phase, _: collections.append(phase))
    try:
        source = PacedFile(path, SourceSettings(loop=True))
        frames, _ = take(source, 18)
        source.close()
        del frames
        assert collections == []
        # Not isinstance, which asks what is not ours: some of that warns of its own end.
        left = [each for each in gc.get_objects() if type(each) is SideDataContainer]
    finally:
        gc.callbacks.pop()
        gc.enable()
    assert left == []


def test_an_error_of_our_own_ends_a_file_that_plays_the_camera(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its decoder runs in a thread of its own, and must not die there unheard."""
    path = make(tmp_path / "clip.mp4", Clip(size=(160, 120), frames=10))
    read = FileSource.__iter__
    seen: list[Frame] = []

    def broken(self: FileSource) -> Iterator[object]:
        for number, item in enumerate(read(self)):
            if number == 5:
                raise ZeroDivisionError("a bug")
            yield item

    monkeypatch.setattr(FileSource, "__iter__", broken)
    source = PacedFile(path, SourceSettings())
    timer = Timer(20, source.close)
    timer.start()
    with pytest.raises(ZeroDivisionError):
        seen.extend(item for item in source if isinstance(item, Frame))
    timer.cancel()
    timer.join()
    assert len(seen) <= 5


def test_damaged_sound_in_a_file_is_left_out(tmp_path: Path) -> None:
    whole = tmp_path / "whole.mkv"
    play(SinkOpener()(str(whole), SinkSettings()), 2 * FPS)
    spoilt = tmp_path / "spoilt.mkv"
    with av.open(str(whole)) as source, av.open(str(spoilt), "w") as sink:
        streams = {stream.index: sink.add_stream_from_template(stream) for stream in source.streams}
        for number, packet in enumerate(source.demux()):
            if packet.size == 0:
                continue
            if packet.stream.type == "audio" and number % 5 == 0:
                broken: Packet[Stream] = Packet(bytes([255]) * packet.size)
                broken.pts, broken.dts, broken.time_base = packet.pts, packet.dts, packet.time_base
                broken.stream = streams[packet.stream.index]
                sink.mux(broken)
                continue
            packet.stream = streams[packet.stream.index]
            sink.mux(packet)
    source = PacedFile(spoilt, SourceSettings())
    timer = Timer(20, source.close)
    timer.start()
    items = list(source)
    timer.cancel()
    timer.join()
    assert sum(isinstance(item, Frame) for item in items) == 2 * FPS
    assert 10 < sum(isinstance(item, Sound) for item in items) < 90


def test_a_stream_that_failed_leaves_nothing_behind(tmp_path: Path) -> None:
    """An error that is kept where it was raised would hold decoders, their threads and pictures for a long time."""
    path = make(tmp_path / "a.mp4", Clip(frames=5))
    gc.disable()
    try:
        container = av.open(str(path))
        packets = WaitingPackets(container, [container.streams.video[0]], None, 1 << 20, silence=0.0)
        left = weakref.ref(packets)
        failed = False
        try:
            list(packets.pictures())
        except TimeoutError:
            failed = True
        packets.close()
        container.close()
        del packets, container
        assert failed and left() is None
    finally:
        gc.enable()


def test_what_a_lost_source_leaves_in_circles_goes_at_once() -> None:
    """Filter graphs and their nodes hold one another: the collector alone would find them, and it comes seldom."""
    opened: list[weakref.ref[object]] = []
    third = Event()

    class Clock(FakeClock):
        def wait(self, event: Event, seconds: float) -> bool:
            return event.is_set()

    class Lost(HandSource):
        def __init__(self) -> None:
            super().__init__(clock)
            self.itself = self
            opened.append(weakref.ref(self))
            if len(opened) == 3:
                third.set()

        def __iter__(self) -> Iterator[LiveItem]:
            raise InputError("gone")

    clock = Clock()
    gc.disable()
    try:
        worker = SourceWorker(
            "camera:0", "camera:0", Lost, lambda item: None, lambda error: None, Events(), clear_up, True, clock
        )
        worker.start()
        assert third.wait(20)
        assert opened[0]() is None
    finally:
        gc.enable()
        worker.stop(20)
