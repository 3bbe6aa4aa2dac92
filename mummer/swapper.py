"""Faces of single pictures."""

from threading import Lock
from typing import TYPE_CHECKING, Unpack

import numpy as np

from mummer.choices import AnyPath, LookChoices, validated
from mummer.pictures import as_rgb
from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.stages import Stages
from realtime.settings import MODEL, Look
from realtime.swapper import make_swapper

if TYPE_CHECKING:
    from mummer.pictures import Picture

__all__ = ["Swapper"]


class Swapper:
    """Swaps the faces of pictures that have nothing to do with one another.

    Make it once: it holds the networks. Any thread may call it, and one at a time is served.
    """

    def __init__(self, model: AnyPath = MODEL, **look: Unpack[LookChoices]) -> None:
        """``model`` is a name or a file, as ``mummer models`` lists them.

        Raises ``ModelError``, ``ConsentError``, ``DetectorError``, ``InputError`` or ``UsageError``.
        """
        self._swapper = make_swapper(validated(Look, {"model": str(model), **look}), Stages())
        self._lock = Lock()

    def __call__(self, picture: "Picture") -> Bytes:
        """``picture`` with its faces swapped, watermarked and labelled: a new array, uint8 (H, W, 3) RGB.

        ``picture`` is uint8 (H, W, 3) RGB, a PIL image, or the path of a picture file. Raises ``InputError`` for what
        is no such picture, and ``ModelError`` where the model fails.
        """
        frame = Frame.from_rgb(as_rgb(picture))
        with self._lock:
            self._swapper.reset()
            self._swapper.process(frame)
        return frame.warp(np.eye(2, 3), (frame.width, frame.height))

    def faces(self, picture: "Picture") -> tuple[Face, ...]:
        """The faces of ``picture``, each with ``box``, ``landmarks`` (float32 (68, 2), pixels) and ``score`` (0..1).

        Raises ``InputError`` as a call does.
        """
        frame = Frame.from_rgb(as_rgb(picture))
        with self._lock:
            self._swapper.finder.reset()
            return self._swapper.finder.find(frame)
