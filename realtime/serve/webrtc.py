"""A browser as camera and as screen: its video in over WebRTC, the swapped video back over the same connection.

The connection lives in the daemon's event loop, sources and sinks in threads of the engine. Between them there is one
slot each way, which keeps the latest frame.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from threading import Lock
from time import monotonic_ns
from typing import Final

import av
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import MediaStreamError
from aiortc.sdp import SessionDescription
from pydantic import BaseModel, ConfigDict, Field

from realtime.live.address import scheme_of
from realtime.live.handover import Handover
from realtime.live.settings import SinkSettings, SourceSettings
from realtime.live.sink import LiveSink, OpenSink, StreamFormat
from realtime.live.slate import duplicate
from realtime.live.source import LiveSource, OpenSource, Sound
from realtime.media.frame import Frame
from realtime.runtime.channel import Channel, ChannelClosedError
from realtime.runtime.errors import UsageError

__all__ = ["Answer", "Browser", "Offer"]

_log: Final = logging.getLogger(__name__)

ADDRESS: Final = "browser:"
#: Pictures of the browser's camera that wait to be swapped, and swapped ones that wait to be sent back.
WAITING: Final = 2
#: Characters of what the library says of an offer that are repeated.
LONGEST: Final = 200


class Offer(BaseModel):
    """One side of a connection as WebRTC describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str = Field(pattern="^(offer|answer)$")
    sdp: str = Field(min_length=1)


class Answer(BaseModel):
    """The daemon's side of the connection, and its number: the status has that of the browser that is connected."""

    model_config = ConfigDict(frozen=True)

    type: str
    sdp: str
    number: int


class Browser:
    """The one browser that is connected at a time; a new one takes the place of the last.

    ``number`` is that of the connection, 0 where there is none.
    """

    def __init__(self) -> None:
        self.number = self._numbers = 0
        self._peer: RTCPeerConnection | None = None
        self._reading: asyncio.Task[None] | None = None
        self._lock = Lock()
        self._sources: tuple[_BrowserSource, ...] = ()
        self._screens: tuple[_Screen, ...] = ()

    # in the event loop

    async def connect(self, offer: Offer) -> Answer:
        """Answer a browser's offer. Raises ``UsageError`` for one that is not understood."""
        if offer.type != "offer":
            raise UsageError("an answer is not what is expected here; send an offer")
        with _understanding():
            SessionDescription.parse(offer.sdp)  # before the browser that is connected has to go
        await self._drop()
        number = self.number = self._numbers = self._numbers + 1
        # Without servers in between: the daemon is reached directly, and asks nobody else for its address.
        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        screen = _Screen(asyncio.get_running_loop())
        peer.addTrack(screen)

        @peer.on("track")
        def _track(track: MediaStreamTrack) -> None:
            if track.kind == "video":
                self._reading = asyncio.ensure_future(self._read(track))

        try:
            with _understanding():
                await peer.setRemoteDescription(RTCSessionDescription(offer.sdp, offer.type))
                await peer.setLocalDescription(await peer.createAnswer())
        except UsageError:
            await self.close()
            raise
        with self._lock:
            self._screens = (screen,)
        return Answer(type=peer.localDescription.type, sdp=peer.localDescription.sdp, number=number)

    async def close(self) -> None:
        """Let go of the browser."""
        self.number = 0
        await self._drop()

    async def _drop(self) -> None:
        with self._lock:
            self._screens = ()
        reading, self._reading = self._reading, None
        peer, self._peer = self._peer, None
        if reading is not None:
            reading.cancel()
        if peer is not None:
            try:
                await peer.close()
            except Exception as error:  # noqa: BLE001  # a description that failed leaves halves the library cannot close
                _log.info("the connection to the browser was not closed as usual: %s", error)

    async def _read(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                picture = await track.recv()
            except MediaStreamError:
                return  # the browser has gone
            if isinstance(picture, av.VideoFrame):
                frame = Frame(picture, monotonic_ns())
                for source in self._sources:
                    source.give(frame)

    # in threads of the engine

    def opening(self, open_source: OpenSource) -> OpenSource:
        """``open_source``, with this browser at its address."""

        def opened(address: str, settings: SourceSettings) -> LiveSource:
            return self._source(address) if scheme_of(address) == "browser" else open_source(address, settings)

        return opened

    def showing(self, open_sink: OpenSink) -> OpenSink:
        """``open_sink``, with this browser at its address."""

        def opened(address: str, settings: SinkSettings) -> LiveSink:
            if scheme_of(address) != "browser":
                return open_sink(address, settings)
            _check(address)
            return _BrowserSink(self)

        return opened

    def show(self, frame: Frame) -> None:
        """Send a frame to the browser, if there is one."""
        for screen in self._screens:
            screen.show(frame)

    def leave(self, source: "_BrowserSource") -> None:
        """A source ends."""
        with self._lock:
            self._sources = tuple(each for each in self._sources if each is not source)

    def _source(self, address: str) -> "_BrowserSource":
        _check(address)
        source = _BrowserSource(self)
        with self._lock:
            self._sources = (*self._sources, source)
        return source


@contextmanager
def _understanding() -> Iterator[None]:
    """Whatever fails on a stranger's description becomes a ``UsageError``."""
    try:
        yield
    except Exception as error:  # the library has no class for it: what its parser stumbles over comes out as it is
        words = " ".join(str(error).split())[:LONGEST] or type(error).__name__
        raise UsageError(f"the browser's offer is not understood: {words}") from error


def _check(address: str) -> None:
    if address != ADDRESS:
        raise UsageError(f"{address}: nothing comes after {ADDRESS!r}")


class _BrowserSource:
    """What the browser's camera sees; waits while no browser is connected."""

    rate: Fraction | None = None

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._frames: Channel[Frame] = Channel(1, "latest")

    def __iter__(self) -> Iterator[Frame]:
        yield from self._frames

    def give(self, frame: Frame) -> None:
        try:
            self._frames.put(frame)
        except ChannelClosedError:
            return  # it has ended, and leaves a moment later

    def close(self) -> None:
        self._frames.close()
        self._browser.leave(self)


class _BrowserSink:
    """Shows the frames in the browser; without sound, which the browser has itself."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser

    def open(self, shape: StreamFormat) -> None:
        """Nothing is needed: frames are shown to whoever is connected."""

    def write(self, frame: Frame) -> None:
        self._browser.show(frame)

    def write_sound(self, sound: Sound) -> None:
        """The browser's own sound never left it."""

    def close(self) -> None:
        """The connection is the panel's to end."""

    def abort(self) -> None:
        """Nothing is ever blocked."""


class _Screen(VideoStreamTrack):
    """The track that carries the swapped video; gives the latest frame whenever the connection asks for one."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._frames: Handover[av.VideoFrame] = Handover(loop, WAITING)

    def show(self, frame: Frame) -> None:
        """From any thread."""
        # The encoder writes types and times into its frames, and other sinks have this one too.
        picture = duplicate(frame.picture, 0).picture
        picture.pts, picture.time_base = frame.pts, frame.time_base
        self._frames.put(picture)

    async def recv(self) -> av.VideoFrame:
        """The next frame to send."""
        return await self._frames.get()
