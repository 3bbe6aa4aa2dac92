"""What the teachers say about every picture of the set, in picture pixels.

MediaPipe's Face Mesh gives 468 points a face, more even from picture to picture than annotations by hand. A linear
map from them to the 68 landmarks, fitted on the training subjects alone, takes the noise out of the annotations.
YuNet says which box a detector should draw.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort

from models.recipes.face_finder.data import FaceSet
from realtime.arrays import Bytes, Floats, Matrix, Points
from realtime.geometry import apply, invert

__all__ = ["denoise", "face_mesh", "yunet_boxes"]

MESH_SIZE = 192
#: Principal components of the mesh that the linear map sees; more fit the noise (measured: 40 to 200 are alike).
COMPONENTS = 100


def upright_square(landmarks: Points, size: int) -> Matrix:
    """Face Mesh's own framing: a square of 1.5 face extents, turned so that the eyes are level; (2, 3)."""
    left, right = landmarks[36:42].mean(axis=0), landmarks[42:48].mean(axis=0)
    cos, sin = (right - left) / np.linalg.norm(right - left)
    turn = np.array([[cos, sin], [-sin, cos]])
    turned = landmarks @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = float((high - low).max()) * 1.5
    centre = (low + high) / 2 - (0, 0.04 * side)
    zoom = size / side
    return np.column_stack([zoom * turn, size / 2 - 0.5 - zoom * centre])


def face_mesh(faces: FaceSet, model: Path) -> Floats:
    """The mesh of every face, float32 (N, 468, 2) in picture pixels."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    meshes = []
    for picture, landmarks in zip(faces.pictures, faces.landmarks, strict=True):
        frame_to_crop = upright_square(landmarks, MESH_SIZE)
        crop = cv2.warpAffine(picture, frame_to_crop, (MESH_SIZE, MESH_SIZE), borderMode=cv2.BORDER_REPLICATE)
        out = session.run(None, {name: crop[None].astype(np.float32) / 255})[0]
        meshes.append(apply(invert(frame_to_crop), out.reshape(MESH_POINTS, 3)[:, :2]))
    return np.stack(meshes)


MESH_POINTS = 468


def denoise(faces: FaceSet, mesh: Floats, training: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> Points:
    """The landmarks that the mesh implies, float32 (N, 68, 2): a linear map fitted where ``training`` is true."""
    # Face coordinates: outer eye corners of the mesh (33, 263) at 0 and 1, so that size and roll drop out.
    flat = mesh.astype(np.float64) @ (1, 1j)  # (N, 468) complex
    origin, unit = flat[:, 33, None], flat[:, 263, None] - flat[:, 33, None]
    local = (flat - origin) / unit
    wanted = (faces.landmarks.astype(np.float64) @ (1, 1j) - origin) / unit  # (N, 68)
    features = np.concatenate([local.real, local.imag], axis=1)  # (N, 936)
    mean = features[training].mean(axis=0)
    _, _, axes = np.linalg.svd(features[training] - mean, full_matrices=False)
    code = np.column_stack([(features - mean) @ axes[:COMPONENTS].T, np.ones(len(features))])
    answer = np.concatenate([wanted.real, wanted.imag], axis=1)  # (N, 136)
    weights = np.linalg.lstsq(code[training], answer[training], rcond=None)[0]
    fitted = code @ weights
    points = (fitted[:, :68] + 1j * fitted[:, 68:]) * unit + origin
    return np.stack([points.real, points.imag], axis=-1).astype(np.float32)


def yunet_boxes(pictures: list[Bytes], model: Path, score: float = 0.6) -> list[Floats]:
    """YuNet's boxes for each RGB picture: float32 (K, 5), x0, y0, x1, y1 in pixels and the score."""
    detector = cv2.FaceDetectorYN.create(str(model), "", (320, 320), score, 0.3, 100)
    boxes = []
    for picture in pictures:
        detector.setInputSize((picture.shape[1], picture.shape[0]))
        _, found = detector.detect(np.ascontiguousarray(picture[:, :, ::-1]))
        rows = np.zeros((0, 15), np.float32) if found is None else np.asarray(found, np.float32)
        corners = np.concatenate([rows[:, :2], rows[:, :2] + rows[:, 2:4], rows[:, 14:15]], axis=1)
        boxes.append(corners.astype(np.float32))
    return boxes
