"""The OpenAPI document says what is true: a client that knows nothing else is held against the daemon by it.

``MUMMER_EXAMPLES`` is the number of requests an operation, of each sort; few by default, 50 for a thorough look.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, checks
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    ignored_auth,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from realtime.serve.app import build_app
from realtime.serve.jobs.queue import JobQueue
from realtime.serve.jobs.uploads import Uploads
from realtime.serve.session import Session
from realtime.serve.settings import ServeSettings
from realtime.serve.webrtc import Browser
from tests.realtime.serve.conftest import Daemon, Launch
from tests.realtime.serve.test_api import until

ROOT = Path(__file__).parents[3]
EXAMPLES = int(os.environ.get("MUMMER_EXAMPLES", "6"))
CHECKS: list[CheckFunction] = [
    checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    ignored_auth,
    unsupported_method,
]
OPERATIONS = [
    "GET /api/status", "POST /api/session", "PATCH /api/session", "DELETE /api/session", "GET /metrics",
    "POST /api/session/rest",
    "GET /api/choices", "GET /api/models", "GET /api/models/{name}/picture", "GET /api/devices", "GET /api/preview",
    "POST /api/browser", "DELETE /api/browser", "GET /healthz", "GET /readyz", "POST /api/session/rest",
    "POST /api/jobs", "GET /api/jobs", "GET /api/jobs/{number}", "DELETE /api/jobs/{number}",
    "GET /api/jobs/{number}/result", "GET /api/jobs/{number}/manifest", "POST /api/jobs/{number}/resume",
    "POST /api/uploads",
]  # fmt: skip
#: Those with something in them to get wrong.
TAKING = [
    "POST /api/session", "PATCH /api/session", "GET /api/preview", "POST /api/browser", "POST /api/jobs",
    "POST /api/uploads",
]  # fmt: skip


@pytest.fixture(scope="module")
def described(launch: Launch) -> Iterator[tuple[Daemon, Any, requests.Session]]:
    daemon = launch()
    document = httpx.get(f"{daemon.url}/openapi.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.update(base_url=daemon.url)
    with requests.Session() as session:
        session.headers["x-mummer-token"] = daemon.token
        yield daemon, schema, session


def test_every_operation_is_asked(described: tuple[Daemon, Any, requests.Session]) -> None:
    paths = described[1].raw_schema["paths"]
    assert {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods} == set(OPERATIONS)


@pytest.mark.parametrize(
    ("operation", "mode"),
    [(each, GenerationMode.POSITIVE) for each in OPERATIONS] + [(each, GenerationMode.NEGATIVE) for each in TAKING],
)
def test_an_operation_answers_as_it_is_described(
    described: tuple[Daemon, Any, requests.Session], operation: str, mode: GenerationMode
) -> None:
    daemon, schema, session = described
    method, _, path = operation.partition(" ")
    asked = schema[path][method]

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
    )
    @given(case=asked.as_strategy(generation_mode=mode))
    def ask(case: Any) -> None:
        case.call_and_validate(session=session, headers={"x-mummer-token": daemon.token}, checks=CHECKS, timeout=60)

    ask()
    assert daemon.process.poll() is None


def test_refusals_have_one_shape(daemon: Daemon) -> None:
    js = {"content-type": "application/json"}
    with daemon.client() as client, httpx.Client(base_url=daemon.url) as stranger:
        answers = {
            400: client.post("/api/session", content=b"\xff", headers=js),
            401: stranger.delete("/api/session"),
            403: client.get("/api/status", headers={"host": "elsewhere"}),
            404: client.get("/api/nothing"),
            405: client.put("/api/session", json={}),
            409: client.patch("/api/session", json={"sharpen": 1}),
            413: client.post("/api/session", content="x" * 70_000, headers=js),
            415: client.post("/api/session", content="x"),
            422: client.post("/api/session", content=b"{", headers=js),
        }
        for status, answer in answers.items():
            assert answer.status_code == status
            assert answer.headers["content-type"] == "application/json"
            assert list(answer.json()) == ["error"] and "\n" not in answer.json()["error"], answer.text
        assert answers[405].headers["allow"] == "DELETE, PATCH, POST"
        assert client.get("/panel/nothing.js").json()["error"].startswith("/panel/nothing.js")


def test_a_bug_of_our_own_has_the_shape_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = Session()
    monkeypatch.setattr(session, "status", lambda: 1 // 0)
    settings = ServeSettings(token_file=tmp_path / "token")
    app = build_app(session, Browser(), settings, "0123456789abcdef", JobQueue(1), Uploads(tmp_path, 0))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:7860") as client:
            return await client.get("/api/status")

    answer = asyncio.run(ask())
    assert (answer.status_code, list(answer.json())) == (500, ["error"])


@pytest.mark.parametrize(
    "changes",
    [{"size": [0, 0]}, {"size": [10**9, 10**9]}, {"size": [640]}, {"size": "640"}, {"camera": "9" * 5000},
     {"camera": "camera:"}, {"camera": "test:x"}, {"camera": "missing.mp4"}, {"fps": 0}],
)  # fmt: skip
def test_what_makes_no_sense_starts_nothing(daemon: Daemon, changes: dict[str, object]) -> None:
    if changes.get("camera") == "missing.mp4":
        changes = {"camera": str(daemon.folder / "missing.mp4")}
    with daemon.client() as client:
        answer = daemon.start(client, **changes)
        assert answer.status_code in (400, 409, 422), answer.text
        assert client.get("/api/status").json()["state"] == "idle"


def test_a_watcher_asks_under_any_name(daemon: Daemon) -> None:
    for path in ("/healthz", "/readyz"):
        answer = httpx.get(f"{daemon.url}{path}", headers={"host": "10.1.2.3:80"})
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here (Debian: apt install prometheus)")
def test_prometheus_likes_the_metrics(daemon: Daemon, tmp_path: Path) -> None:
    with daemon.client() as client:
        daemon.start(client)
        until(client, lambda engine: int(str(engine["frames_out"])) > 10)
        text = client.get("/metrics").text
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert 'mummer_latency_seconds_bucket{le="+Inf"}' in text


def test_the_dashboard_asks_for_metrics_that_there_are(daemon: Daemon) -> None:
    with daemon.client() as client:
        daemon.start(client)
        until(client, lambda engine: int(str(engine["frames_out"])) > 5)
        there = set(re.findall(r"^(mummer_\w+)", client.get("/metrics").text, re.MULTILINE))
    panels = json.loads((ROOT / "docs" / "grafana.json").read_text())["panels"]
    asked = {name for panel in panels for each in panel["targets"] for name in re.findall(r"mummer_\w+", each["expr"])}
    assert len(asked) > 10 and asked <= there
