"""A face cut out of a frame, as a swap model gets it."""

from dataclasses import dataclass

from realtime.runtime.arrays import Bytes, Floats, Matrix

__all__ = ["FaceCrop"]


@dataclass(frozen=True, slots=True, eq=False)
class FaceCrop:
    """One face: ``rgb`` uint8 (S, S, 3), and ``frame_to_crop``, which maps frame pixels to its own.

    ``mesh`` is the dense mesh in pixels of the crop, float32 (468, 3), for models that draw, and None for others;
    ``track`` is the face's number, which it keeps from frame to frame.
    """

    rgb: Bytes
    frame_to_crop: Matrix
    track: int
    mesh: Floats | None = None
