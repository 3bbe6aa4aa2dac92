"""Who may ask what: checks that come before any route, for HTTP and WebSocket alike.

A page on the web can make a browser send requests to this machine, and a name of its own can be pointed at it. So the
``Host`` must be one of ours, an ``Origin`` must be ours too, what changes something must be JSON and carry the token in
a header, which no foreign page can set, and bodies are capped.
"""

import hmac
import json
from asyncio import CancelledError
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["TOKEN_HEADER", "AccessMiddleware", "EndingMiddleware", "HeadersMiddleware", "known_hosts"]

TOKEN_HEADER: Final = "x-mummer-token"  # noqa: S105  (a name, not a secret)
#: Methods that change nothing.
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
#: What is read with the token only: it shows what the camera sees, and whose files there are.
PRIVATE: Final = ("/api/preview", "/api/jobs")
#: Where files are sent to, as they are.
UPLOADS: Final = "/api/uploads"
#: What tells nothing but that the daemon is there: a container's watcher asks by whatever address it has.
OPEN: Final = frozenset({"/healthz", "/readyz"})
LOOPBACK: Final = ("127.0.0.1", "localhost", "[::1]")
#: WebSocket's code for a connection that breaks a rule.
POLICY: Final = 1008


#: The panel loads nothing from elsewhere, and nobody may frame it.
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
        "object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def known_hosts(host: str, port: int, more: Iterable[str] = ()) -> frozenset[str]:
    """What the ``Host`` header may be for a daemon that listens at ``host`` and ``port``."""
    bare = f"[{host}]" if ":" in host else host
    # A browser leaves the port out where it is HTTP's own.
    names = {*LOOPBACK, bare, *more}
    return frozenset({f"{name}:{port}" for name in names} | ({*names} if port == 80 else {*more}))


class HeadersMiddleware:
    """Every answer says what a browser may do with it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application around another."""

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, sending)


class EndingMiddleware:
    """What the daemon's end cuts short is answered, and is no error."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application around another."""
        begun = scope["type"] != "http"

        async def sending(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except CancelledError:  # by the server, whose patience with open connections is over
            if begun:
                raise
            await _answer(send, 503, "the daemon ends")


class AccessMiddleware:
    """Lets through what is in order, and answers everything else itself."""

    def __init__(
        self,
        app: ASGIApp,
        hosts: frozenset[str],
        token: str,
        max_body: int,
        max_upload: int = 0,
        private: tuple[str, ...] = PRIVATE,
    ) -> None:
        """What lies under ``private`` is read with the token only."""
        self._app, self._hosts, self._token, self._private = app, hosts, token, private
        self._max_body, self._max_upload = max_body, max_upload

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An ASGI application around another."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if refusal is None:
            await self._app(scope, _capped(receive, self._cap(scope)), send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": POLICY, "reason": refusal[1]})
        else:
            await _answer(send, *refusal)

    def _refusal(self, scope: Scope, headers: Headers) -> tuple[int, str] | None:
        """Status and words for what is not let through."""
        host = headers.get("host", "").lower()
        if host not in self._hosts and not (scope["type"] == "http" and scope["path"] in OPEN):
            return 403, f"the daemon is not called {host or 'nothing'} here; add it to hosts in the configuration"
        origin = headers.get("origin")
        if origin is not None and _place(origin) != host:
            return 403, "requests from other sites are refused"
        if scope["type"] == "websocket":
            return None  # the token is its first message: browsers can set no header here
        changes = scope["method"] not in SAFE
        if (changes or scope["path"].startswith(self._private)) and not self._knows(headers.get(TOKEN_HEADER, "")):
            return 401, f"the token is missing or wrong; send it in the header {TOKEN_HEADER}"
        length = headers.get("content-length", "0")
        has_body = length != "0" or "transfer-encoding" in headers
        wanted = "application/octet-stream" if scope["path"] == UPLOADS else "application/json"
        if has_body and headers.get("content-type", "").partition(";")[0].strip().lower() != wanted:
            return 415, f"only {wanted} is taken here; send that as content-type"
        most = self._cap(scope)
        if not length.isdecimal() or int(length) > most:
            return 413, f"the body is larger than {most} bytes"
        return None

    def _cap(self, scope: Scope) -> int:
        """Bytes that a body may have."""
        return self._max_upload if scope["path"] == UPLOADS else self._max_body

    def _knows(self, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self._token.encode())


def _place(origin: str) -> str:
    """Host and port that an ``Origin`` names; nothing where it is none."""
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _capped(receive: Receive, most: int) -> Receive:
    """``receive``, for a body that does not say how long it is: beyond ``most`` bytes the sender counts as gone."""
    seen = 0

    async def counting() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        return message if seen <= most else {"type": "http.disconnect"}

    return counting


async def _answer(send: Send, status: int, words: str) -> None:
    body = json.dumps({"error": words}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
