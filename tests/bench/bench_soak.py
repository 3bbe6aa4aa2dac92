"""How a daemon that runs for hours ends: with all kinds of sinks, a model change a minute, a source that fails.

A daemon of its own takes MPEG-TS from ffmpeg, which is killed every five minutes and comes back, and sends to a
recording, to UDP, RTMP and SRT, where three more ffmpegs read. Someone looks at the preview and changes the model.
What is printed is the curve of the daemon's memory, a row a minute, and the verdict: at the end it is within 5 % of
what it was after the first five minutes, nothing was lost that came, and every sink still runs.

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
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import httpx

MODELS = ("marble", "bronze")
GROWTH = 1.05
SETTLED = 5  # minutes
FAILS_EVERY, AWAY = 300.0, 10.0  # seconds


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
    return 0 if result["flat"] and result["alive"] else 1


class Soak:
    """The daemon, those that send to it and read from it, and what was seen of it."""

    def __init__(self, clip: Path, folder: Path, stack: ExitStack) -> None:
        self._clip, self._stack = clip, stack
        self._camera, udp, rtmp, srt, port = free_ports(5)
        readers = (
            ("-i", f"udp://127.0.0.1:{udp}?fifo_size=100000&overrun_nonfatal=1"),
            ("-listen", "1", "-i", f"rtmp://127.0.0.1:{rtmp}/live/soak"),
            ("-i", f"srt://127.0.0.1:{srt}?mode=listener"),
        )
        for words in readers:
            stack.enter_context(ffmpeg(*words, "-c", "copy", "-f", "null", "-"))
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
        self._recording = folder / "soak.mkv"
        self._ask(
            "POST", camera=f"udp://@:{self._camera}", model=MODELS[1], patient=True,
            sinks=[
                str(self._recording), f"udp://127.0.0.1:{udp}", f"rtmp://127.0.0.1:{rtmp}/live/soak",
                f"srt://127.0.0.1:{srt}",
            ],
        )  # fmt: skip
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
            "sinks": [[sink["state"], sink["frames"], sink["dropped"], sink["retries"]] for sink in status["sinks"]],
        }
        self.rows.append(row)
        return row

    def verdict(self) -> dict[str, object]:
        """What the rows say."""
        settled = [row["mb"] for row in self.rows if row["minute"] == SETTLED] or [self.rows[0]["mb"]]
        last = median([float(str(row["mb"])) for row in self.rows[-3:]])
        growth = last / float(str(settled[0]))
        alive = self.rows[-1]["state"] == "live"
        return {
            "minutes": self.rows[-1]["minute"], "settled_mb": settled[0], "last_mb": last, "growth": round(growth, 3),
            "flat": growth <= GROWTH, "alive": alive, "last": self.rows[-1],
        }  # fmt: skip

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
