"""Faces cut out of a frame and put through a model: all at once through a network, one by one where it draws."""

from collections.abc import Sequence

import numpy as np

from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.swap.drawn import DrawnModel, into_crop, mesh_of
from realtime.swap.face_crop import FaceCrop
from realtime.swap.model import SwapModel

__all__ = ["cut_out", "put_in"]


def cut_out(frame: Frame, face: Face, model: SwapModel) -> FaceCrop:
    """The crop of ``face`` that ``model`` takes: by its template, or where it draws, around the face's mesh."""
    if isinstance(model, DrawnModel):
        matrix, size = model.frame_to_crop(face)
        return FaceCrop(frame.warp(matrix, size), matrix, face.track, into_crop(mesh_of(face), matrix))
    matrix = model.template.frame_to_crop(face.landmarks, model.size)
    return FaceCrop(frame.warp(matrix, model.size), matrix, face.track)


def put_in(model: SwapModel, crops: Sequence[FaceCrop]) -> list[tuple[Bytes, Bytes]]:
    """The new face and its mask for each of ``crops``: uint8 (S, S, 3) RGB and uint8 (S, S), 255 on the face."""
    if isinstance(model, DrawnModel):
        return [model.draw(crop) for crop in crops]
    return list(zip(*model.swap(np.stack([crop.rgb for crop in crops])), strict=True))  # (N, S, S, 3), (N, S, S)
