"""Crowds at the daemon's door: those who say nothing take nothing from those who do."""

import asyncio
import json
import logging
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPConnection

import httpx
import pytest
from fastapi import WebSocket, WebSocketDisconnect
from starlette.types import Message
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from realtime.runtime.log_limit import MOST, PERIOD, RateLimit
from realtime.serve.events import Audience, Feed
from realtime.serve.jobs.queue import JobQueue
from realtime.serve.session import Session
from tests.realtime.serve.conftest import Daemon, Launch

#: Seconds that nothing here takes.
LONG = 30.0

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="limits of POSIX")


@contextmanager
def few_files(most: int) -> Iterator[None]:
    """What is started in this block may have so many files open."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def silent(daemon: Daemon, count: int, stack: ExitStack) -> list[socket.socket]:
    port = httpx.URL(daemon.url).port
    return [stack.enter_context(socket.create_connection(("127.0.0.1", port), LONG)) for _ in range(count)]


def test_silent_connections_make_room_and_are_closed(launch: Launch) -> None:
    with few_files(400):
        sooner = "from realtime.serve import connections; connections.SILENT = 3.0"
        daemon = launch(env={"MUMMER_SERVE_MAX_CONNECTIONS": "100"}, before=sooner)
    with ExitStack() as stack, daemon.client() as client:
        many = silent(daemon, 600, stack)
        for _ in range(20):
            assert client.get("/api/status").status_code == 200
        assert many[0].recv(1) == b"", "the one that waited longest is sent away first"
        (late,) = silent(daemon, 1, stack)
        late.sendall(b"GET / HT")
        assert late.recv(1) == b"", "half a request is none"
        assert client.get("/api/status").status_code == 200
    assert daemon.complaints is not None
    assert daemon.complaints.stat().st_size < 10_000


def test_the_end_waits_for_no_queue_of_pictures_and_is_no_error(launch: Launch) -> None:
    daemon = launch()

    with daemon.client() as client:
        names = [model["name"] for model in client.get("/api/models").json()]
    with ExitStack() as stack:
        asked = []
        for name in names:
            asked.append(stack.enter_context(closing(HTTPConnection("127.0.0.1", httpx.URL(daemon.url).port, LONG))))
            asked[-1].request("GET", f"/api/models/{name}/picture")
        answers = [stack.enter_context(asked[0].getresponse())]
        daemon.process.terminate()
        answers += [stack.enter_context(each.getresponse()) for each in asked[1:]]
        statuses = {answer.status for answer in answers}
    assert daemon.process.wait(LONG) == 0
    assert daemon.complaints is not None
    assert statuses <= {200, 503}, daemon.complaints.read_text()
    assert "Traceback" not in daemon.complaints.read_text()


def test_a_connection_that_asks_again_and_again_stays(launch: Launch) -> None:
    daemon = launch(env={"MUMMER_SERVE_MAX_CONNECTIONS": "20"})
    with ExitStack() as stack, daemon.client() as client:
        address = f"{daemon.url.replace('http', 'ws')}/api/events"
        listener = stack.enter_context(connect(address))
        listener.send(json.dumps({"token": daemon.token}))
        for _ in range(5):
            silent(daemon, 30, stack)
            assert client.get("/api/status").status_code == 200
            assert any("status" in json.loads(listener.recv(LONG)) for _ in range(3))  # file jobs are told of, too


def test_listeners_without_a_token_make_room(launch: Launch) -> None:
    daemon = launch(env={"MUMMER_SERVE_MAX_CONNECTIONS": "30"})
    address = f"{daemon.url.replace('http', 'ws')}/api/events"
    with ExitStack() as stack:
        first = stack.enter_context(connect(address))
        for _ in range(25):
            stack.enter_context(connect(address))
        with pytest.raises(ConnectionClosed, match="token"):
            first.recv(1)
        mine = stack.enter_context(connect(address))
        mine.send(json.dumps({"token": daemon.token}))
        assert json.loads(mine.recv(LONG))["status"]["state"] == "idle"


def test_many_listeners_are_told_the_same(lasting: Daemon) -> None:
    address = f"{lasting.url.replace('http', 'ws')}/api/events"
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(address)) for _ in range(60)]
        for each in sockets:
            each.send(json.dumps({"token": lasting.token}))
        told = [each.recv(LONG) for each in sockets]
    assert all(json.loads(each)["status"]["state"] == "idle" for each in told)


def test_who_never_answers_a_ping_has_gone() -> None:
    """The server closes such a connection whenever it likes, and refuses what is sent after that."""
    session, jobs = Session(), JobQueue(1)
    hello = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": '{"token": "mine"}'}]

    async def receive() -> Message:
        return hello.pop(0) if hello else await asyncio.Event().wait() or {}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.send":
            raise RuntimeError("Unexpected ASGI message 'websocket.send', after sending 'websocket.close'.")

    async def serve() -> None:
        socket = WebSocket({"type": "websocket"}, receive, send)
        await socket.accept()
        await Feed(session, Audience(session, 1), "mine", jobs).serve(socket)

    with pytest.raises(WebSocketDisconnect):
        asyncio.run(serve())


def test_a_line_that_comes_over_and_over_is_logged_at_a_bounded_rate() -> None:
    now = 0.0
    limit = RateLimit(lambda: now)

    def record(line: int) -> logging.LogRecord:
        return logging.LogRecord("realtime", logging.WARNING, "module.py", line, "again %d", (line,), None)

    assert sum(limit.filter(record(1)) for _ in range(10_000)) == MOST
    assert limit.filter(record(2)), "others are not held back"
    now = PERIOD
    later = record(1)
    assert limit.filter(later)
    assert vars(later)["left_out"] == 10_000 - MOST
