"""A WebRTC connection that is made over HTTP: WHIP (RFC 9725) to send, WHEP to receive.

An offer is posted, the answer comes back, and the address in ``Location`` is deleted at the end. The connection lives
in an event loop in a thread of its own. A token stands before the host: ``whip:https://TOKEN@host/path``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from http.client import HTTPException
from ipaddress import ip_address
from threading import Event
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.error import HTTPError
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

from realtime.runtime.errors import OutputError, UsageError, reason
from realtime.runtime.redaction import redacted, shown
from realtime.runtime.threads import guarded_thread

if TYPE_CHECKING:
    from aiortc import RTCPeerConnection

__all__ = ["WebRtcLink", "check_address"]

T = TypeVar("T")

#: Seconds that the server has for its answer, and then for the connection itself.
ANSWERING: Final = 8.0
#: Seconds for saying goodbye.
LEAVING: Final = 2.0
#: Bytes of an answer that are read.
_LONGEST: Final = 1 << 18


def check_address(address: str) -> None:
    """Raise ``UsageError`` where what follows ``whip:`` or ``whep:`` is no address of the web."""
    scheme, _, url = address.partition(":")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"{shown(address)}: an address of the web follows {scheme}:, with http or https and a host; a token stands"
            " before the host, as in TOKEN@HOST"
        )


class WebRtcLink:
    """One connection. ``open`` makes it, ``close`` ends it; ``lost`` says whether the other side has gone."""

    def __init__(self, address: str) -> None:
        check_address(address)
        self.address = address
        self.loop = asyncio.new_event_loop()
        self.peer: RTCPeerConnection | None = None
        self._resource: str | None = None
        self._connected = Event()
        self.lost = False
        self._thread = guarded_thread(self.loop.run_forever, f"webrtc {shown(address)}", lambda _: None)

    def open(self, prepare: Callable[["RTCPeerConnection"], None]) -> None:
        """Connect; ``prepare`` adds the tracks. Raises ``OutputError`` in words for either direction."""
        try:
            from aiortc import RTCConfiguration, RTCPeerConnection
        except ImportError as error:
            raise self.failure('needs the library aiortc; install it with: pip install "mummer[serve]"') from error
        self._thread.start()

        async def make() -> None:
            # Nobody is asked what our address is: the server is reached directly.
            self.peer = peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
            peer.on("connectionstatechange", self._changed)
            prepare(peer)
            await peer.setLocalDescription(await peer.createOffer())

        self._run(make(), ANSWERING)
        assert self.peer is not None  # noqa: S101  # made
        answer = self._post(self.peer.localDescription.sdp)
        self._run(self._accept(answer), ANSWERING)
        if not self._connected.wait(ANSWERING) or self.lost:
            raise self.failure("the server answered, and no connection came; check that UDP passes between it and here")

    def close(self) -> None:
        """Say goodbye, and end the thread."""
        if not self._thread.is_alive():
            return
        resource, peer = self._resource, self.peer
        if resource is not None:
            with suppress(OSError, HTTPException):
                self._ask("DELETE", resource, None, LEAVING)
        if peer is not None:
            with suppress(OutputError):
                self._run(peer.close(), LEAVING)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(LEAVING)
        if not self._thread.is_alive():
            self.loop.close()

    def failure(self, words: str) -> OutputError:
        """An error that names the address, without its secrets."""
        return OutputError(f"{shown(self.address)}: {redacted(words, self.address)}")

    def _changed(self) -> None:
        state = "closed" if self.peer is None else self.peer.connectionState
        self.lost = state in ("failed", "closed")
        if state in ("connected", "failed", "closed"):
            self._connected.set()

    async def _accept(self, answer: str) -> None:
        from aiortc import RTCSessionDescription

        assert self.peer is not None  # noqa: S101  # made
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def _run(self, task: "Coroutine[Any, Any, T] | Awaitable[T]", seconds: float) -> T:
        """Do ``task`` in the loop. Raises ``OutputError``."""

        async def bounded() -> T:
            return await asyncio.wait_for(task, seconds)

        try:
            return asyncio.run_coroutine_threadsafe(bounded(), self.loop).result(seconds + 1)
        except TimeoutError as error:
            raise self.failure(f"nothing came for {seconds:.0f} s") from error
        except Exception as error:  # the library has no class for what it does not understand of an answer
            raise self.failure(f"what the server answered is not understood: {' '.join(str(error).split())}") from error

    def _post(self, offer: str) -> str:
        url, _ = self._place()
        try:
            answer, location = self._ask("POST", url, offer.encode(), ANSWERING)
        except HTTPError as error:
            error.close()  # it is an answer, with a connection
            hint = "; give its token before the host: TOKEN@HOST" if error.code in (401, 403) else ""
            raise self.failure(f"the server refuses: {error.code} {error.reason}{hint}") from error
        except TimeoutError as error:
            raise self.failure(f"nothing came for {ANSWERING:.0f} s") from error
        except (OSError, HTTPException) as error:
            inner = getattr(error, "reason", None)
            words = reason(inner if isinstance(inner, OSError) else error)
            raise self.failure(f"{words}; check that something takes it there") from error
        self._resource = urljoin(url, location) if location else None
        return answer

    def _ask(self, method: str, url: str, body: bytes | None, seconds: float) -> tuple[str, str | None]:
        """The answer's body, and where it says that the connection can be ended."""
        _, token = self._place()
        headers = {"Content-Type": "application/sdp"} | ({"Authorization": f"Bearer {token}"} if token else {})
        request = Request(url, body, headers, method=method)  # noqa: S310  # http or https, as was checked
        with _opener(url).open(request, timeout=seconds) as answer:
            return answer.read(_LONGEST).decode("utf-8", "replace"), answer.headers.get("Location")

    def _place(self) -> tuple[str, str]:
        """The address that is asked, and the token that stood in it."""
        parts = urlsplit(self.address.partition(":")[2])
        token, _, host = parts.netloc.rpartition("@")
        return urlunsplit(parts._replace(netloc=host)), unquote(token)


def _opener(url: str) -> OpenerDirector:
    """What asks ``url``: through the proxy that the environment names, but never for this computer itself."""
    host = urlsplit(url).hostname or ""
    try:
        here = ip_address(host).is_loopback
    except ValueError:
        here = host == "localhost" or host.endswith(".localhost")
    # Made anew each time: the opener behind ``urlopen`` keeps the proxies of whoever first used it in the process.
    return build_opener(ProxyHandler({})) if here else build_opener()
