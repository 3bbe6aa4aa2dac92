"""What a WebSocket is told: the status twice a second, every event, and the file jobs when they have changed."""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from fastapi import WebSocket, WebSocketDisconnect
from pydantic import BaseModel

from realtime.runtime.errors import UsageError
from realtime.runtime.events import Event, Subscription
from realtime.serve.jobs.queue import JobQueue
from realtime.serve.session import Session

__all__ = ["Audience", "Feed"]

#: Seconds between two looks at the status, and for the token to come.
EVERY: Final = 0.5
PATIENCE: Final = 5.0
#: Statuses that are sent in a second at most: beyond, each listener gets one less often.
MOST: Final = 200
#: WebSocket's code for a connection that breaks a rule.
POLICY: Final = 1008
#: And for one that was closed without a word.
GONE: Final = 1006


class _Hello(BaseModel):
    token: str


class Audience:
    """All who listen. A look at the status is for all of them. In the event loop.

    Of those who have not shown their token yet there are ``strangers`` at a time; beyond, the one that has waited
    longest is sent away.
    """

    def __init__(self, session: Session, strangers: int) -> None:
        self._session, self._most_strangers = session, strangers
        self._listeners = 0
        self._strangers: dict[asyncio.Timeout, None] = {}
        self._looking = asyncio.Lock()
        self._status, self._looked = "", float("-inf")

    @asynccontextmanager
    async def stranger(self) -> AsyncIterator[None]:
        """A block in which a listener shows its token. Raises ``TimeoutError`` where it takes too long."""
        async with asyncio.timeout(PATIENCE) as limit:
            if len(self._strangers) >= self._most_strangers:
                oldest = next(iter(self._strangers))
                del self._strangers[oldest]
                oldest.reschedule(0)
            self._strangers[limit] = None
            try:
                yield
            finally:
                self._strangers.pop(limit, None)

    @asynccontextmanager
    async def listener(self) -> AsyncIterator[None]:
        """A block in which somebody listens."""
        self._listeners += 1
        try:
            yield
        finally:
            self._listeners -= 1

    @property
    def pause(self) -> float:
        """Seconds between two statuses for each listener."""
        return max(EVERY, self._listeners / MOST)

    async def status(self) -> str:
        """The status as JSON, as it is now or was a moment ago."""
        async with self._looking:
            now = asyncio.get_running_loop().time()
            if now - self._looked >= EVERY / 2:
                status = await asyncio.to_thread(self._session.status)
                self._status, self._looked = f'{{"status":{status.model_dump_json()}}}', now
            return self._status


class Feed:
    """One listener's connection."""

    def __init__(self, session: Session, audience: Audience, token: str, jobs: JobQueue) -> None:
        self._session, self._audience, self._token, self._jobs = session, audience, token, jobs
        self._seen = -1  # the version of the jobs
        self._events: Subscription | None = None
        self._listening: object = None  # the engine that the subscription is of

    async def serve(self, socket: WebSocket) -> None:
        """Talk to an accepted ``socket`` until it goes away. Raises ``WebSocketDisconnect``."""
        if not await self._welcome(socket):
            await socket.close(POLICY, "the token is missing or wrong; send it first")
            return
        gone = asyncio.ensure_future(_until_gone(socket))
        try:
            async with self._audience.listener():
                while not gone.done():
                    await _tell(socket, await self._audience.status())
                    for event in self._news():
                        await _tell(socket, f'{{"event":{event.model_dump_json()}}}')
                    if (news := self._jobs.news(self._seen)) is not None:
                        self._seen, jobs = news
                        await _tell(socket, f'{{"jobs":[{",".join(job.model_dump_json() for job in jobs)}]}}')
                    await asyncio.wait([gone], timeout=self._audience.pause)
        finally:
            gone.cancel()
            if self._events is not None:
                self._events.close()

    async def _welcome(self, socket: WebSocket) -> bool:
        try:
            async with self._audience.stranger():
                first = await socket.receive_text()
            said = _Hello.model_validate_json(first).token
            return hmac.compare_digest(said.encode(), self._token.encode())
        except (TimeoutError, ValueError, KeyError):  # KeyError: bytes, not text
            return False

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


async def _tell(socket: WebSocket, text: str) -> None:
    """Send ``text``; raises ``WebSocketDisconnect`` where the other side is gone, or is taken for gone."""
    try:
        await socket.send_text(text)
    except RuntimeError as error:  # the server has closed it, to whom no ping was answered
        raise WebSocketDisconnect(GONE) from error


async def _until_gone(socket: WebSocket) -> None:
    """Nothing more is expected from the other side but that it leaves."""
    while (await socket.receive())["type"] != "websocket.disconnect":
        continue
