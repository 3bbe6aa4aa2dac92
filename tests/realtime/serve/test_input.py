"""Whatever is sent to the API, the answer blames the sender and not the daemon: no 5xx, and nothing dies of it."""

import asyncio
import json
import random
from pathlib import Path

import httpx
import pytest
from aiortc import RTCPeerConnection

from realtime.live.settings import LiveSettings
from realtime.runtime.errors import UsageError
from realtime.serve.allowed_paths import AllowedPaths, check_start
from realtime.serve.webrtc import Browser, Offer
from tests.realtime.serve.conftest import Daemon

SEED = 16
BODIES, OFFERS = 250, 250
#: What a field of any kind is tried with.
ODD: tuple[object, ...] = (
    None, True, -1, 0, 1e308, 10**400, "", " ", "\0", "a\0b", "\ud800", "%00", "../../etc/passwd", "/dev/zero",
    "a" * 5000, "x" * 300 + ".mp4", "http://[::1", "rtsp://[::1", "srt://\0", "file:///etc/passwd", "virtualcam:\0",
    "camera:", "test:x", "browser:x", [], {}, [[]], ["\0"], {"a": 1}, [1, 2, 3], [10**9, 10**9], "\u202e", "~", ".",
    "/", "-", "9" * 400,
)  # fmt: skip
FIELDS = (*LiveSettings.model_fields, "add_sinks", "remove_sinks", "token", "__class__")


def bodies() -> list[bytes]:
    chance = random.Random(SEED)
    made = []
    for _ in range(BODIES):
        body = {chance.choice(FIELDS): chance.choice(ODD) for _ in range(chance.randint(0, 3))}
        if chance.random() < 0.7:
            body.setdefault("camera", "nowhere:")  # makes no sense: nothing is ever started
        text = json.dumps(body).encode()
        if chance.random() < 0.2:
            at = chance.randrange(len(text))
            text = text[:at] + bytes([chance.randrange(256)]) + text[at + chance.randint(0, 2) :]
        made.append(text)
    return [
        *made,
        b"[" * 5000,
        b"1" * 5000,
        b'{"camera": NaN}',
        b'{"sharpen": NaN, "camera": "nowhere:"}',
        b"\xff",
        b"null",
    ]


def test_bodies_at_random(daemon: Daemon) -> None:
    with daemon.client() as client:
        headers = {"content-type": "application/json"}
        for body in bodies():
            for method in ("POST", "PATCH"):
                answer = client.request(method, "/api/session", content=body, headers=headers)
                assert 400 <= answer.status_code < 500, (method, body, answer.text)
        for path in ("/api/browser", "/api/session"):
            for body in (b"", b"{}", b"[]", b'{"type": "offer", "sdp": "\\u0000"}', b'{"type": "offer", "sdp": ""}'):
                assert 400 <= client.post(path, content=body, headers=headers).status_code < 500, body
        assert client.get("/api/status").json()["state"] == "idle"


@pytest.mark.parametrize(
    "field", ["camera", "model", "light_model", "photo", "embedder", "consent", "detector", "audio"]
)
def test_a_nul_is_no_part_of_a_name(daemon: Daemon, field: str) -> None:
    body = {"camera": str(daemon.folder / "sample.mp4"), "sinks": ["null:"]} | {field: "a\0b"}
    with daemon.client() as client:
        answer = client.post("/api/session", json=body)
    assert answer.status_code == 422
    assert "NUL" in answer.json()["error"].upper()


@pytest.mark.parametrize("origin", ["http://[::1", "http://[", "//[", "[", "http://]:1", "\x80", "null"])
def test_an_origin_that_is_none_is_refused(daemon: Daemon, origin: str) -> None:
    with daemon.client() as client:
        answer = client.get("/api/status", headers={b"origin": origin.encode("latin-1")})  # type: ignore[dict-item]
    assert answer.status_code == 403


def test_a_detector_is_a_name_or_in_an_open_folder(tmp_path: Path) -> None:
    (tmp_path / "open" / "finder").mkdir(parents=True)
    (tmp_path / "shut").mkdir()
    roots = AllowedPaths([tmp_path / "open"])
    check_start(LiveSettings(camera="test:"), roots)
    check_start(LiveSettings(camera="test:", detector=str(tmp_path / "open" / "finder")), roots)
    for name in (str(tmp_path / "shut"), str(tmp_path / "open" / ".." / "shut"), "/etc", "."):
        with pytest.raises(UsageError, match="out of bounds"):
            check_start(LiveSettings(camera="test:", detector=name), roots)


def offer() -> str:
    """What a browser with a camera says."""

    async def made() -> str:
        peer = RTCPeerConnection()
        peer.addTransceiver("video")
        peer.createDataChannel("x")
        await peer.setLocalDescription(await peer.createOffer())
        said: str = peer.localDescription.sdp
        await peer.close()
        return said

    return asyncio.run(made())


def spoiled(chance: random.Random, good: str) -> str:
    """``good`` with a few lines lost, doubled, exchanged, cut short, or with other characters in them."""
    lines = good.splitlines()
    for _ in range(chance.randint(1, 6)):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        match chance.randrange(6):
            case 0 if len(lines) > 2:
                del lines[at]
            case 1:
                lines.insert(other, lines[at])
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at][: chance.randrange(len(lines[at]) + 1)]
            case 4:
                lines[at] = "".join(chance.choice((each, each, each, "\0", "9", "-", " ", "é")) for each in lines[at])
            case _:
                lines[at] = lines[at].replace(" ", "", 1).replace("1", "99999999999", 1)
    return "\r\n".join(lines) + "\r\n"


def test_offers_at_random() -> None:
    """Beside the daemon, so that whatever else comes out of it fails the test."""
    chance, good = random.Random(SEED), offer()

    async def ask() -> tuple[int, int]:
        browser, understood, refused = Browser(), 0, 0
        for _ in range(OFFERS):
            try:
                await asyncio.wait_for(browser.connect(Offer(type="offer", sdp=spoiled(chance, good))), 20)
                understood += 1
            except UsageError as error:
                refused += 1
                assert "\n" not in str(error)
        await browser.connect(Offer(type="offer", sdp=good))
        await browser.close()
        return understood, refused

    understood, refused = asyncio.run(ask())
    assert understood > 0 and refused > 50


def test_an_answer_and_nonsense_leave_the_browser_connected(daemon: Daemon) -> None:
    good = offer()
    with daemon.client() as client:
        for said in ({"type": "answer", "sdp": good}, {"type": "offer", "sdp": "v=0"}, {"type": "offer", "sdp": "\0"}):
            answer = client.post("/api/browser", json=said)
            assert 400 <= answer.status_code < 500
        assert client.post("/api/browser", json={"type": "offer", "sdp": good}).status_code == 200
        assert client.delete("/api/browser").status_code == 204


def test_a_client_that_knows_nothing_is_told_so(daemon: Daemon) -> None:
    assert httpx.get(f"{daemon.url}/api/preview", headers={"x-mummer-token": "é".encode()}).status_code == 401  # type: ignore[dict-item]
