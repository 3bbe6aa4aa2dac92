"""Someone who reads what the daemon sends over WebRTC, and says every second how many frames came: ``frame=N``.

python tests/bench/webrtc_reader.py whip PORT            a server that takes WHIP at http://127.0.0.1:PORT/
python tests/bench/webrtc_reader.py browser URL TOKEN    a browser that has the daemon's picture sent back
"""

import asyncio
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.request import Request, urlopen

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError


class Reader:
    """Counts the pictures of all that it is connected to."""

    def __init__(self) -> None:
        self.frames = 0
        self._kept: list[object] = []

    async def whip(self, port: int) -> None:
        """Take whoever comes to ``port``."""
        loop, reader = asyncio.get_running_loop(), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
                answer = asyncio.run_coroutine_threadsafe(reader._answer(offer), loop).result(20).encode()
                self.send_response(201)
                self.send_header("Location", "/session")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def do_DELETE(self) -> None:
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        Thread(target=server.serve_forever, daemon=True).start()
        await self._count()

    async def browser(self, url: str, token: str) -> None:
        """Be the one browser that is connected."""
        peer = self._peer()
        peer.addTransceiver("video", "recvonly")
        await peer.setLocalDescription(await peer.createOffer())
        body = json.dumps({"type": "offer", "sdp": peer.localDescription.sdp}).encode()
        headers = {"x-mummer-token": token, "content-type": "application/json"}

        def ask() -> dict[str, str]:
            with urlopen(Request(f"{url}/api/browser", body, headers), timeout=20) as answer:  # noqa: S310  # this machine
                return json.load(answer)

        answer = await asyncio.to_thread(ask)
        await peer.setRemoteDescription(RTCSessionDescription(answer["sdp"], answer["type"]))
        await self._count()

    async def _answer(self, offer: str) -> str:
        peer = self._peer()
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    def _peer(self) -> RTCPeerConnection:
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.on("track", lambda track: self._kept.append(asyncio.ensure_future(self._take(track))))
        self._kept.append(peer)
        return peer

    async def _take(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                item = await track.recv()
            except MediaStreamError:
                return
            self.frames += isinstance(item, av.VideoFrame)

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(1)
            print(f"frame={self.frames}", flush=True)


if __name__ == "__main__":
    kind, *words = sys.argv[1:]
    if kind == "whip":
        asyncio.run(Reader().whip(int(words[0])))
    else:
        asyncio.run(Reader().browser(*words))
