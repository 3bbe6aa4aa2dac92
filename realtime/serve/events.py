"""What a WebSocket is told: the status twice a second, and every event."""

import asyncio
import hmac
from contextlib import suppress
from typing import Final

from fastapi import WebSocket
from pydantic import BaseModel, ValidationError

from realtime.runtime.errors import UsageError
from realtime.runtime.events import Event, Subscription
from realtime.serve.session import Session

__all__ = ["Feed"]

#: Seconds between two looks at the status, and for the token to come.
EVERY: Final = 0.5
PATIENCE: Final = 5.0
#: WebSocket's code for a connection that breaks a rule.
POLICY: Final = 1008


class _Hello(BaseModel):
    token: str


class Feed:
    """One listener's connection."""

    def __init__(self, session: Session, token: str) -> None:
        self._session, self._token = session, token
        self._events: Subscription | None = None
        self._listening: object = None  # the engine that the subscription is of

    async def serve(self, socket: WebSocket) -> None:
        """Talk to an accepted ``socket`` until it goes away."""
        if not await self._welcome(socket):
            await socket.close(POLICY, "the token is missing or wrong; send it first")
            return
        gone = asyncio.ensure_future(_until_gone(socket))
        try:
            while not gone.done():
                status = await asyncio.to_thread(self._session.status)
                await socket.send_json({"status": status.model_dump(mode="json")})
                for event in self._news():
                    await socket.send_json({"event": event.model_dump(mode="json")})
                await asyncio.wait([gone], timeout=EVERY)
        finally:
            gone.cancel()
            if self._events is not None:
                self._events.close()

    async def _welcome(self, socket: WebSocket) -> bool:
        try:
            first = await asyncio.wait_for(socket.receive_text(), PATIENCE)
            said = _Hello.model_validate_json(first).token
        except (TimeoutError, ValidationError, KeyError):  # KeyError: bytes, not text
            return False
        return hmac.compare_digest(said.encode(), self._token.encode())

    def _news(self) -> list[Event]:
        """The events since the last call; of a new session's from its start as seen here."""
        with suppress(UsageError):  # no session runs
            engine = self._session.engine()
            if engine is not self._listening:
                if self._events is not None:
                    self._events.close()
                self._events, self._listening = engine.events(), engine
        news: list[Event] = []
        while self._events is not None and (event := self._events.get(timeout=0)) is not None:
            news.append(event)
        return news


async def _until_gone(socket: WebSocket) -> None:
    """Nothing more is expected from the other side but that it leaves."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue
