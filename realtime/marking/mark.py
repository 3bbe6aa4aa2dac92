"""A finished frame's marks: the watermark that programs read, the label that people read."""

from realtime.marking.label import Label
from realtime.marking.watermark import Watermark
from realtime.media.frame import Frame
from realtime.runtime.stages import Stages

__all__ = ["mark", "prepare"]


def mark(frame: Frame, watermark: Watermark | None, label: Label | None, stages: Stages) -> None:
    """Say on the picture, in place, what was done to it. The label comes last: nothing is drawn over it."""
    if watermark is not None:
        with stages("watermark"):
            watermark.draw(frame)
    if label is not None:
        with stages("label"):
            label.draw(frame)


def prepare(frame: Frame, watermark: Watermark | None, label: Label | None) -> None:
    """Make what is drawn into frames of the kind of ``frame``, which is not looked into. From any thread."""
    if watermark is not None:
        watermark.prepare(frame.kind)
    if label is not None:
        label.prepare(frame)
