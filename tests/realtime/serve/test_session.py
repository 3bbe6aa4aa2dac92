"""Sessions that are stopped while they start: with an engine that takes its time, as a large model's does."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from threading import Event, Thread

import httpx
import pytest

from realtime.live.engine import Engine
from realtime.live.settings import LiveSettings
from realtime.runtime.errors import ModelError, UsageError
from realtime.serve.session import Session
from tests.realtime.forked import Mummer
from tests.realtime.serve.conftest import free_port

LONG = 20.0  # seconds that nothing here takes
SETTINGS = LiveSettings(camera="test:", sinks=("null:",), device="cpu", size=(320, 240))


class SlowEngines:
    """Makes engines; each is ready when ``ready`` is set."""

    def __init__(self) -> None:
        self.ready = Event()
        self.begun = Event()
        self.making = self.most = 0
        self.made: list[Engine] = []

    def __call__(self, settings: LiveSettings) -> Engine:
        self.making += 1
        self.most = max(self.most, self.making)
        self.begun.set()
        assert self.ready.wait(LONG)
        self.made.append(Engine(settings))
        self.making -= 1
        return self.made[-1]


@pytest.fixture
def engines() -> Iterator[SlowEngines]:
    engines = SlowEngines()
    yield engines
    engines.ready.set()


class Starter:
    """Starts a session in a thread, as a request does, and keeps what came of it."""

    def __init__(self, session: Session, settings: LiveSettings = SETTINGS) -> None:
        self.error: BaseException | None = None
        self._session, self._settings = session, settings
        self._thread = Thread(target=self._start, daemon=True)
        self._thread.start()

    def _start(self) -> None:
        try:
            self._session.start(self._settings)
        except BaseException as error:  # noqa: BLE001
            self.error = error

    def is_over(self) -> bool:
        self._thread.join(LONG)
        return not self._thread.is_alive()


def in_time(session: Session) -> bool:
    """Whether ``stop`` comes back."""
    thread = Thread(target=session.stop, daemon=True)
    thread.start()
    thread.join(LONG)
    return not thread.is_alive()


def test_a_session_can_be_stopped_while_it_starts(engines: SlowEngines) -> None:
    session = Session(engines)
    starter = Starter(session)
    assert engines.begun.wait(LONG)
    assert session.status().state == "starting"
    with pytest.raises(UsageError, match="runs already"):
        session.start(SETTINGS)
    assert in_time(session)
    assert starter.is_over()
    assert isinstance(starter.error, UsageError) and "stopped while it was starting" in str(starter.error)
    assert (session.status().state, session.status().problem) == ("idle", None)
    engines.ready.set()  # what was put together too late never runs
    again = Starter(session)
    assert again.is_over() and again.error is None
    assert session.engine() is engines.made[1]
    assert engines.most == 1  # one at a time
    assert engines.made[0].status().seconds == 0
    assert in_time(session)
    assert session.status().state == "idle"


def test_stopping_while_the_second_starts_does_not_wait_for_the_first(engines: SlowEngines) -> None:
    engines.ready.set()
    session = Session(engines)
    session.start(SETTINGS)
    assert in_time(session)
    engines.ready.clear()
    engines.begun.clear()
    starter = Starter(session)
    assert engines.begun.wait(LONG)
    assert in_time(session)
    assert starter.is_over() and isinstance(starter.error, UsageError)


def test_an_engine_that_cannot_be_made_says_why_and_leaves_nothing_behind() -> None:
    session = Session()
    for _ in range(2):
        with pytest.raises(ModelError, match="nobody"):
            session.start(SETTINGS.model_copy(update={"model": "nobody"}))
        assert session.status().state == "idle"
        session.stop()


def test_what_ends_a_session_is_its_problem(tmp_path: Path) -> None:
    session = Session()
    session.start(SETTINGS.model_copy(update={"camera": str(tmp_path / "missing.mp4")}))
    end = time.monotonic() + LONG
    while session.status().state != "idle" and time.monotonic() < end:
        time.sleep(0.02)
    assert "missing.mp4" in (session.status().problem or "")
    session.start(SETTINGS)
    assert session.status().problem is None
    session.stop()


#: A daemon whose engines are never ready.
DAEMON = """
import sys, time
from pathlib import Path
from realtime.serve import daemon
from realtime.serve.settings import read_settings
class Slow:
    def __init__(self, *args, **kwargs):
        print("making", flush=True)
        time.sleep(600)
daemon.Engine = Slow
settings = read_settings(None, port=int(sys.argv[1]), token_file=Path(sys.argv[2]))
daemon.run(settings, lambda line: print(line, flush=True))
sys.exit()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_sigterm_ends_a_daemon_whose_session_is_starting(tmp_path: Path) -> None:
    with Mummer([str(free_port()), str(tmp_path / "token")], DAEMON, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address, _, token = process.stdout.readline().strip().partition("/#token=")
        answers: list[httpx.Response] = []
        body = {"camera": "test:", "sinks": ["null:"]}
        client = httpx.Client(base_url=address, headers={"x-mummer-token": token}, timeout=LONG)
        post = Thread(target=lambda: answers.append(client.post("/api/session", json=body)), daemon=True)
        post.start()
        assert process.stdout.readline() == "making\n"
        assert httpx.get(f"{address}/api/status").json()["state"] == "starting"
        assert client.delete("/api/session").json()["state"] == "idle"
        post.join(LONG)
        assert answers[0].status_code == 409 and "stopped while it was starting" in answers[0].text
        again = Thread(target=lambda: post_in_vain(client, body), daemon=True)
        again.start()
        end = time.monotonic() + LONG
        while httpx.get(f"{address}/api/status").json()["state"] != "starting" and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(LONG)
        finally:
            process.kill()
        assert process.returncode in (0, -signal.SIGTERM)
        again.join(LONG)
        client.close()


def post_in_vain(client: httpx.Client, body: dict[str, object]) -> None:
    with suppress(httpx.HTTPError):  # the daemon has gone
        client.post("/api/session", json=body)
