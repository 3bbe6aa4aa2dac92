"""What streams lose on their way in and out, and how far sound is from pictures, with ffmpeg at the other end.

    python tests/bench/bench_streams.py sound     SRT and UDP, in and out, with silence, beeps, no sound
    python tests/bench/bench_streams.py fetched   30 s of HLS in segments of 2 s, made meanwhile, and of an MP4
    python tests/bench/bench_streams.py patient   60 s of slate to ffmpeg and nginx over RTMP, then a sender

Counts and times are those in the streams, so a busy machine makes nothing look better. A row of JSON for each.
"""

import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from signal import SIGINT
from subprocess import Popen, TimeoutExpired
from tempfile import TemporaryDirectory
from threading import Thread
from time import monotonic_ns

import av
import numpy as np
from bench_soak import ffmpeg, free_ports, running

from realtime.live.settings import SinkSettings, SourceSettings
from realtime.live.sinks import SinkOpener
from realtime.live.source import Sound
from realtime.live.sources import open_source
from realtime.media.frame import Frame
from realtime.runtime.errors import MummerError
from tests.realtime.live.players import FPS, SECOND, Heard, measure, picture, shape, tone

SECONDS = 8
SOUNDS = ("silence", "beeps", "none")
TS = ("-c", "copy", "-f", "mpegts")


# sound


def sounds(folder: Path) -> Iterator[dict[str, object]]:
    """Each protocol, way and sound."""
    for sound in SOUNDS:
        clip = folder / f"{sound}.mkv"
        send(str(clip), sound, paced=False)
        for protocol in ("udp", "srt"):
            yield {"way": "in", "protocol": protocol, "sound": sound} | received(clip, protocol)
            yield {"way": "out", "protocol": protocol, "sound": sound} | sent(folder, protocol, sound)


def send(address: str, sound: str, paced: bool = True) -> int:
    """Send as the engine does: a flash each second, and a beep with it where there are beeps. How many pictures."""
    sink = SinkOpener()(address, SinkSettings())
    sink.open(shape(sound=sound != "none"))
    began = time.monotonic()
    for number in range(SECONDS * FPS):
        marked = number >= FPS and number % FPS < 3
        if sound != "none":
            sink.write_sound(tone(number, marked and sound == "beeps"))
        sink.write(picture(number, marked))
        if paced:
            time.sleep(max(began + number / FPS - time.monotonic(), 0))
    sink.close()
    return SECONDS * FPS


def received(clip: Path, protocol: str) -> dict[str, object]:
    """ffmpeg sends ``clip``, and our source takes it."""
    (port,) = free_ports(1)
    listens, calls = (f"{protocol}://127.0.0.1:{port}{more}" for more in ends(protocol))
    source = open_source(listens, SourceSettings())
    frames: list[Frame] = []
    beeps: list[float] = []

    def take() -> None:
        loud_ns = 0
        with suppress(MummerError):  # the sender has ended
            for item in source:
                if isinstance(item, Frame):
                    frames.append(item)
                    continue
                assert isinstance(item, Sound)
                level = np.abs(item.samples.to_ndarray()[0].astype(np.float32))
                level /= 32768 if item.samples.format.name.startswith("s16") else 1
                if level.max() > 0.1:
                    begun_ns = item.captured_ns + int(np.argmax(level > 0.1)) * SECOND // item.samples.sample_rate
                    if begun_ns - loud_ns > 0.3 * SECOND:
                        beeps.append(begun_ns / SECOND)
                    loud_ns = item.captured_ns

    taking = Thread(target=take)
    taking.start()
    time.sleep(3 if protocol == "srt" else 1)
    with ffmpeg("-re", "-i", str(clip), *TS, calls) as sender:
        sender.wait()
    time.sleep(1)
    source.close()
    taking.join(30)
    bright = [float(np.frombuffer(each.picture.planes[0], np.uint8)[0]) for each in frames]
    flashes = [
        (after.captured_ns or 0) / SECOND
        for (dark, light), after in zip(pairwise(bright), frames[1:], strict=True)
        if light > 128 > dark
    ]
    apart = [min((abs(flash - beep) for beep in beeps), default=None) for flash in flashes]
    pts = [round(float((each.pts or 0) * (each.time_base or 1)) * FPS) for each in frames]
    return {
        "sent": SECONDS * FPS,
        "arrived": len(frames),
        "first_and_last": [pts[0], pts[-1]],
        "missing_between": sum(after - before - 1 for before, after in pairwise(pts)),
        "apart_ms": round(max(each for each in apart if each is not None) * 1000, 1) if beeps else None,
        "largest_step_ms": round(max(np.diff([each.captured_ns or 0 for each in frames])) / 1e6),
    }


