"""Files that are sent: the input of a job, a photograph, a consent record."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query, Request, Security
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from realtime.serve.jobs.uploads import TooLargeError, Uploads
from realtime.serve.refusals import CHANGES, TOKEN, refusals
from realtime.serve.routes.binary import CONTENT

__all__ = ["upload_routes"]


class Upload(BaseModel, frozen=True):
    """A file that came, to be named where a file is asked for."""

    path: str


def upload_routes(uploads: Uploads) -> APIRouter:
    """The route that takes ``uploads``."""
    routes = APIRouter()

    @routes.post(
        "/api/uploads",
        status_code=201,
        dependencies=[Security(TOKEN)],
        responses=refusals(*CHANGES),
        openapi_extra={"requestBody": {"required": True, "content": CONTENT}},
    )
    async def upload(request: Request, name: Annotated[str, Query(min_length=1, max_length=180)]) -> Upload:
        """Send a file, as it is; it is kept until its job is taken off the list, or the daemon ends."""
        length = request.headers.get("content-length", "0")
        try:
            path = await uploads.take(name, int(length), request.stream())
        except TooLargeError:
            raise HTTPException(413, f"more than {uploads.most} bytes are not taken") from None
        except ClientDisconnect:
            raise HTTPException(400) from None  # nobody hears it
        return Upload(path=str(path))

    return routes
