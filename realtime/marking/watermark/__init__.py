"""An imperceptible mark in the brightness of every frame with a swapped face, and its reader."""

from realtime.marking.watermark.draw import Watermark
from realtime.marking.watermark.payload import Payload, Tool, payload_of
from realtime.marking.watermark.read import Reading, read_watermark

__all__ = ["Payload", "Reading", "Tool", "Watermark", "payload_of", "read_watermark"]
