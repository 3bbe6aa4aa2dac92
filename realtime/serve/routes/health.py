"""Whether the daemon is there, for whatever watches over it: a container, a load balancer, a monitor."""

from typing import Literal

from fastapi import APIRouter
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from realtime.serve.refusals import refusals
from realtime.serve.session import Session

__all__ = ["Health", "health_routes"]


class Health(BaseModel, frozen=True):
    """Nothing but that it is so."""

    status: Literal["ok"] = "ok"


def health_routes(session: Session) -> APIRouter:
    """The two questions of a watcher. They tell nothing of ``session``, so any host name may ask them."""
    routes = APIRouter()

    @routes.get("/healthz")
    async def healthz() -> Health:
        """Whether the daemon answers at all; where it does not, start it anew."""
        return Health()

    @routes.get("/readyz", responses=refusals(503), response_model=Health)
    async def readyz() -> Health | JSONResponse:
        """Whether it takes requests for a session now; not while one starts or ends."""
        if session.settled:
            return Health()
        return JSONResponse({"error": "a session starts or ends; ask again in a moment"}, 503)

    return routes
