"""How a daemon that runs for hours ends: with all kinds of sinks, a model change a minute, a source that fails.

A daemon of its own takes MPEG-TS from ffmpeg, which is killed every five minutes and comes back, and sends to a
recording, to UDP, RTMP and SRT, where three more ffmpegs read, to a WHIP server and back to a browser, both played by
``webrtc_reader.py``. Someone looks at the preview and changes the model. What is printed is the curve of the daemon's
memory, a row a minute, and the verdict: at the end it is within 5 % of what it was after the first five minutes, every
sink still runs, and in every minute, the last one included, every reader got what was sent to it, by the reader's own
count. The recording is read at the end. A run of a few minutes says nothing of memory, and shows that all is plugged
together.

The virtual camera needs a device of the kernel and has a test of its own: ``tests/system/virtual_camera.sh``.

    python tests/bench/bench_soak.py CLIP [--minutes 60]
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx

MODELS = ("marble", "bronze")
GROWTH = 1.05
SETTLED = 5  # minutes
FAILS_EVERY, AWAY = 300.0, 10.0  # seconds
#: Of the frames that were sent, those that are read: what is in flight where a minute is counted may come in the next,
#: and a datagram, or a picture that WebRTC replaces with a newer one, may be lost.
READ_IN_A_MINUTE, READ_IN_ALL = 0.9, 0.98


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--curve", type=Path, help="Write each minute's row here as it comes.")
    options = parser.parse_args()
    with TemporaryDirectory() as folder, ExitStack() as stack:
        curve = stack.enter_context(options.curve.open("a")) if options.curve else sys.stderr
        soak = Soak(options.clip, Path(folder), stack)
        for row in soak.run(options.minutes * 60):
            print(json.dumps(row), file=curve, flush=True)
        result = soak.verdict()
    print(json.dumps(result, indent=2))
    return 0 if all(result[held] is not False for held in ("flat", "alive", "read")) else 1


class Soak:
    """The daemon, those that send to it and read from it, and what was seen of it."""

    def __init__(self, clip: Path, folder: Path, stack: ExitStack) -> None:
        self._clip, self._stack = clip, stack
        self._camera, udp, rtmp, srt, whip, port = free_ports(6)
        readers = {
            "udp": ("-i", f"udp://127.0.0.1:{udp}?fifo_size=100000&overrun_nonfatal=1"),
            "rtmp": ("-listen", "1", "-i", f"rtmp://127.0.0.1:{rtmp}/live/soak"),
            "srt": ("-i", f"srt://127.0.0.1:{srt}?mode=listener"),
        }
        self._counts = {name: folder / f"{name}.count" for name in (*readers, "whip", "browser")}
        for name, words in readers.items():
            counted = ("-map", "0:v", "-c", "copy", "-progress", str(self._counts[name]), "-stats_period", "1")
            stack.enter_context(ffmpeg(*words, *counted, "-f", "null", "-"))
        self._read_webrtc("whip", str(whip))
        settings = folder / "serve.toml"
        settings.write_text(f"port = {port}\nroots = ['{folder}']\ntoken_file = '{folder}/token'\n")
        environment = os.environ | {"MUMMER_HOME": str(folder / "home")}
        command = [sys.executable, "-m", "realtime", "serve", "--config", str(settings)]
        self._daemon = stack.enter_context(running(command, stderr=(folder / "daemon.log").open("w"), env=environment))
        self._sender = self._send()
        token = waited_for(folder / "token").read_text().strip()
        self._client = stack.enter_context(
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-mummer-token": token}, timeout=60)
        )
        self._until_ready()
        self._read_webrtc("browser", f"http://127.0.0.1:{port}", token)
        self._recording = folder / "soak.mkv"
        self._ask(
            "POST", camera=f"udp://@:{self._camera}", model=MODELS[1], patient=True,
            sinks=[
                str(self._recording), f"udp://127.0.0.1:{udp}", f"rtmp://127.0.0.1:{rtmp}/live/soak",
                f"srt://127.0.0.1:{srt}", f"whip:http://127.0.0.1:{whip}/", "browser:",
            ],
        )  # fmt: skip
        self._names = ("recording", *self._counts)
        self.rows: list[dict[str, object]] = []
        self.memory: list[float] = []

    def run(self, seconds: float) -> Iterator[dict[str, object]]:
        """Disturb it for ``seconds``; a row a minute."""
        began = time.monotonic()
        failed, minute = began, 0
        while (now := time.monotonic()) < began + seconds and self._daemon.poll() is None:
            if now - failed > FAILS_EVERY:
                self._sender.kill()
                time.sleep(AWAY)
                self._sender, failed = self._send(), time.monotonic()
            if (now - began) // 60 > minute:
                minute += 1
                self._ask("PATCH", model=MODELS[minute % len(MODELS)])
                yield self._row(minute)
            self._client.get("/api/preview", params={"width": 480})
            time.sleep(5)
            self.memory.append(resident(self._daemon.pid))

    def _row(self, minute: int) -> dict[str, object]:
        status = self._client.get("/api/status").json()["engine"]
        row = {
            "minute": minute,
            "mb": round(median(self.memory[-6:] or [0])),
            "threads": len(list(Path(f"/proc/{self._daemon.pid}/task").iterdir())),
            "descriptors": len(list(Path(f"/proc/{self._daemon.pid}/fd").iterdir())),
            "state": status["state"],
            "frames": status["source"]["frames"],
            "source_retries": status["source"]["retries"],
            "sinks": {
                name: [sink["state"], sink["frames"], sink["dropped"], sink["retries"]]
                for name, sink in zip(self._names, status["sinks"], strict=True)
            },
            "read": {name: last_count(path) for name, path in self._counts.items()},
        }
        self.rows.append(row)
        return row

    def verdict(self) -> dict[str, object]:
        """End the session, and say what the rows and the recording say."""
        settled = [row["mb"] for row in self.rows if row["minute"] == SETTLED] or [self.rows[0]["mb"]]
        last = median([float(str(row["mb"])) for row in self.rows[-3:]])
        growth = last / float(str(settled[0]))
        final = self._row(len(self.rows) + 1)
        sinks = final["sinks"]
        alive = final["state"] == "live" and all(state == "live" for state, *_ in sinks.values())  # type: ignore[attr-defined]
        self._client.delete("/api/session").raise_for_status()
        time.sleep(3)  # what is in flight arrives
        sent = {name: numbers[1] for name, numbers in sinks.items()}  # type: ignore[attr-defined]
        read = {"recording": pictures(self._recording)} | {name: last_count(at) for name, at in self._counts.items()}
        shares = {name: round(read[name] / max(sent[name], 1), 4) for name in sent}
        worst = {name: round(self._worst_minute(name), 3) for name in self._counts}
        arrived = min(shares.values()) >= READ_IN_ALL and min(worst.values()) >= READ_IN_A_MINUTE
        return {
            "minutes": self.rows[-2]["minute"],
            "settled_mb": settled[0],
            "last_mb": last,
            "growth": round(growth, 3),
            "flat": growth <= GROWTH if len(self.rows) > SETTLED + 1 else None,
            "alive": alive,
            "read": arrived,
            "sent": sent,
            "arrived": read,
            "shares": shares,
            "worst_minute": worst,
            "last": final,
        }

    def _worst_minute(self, name: str) -> float:
        """Of the frames that the sink ``name`` sent in a minute, the least share that was read in it."""

        def during(what: str) -> list[int]:
            counted = [row[what][name] for row in self.rows]  # type: ignore[index]
            numbers = [each[1] if isinstance(each, list) else each for each in counted]
            return [after - before for before, after in pairwise(numbers)]

        minutes = zip(during("read"), during("sinks"), strict=True)
        return min((read / sent if sent else 0.0 for read, sent in minutes), default=0.0)

    def _read_webrtc(self, name: str, *words: str) -> None:
        counts = self._stack.enter_context(self._counts[name].open("w"))
        program = str(Path(__file__).with_name("webrtc_reader.py"))
        self._stack.enter_context(running([sys.executable, program, name, *words], stdout=counts))

    def _send(self) -> subprocess.Popen[bytes]:
        to = f"udp://127.0.0.1:{self._camera}?pkt_size=1316"
        words = ("-re", "-stream_loop", "-1", "-i", str(self._clip), "-c", "copy", "-f", "mpegts", to)
        return self._stack.enter_context(ffmpeg(*words))

    def _ask(self, method: str, **body: object) -> None:
        self._client.request(method, "/api/session", json=body).raise_for_status()

    def _until_ready(self) -> None:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                if self._client.get("/readyz").is_success:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.2)
        raise TimeoutError("the daemon did not come up")


def last_count(path: Path) -> int:
    """The last ``frame=N`` that a reader wrote; 0 before the first."""
    lines = path.read_text().splitlines() if path.exists() else []
    return next((int(line[6:]) for line in reversed(lines) if line.startswith("frame=")), 0)


def pictures(path: Path) -> int:
    """The pictures of a recording, counted by ffprobe."""
    asked = "-select_streams v -count_packets -show_entries stream=nb_read_packets -of default=nw=1:nk=1"
    command = ["ffprobe", "-loglevel", "error", *asked.split(), str(path)]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def ffmpeg(*words: str) -> "running":
    """ffmpeg with ``words``, silent, until it is let go."""
    return running(["ffmpeg", "-nostdin", "-loglevel", "error", *words])


class running:  # noqa: N801  # reads as what it is where it is used
    """A program that is killed at the end."""

    def __init__(self, command: Sequence[str], **options: object) -> None:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        self.process: subprocess.Popen[bytes] = subprocess.Popen(command, **(quiet | options))  # type: ignore[call-overload]

    def __enter__(self) -> subprocess.Popen[bytes]:
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()


def waited_for(path: Path) -> Path:
    until = time.monotonic() + 60
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.1)
    return path


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def resident(process: int) -> float:
    """Resident memory of a process and all below it, in MB."""
    listed = subprocess.run(["ps", "-e", "-o", "pid=,ppid=,rss="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    family = {process}
    while more := {pid for pid, parent, _ in rows if parent in family} - family:
        family |= more
    return sum(rss for pid, _, rss in rows if pid in family) / 1024


if __name__ == "__main__":
    sys.exit(main())