def sent(folder: Path, protocol: str, sound: str) -> dict[str, object]:
    """Our sink sends, and ffmpeg writes down what comes."""
    (port,) = free_ports(1)
    listens, calls = (f"{protocol}://127.0.0.1:{port}{more}" for more in ends(protocol))
    target = folder / f"{protocol}-{sound}-out.ts"
    quick = ("-probesize", "500000", "-analyzeduration", "1000000")
    with ffmpeg(*quick, "-i", listens, "-map", "0", "-c", "copy", "-flush_packets", "1", "-y", str(target)) as reader:
        time.sleep(2)
        frames = send(calls, sound)
        time.sleep(2)
        end(reader)
    heard = measure(av.open(str(target)))
    return {"sent": frames, "arrived": heard.frames, "apart_ms": apart_ms(heard)}


def end(reader: Popen[bytes]) -> None:
    """Let a reader finish its file; one that waits for packets minds no polite signal, and has written what came."""
    reader.send_signal(SIGINT)
    try:
        reader.wait(5)
    except TimeoutExpired:
        reader.kill()


def ends(protocol: str) -> tuple[str, str]:
    """What stands behind the port at the end that waits, and at the one that calls."""
    return ("?mode=listener", "") if protocol == "srt" else ("?fifo_size=100000&overrun_nonfatal=1", "?pkt_size=1316")


def apart_ms(heard: Heard) -> float | None:
    if not heard.beeps:
        return None
    return round(max(min(abs(flash - beep) for flash in heard.flashes) for beep in heard.beeps) * 1000, 1)


# fetched


def fetched(folder: Path) -> Iterator[dict[str, object]]:
    """HLS and an MP4, by the times at which the source gives each frame out."""
    drawn = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=25", "-f", "lavfi", "-i", "sine=frequency=440")
    coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-c:a", "aac", "-t", "30")
    with ffmpeg(*drawn, *coded, "-movflags", "+faststart", str(folder / "clip.mp4")) as making:
        making.wait()
    quiet = type("Quiet", (SimpleHTTPRequestHandler,), {"log_message": lambda *_: None})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        yield {"what": "mp4 over HTTP"} | given(f"{address}/clip.mp4")
        list_ = folder / "live.m3u8"
        pieces = ("-f", "hls", "-hls_time", "2", "-hls_list_size", "6", "-hls_flags", "delete_segments")
        with ffmpeg("-re", "-i", str(folder / "clip.mp4"), "-c", "copy", *pieces, str(list_)):
            while not list_.exists():
                time.sleep(0.1)
            yield {"what": "HLS, segments of 2 s"} | given(f"{address}/live.m3u8")
        server.shutdown()


