"""A picture as an answer."""

from fastapi import Response

__all__ = ["Jpeg"]


class Jpeg(Response):
    """A picture."""

    media_type = "image/jpeg"
