"""The session: its status, start, change and end, and what happens in it."""

import asyncio

from fastapi import APIRouter, Response, Security, WebSocket, WebSocketDisconnect
from fastapi.responses import PlainTextResponse

from realtime.live.settings import Change, LiveSettings
from realtime.serve.allowed_paths import AllowedPaths, check_change, check_start
from realtime.serve.events import Audience, Feed
from realtime.serve.jobs.queue import JobQueue
from realtime.serve.jobs.uploads import Uploads
from realtime.serve.metrics import CONTENT_TYPE, exposition
from realtime.serve.refusals import CHANGES, TOKEN, refusals
from realtime.serve.session import Session, SessionStatus

__all__ = ["session_routes"]


def session_routes(
    session: Session, roots: AllowedPaths, uploads: Uploads, token: str, strangers: int, jobs: JobQueue
) -> APIRouter:
    """The routes that steer ``session``; files are in ``roots`` or ``uploads``, and ``strangers`` listen at a time."""
    routes, audience = APIRouter(), Audience(session, strangers)
    steers = [Security(TOKEN)]

    @routes.get("/api/status")
    def status() -> SessionStatus:
        """How the session is: frames, drops, latency, stages, source, sinks, model, look, problems."""
        return session.status()

    @routes.post("/api/session", status_code=201, dependencies=steers, responses=refusals(*CHANGES))
    def start(request: LiveSettings) -> SessionStatus:
        """Start a session."""
        check_start(request, roots, uploads.holds)
        session.start(request)
        return session.status()

    @routes.patch("/api/session", dependencies=steers, responses=refusals(*CHANGES))
    def change(request: Change) -> SessionStatus:
        """Change what runs, between two frames: model, look, camera, sinks."""
        check_change(request, roots, uploads.holds)
        session.change(request)
        return session.status()

    @routes.post("/api/session/rest", dependencies=steers, responses=refusals(401, 409))
    def rest() -> SessionStatus:
        """Take how the performer looks now as the rest of the photo that moves (`puppet`)."""
        session.calibrate()
        return session.status()

    @routes.delete("/api/session", dependencies=steers, responses=refusals(401))
    def stop() -> SessionStatus:
        """End the session, and its files, in good order."""
        session.stop()
        return session.status()

    @routes.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """The session for Prometheus."""
        return Response(exposition(session), media_type=CONTENT_TYPE)

    @routes.websocket("/api/events")
    async def events(socket: WebSocket) -> None:
        """Status twice a second (to hundreds less often), events as they happen, and the jobs when they change; JSON.

        The first message to come must be ``{"token": ...}``.
        """
        await socket.accept()
        feed = Feed(session, audience, token, jobs)
        try:
            await feed.serve(socket)
        except (WebSocketDisconnect, asyncio.CancelledError):
            return

    return routes
