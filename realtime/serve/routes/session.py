"""The session: its status, start, change and end, and what happens in it."""

import asyncio

from fastapi import APIRouter, Response, WebSocket, WebSocketDisconnect

from realtime.live.settings import Change, LiveSettings
from realtime.serve.allowed_paths import AllowedPaths, check_change, check_start
from realtime.serve.events import Audience, Feed
from realtime.serve.metrics import exposition
from realtime.serve.session import Session, SessionStatus

__all__ = ["session_routes"]


def session_routes(session: Session, roots: AllowedPaths, token: str, strangers: int) -> APIRouter:
    """The routes that steer ``session``; files may be named in ``roots`` only, and ``strangers`` listen at a time."""
    routes, audience = APIRouter(), Audience(session, strangers)

    @routes.get("/api/status")
    def status() -> SessionStatus:
        """How the session is: frames, drops, latency, stages, source, sinks, model, look, problems."""
        return session.status()

    @routes.post("/api/session", status_code=201)
    def start(request: LiveSettings) -> SessionStatus:
        """Start a session."""
        check_start(request, roots)
        session.start(request)
        return session.status()

    @routes.patch("/api/session")
    def change(request: Change) -> SessionStatus:
        """Change what runs, between two frames: model, look, camera, sinks."""
        check_change(request, roots)
        session.change(request)
        return session.status()

    @routes.delete("/api/session")
    def stop() -> SessionStatus:
        """End the session, and its files, in good order."""
        session.stop()
        return session.status()

    @routes.get("/metrics")
    def metrics() -> Response:
        """The session for Prometheus."""
        return Response(exposition(session), media_type="text/plain; version=0.0.4; charset=utf-8")

    @routes.websocket("/api/events")
    async def events(socket: WebSocket) -> None:
        """Status twice a second (to hundreds less often) and events as they happen, as JSON.

        The first message to come must be ``{"token": ...}``.
        """
        await socket.accept()
        feed = Feed(session, audience, token)
        try:
            await feed.serve(socket)
        except (WebSocketDisconnect, asyncio.CancelledError):
            return

    return routes
