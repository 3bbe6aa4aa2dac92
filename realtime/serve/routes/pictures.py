"""Pictures in and out: the preview, and the browser as camera and screen."""

from typing import Annotated, Any, Final

import cv2
import numpy as np
from fastapi import APIRouter, Query, Response, Security

from realtime.serve.jpeg import Jpeg
from realtime.serve.refusals import CHANGES, TOKEN, refusals
from realtime.serve.session import Session
from realtime.serve.webrtc import Answer, Browser, Offer

__all__ = ["picture_routes"]

#: Of a preview picture, 0..100.
JPEG_QUALITY: Final = 85


def picture_routes(session: Session, browser: Browser) -> APIRouter:
    """The routes by which pictures of ``session`` are seen, and ``browser`` connects."""
    routes, steers = APIRouter(), [Security(TOKEN)]
    nothing: dict[int | str, dict[str, Any]] = {204: {"description": "No frame came."}}

    @routes.get(
        "/api/preview",
        dependencies=steers,
        response_class=Jpeg,
        responses=nothing | refusals(401, 409, 422),
    )
    def preview(width: Annotated[int, Query(ge=64, le=1920)] = 480) -> Response:
        """The next frame as JPEG: before on the left, after on the right, each up to ``width`` pixels wide.

        204 where no frame comes.
        """
        seen = session.preview(width)
        if seen is None:
            return Response(status_code=204)
        both = cv2.cvtColor(np.hstack([seen.before, seen.after]), cv2.COLOR_RGB2BGR)
        _, data = cv2.imencode(".jpg", both, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        return Jpeg(data.tobytes())

    @routes.post("/api/browser", dependencies=steers, responses=refusals(*CHANGES))
    async def connect(offer: Offer) -> Answer:
        """Connect this browser's camera over WebRTC: an offer in, an answer out; its address is ``browser:``."""
        return await browser.connect(offer)

    @routes.delete("/api/browser", status_code=204, dependencies=steers, responses=refusals(401))
    async def disconnect() -> None:
        """Let go of the browser's camera."""
        await browser.close()

    return routes
