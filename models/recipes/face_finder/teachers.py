"""What the teachers say about every picture of the set, in picture pixels.

MediaPipe's Face Mesh gives 468 points a face, more even from picture to picture than annotations by hand. A linear
map from them to the 68 landmarks, fitted on the training subjects alone, takes the noise out of the annotations.
YuNet says which box a detector should draw.
"""

from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from models.recipes.face_finder.data import AnnotatedFaces
from models.recipes.face_mesh import FaceMesh
from realtime.mesh.vertices import OUTER_EYE_CORNERS
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import ModelError

__all__ = ["YuNet", "denoise", "face_meshes"]

#: Principal components of the mesh that the linear map sees; more fit the noise (measured: 40 to 200 are alike).
COMPONENTS: Final = 100


def face_meshes(faces: AnnotatedFaces, model: Path) -> Floats:
    """The mesh of every face, float32 (N, 468, 2) in picture pixels. Raises ``ModelError`` for a bad file."""
    teacher = FaceMesh(model)
    seen = zip(faces.pictures, faces.landmarks, strict=True)
    return np.stack([teacher.find(picture, landmarks)[:, :2] for picture, landmarks in seen])


def denoise(landmarks: Floats, mesh: Floats, training: NDArray[np.bool_]) -> Floats:
    """The landmarks that the mesh implies: a linear map, least squares over principal components.

    ``landmarks`` is float32 (N, 68, 2), ``mesh`` float32 (N, 468, 2), both in pixels; the map is fitted where
    ``training``, bool (N,), is true. Returns float32 (N, 68, 2) in pixels.
    """
    # Face coordinates: outer eye corners of the mesh at 0 and 1, so that size and roll drop out.
    flat = mesh.astype(np.float64) @ (1, 1j)  # (N, 468) complex
    first, second = OUTER_EYE_CORNERS
    origin, unit = flat[:, first, None], flat[:, second, None] - flat[:, first, None]
    local = (flat - origin) / unit
    wanted = (landmarks.astype(np.float64) @ (1, 1j) - origin) / unit  # (N, 68)
    features = np.concatenate([local.real, local.imag], axis=1)  # (N, 936)
    mean = features[training].mean(axis=0)
    _, _, axes = np.linalg.svd(features[training] - mean, full_matrices=False)
    code = np.column_stack([(features - mean) @ axes[:COMPONENTS].T, np.ones(len(features))])
    answer = np.concatenate([wanted.real, wanted.imag], axis=1)  # (N, 136)
    weights = np.linalg.lstsq(code[training], answer[training], rcond=None)[0]
    fitted = code @ weights
    points = (fitted[:, :68] + 1j * fitted[:, 68:]) * unit + origin
    return np.stack([points.real, points.imag], axis=-1).astype(np.float32)


class YuNet:
    """YuNet (Wu et al., 2023) as a teacher of boxes. Raises ``ModelError`` where ``model`` cannot be loaded."""

    def __init__(self, model: Path, score: float) -> None:
        if not model.is_file():
            raise ModelError(f"{model}: no such file; the folder of teachers must hold it")
        try:
            self._detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), score, 0.3, 100)
        except cv2.error as error:
            raise ModelError(f"{model}: OpenCV cannot load it as YuNet") from error

    def boxes(self, picture: Bytes) -> Floats:
        """Of a picture, uint8 (H, W, 3) RGB: float32 (K, 5), x0, y0, x1, y1 in pixels and the score in 0..1."""
        self._detector.setInputSize((picture.shape[1], picture.shape[0]))
        _, found = self._detector.detect(np.ascontiguousarray(picture[:, :, ::-1]))
        rows = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4], rows[:, 14:15]], axis=1)
        return corners.astype(np.float32)
