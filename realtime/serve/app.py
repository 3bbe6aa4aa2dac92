"""The HTTP API and the panel, put together: who may ask (``middleware``), what is answered (``routes``), and errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from realtime.runtime.version import our_version
from realtime.serve.allowed_paths import AllowedPaths
from realtime.serve.jobs.queue import JobQueue
from realtime.serve.jobs.uploads import Uploads
from realtime.serve.middleware import AccessMiddleware, EndingMiddleware, HeadersMiddleware, known_hosts
from realtime.serve.refusals import READS, install, refusals
from realtime.serve.routes.catalogue import catalogue_routes
from realtime.serve.routes.health import health_routes
from realtime.serve.routes.jobs import job_routes
from realtime.serve.routes.pictures import picture_routes
from realtime.serve.routes.session import session_routes
from realtime.serve.routes.uploads import upload_routes
from realtime.serve.session import Session
from realtime.serve.settings import ServeSettings
from realtime.serve.webrtc import Browser

__all__ = ["build_app"]

PANEL: Final = Path(__file__).parent / "panel"


def build_app(
    session: Session, browser: Browser, settings: ServeSettings, token: str, jobs: JobQueue, uploads: Uploads
) -> FastAPI:
    """The application that steers ``session``; ``token`` is asked of whoever changes anything.

    ``browser`` is the camera and screen ``browser:`` of the session; ``jobs`` are the file jobs, also of ``uploads``.
    """

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        await browser.close()

    app = FastAPI(
        title="mummer",
        summary="A streaming face-swap daemon.",
        version=our_version(),
        docs_url=None,
        redoc_url=None,
        lifespan=life,
    )
    hosts = known_hosts(settings.host, settings.port, settings.hosts)
    app.add_middleware(
        AccessMiddleware, hosts=hosts, token=token, max_body=settings.max_body, max_upload=settings.max_upload
    )
    app.add_middleware(EndingMiddleware)
    app.add_middleware(HeadersMiddleware)
    install(app)
    strangers = settings.max_connections * 2 // 3
    known = refusals(*READS)
    roots = AllowedPaths(settings.roots)
    app.include_router(session_routes(session, roots, uploads, token, strangers, jobs), responses=known)
    app.include_router(job_routes(jobs, uploads, roots), responses=known)
    app.include_router(upload_routes(uploads), responses=known)
    app.include_router(catalogue_routes(next(iter(settings.roots), None)), responses=known)
    app.include_router(picture_routes(session, browser), responses=known)
    app.include_router(health_routes(session))
    app.add_api_route("/", _panel, include_in_schema=False)
    app.mount("/panel", StaticFiles(directory=PANEL), name="panel")
    return app


def _panel() -> FileResponse:
    return FileResponse(PANEL / "index.html")
