"""Drawing the watermark into frames."""

from threading import Lock
from typing import Final

import cv2
import numpy as np

from realtime.marking.watermark.pattern import COARSE, FINE, chip_roles, chip_signs, render
from realtime.marking.watermark.payload import Payload
from realtime.media.affine import compose
from realtime.media.colorspace import Codes
from realtime.media.frame import Frame, PictureFormat
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Watermark"]


class Watermark:
    """64 bits in the brightness of every frame in which a face was swapped, too faint to see.

    The pattern lies still, so that nothing flickers. It is made once for each kind of frame and kept: drawing costs
    one saturated addition and one subtraction.

    ``confined`` keeps it to the pixels that were pasted over, for encoders that lose nothing: there the promise
    holds that every other pixel keeps its bits.
    """

    def __init__(self, payload: Payload, confined: bool = False) -> None:
        self.payload = payload
        self.confined = confined
        self._lock = Lock()
        self._kind: PictureFormat | None = None
        self._top = 0
        self._lighter: Codes = _NOTHING
        self._darker: Codes = _NOTHING

    def draw(self, frame: Frame) -> None:
        """Mark ``frame`` if anything was pasted into it; otherwise it stays as it is."""
        if not frame.pasted:
            return
        self.prepare(frame.kind)
        planes = frame.brightness()
        if self.confined:
            for patch in frame.pasted:
                if patch.plane < len(planes):
                    height, width = patch.keep.shape[:2]
                    here = np.s_[patch.y : patch.y + height, patch.x : patch.x + width]
                    self._shade(planes[patch.plane][here], here, patch.touched)
        else:
            for plane in planes:
                self._shade(plane, np.s_[:, :], None)

    def prepare(self, kind: PictureFormat) -> None:
        """Make what is drawn into frames of this ``kind``, unless it is there: it takes as long as a frame may.

        From any thread; whoever needs it waits for the one that is at it.
        """
        with self._lock:
            if kind != self._kind:
                self._lighter, self._darker = self._fit(kind)
                self._kind, self._top = kind, kind.coding.top

    def _shade(self, region: Codes, here: tuple[slice, slice], mask: Bytes | None) -> None:
        """Mark ``region``, which lies ``here`` in its plane, where ``mask`` is not 0."""
        cv2.add(region, self._lighter[here], region, mask)
        cv2.subtract(region, self._darker[here], region, mask)
        if self._top < np.iinfo(region.dtype).max:
            np.minimum(region, self._top, out=region)

    def _fit(self, kind: PictureFormat) -> tuple[Codes, Codes]:
        """What to add and what to subtract, of the shape and dtype of the planes."""
        layout = FINE if self.confined else COARSE
        bits = np.append(self.payload.encode(), 0)
        chips: Floats = chip_signs() * (1 - 2 * bits[chip_roles()].astype(np.float32))
        shown = layout.to_tile(*kind.turn.shown(kind.width, kind.height))
        to_tile = compose(kind.turn.to_shown(kind.width, kind.height), shown)
        pixels = kind.pixels
        unit = 1 << (pixels.depth - 8)
        levels = np.rint(render(chips, to_tile, (kind.width, kind.height)) * unit)
        channels = len(pixels.planes[0].components)
        if channels > 1:
            levels = np.repeat(levels[..., None], channels, axis=2)
        lighter, darker = (
            np.left_shift(np.maximum(side, 0).astype(pixels.dtype), pixels.shift) for side in (levels, -levels)
        )
        return lighter, darker


_NOTHING: Final = np.zeros((0, 0), np.uint8)
