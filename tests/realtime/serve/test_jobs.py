"""File jobs over the API: from the upload to the result, one after the other, and the session beside them lives on."""

import json
import os
import signal
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import httpx
import pytest
import websockets.sync.client

from realtime.marking.provenance.verify import verify
from realtime.serve.jobs.job import JobRequest
from realtime.serve.jobs.queue import JobQueue
from realtime.settings import Conversion
from tests.realtime.clips import talking
from tests.realtime.serve.conftest import Daemon, Launch
from tests.realtime.serve.test_api import until

OCTETS = {"content-type": "application/octet-stream"}


LONG = 160


@pytest.fixture(scope="module")
def long(media: Path) -> Path:
    """A clip of ``LONG`` pictures, which takes a while."""
    clip, path = talking((320, 240), 40 / 25, 25), media / "long.mp4"
    with av.open(str(path), "w") as out:
        video = None
        for round_ in range(LONG // 40):
            with av.open(str(clip)) as source:
                video = video or out.add_stream_from_template(source.streams.video[0], opaque=True)
                for packet in source.demux(video=0):
                    if packet.dts is not None and packet.pts is not None and packet.time_base is not None:
                        later = int(round_ * Fraction(40, 25) / packet.time_base)
                        packet.pts, packet.dts, packet.stream = packet.pts + later, packet.dts + later, video
                        out.mux(packet)
    return path


@pytest.fixture(scope="module")
def strict(launch: Launch, tmp_path_factory: pytest.TempPathFactory) -> tuple[Daemon, Path]:
    """A daemon that takes two jobs and small files only, and where its uploads lie; another one left some there."""
    folder = tmp_path_factory.mktemp("sent")
    (folder / "mine").mkdir()
    (folder / "mummer-uploads-old").mkdir()
    (folder / "mummer-uploads-old" / "lock").touch()
    limits = {"MUMMER_SERVE_MAX_JOBS": "2", "MUMMER_SERVE_MAX_UPLOAD": "1000", "MUMMER_SERVE_UPLOADS": str(folder)}
    return launch(env=limits), folder


def ends(client: httpx.Client, number: str, holds: Callable[[dict[str, Any]], bool] | None = None) -> dict[str, Any]:
    """The job, once it has ended, or something ``holds`` of it."""
    stop = time.monotonic() + 180
    while True:
        job: dict[str, Any] = client.get(f"/api/jobs/{number}").json()
        if holds(job) if holds else job["state"] not in ("waiting", "running"):
            return job
        assert time.monotonic() < stop, job
        time.sleep(0.1)


def test_from_the_upload_to_the_result(daemon: Daemon, tmp_path: Path) -> None:
    with daemon.client() as client:
        sent = client.post(
            "/api/uploads", params={"name": "my clip.mkv"}, content=_as_mkv(daemon.folder, tmp_path), headers=OCTETS
        )
        assert sent.status_code == 201, sent.text
        body = {"input": sent.json()["path"], "model": "negative", "label": "A JOB"}
        with websockets.sync.client.connect(f"ws{daemon.url[4:]}/api/events") as socket:
            socket.send(json.dumps({"token": daemon.token}))
            asked = client.post("/api/jobs", json=body)
            assert asked.status_code == 201, asked.text
            number = asked.json()["id"]
            job = ends(client, number)
            assert (job["state"], job["problem"], job["swapped"], job["frames"]) == ("done", None, 60, 60)
            told = [json.loads(socket.recv(5)) for _ in range(3)]
            while not any(each.get("jobs") and each["jobs"][0]["state"] == "done" for each in told):
                told.append(json.loads(socket.recv(5)))
        got = client.get(f"/api/jobs/{number}/result")
        assert "my%20clip-negative.mkv" in got.headers["content-disposition"]
        (tmp_path / "got.mkv").write_bytes(got.content)
        (tmp_path / "got.mkv.c2pa").write_bytes(client.get(f"/api/jobs/{number}/manifest").content)
        assert (job["size"], job["manifest"]) == (len(got.content), True)
        assert verify(tmp_path / "got.mkv").signature.state == "valid"
        # Taken off the list, nothing of it is left.
        upload = Path(body["input"])
        assert upload.is_file()
        assert client.delete(f"/api/jobs/{number}").json()["state"] == "done"
        assert client.get(f"/api/jobs/{number}").status_code == 404
        assert not upload.parent.exists()


def test_the_list_outlives_the_daemon_and_what_was_interrupted_goes_on(launch: Launch, long: Path, media: Path) -> None:
    first = launch()
    with first.client() as client:
        body = {"input": str(media / "sample.mp4"), "output": str(media / "short.mp4"), "model": "negative"}
        done = client.post("/api/jobs", json=body).json()["id"]
        assert ends(client, done)["state"] == "done"
        body = {"input": str(long), "output": str(media / "went-on.mp4"), "model": "negative"}
        number = client.post("/api/jobs", json=body).json()["id"]
        ends(client, number, lambda job: job["frames"] > 0)
    first.process.terminate()
    assert first.process.wait(60) == 0
    second = launch("--port", first.url.rpartition(":")[2])
    with second.client() as client:
        assert [(job["id"], job["state"]) for job in client.get("/api/jobs").json()] == [
            (number, "interrupted"),
            (done, "done"),
        ]
        assert client.post(f"/api/jobs/{done}/resume").status_code == 409
        assert client.post("/api/jobs/none/resume").status_code == 404
        resumed = client.post(f"/api/jobs/{number}/resume")
        assert (resumed.status_code, resumed.json()["state"]) == (200, "waiting"), resumed.text
        job = ends(client, number)
        assert (job["state"], job["frames"]) == ("done", LONG)
        client.delete(f"/api/jobs/{done}")
    second.process.kill()
    second.process.wait(60)
    with launch("--port", first.url.rpartition(":")[2]).client() as client:
        assert [(job["id"], job["state"]) for job in client.get("/api/jobs").json()] == [(number, "done")]


def _as_mkv(folder: Path, scratch: Path) -> bytes:
    with av.open(str(folder / "sample.mp4")) as one, av.open(str(scratch / "in.mkv"), "w") as two:
        (video,) = one.streams.video
        copy = two.add_stream_from_template(video)
        for packet in one.demux(video):
            if packet.dts is not None:
                packet.stream = copy
                two.mux(packet)
    return (scratch / "in.mkv").read_bytes()


def test_one_runs_at_a_time_and_any_may_be_cancelled(strict: tuple[Daemon, Path], long: Path) -> None:
    daemon, _ = strict
    with daemon.client() as client:

        def ask(name: str) -> httpx.Response:
            return client.post("/api/jobs", json={"input": str(long), "output": str(daemon.folder / name)})

        first, second = ask("one.mp4").json()["id"], ask("two.mp4").json()["id"]
        assert "another job will write it" in ask("two.mp4").text or "wait already" in ask("two.mp4").text
        assert (ask("three.mp4").status_code, "2 jobs wait already" in ask("three.mp4").text) == (409, True)
        ends(client, first, lambda job: job["frames"] > 5)
        assert client.get(f"/api/jobs/{second}").json()["state"] == "waiting"
        assert client.delete(f"/api/jobs/{second}").json()["state"] == "cancelled"
        assert client.delete(f"/api/jobs/{first}").json()["state"] == "cancelled"
        assert not (daemon.folder / "one.mp4").exists()
        states = {each["id"]: each["state"] for each in client.get("/api/jobs").json()}
        assert states == {first: "cancelled", second: "cancelled"}
        assert client.get(f"/api/jobs/{first}/result").status_code == 409


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads the processes from /proc")
def test_a_job_that_dies_hurts_nobody(daemon: Daemon, long: Path) -> None:
    """The session goes on, the job says what happened, and the next one runs; and it had stood back behind both."""
    with daemon.client() as client:
        daemon.start(client)
        asked = client.post("/api/jobs", json={"input": str(long), "output": str(daemon.folder / "dies.mp4")})
        number = asked.json()["id"]
        ends(client, number, lambda job: job["frames"] > 0)
        (child,) = _children(daemon.process.pid)
        assert os.getpriority(os.PRIO_PROCESS, child) == min(os.getpriority(os.PRIO_PROCESS, 0) + 10, 19)
        os.kill(child, signal.SIGSEGV)
        job = ends(client, number)
        assert job["state"] == "failed" and "ended by signal 11" in job["problem"]
        seen = client.get("/api/status").json()["engine"]["frames_out"]
        until(client, lambda engine: int(str(engine["frames_out"])) > seen + 5)
        again = client.post(
            "/api/jobs",
            json={"input": str(daemon.folder / "sample.mp4"), "output": str(daemon.folder / "next.mp4")},
        )
        assert ends(client, again.json()["id"])["state"] == "done"


def _children(parent: int) -> list[int]:
    """The processes of jobs that ``parent`` has started."""
    found = []
    for page in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = page.read_text().rsplit(")", 1)[1].split()
            words = (page.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(fields[1]) == parent and b"serve.jobs.process" in words:
            found.append(int(page.parent.name))
    return found


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"input": "/etc/passwd", "output": "/nowhere/x.mp4"}, 409, "out of bounds"),
        ({"input": "{media}/sample.mp4", "output": "/nowhere/x.mp4"}, 409, "out of bounds"),
        ({"input": "{media}/sample.mp4", "output": "{media}/../x.mp4"}, 409, "out of bounds"),
        ({"input": "{media}/sample.mp4", "output": "{media}/x.mp4", "model": "/nowhere/m.onnx"}, 409, "out of bounds"),
        ({"input": "{media}/sample.mp4", "output": "{media}/x.mp4", "photo": "/nowhere/b.jpg"}, 409, "out of bounds"),
        ({"input": "{media}/sample.mp4", "output": "{media}/x.mp4", "map": "all=/nowhere/m"}, 409, "out of bounds"),
        (
            {"input": "{media}/sample.mp4", "output": "{media}/x.mp4", "alignments": "/nowhere/b.jsonl"},
            409,
            "out of bounds",
        ),
        ({"input": "{media}/sample.mp4"}, 409, "name the file to write"),
        ({"input": "{media}/none.mp4", "output": "{media}/x.mp4"}, 400, "no such file"),
        ({"input": "{media}/sample.mp4", "output": "{media}/sample.mp4"}, 400, "the output is the input"),
        ({"input": "-", "output": "{media}/x.mp4"}, 409, "out of bounds"),
        ({"input": "{media}/sample.mp4", "output": "{media}/x.mp4", "crf": 99}, 422, "crf"),
        ({"input": "{media}/sample.mp4", "output": "{media}/x.mp4", "mirror": True}, 422, "there is no setting"),
        ({"input": "{media}/\udcff.mp4", "output": "{media}/x.mp4"}, 422, "UTF-8"),
    ],
)
def test_what_is_refused(daemon: Daemon, body: dict[str, object], status: int, words: str) -> None:
    named = {
        key: value.replace("{media}", str(daemon.folder)) if isinstance(value, str) else value
        for key, value in body.items()
    }
    with daemon.client() as client:
        answer = client.post("/api/jobs", content=json.dumps(named), headers={"content-type": "application/json"})
        assert (answer.status_code, words in answer.text) == (status, True), answer.text
        assert client.get("/api/jobs").json() == [] or all(
            each["state"] != "waiting" for each in client.get("/api/jobs").json()
        )


