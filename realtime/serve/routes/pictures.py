"""Pictures in and out: the preview, and the browser as camera and screen."""

from typing import Annotated, Final

import cv2
import numpy as np
from fastapi import APIRouter, Query, Response

from realtime.serve.session import Session
from realtime.serve.webrtc import Browser, Offer

__all__ = ["picture_routes"]

#: Of a preview picture, 0..100.
JPEG_QUALITY: Final = 85


def picture_routes(session: Session, browser: Browser) -> APIRouter:
    """The routes by which pictures of ``session`` are seen, and ``browser`` connects."""
    routes = APIRouter()

    @routes.get("/api/preview", responses={200: {"content": {"image/jpeg": {}}}})
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

    @routes.post("/api/browser")
    async def connect(offer: Offer) -> Offer:
        """Connect this browser's camera over WebRTC: an offer in, an answer out; its address is ``browser:``."""
        return await browser.connect(offer)

    @routes.delete("/api/browser", status_code=204)
    async def disconnect() -> None:
        """Let go of the browser's camera."""
        await browser.close()

    return routes
