"""A daemon in a process of its own, and whoever talks to it."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.realtime.clips import talk
from tests.realtime.forked import Mummer
from tests.realtime.tiny import make_model


@dataclass
class Daemon:
    """A daemon that runs: where, with which token, and which folder it may use."""

    url: str
    token: str
    folder: Path
    process: Mummer
    complaints: Path | None = None  # where its stderr goes

    def client(self, **headers: str) -> httpx.Client:
        """Someone who knows the token."""
        return httpx.Client(base_url=self.url, headers={"x-mummer-token": self.token} | headers, timeout=30)

    def start(self, client: httpx.Client, **changes: object) -> httpx.Response:
        """Ask for a session with the sample clip."""
        body = {"camera": str(self.folder / "sample.mp4"), "sinks": ["null:"], "loop": True}
        return client.post("/api/session", json=body | changes)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a clip and a model."""
    folder = tmp_path_factory.mktemp("media")
    talk(folder / "sample.mp4", (320, 180), 4.0, 15)
    make_model(folder / "negative.onnx")
    return folder


Launch = Callable[..., Daemon]


@pytest.fixture(scope="module")
def launch(media: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launch]:
    """Starts daemons, and ends them."""
    running: list[Daemon] = []
    tmp_path = tmp_path_factory.mktemp("daemon")
    library = tmp_path / "home" / "models"
    library.mkdir(parents=True)
    make_model(library / "negative.onnx")

    def begin(*options: str, env: dict[str, str] | None = None, before: str = "") -> Daemon:
        """A daemon; ``before`` is Python that runs in its process first, for times that nobody may choose."""
        port = free_port()
        stderr = tmp_path / f"stderr-{port}.txt"
        with stderr.open("w") as complaints:
            process = Mummer(
                ["serve", "--port", str(port), "--root", str(media), *options],
                before,
                env=os.environ | {"MUMMER_HOME": str(tmp_path / "home")} | (env or {}),
                stdout=subprocess.PIPE,
                stderr=complaints,
                text=True,
            )
        assert process.stdout is not None
        line = process.stdout.readline().strip()
        if not line:
            with process:
                process.kill()
            pytest.fail(stderr.read_text())
        address, _, token = line.partition("/#token=")
        running.append(Daemon(address, token, media, process, stderr))
        return running[-1]

    yield begin
    ended: list[object] = []
    for daemon in running:
        if daemon.process.poll() is None:
            daemon.process.terminate()
            try:
                ended.append(daemon.process.wait(60))
            except subprocess.TimeoutExpired as error:
                ended.append(error)
                daemon.process.kill()  # the others are ended too, and nobody stays behind
                daemon.process.wait()
        assert daemon.process.stdout is not None
        daemon.process.stdout.close()
    assert not any(ended), ended


@pytest.fixture(scope="module")
def lasting(launch: Launch) -> Daemon:
    """One daemon with the defaults."""
    return launch()


@pytest.fixture
def daemon(lasting: Daemon) -> Iterator[Daemon]:
    """The same, without a session before and after."""
    yield lasting
    with lasting.client() as client:
        assert client.delete("/api/session").status_code == 200
