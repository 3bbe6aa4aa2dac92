"""What runs leave behind and whom they speak to: nothing but the files asked for, and nobody who was not named.

Each runs with a home and a temporary folder that are empty, watched by strace where that is installed.
"""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import httpx
import numpy as np
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from tests.realtime.clips import talk
from tests.realtime.serve.conftest import free_port

ROOT = Path(__file__).resolve().parents[1]
#: Variables by which the libraries would know a build machine, and be silent for that reason.
BUILD_MACHINE = ("CI", "GITHUB_ACTIONS", "TF_BUILD", "ORT_DISABLE_TELEMETRY", "MUMMER_HOME")
#: Whoever reads these asks for the address of a name.
RESOLVER = ("/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/gai.conf")
NETWORK = re.compile(r"\b(connect|sendto|sendmsg|sendmmsg)\(.*sa_family=AF_INET6?\b.*")
LOCAL = re.compile(r'inet_addr\("127\.|inet_pton\(AF_INET6, "::1"')
SIGNING = {"home/.config/mummer/signing/key.pem", "home/.config/mummer/signing/certificate.pem"}


@dataclass
class Watched:
    """A folder to run in, with a home and a temporary folder of its own, and what was seen of the runs."""

    folder: Path
    strace: str | None = field(default_factory=lambda: shutil.which("strace"))

    def __post_init__(self) -> None:
        for name in ("home", "tmp", "out"):
            (self.folder / name).mkdir()

    def begin(self, *words: str) -> "subprocess.Popen[str]":
        """Start a Python program with these words. Its process is the program's own, not the watcher's."""
        env = {key: value for key, value in os.environ.items() if key not in BUILD_MACHINE}
        env |= {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp"), "PYTHONPATH": str(ROOT)}
        env = {key: value for key, value in env.items() if not key.startswith("XDG_")}
        calls = "trace=%network,open,openat"
        watch = [self.strace, "-D", "-f", "-qq", "--seccomp-bpf", "-s", "200", "-e", calls, "-o", str(self._log)]
        return subprocess.Popen(
            [*([each for each in watch if each] if self.strace else []), sys.executable, *words],
            cwd=self.folder / "out", env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *words: str) -> str:
        """Run a Python program to its end; what it printed."""
        process = self.begin(*words)
        said, complaints = process.communicate(timeout=240)
        assert process.returncode == 0, complaints
        return said

    def mummer(self, *words: str) -> str:
        return self.run("-m", "realtime", *words)

    def files(self) -> set[str]:
        """Every file that lies there now, by its path in the folder."""
        found = (path for path in self.folder.rglob("*") if not path.is_dir() and path != self._log)
        return {str(path.relative_to(self.folder)) for path in found}

    def spoken_to(self, known: Collection[str] = ()) -> list[str]:
        """The calls that reached out, beyond this machine and to others than the addresses ``known``."""
        lines = self._log.read_text(errors="replace").splitlines() if self.strace else []
        return [
            line
            for line in lines
            if (NETWORK.search(line) and not LOCAL.search(line)) or any(f'"{path}"' in line for path in RESOLVER)
            if not any(f'"{address}"' in line for address in known)
        ]

    @property
    def _log(self) -> Path:
        return self.folder / "strace.txt"


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talk(tmp_path_factory.mktemp("clip") / "in.mp4", (320, 180), 1.0, 12)


def test_the_watch_sees(watched: Watched) -> None:
    """A library that reports is noticed: by its file, by the name it asks for, and by whom it speaks to."""
    code = (
        "import contextlib, pathlib, socket\n"
        "(pathlib.Path.home() / '.number').touch()\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))\n"  # nothing is sent by this
        "with contextlib.suppress(OSError): socket.getaddrinfo('mummer.invalid', 9)\n"
    )
    watched.run("-c", code)
    assert watched.files() == {"home/.number"}
    if watched.strace:
        said = "\n".join(watched.spoken_to())
        assert "192.0.2.1" in said
        assert "/etc/resolv.conf" in said


def test_convert(watched: Watched, clip: Path) -> None:
    assert "12 of 12 frames swapped" in watched.mummer("convert", str(clip), "out.mp4")
    assert watched.files() == {"out/out.mp4", *SIGNING}
    assert watched.spoken_to() == []


def test_live(watched: Watched, clip: Path) -> None:
    assert "swapped" in watched.mummer("live", "--camera", str(clip), "--to", "null:", "--to", "out.mkv")
    assert watched.files() == {"out/out.mkv", "out/out.mkv.c2pa", *SIGNING}
    assert watched.spoken_to() == []


@pytest.mark.parametrize("words", [("doctor",), ("models", "list"), ("devices",)], ids=lambda words: words[0])
def test_commands_that_only_look(watched: Watched, words: tuple[str, ...]) -> None:
    watched.mummer(*words)
    assert watched.files() == set()
    assert watched.spoken_to() == []


#: In one process, for torch takes its time: a library that imports ONNX Runtime itself, two steps of training, and an
#: export with whole numbers.
TRAINING = """
import sys
import models.detectors.fan, face_alignment.detection.scrfd
from pathlib import Path
from realtime.cli import main
from tests.export.networks import PEOPLE, small, write_run
from tests.models import small as run
from tests.realtime.clips import talk
sys.argv[1:] = ["run", "1", "2", "2"]
run.main()
write_run(Path("other"), small("lite", sides=2), PEOPLE[:2])
sys.argv[1:] = ["export", "other", "model.onnx", "--int8", "--calibrate", "faces", "--quality", "20"]
main()
"""


def test_train_and_export(watched: Watched) -> None:
    pytest.importorskip("face_alignment")
    faces = watched.folder / "out" / "faces"
    faces.mkdir()
    for index in range(2):
        cv2.imwrite(str(faces / f"{index}.png"), np.full((64, 64, 3), 60 * index, np.uint8))
    watched.run("-c", TRAINING)
    files = watched.files()
    assert {"out/model.onnx", "out/run/checkpoint.safetensors"} <= files
    assert {name for name in files if not name.startswith("out/")} == set()
    assert watched.spoken_to() == []


@pytest.fixture
def daemon(watched: Watched) -> Iterator[Callable[[], httpx.Client]]:
    process = watched.begin("-m", "realtime", "serve", "--port", str(port := free_port()))

    def client() -> httpx.Client:
        assert process.stdout is not None
        token = process.stdout.readline().strip().partition("#token=")[2]
        return httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"x-mummer-token": token}, timeout=60)

    yield client
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def test_serve(watched: Watched, daemon: Callable[[], httpx.Client]) -> None:
    """With a browser's camera: the daemon tries the addresses that the browser named, and asks nobody for its own."""
    with daemon() as client:
        offer, answer = asyncio.run(negotiated(client))
        assert "a=candidate" in answer
        assert "srflx" not in answer
        assert client.post("/api/session", json={"camera": "browser:", "sinks": ["null:"]}).status_code < 300
        assert client.delete("/api/session").status_code < 300
    assert watched.files() == {"home/.local/state/mummer/token"}
    assert watched.spoken_to(re.findall(r"a=candidate:\S+ \d+ \S+ \d+ (\S+)", offer)) == []


async def negotiated(client: httpx.Client) -> tuple[str, str]:
    """The offer of a browser that has a camera, and what the daemon answers."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTransceiver("video", "sendrecv")
    await peer.setLocalDescription(await peer.createOffer())
    offer: RTCSessionDescription = peer.localDescription
    reply = await asyncio.to_thread(client.post, "/api/browser", json={"type": offer.type, "sdp": offer.sdp})
    await peer.close()
    assert reply.status_code == 200, reply.text
    return str(offer.sdp), str(reply.json()["sdp"])
