"""WHIP out and WHEP in, against a small server of the real kind: HTTP in front, a WebRTC peer behind it."""

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import monotonic, sleep
from typing import Any

import av
import numpy as np
import pytest
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription, VideoStreamTrack
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError

from realtime.live.settings import SinkSettings, SourceSettings
from realtime.live.sink import OverflowingSink
from realtime.live.sinks import SinkOpener
from realtime.live.source import Sound
from realtime.live.sources import open_source
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, OutputError, UsageError
from realtime.runtime.redaction import secrets_of, shown
from tests.realtime.live.players import FPS, SIZE, picture, shape, tone
from tests.realtime.live.test_sinks import free_port

TOKEN = "Geheim-7"  # noqa: S105  # opens nothing


class _White(VideoStreamTrack):
    async def recv(self) -> av.VideoFrame:
        pts, base = await self.next_timestamp()
        frame = av.VideoFrame.from_ndarray(np.full((*SIZE[::-1], 3), 230, np.uint8), format="rgb24")
        frame.pts, frame.time_base = pts, Fraction(base)
        return frame


class Server:
    """Takes what is sent to ``/in``, and sends a white picture and silence to whoever asks ``/out``."""

    def __init__(self) -> None:
        self.pictures: list[float] = []
        self.loudness: list[float] = []
        self.ended: list[str] = []
        self.peers: list[RTCPeerConnection] = []
        self.tasks: list[Any] = []
        self.loop = asyncio.new_event_loop()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                if self.headers["Authorization"] != f"Bearer {TOKEN}":
                    self.send_error(401)
                    return
                offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
                task = asyncio.run_coroutine_threadsafe(server.answer(offer, self.path), server.loop)
                answer = task.result(10).encode()
                self.send_response(201)
                self.send_header("Location", "/resource/1")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_DELETE(self) -> None:
                server.ended.append(self.path)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.threads = [Thread(target=self.http.serve_forever), Thread(target=self.loop.run_forever)]
        for thread in self.threads:
            thread.start()

    def address(self, kind: str, path: str, token: str = TOKEN) -> str:
        return f"{kind}:http://{token}@127.0.0.1:{self.http.server_port}{path}"

    async def answer(self, offer: str, path: str) -> str:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.peers.append(peer)
        peer.on("track", lambda track: self.tasks.append(asyncio.ensure_future(self.take(track))))
        if path == "/out":
            peer.addTrack(_White())
            peer.addTrack(AudioStreamTrack())
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    async def take(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                item = await track.recv()
            except MediaStreamError:
                return
            if isinstance(item, av.VideoFrame):
                self.pictures.append(float(np.frombuffer(item.planes[0], np.uint8)[0]))
            else:
                self.loudness.append(float(np.abs(item.to_ndarray().astype(np.int32)).max()))

    def close(self) -> None:
        async def leave() -> None:
            await asyncio.gather(*(peer.close() for peer in self.peers))

        asyncio.run_coroutine_threadsafe(leave(), self.loop).result(10)
        self.http.shutdown()
        self.loop.call_soon_threadsafe(self.loop.stop)
        for thread in self.threads:
            thread.join(10)
        self.http.server_close()
        self.loop.close()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, where the environment names a proxy that takes nothing: this computer is asked without it."""
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    server = Server()
    yield server
    server.close()


def test_whip_sends_pictures_and_sound_and_says_goodbye(server: Server) -> None:
    sink = SinkOpener()(server.address("whip", "/in"), SinkSettings())
    sink.open(shape())
    number, until = 0, monotonic() + 20
    while (max(server.pictures, default=0) < 200 or max(server.loudness, default=0) < 5000) and monotonic() < until:
        sink.write_sound(tone(number, loud=True))
        sink.write(picture(number, bright=number > FPS // 2))
        number += 1
        sleep(1 / FPS)
    assert isinstance(sink, OverflowingSink)
    before = sink.overflowed
    for burst in range(50):  # faster than anybody encodes
        sink.write(picture(number + burst, bright=True))
    while sink.overflowed == before and monotonic() < until:
        sleep(1 / FPS)
    sink.close()
    assert before < sink.overflowed < before + 50
    assert max(server.pictures) > 200 and max(server.loudness) > 5000
    assert server.ended == ["/resource/1"]


def test_whep_gives_pictures_and_sound(server: Server) -> None:
    source = open_source(server.address("whep", "/out"), SourceSettings())
    frames: list[Frame] = []
    sounds = 0
    for item in source:
        if isinstance(item, Sound):
            sounds += 1
        else:
            frames.append(item)
        if len(frames) >= 15 and sounds:
            source.close()
    captured = [frame.captured_ns or 0 for frame in frames]
    assert captured == sorted(captured)
    assert (frames[-1].width, frames[-1].height) == SIZE
    assert np.frombuffer(frames[-1].picture.planes[0], np.uint8)[: SIZE[0]].mean() > 190
    assert server.ended == ["/resource/1"]


def test_what_goes_wrong_is_one_line_without_the_token(server: Server) -> None:
    with pytest.raises(
        OutputError, match=r"whip:http://\*\*\*@127.0.0.1:\d+/\*\*\*: the server refuses: 401"
    ) as refused:
        SinkOpener()(server.address("whip", "/in", "Falsch-99"), SinkSettings()).open(shape())
    assert "Falsch" not in str(refused.value)
    with pytest.raises(OutputError, match="connection refused; check that something takes it there"):
        SinkOpener()(f"whip:http://127.0.0.1:{free_port()}/in", SinkSettings()).open(shape())
    with pytest.raises(InputError, match="the server refuses: 401"):
        list(open_source(server.address("whep", "/out", "Falsch-99"), SourceSettings()))


@pytest.mark.parametrize("address", ["whip:", "whip:rtmp://x/y", "whip:https:///path", "whip:host/path"])
def test_addresses_that_make_no_sense(address: str) -> None:
    with pytest.raises(UsageError, match="an address of the web follows whip:"):
        SinkOpener()(address, SinkSettings())


def test_its_token_is_a_secret() -> None:
    address = "whip:https://Geheim-7@live.example/app/key?x=1"
    assert shown(address) == "whip:https://***@live.example/app/***?x=***"
    assert "Geheim-7" in secrets_of(address)
