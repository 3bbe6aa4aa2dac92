"""The HTTP API: every route in one place. What each means is in its docstring, and so in the OpenAPI document."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
from fastapi import FastAPI, Query, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from realtime.devices import Hardware, list_hardware
from realtime.live.settings import Change, LiveSettings
from realtime.runtime.errors import MummerError, UsageError
from realtime.serve.allowed_paths import AllowedPaths, check_change, check_start
from realtime.serve.choices import Choices
from realtime.serve.events import Feed
from realtime.serve.metrics import exposition
from realtime.serve.middleware import AccessMiddleware, known_hosts
from realtime.serve.session import Session, SessionStatus
from realtime.serve.settings import ServeSettings
from realtime.serve.thumbnails import Thumbnails
from realtime.serve.webrtc import Browser, Offer
from realtime.swap import open_model
from realtime.swap.library import list_models

__all__ = ["build_app"]

PANEL: Final = Path(__file__).parent / "panel"
#: Of a preview picture, 0..100.
JPEG_QUALITY: Final = 85
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


def build_app(session: Session, browser: Browser, settings: ServeSettings, token: str) -> FastAPI:
    """The application that steers ``session``; ``token`` is asked of whoever changes anything.

    ``browser`` is the camera and screen ``browser:`` of the session.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await browser.close()

    app = FastAPI(title="mummer", summary="A streaming face-swap daemon.", docs_url=None, redoc_url=None, lifespan=life)
    thumbnails = Thumbnails()
    roots = AllowedPaths(settings.roots)
    hosts = known_hosts(settings.host, settings.port, settings.hosts)
    app.add_middleware(AccessMiddleware, hosts=hosts, token=token, max_body=settings.max_body)

    @app.middleware("http")
    async def _headers(request: Request, call_next):  # type: ignore[no-untyped-def]  # starlette's own types are private
        response = await call_next(request)
        response.headers.update(HEADERS)
        return response

    @app.exception_handler(MummerError)
    def _refused(_: Request, error: MummerError) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 409 if isinstance(error, UsageError) else 400)

    @app.exception_handler(RequestValidationError)
    def _malformed(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"][1:]) or "the body"
        return JSONResponse({"error": f"{where}: {first['msg'].lower()}"}, 422)

    @app.get("/api/status")
    def status() -> SessionStatus:
        """How the session is: frames, drops, latency, stages, source, sinks, model, look, problems."""
        return session.status()

    @app.post("/api/session", status_code=201)
    def start(request: LiveSettings) -> SessionStatus:
        """Start a session."""
        check_start(request, roots)
        session.start(request)
        return session.status()

    @app.patch("/api/session")
    def change(request: Change) -> SessionStatus:
        """Change what runs, between two frames: model, look, camera, sinks."""
        check_change(request, roots)
        session.change(request)
        return session.status()

    @app.delete("/api/session")
    def stop() -> SessionStatus:
        """End the session, and its files, in good order."""
        session.stop()
        return session.status()

    @app.get("/api/choices")
    def choices() -> Choices:
        """What may be chosen for the look, and what is chosen where nothing is said."""
        return Choices()

    @app.get("/api/models")
    def models() -> list[dict[str, object]]:
        """The models at hand, and whom they show."""
        return [_model_facts(path) for path in list_models()]

    @app.get("/api/devices")
    def devices() -> Hardware:
        """Cameras, virtual cameras, microphones, what models may run on, and what is missing."""
        return list_hardware()

    @app.get("/api/models/{name}/picture", responses={200: {"content": {"image/jpeg": {}}}})
    def model_picture(name: str) -> Response:
        """What the model makes of a drawn face, as JPEG."""
        return Response(thumbnails.picture(name), media_type="image/jpeg")

    @app.get("/api/preview", responses={200: {"content": {"image/jpeg": {}}}})
    def preview(width: Annotated[int, Query(ge=64, le=1920)] = 480) -> Response:
        """The next frame as JPEG: before on the left, after on the right, each up to ``width`` pixels wide.

        204 where no frame comes.
        """
        seen = session.preview(width)
        if seen is None:
            return Response(status_code=204)
        both = cv2.cvtColor(np.hstack([seen.before, seen.after]), cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", both, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return Response(data.tobytes(), media_type="image/jpeg")

    @app.post("/api/browser")
    async def connect(offer: Offer) -> Offer:
        """Connect this browser's camera over WebRTC: an offer in, an answer out; its address is ``browser:``."""
        return await browser.connect(offer)

    @app.delete("/api/browser", status_code=204)
    async def disconnect() -> None:
        """Let go of the browser's camera."""
        await browser.close()

    @app.get("/metrics")
    def metrics() -> Response:
        """The session for Prometheus."""
        return Response(exposition(session), media_type="text/plain; version=0.0.4; charset=utf-8")

    @app.websocket("/api/events")
    async def events(socket: WebSocket) -> None:
        """Status twice a second and events as they happen, as JSON, once the first message was ``{"token": ...}``."""
        await socket.accept()
        feed = Feed(session, token)
        try:
            await feed.serve(socket)
        except (WebSocketDisconnect, asyncio.CancelledError):
            return

    @app.get("/", include_in_schema=False)
    def panel() -> FileResponse:
        return FileResponse(PANEL / "index.html")

    app.mount("/panel", StaticFiles(directory=PANEL), name="panel")
    return app


def _model_facts(path: Path) -> dict[str, object]:
    try:
        model = open_model(str(path), "cpu")
    except MummerError as error:
        return {"name": path.stem, "problem": str(error)}
    return {
        "name": path.stem,
        "size": model.size,
        "licence": model.manifest.licence,
        "identities": [{"id": each.id, "name": each.name, "kind": each.kind} for each in model.identities],
        "problem": None,
    }
