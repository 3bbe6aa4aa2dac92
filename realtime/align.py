"""Alignment: landmarks to the square crop that a swap model sees, one module for training and running.

Conventions, used all over the program:

- points are (x, y) in pixels, and the centre of the top-left pixel is (0, 0);
- a matrix named ``a_to_b`` is float64 (2, 3) and maps points of a to points of b;
- a crop of ``size`` pixels covers the unit square, so crop pixel = unit * size - 0.5.

The similarity fit is Umeyama's (1991), least squares with reflection excluded. The *whole face* template and its
crop are DeepFaceLab's, so that its models and ours are interchangeable.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.runtime.arrays import Matrix, Points

__all__ = ["TEMPLATES", "Template", "fit_similarity"]


def fit_similarity(source: Points, target: Points) -> Matrix:
    """Rotation, uniform scale and translation that take ``source`` to ``target`` with the least squared error.

    Both are float (N, 2), N >= 2, any unit. Returns float64 (2, 3). In the plane the least-squares similarity has a
    closed form over complex numbers, and cannot reflect. Raises ``ValueError`` where all source points coincide.
    """
    s = source.astype(np.float64) @ (1, 1j)  # (N,) complex
    t = target.astype(np.float64) @ (1, 1j)  # (N,) complex
    s_mean, t_mean = s.mean(), t.mean()
    spread = np.vdot(s - s_mean, s - s_mean).real
    if not spread > 0:
        raise ValueError("cannot fit a similarity to points that coincide")
    turn = np.vdot(s - s_mean, t - t_mean) / spread  # scale * exp(i * angle)
    shift = t_mean - turn * s_mean
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


@dataclass(frozen=True, slots=True)
class Template:
    """Where a model expects the landmarks of an aligned face.

    ``groups`` names, for each template point, the landmarks (iBUG 68) whose mean is fitted to it; ``points`` holds
    the points in the unit square of the crop, as (x, y) pairs.
    """

    name: str
    groups: tuple[tuple[int, ...], ...]
    points: tuple[tuple[float, float], ...]

    def frame_to_crop(self, landmarks: Points, size: int) -> Matrix:
        """The similarity from frame pixels to the pixels of a ``size`` x ``size`` crop.

        ``landmarks`` is float32 (68, 2) in frame pixels; returns float64 (2, 3).
        """
        return fit_similarity(_means(self.groups) @ landmarks, np.asarray(self.points, np.float32) * size - 0.5)


@cache
def _means(groups: tuple[tuple[int, ...], ...]) -> NDArray[np.float32]:
    """The matrix, float32 (K, 68), that takes landmarks to the means of K groups of them."""
    matrix = np.zeros((len(groups), 68), np.float32)
    for row, group in zip(matrix, groups, strict=True):
        row[list(group)] = 1 / len(group)
    return matrix


# Template units of DeepFaceLab's 2D reference face: landmarks 17..48 and 54 in a square around brows to mouth.
_REFERENCE: Final = (
    (0.000213256, 0.106454), (0.0752622, 0.038915), (0.18113, 0.0187482), (0.29077, 0.0344891),
    (0.393397, 0.0773906), (0.586856, 0.0773906), (0.689483, 0.0344891), (0.799124, 0.0187482),
    (0.904991, 0.038915), (0.98004, 0.106454), (0.490127, 0.203352), (0.490127, 0.307009),
    (0.490127, 0.409805), (0.490127, 0.515625), (0.36688, 0.587326), (0.426036, 0.609345),
    (0.490127, 0.628106), (0.554217, 0.609345), (0.613373, 0.587326), (0.121737, 0.216423),
    (0.187122, 0.178758), (0.265825, 0.179852), (0.334606, 0.231733), (0.260918, 0.245099),
    (0.182743, 0.244077), (0.645647, 0.231733), (0.714428, 0.179852), (0.793132, 0.178758),
    (0.858516, 0.216423), (0.79751, 0.244077), (0.719335, 0.245099), (0.254149, 0.780233),
    (0.726104, 0.780233),
)  # fmt: skip
_SINGLE: Final = tuple((i,) for i in (*range(17, 49), 54))
_EYES_NOSE_MOUTH: Final = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))

#: Eyes, nose and corners of the mouth in InsightFace's crop of 112 pixels.
_ARCFACE: Final = (
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041),
)  # fmt: skip


def _reference(name: str, coverage: float, centre: tuple[float, float]) -> Template:
    points = tuple(((x - centre[0]) / coverage + 0.5, (y - centre[1]) / coverage + 0.5) for x, y in _REFERENCE)
    return Template(name, _SINGLE, points)


def _five_points(name: str, shift: float, size: int) -> Template:
    """ArcFace's five points, pixels of a crop of 112, in a crop of ``size`` pixels with ``shift`` more on the left."""
    points = tuple(((x + shift + 0.5) / size, (y + 0.5) / size) for x, y in _ARCFACE)
    return Template(name, _EYES_NOSE_MOUTH, points)


#: The presets by name; a model's manifest says which one it was trained with.
TEMPLATES: Final = {
    template.name: template
    for template in (
        _reference("whole-face", 2 * (0.4 * 2**0.5 + 0.5), (0.5, 0.43)),
        _reference("deepfacelive", 2.2, (0.5, 0.42)),
        Template(
            "facefusion",
            _EYES_NOSE_MOUTH,
            (
                (0.35342, 0.39286),
                (0.62798, 0.39286),
                (0.48661, 0.54018),
                (0.38839, 0.6875),
                (0.59821, 0.6875),
            ),
        ),
        Template(
            "mean-face",
            _EYES_NOSE_MOUTH,
            ((0.35, 0.332), (0.65, 0.332), (0.5, 0.506), (0.356, 0.668), (0.644, 0.668)),
        ),
        _five_points("arcface-128", 8.0, 128),
        _five_points("arcface-112", 0.0, 112),
        # What our own landmark net looks at: closer than the whole face, with the jaw and room for error.
        _reference("landmarks", 1.8, (0.5, 0.5)),
    )
}
