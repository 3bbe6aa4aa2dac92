"""WHEP: a stream over WebRTC from a server, as browsers get it."""

import asyncio
from collections.abc import Iterator
from fractions import Fraction
from queue import Empty, SimpleQueue
from threading import Event
from time import monotonic_ns
from typing import TYPE_CHECKING, Final

import av

from realtime.live.settings import SourceSettings
from realtime.live.source import LiveItem, Sound
from realtime.live.webrtc_link import WebRtcLink
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, OutputError

if TYPE_CHECKING:
    from aiortc import MediaStreamTrack, RTCPeerConnection

__all__ = ["WhepSource"]

#: Seconds without anything after which the stream is over.
READING: Final = 5.0
#: Pictures and pieces of sound that wait; what comes beyond is left out.
MOST: Final = 64


class WhepSource:
    """Frames and sound as they come. It ends with ``InputError``: streams are to go on."""

    rate: Fraction | None = None

    def __init__(self, address: str, settings: SourceSettings) -> None:
        self._link = WebRtcLink(address)
        self._sound = settings.audio is None
        self._items: SimpleQueue[LiveItem | None] = SimpleQueue()
        self._closed = Event()
        self._reading: list[asyncio.Future[None]] = []

    def __iter__(self) -> Iterator[LiveItem]:
        """Raises ``InputError`` where nothing comes, or nothing more."""
        try:
            self._link.open(self._prepare)
            while not self._closed.is_set():
                item = self._items.get(timeout=READING)
                if item is None:
                    break
                yield item
            if not self._closed.is_set():
                raise self._link.failure("the stream has ended")
        except (OutputError, Empty) as error:
            if not self._closed.is_set():
                words = self._link.failure(f"nothing came for {READING:.0f} s") if isinstance(error, Empty) else error
                raise InputError(str(words)) from error
        finally:
            self._link.close()

    def close(self) -> None:
        """Wake up whoever waits, and end."""
        self._closed.set()
        self._items.put(None)

    def _prepare(self, peer: "RTCPeerConnection") -> None:
        peer.addTransceiver("video", "recvonly")
        if self._sound:
            peer.addTransceiver("audio", "recvonly")
        peer.on("track", lambda track: self._reading.append(asyncio.ensure_future(self._read(track))))

    async def _read(self, track: "MediaStreamTrack") -> None:
        from aiortc.mediastreams import MediaStreamError

        while not self._closed.is_set():
            try:
                item = await track.recv()
            except MediaStreamError:
                self._items.put(None)
                return
            if self._items.qsize() > MOST:
                continue
            if isinstance(item, av.VideoFrame):
                self._items.put(Frame(item, monotonic_ns()))
            elif isinstance(item, av.AudioFrame):
                self._items.put(Sound(item, monotonic_ns()))
