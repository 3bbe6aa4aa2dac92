"""An imperceptible mark in the brightness of every frame with a swapped face; ``read`` is its reader."""

from realtime.marking.watermark.draw import Watermark
from realtime.marking.watermark.payload import Payload, Tool, payload_of

__all__ = ["Payload", "Tool", "Watermark", "payload_of"]