def test_uploads_that_are_refused_leave_nothing(strict: tuple[Daemon, Path]) -> None:
    daemon, folder = strict
    assert not (folder / "mummer-uploads-old").exists()
    with daemon.client() as client, httpx.Client(base_url=daemon.url) as stranger:

        def send(name: str, content: object, **headers: str) -> httpx.Response:
            return client.post("/api/uploads", params={"name": name}, content=content, headers=OCTETS | headers)  # type: ignore[arg-type]

        assert send("a.mp4", b"x" * 2000).status_code == 413
        assert send("a.mp4", iter([b"x" * 600] * 3)).status_code in (400, 413)  # does not say how much comes
        for name in ("../a.mp4", "/a.mp4", ".a", "a/b.mp4", "ä" * 100, "a\nb.mp4"):
            assert send(name, b"x").status_code == 409, name
        assert send("a.mp4", b"x", **{"content-type": "application/json"}).status_code == 415
        assert stranger.post("/api/uploads?name=a.mp4", content=b"x", headers=OCTETS).status_code == 401
        assert stranger.get("/api/jobs").status_code == 401
        (own,) = (path for path in folder.iterdir() if path.name != "mine")
        assert [path.name for path in own.iterdir()] == ["lock"]
        assert send("a.mp4", b"x" * 1000).status_code == 201
    daemon.process.terminate()
    assert daemon.process.wait(60) == 0
    assert [path.name for path in folder.iterdir()] == ["mine"]


def test_a_job_takes_whatever_convert_may_be_told() -> None:
    assert set(JobRequest.model_fields) >= set(Conversion.model_fields)


def test_the_list_is_bounded(tmp_path: Path) -> None:
    gone: list[int] = []
    queue = JobQueue(1)
    for number in range(40):
        request = JobRequest(input=tmp_path / f"{number}.mp4")
        status = queue.add(request, tmp_path / "out.mp4", lambda number=number: gone.append(number))  # type: ignore[misc]
        queue.remove(status.id)
    assert len(queue.all()) == 33 and gone == list(range(7))
