"""The daemon over its API: everything a session can be asked, and everything that is refused."""

import json
import os
import stat
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import av
import cv2
import httpx
import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from realtime.live.sources.portrait import Portrait, Pose
from realtime.masks.materials import MATERIALS
from realtime.runtime.errors import InputError, MummerError, UsageError
from realtime.serve.settings import read_settings
from realtime.serve.token import read_token
from realtime.swap.consent import Consent, Identity
from tests.realtime.forked import run
from tests.realtime.serve.conftest import Daemon, Launch


def until(client: httpx.Client, holds: Callable[[dict[str, object]], bool], seconds: float = 60) -> dict[str, object]:
    """The first engine status for which ``holds`` is true."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        engine = client.get("/api/status").json()["engine"]
        if engine is not None and holds(engine):
            return dict(engine)
        time.sleep(0.1)
    pytest.fail(f"never: {client.get('/api/status').text}")


def test_a_session_from_start_to_stop(daemon: Daemon) -> None:
    with daemon.client() as client:
        assert client.get("/api/status").json()["state"] == "idle"
        assert client.patch("/api/session", json={"sharpen": 1}).json()["error"].startswith("no session runs")
        assert daemon.start(client).status_code == 201
        assert "runs already" in daemon.start(client).json()["error"]
        until(client, lambda engine: int(str(engine["swapped"])) >= 10)

        preview = client.get("/api/preview", params={"width": 320})
        both = cv2.imdecode(np.frombuffer(preview.content, np.uint8), cv2.IMREAD_COLOR)
        assert both is not None and both.shape == (180, 640, 3)
        assert cv2.absdiff(both[:, :320], both[:, 320:]).max() > 60, "before and after look the same"

        longer = client.patch("/api/session", json={"label": "x" * 3000})
        assert (longer.status_code, longer.json()["error"]) == (422, "label: is 3,000 characters long; give at most 80")
        changed = client.patch("/api/session", json={"sharpen": 0.2, "blend": "soft", "label_place": "top-left"})
        assert changed.status_code == 200
        engine = until(client, lambda engine: engine["look"]["sharpen"] == 0.2)  # type: ignore[index]
        assert engine["look"]["label_place"] == "top-left"  # type: ignore[index]

        record = daemon.folder / "record.mkv"
        assert client.patch("/api/session", json={"add_sinks": [str(record)]}).status_code == 200
        model = str(daemon.folder / "negative.onnx")
        assert client.patch("/api/session", json={"model": model}).status_code == 200
        until(client, lambda engine: engine["model"]["name"] == "negative")  # type: ignore[index]
        until(client, lambda engine: all(sink["frames"] > 25 for sink in engine["sinks"]))  # type: ignore[attr-defined]
        stopped = client.delete("/api/session").json()
        assert stopped["state"] == "idle"
        assert stopped["problem"] is None
    with av.open(str(record)) as file:
        assert sum(1 for _ in file.decode(video=0)) > 20


def photographed(folder: Path) -> tuple[str, str]:
    """A photograph in ``folder``, and whose it is."""
    picture, consent = folder / "photo.png", folder / "consent.json"
    cv2.imwrite(str(picture), cv2.cvtColor(Portrait(240, 300).draw(Pose()), cv2.COLOR_RGB2BGR))
    record = Consent(by="A", date="2026-01-01", scope="tests", statement="I agree.")  # type: ignore[arg-type]
    consent.write_text(Identity(id="drawn", name="Drawn", kind="synthetic", consent=record).model_dump_json())
    return str(picture), str(consent)


def test_a_photo_moves_in_place_of_the_camera(daemon: Daemon) -> None:
    picture, consent = photographed(daemon.folder)
    with daemon.client() as client:
        assert client.post("/api/session/rest").status_code == 409
        assert "out of bounds" in daemon.start(client, puppet="/etc/passwd").json()["error"]
        assert daemon.start(client, puppet=picture, consent=consent).status_code == 201
        until(client, lambda engine: bool(engine["puppet"] and engine["puppet"]["rested"]))  # type: ignore[index]
        assert client.post("/api/session/rest").status_code == 200
        assert client.patch("/api/session", json={"puppet": None}).status_code == 200
        until(client, lambda engine: engine["puppet"] is None)
        assert client.patch("/api/session", json={"puppet": picture}).status_code == 200
        until(client, lambda engine: bool(engine["puppet"]))
        client.delete("/api/session")


def test_changes_that_come_before_the_next_frame_are_all_made(daemon: Daemon) -> None:
    """At a frame a second, all of them are asked for before the first takes effect."""
    changes: tuple[dict[str, object], ...] = (
        {"label": "ONE"}, {"label_place": "top-left"}, {"mirror": True}, {"color": "mean"}
    )  # fmt: skip
    with daemon.client() as client:
        assert daemon.start(client, fps=1).status_code == 201
        before = until(client, lambda engine: int(str(engine["frames_out"])) >= 1)["look"]
        with ThreadPoolExecutor() as pool:
            answers = list(pool.map(lambda change: client.patch("/api/session", json=change), changes))
        assert [answer.status_code for answer in answers] == [200] * 4
        asked = before | {name: value for change in changes for name, value in change.items()}  # type: ignore[operator]
        waiting = client.get("/api/status").json()["engine"]
        assert (waiting["asked"] or waiting["look"]) == asked
        assert until(client, lambda engine: engine["asked"] is None)["look"] == asked
        client.patch("/api/session", json={"label_place": "bottom-right"})
        assert until(client, lambda engine: engine["asked"] is None)["look"] == asked | {"label_place": "bottom-right"}


def test_what_is_chosen_while_a_model_loads_is_meant_for_that_model(daemon: Daemon) -> None:
    photo, consent = photographed(daemon.folder)
    model = str(daemon.folder / "negative.onnx")
    with daemon.client() as client:
        assert daemon.start(client, model=model).status_code == 201
        for change in ({"model": "bronze", "photo": photo, "consent": consent}, {"shape": 0.3}, {"morph": 0.5}):
            answer = client.patch("/api/session", json=change)
            assert answer.status_code == 200, answer.text
            assert answer.json()["engine"]["model"]["loading"] == "bronze", client.get("/api/status").text
        now = until(client, lambda engine: engine["model"]["loading"] is None, 60)["model"]  # type: ignore[index]
        assert (now["name"], now["identity"], now["morph"]) == ("photo", "drawn", 0.5)  # type: ignore[index]
        client.patch("/api/session", json={"shape": 0.1})  # drawn anew, it is still that photograph
        until(client, lambda engine: engine["model"]["loading"] is None, 60)  # type: ignore[index]
        assert until(client, lambda engine: True)["model"] == now
        client.patch("/api/session", json={"model": model})
        until(client, lambda engine: engine["model"]["name"] == "negative", 60)  # type: ignore[index]


def test_a_second_session_after_the_first(daemon: Daemon) -> None:
    with daemon.client() as client:
        for _ in range(2):
            assert daemon.start(client).status_code == 201
            until(client, lambda engine: int(str(engine["frames_out"])) > 5)
            assert client.delete("/api/session").json()["state"] == "idle"


def test_metrics_say_what_the_status_says(daemon: Daemon) -> None:
    with daemon.client() as client:
        assert "mummer_session_running 0.0" in client.get("/metrics").text
        daemon.start(client)
        until(client, lambda engine: int(str(engine["frames_out"])) > 30)
        lines = dict(line.rsplit(" ", 1) for line in client.get("/metrics").text.splitlines() if line[0] != "#")
        assert lines["mummer_session_running"] == "1.0"
        assert float(lines["mummer_frames_out_total"]) > 30
        assert float(lines['mummer_latency_seconds_bucket{le="+Inf"}']) > 0
        assert float(lines['mummer_sink_frames_total{sink="null:"}']) > 0


def test_events_over_a_websocket(daemon: Daemon) -> None:
    with (
        connect(f"{daemon.url.replace('http', 'ws')}/api/events", origin=daemon.url) as socket,  # type: ignore[arg-type]
        daemon.client() as client,
    ):
        socket.send(json.dumps({"token": daemon.token}))
        assert json.loads(socket.recv(5))["status"]["state"] == "idle"
        daemon.start(client)
        until(client, lambda engine: int(str(engine["frames_out"])) > 5)
        client.patch("/api/session", json={"camera": str(daemon.folder / "gone.mp4")})
        said = []
        while not any("gone.mp4" in each["event"]["text"] for each in said if "event" in each):
            said.append(json.loads(socket.recv(5)))
            assert len(said) < 200, "it is told of in the end, however long it takes to get there"
    assert any(each["status"]["state"] == "running" for each in said if "status" in each)


@pytest.mark.parametrize("first", ['{"token": "wrong"}', "no json", "{}", b"\x00"])
def test_events_want_the_token_first(daemon: Daemon, first: str | bytes) -> None:
    with connect(f"{daemon.url.replace('http', 'ws')}/api/events") as socket:
        socket.send(first)
        with pytest.raises(ConnectionClosed, match="token"):
            socket.recv(8)


def test_events_are_not_for_other_sites(daemon: Daemon) -> None:
    with (
        pytest.raises(InvalidStatus),
        connect(
            f"{daemon.url.replace('http', 'ws')}/api/events",
            origin="http://evil.example",  # type: ignore[arg-type]
        ),
    ):
        pass


def test_what_is_refused_before_any_route(daemon: Daemon) -> None:
    body = json.dumps({"camera": "test:"})
    js = {"content-type": "application/json"}
    with httpx.Client(base_url=daemon.url) as stranger, daemon.client() as client:
        assert stranger.post("/api/session", content=body, headers=js).status_code == 401
        assert stranger.post("/api/session", content=body, headers=js | {"x-mummer-token": "x"}).status_code == 401
        assert stranger.delete("/api/session").status_code == 401
        assert stranger.get("/api/preview").status_code == 401, "the camera's picture needs the token"
        assert client.post("/api/session", content=body, headers={"content-type": "text/plain"}).status_code == 415
        assert client.post("/api/session", data={"camera": "test:"}).status_code == 415
        assert client.post("/api/session", content="x" * 70_000, headers=js).status_code == 413
        chunks = (b"x" * 10_000 for _ in range(10))  # a body that does not say how long it is
        assert client.post("/api/session", content=chunks, headers=js).status_code in (400, 413, 422)
        for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}, {"origin": "null"}):
            assert client.get("/api/status", headers=headers).status_code == 403, headers
        for method in ("GET", "HEAD"):  # nothing changes by looking
            for path in ("/api/session", "/api/browser"):
                assert client.request(method, path).status_code == 405
        assert client.get("/api/status").json()["state"] == "idle"


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        ({"camera": "/etc/passwd"}, 409, "out of bounds"),
        ({"sinks": ["/tmp/out.mp4"]}, 409, "out of bounds"),  # noqa: S108
        ({"model": "/etc/hostname"}, 409, "out of bounds"),
        ({"map": {"left": "/etc/hostname"}}, 409, "out of bounds"),
        ({"camera": ""}, 422, "camera"),
        ({"sharpen": 2}, 422, "sharpen"),
        ({"bogus": 1}, 422, "bogus"),
        ({"blend": "cubist"}, 409, "blend"),
        ({"label": "  "}, 409, "label"),
        ({"label": "x" * 3000}, 422, "label: is 3,000 characters long; give at most 80"),
        ({"detector": "nobody"}, 400, "detector"),
    ],
)
def test_requests_that_make_no_sense(daemon: Daemon, changes: dict[str, object], status: int, words: str) -> None:
    with daemon.client() as client:
        answer = daemon.start(client, **changes)
        assert (answer.status_code, words in answer.json()["error"]) == (status, True), answer.text
        assert "\n" not in answer.json()["error"]
        assert client.get("/api/status").json()["state"] == "idle"


def test_a_link_does_not_lead_out_of_the_root(daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "outside.mp4").write_bytes((daemon.folder / "sample.mp4").read_bytes())
    link = daemon.folder / "link.mp4"
    link.unlink(missing_ok=True)
    link.symlink_to(tmp_path / "outside.mp4")
    with daemon.client() as client:
        for camera in (str(link), str(daemon.folder / ".." / "x" / ".." / ".." / "etc" / "passwd")):
            assert "out of bounds" in daemon.start(client, camera=camera).json()["error"]


def test_a_camera_that_is_not_there_ends_the_session_with_its_words(daemon: Daemon) -> None:
    with daemon.client() as client:
        (daemon.folder / "letter.mp4").write_text("no video")
        assert daemon.start(client, camera=str(daemon.folder / "letter.mp4")).status_code == 201
        ends = time.monotonic() + 10
        while (status := client.get("/api/status").json())["state"] != "idle" and time.monotonic() < ends:
            time.sleep(0.1)
        assert status["state"] == "idle"
        assert "letter.mp4" in status["problem"]


def test_models_choices_devices_and_the_description(daemon: Daemon) -> None:
    with daemon.client() as client:
        assert [model["name"] for model in client.get("/api/models").json()] == sorted(["bronze", *MATERIALS]) + [
            "negative"
        ]
        assert not any(model["problem"] for model in client.get("/api/models").json() if model["name"] in MATERIALS)
        picture = client.get("/api/models/bronze/picture")
        decoded = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR)
        assert decoded is not None and decoded.shape[0] == decoded.shape[1] >= 128
        assert client.get("/api/models/..%2f..%2fpyproject/picture").status_code in (400, 404)
        assert client.get("/api/choices").json()["label_place"] == [
            "top-left", "top-right", "bottom-left", "bottom-right",
        ]  # fmt: skip
        assert set(client.get("/api/devices").json()) >= {"cameras", "virtual_cameras", "microphones"}
        paths = client.get("/openapi.json").json()["paths"]
        assert {"get", "post", "patch", "delete"} > set(paths["/api/session"]) >= {"post", "patch", "delete"}
        panel = client.get("/")
        assert "script-src" not in panel.text and "default-src 'self'" in panel.headers["content-security-policy"]


def test_sigterm_ends_the_session_and_its_file(launch: Launch) -> None:
    daemon = launch()
    record = daemon.folder / "ended.mp4"
    record.unlink(missing_ok=True)
    with daemon.client() as client:
        daemon.start(client, sinks=[str(record)])
        status: Any = until(client, lambda engine: engine["sinks"][0]["frames"] > 5)  # type: ignore[index]
    daemon.process.terminate()
    assert daemon.process.wait(60) == 0
    with av.open(str(record)) as file:
        assert sum(1 for _ in file.decode(video=0)) >= status["sinks"][0]["frames"]


def test_a_session_out_of_the_configuration(launch: Launch, media: Path, tmp_path: Path) -> None:
    config = tmp_path / "mummer.toml"
    config.write_text(f'[start]\ncamera = "{media / "sample.mp4"}"\nloop = true\nsharpen = 0.1\n')
    daemon = launch("--config", str(config))
    with daemon.client() as client:
        assert until(client, lambda engine: int(str(engine["frames_out"])) > 5)["look"]["sharpen"] == 0.1  # type: ignore[index]


def test_the_token_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "token"
    token = read_token(path)
    assert len(token) > 30 and read_token(path) == token
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o644)
    with pytest.raises(InputError, match="chmod 600"):
        read_token(path)
    path.chmod(0o600)
    path.write_text("short\n")
    with pytest.raises(InputError, match="holds no token"):
        read_token(path)


def test_the_command_line_wins_over_the_environment_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "mummer.toml"
    file.write_text('host = "127.0.0.2"\nport = 1001\nmax_body = 2048\n')
    monkeypatch.setenv("MUMMER_SERVE_PORT", "1002")
    monkeypatch.setenv("MUMMER_SERVE_HOST", "127.0.0.3")
    settings = read_settings(file, host="127.0.0.4", port=None)
    assert (settings.host, settings.port, settings.max_body) == ("127.0.0.4", 1002, 2048)
    assert read_settings(None).max_body == 65536


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MUMMER_SERVE_PROT", r"there is no setting MUMMER_SERVE_PROT; do you mean MUMMER_SERVE_PORT\?"),
        ("mummer_serve_xyzzy", "there is no setting mummer_serve_xyzzy$"),
    ],
)
def test_a_variable_that_is_no_setting(monkeypatch: pytest.MonkeyPatch, name: str, words: str) -> None:
    monkeypatch.setenv("MUMMER_SERVE_START__CAMERA", "test:")  # a part of one
    assert read_settings(None).start == {"camera": "test:"}
    monkeypatch.setenv(name, "1")
    with pytest.raises(UsageError, match=words):
        read_settings(None)


@pytest.mark.parametrize(
    ("text", "words"),
    [("prot = 1\n", "prot"), ("port = 0\n", "port"), ("port = [\n", "mummer.toml"), ("roots = 3\n", "roots")],
)
def test_configurations_that_make_no_sense(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "mummer.toml"
    file.write_text(text)
    with pytest.raises(UsageError, match=words):
        read_settings(file)
    with pytest.raises(MummerError, match="no such file"):
        read_settings(tmp_path / "missing.toml")


def test_a_port_that_is_taken(daemon: Daemon, tmp_path: Path) -> None:
    port = daemon.url.rpartition(":")[2]
    done = run(["serve", "--port", port], env=os.environ | {"MUMMER_HOME": str(tmp_path / "other")})
    assert done.returncode == 1
    assert "cannot listen there" in done.stderr and done.stderr.count("\n") == 1


def test_nobody_reads_a_stream_key_without_the_token_or_with_it(daemon: Daemon) -> None:
    """Two sinks that look alike, a camera, and what is refused: in status, metrics, events and answers."""
    secrets = ("Benutzer7", "Geheim-1", "Schluessel9", "T0ken5")
    sinks = [f"rtmp://Benutzer7:Geheim-1@127.0.0.1:1/live/Schluessel9{end}?token=T0ken5" for end in ("a", "b")]
    with (
        daemon.client() as client,
        httpx.Client(base_url=daemon.url) as stranger,
        connect(f"{daemon.url.replace('http', 'ws')}/api/events") as socket,
    ):
        socket.send(json.dumps({"token": daemon.token}))
        said = [daemon.start(client, sinks=sinks, patient=True).text]
        until(client, lambda engine: all(sink["problem"] for sink in engine["sinks"]))  # type: ignore[attr-defined]
        said += [stranger.get("/api/status").text, stranger.get("/metrics").text]
        names = [sink["address"] for sink in client.get("/api/status").json()["engine"]["sinks"]]
        assert names == ["rtmp://***@127.0.0.1:1/live/***?token=***", "rtmp://***@127.0.0.1:1/live/***?token=*** (2)"]
        assert f'mummer_sink_connected{{sink="{names[1]}"}} 0.0' in said[-1]
        for change in (
            {"remove_sinks": ["rtmp://x/Schluessel9"]},
            {"add_sinks": ["rtmp:?Schluessel9"]},
            {"add_sinks": ["rtmp://elsewhere/***"]},
            {"camera": "Schluessel9://Benutzer7:Geheim-1@x/T0ken5"},
            {"camera": 3},
        ):
            refused = client.patch("/api/session", json=change)
            assert refused.status_code in (409, 422), refused.text
            said.append(refused.text.replace("schluessel9://", "").replace("Schluessel9://", ""))
        assert client.patch("/api/session", json={"camera": sinks[0].replace("rtmp", "rtsp")}).status_code == 200
        until(client, lambda engine: engine["source"]["problem"] is not None)  # type: ignore[index]
        said.append(client.get("/api/status").text)
        removed = client.patch("/api/session", json={"remove_sinks": [names[0]]}).json()
        assert [sink["address"] for sink in removed["engine"]["sinks"]] == names[1:]
        client.delete("/api/session")
        # Whoever was told a name may go on with it: the panel knows no more.
        again = daemon.start(client, sinks=names[1:], patient=True).json()
        assert [sink["address"] for sink in again["engine"]["sinks"]] == names[1:]
        said += [client.delete("/api/session").text, *(str(socket.recv(5)) for _ in range(12))]
    assert any("refused" in text for text in said)
    for secret in secrets:
        assert not any(secret.lower() in text.lower() for text in said), secret


def test_the_log_is_json_where_that_is_asked_for_and_has_no_secret(launch: Launch, tmp_path: Path) -> None:
    config = tmp_path / "mummer.toml"
    config.write_text('log_level = "info"\n')
    daemon = launch("--config", str(config), "--log-json")
    with daemon.client() as client:
        daemon.start(
            client, sinks=["rtmp://Benutzer7:Geheim-1@127.0.0.1:1/live/Schluessel9?token=T0ken5"], patient=True
        )
        assert daemon.complaints is not None
        complaints = daemon.complaints
        until(client, lambda _: "connection refused" in complaints.read_text())
        client.delete("/api/session")
    text = complaints.read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    assert any("connection refused" in line["message"] and line["topic"] == "sink" for line in lines if "topic" in line)
    assert any(line["logger"] == "uvicorn.access" and "/api/session" in line["message"] for line in lines)
    for secret in ("Benutzer7", "Geheim-1", "Schluessel9", "T0ken5", daemon.token):
        assert secret.lower() not in text.lower()