def given(address: str) -> dict[str, object]:
    """How many frames the source gives out, and how late each is: by its stream's pace, and when it was handed on."""
    rows: list[tuple[float, int, int]] = []
    source = open_source(address, SourceSettings())
    with suppress(MummerError):  # the stream has ended
        for item in source:
            if isinstance(item, Frame):
                time_ns = float((item.pts or 0) * (item.time_base or 1)) * SECOND
                rows.append((time_ns, item.captured_ns or 0, monotonic_ns()))
    table = np.array(rows, np.float64)
    pace = table[:, 1] - table[:, 0]
    uneven = np.abs(pace - np.median(pace)) > 0.04 * SECOND
    late = table[:, 2] - table[:, 1] > 0.04 * SECOND
    return {
        "sent": 750,
        "arrived": len(rows),
        "off_pace": int(uneven.sum()),
        "handed_on_late": int(late.sum()),
        "in_time_share": round(float((~uneven & ~late).sum()) / 750, 4),
    }


# patient


def patient(folder: Path, wait: float = 60.0) -> Iterator[dict[str, object]]:
    """The slate first, then a sender: what arrives is one stream without a break."""
    with ExitStack() as stack:
        camera, ffmpeg_port, nginx_port, whole = (*free_ports(3), folder / "ffmpeg.mkv")
        sinks = [f"rtmp://127.0.0.1:{ffmpeg_port}/live/a"]
        copied = ("-c", "copy", "-flush_packets", "1", "-y", str(whole))
        reader = stack.enter_context(ffmpeg("-listen", "1", "-i", sinks[0], *copied))
        if shutil.which("nginx"):
            stack.enter_context(running(nginx(folder, nginx_port)))
            sinks.append(f"rtmp://127.0.0.1:{nginx_port}/live/a")
        time.sleep(2)
        where = [word for sink in sinks for word in ("--to", sink)]
        command = [sys.executable, "-m", "realtime", "live", "--camera", f"udp://@:{camera}", *where, "--patient"]
        with running([*command, "--fps", "12", "--size", "320x240"], stderr=None) as live:
            time.sleep(wait)
            drawn = ("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=12", "-f", "lavfi", "-i", "sine=frequency=440")
            coded = ("-c:v", "libx264", "-preset", "ultrafast", "-g", "24", "-c:a", "aac", "-t", "20", "-f", "mpegts")
            with ffmpeg("-re", *drawn, *coded, f"udp://127.0.0.1:{camera}?pkt_size=1316") as sender:
                sender.wait()
            live.terminate()
            live.wait(20)
        time.sleep(2)
        end(reader)
        yield {"reader": "ffmpeg -listen"} | unbroken(whole)
        for recorded in sorted(folder.glob("*-nginx.flv")):
            yield {"reader": "nginx-rtmp"} | unbroken(recorded)


def nginx(folder: Path, port: int) -> list[str]:
    """A server that records what is published to it."""
    settings = folder / "nginx.conf"
    settings.write_text(
        "load_module /usr/lib/nginx/modules/ngx_rtmp_module.so; daemon off; user root; worker_processes 1;"
        f" pid {folder}/nginx.pid; error_log {folder}/nginx.log; events {{}}"
        f" rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; record all;"
        f" record_path {folder}; record_suffix -nginx.flv; }} }} }}"
    )
    return ["nginx", "-p", str(folder), "-c", str(settings)]


def unbroken(path: Path) -> dict[str, object]:
    """Pictures, seconds, and the largest step between the times of two pictures and of two packets of sound."""
    steps: dict[str, list[float]] = {"video": [], "audio": []}
    with av.open(str(path)) as container:
        for packet in container.demux():
            if packet.dts is not None and packet.time_base is not None:
                steps[packet.stream.type].append(float(packet.dts * packet.time_base))
    return {"pictures": len(steps["video"]), "seconds": round(steps["video"][-1] - steps["video"][0], 1)} | {
        f"largest_{name}_step_ms": round(max(np.diff(times), default=0) * 1000) for name, times in steps.items()
    }


MODES: dict[str, Callable[[Path], Iterator[dict[str, object]]]] = {
    "sound": sounds,
    "fetched": fetched,
    "patient": patient,
}

if __name__ == "__main__":
    with TemporaryDirectory() as place:
        for row in MODES[sys.argv[1]](Path(place)):
            print(json.dumps(row), flush=True)
