"""Alignment: landmarks to the square crop that a swap model sees, one module for training and running.

Conventions, used all over the program:

- points are (x, y) in pixels, and the centre of the top-left pixel is (0, 0);
- a matrix named ``a_to_b`` is float64 (2, 3) and maps points of a to points of b;
- a crop of ``size`` pixels covers the unit square, so crop pixel = unit * size - 0.5; the templates of programs that
  scale points to pixels without the half pixel do the same here, see ``Template.origin``.

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


#: Where the unit square begins in a crop: at the outer corner of its first pixel, or at that pixel's centre.
CORNER, CENTRE = -0.5, 0.0


@dataclass(frozen=True, slots=True)
class Template:
    """Where a model expects the landmarks of an aligned face.

    ``groups`` names, for each template point, the landmarks (iBUG 68) whose mean is fitted to it; ``points`` holds
    the points in the unit square of the crop, as (x, y) pairs. ``origin`` is where that square's corner lies in the
    crop's pixels: -0.5, the outer corner of the first pixel, or 0, its centre.
    """

    name: str
    groups: tuple[tuple[int, ...], ...]
    points: tuple[tuple[float, float], ...]
    origin: float = CORNER

    def places(self, size: int) -> Points:
        """The points in the pixels of a ``size`` x ``size`` crop, float32 (K, 2)."""
        return np.asarray(self.points, np.float32) * size + np.float32(self.origin)

    def frame_to_crop(self, landmarks: Points, size: int) -> Matrix:
        """The similarity from frame pixels to the pixels of a ``size`` x ``size`` crop.

        ``landmarks`` is float32 (68, 2) in frame pixels; returns float64 (2, 3).
        """
        return fit_similarity(_means(self.groups) @ landmarks, self.places(size))


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
_MARKS: Final = (*range(17, 49), 54)
#: Lids, which DeepFaceLive leaves out: they move with every blink.
_LIDS: Final = frozenset({37, 38, 40, 41, 43, 44, 46, 47})
_EYES_NOSE_MOUTH: Final = (tuple(range(36, 42)), tuple(range(42, 48)), (30,), (48,), (54,))

#: Eyes, nose and corners of the mouth in InsightFace's crop of 112 pixels.
_ARCFACE: Final = (
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041),
)  # fmt: skip


def _reference(
    name: str,
    coverage: float,
    centre: tuple[float, float],
    without: frozenset[int] = frozenset(),
    origin: float = CORNER,
) -> Template:
    """The reference face, but for the landmarks ``without``, in a square of ``coverage`` units around ``centre``."""
    kept = [(mark, point) for mark, point in zip(_MARKS, _REFERENCE, strict=True) if mark not in without]
    points = tuple(((x - centre[0]) / coverage + 0.5, (y - centre[1]) / coverage + 0.5) for _, (x, y) in kept)
    return Template(name, tuple((mark,) for mark, _ in kept), points, origin)


def _five_points(name: str, pixels: tuple[tuple[float, float], ...], size: int, shift: float = 0.0) -> Template:
    """Five points, pixels of a crop of 112, in a crop of ``size`` pixels with ``shift`` more on the left."""
    points = tuple(((x + shift) / size, y / size) for x, y in pixels)
    return Template(name, _EYES_NOSE_MOUTH, points, CENTRE)


#: The same in the crop that SimSwap and other early ones were trained with, symmetric and a little lower.
_ARCFACE_V1: Final = (
    (39.73, 51.138), (72.27, 51.138), (56.0, 68.493), (42.463, 87.01), (69.537, 87.01),
)  # fmt: skip


#: The presets by name; a model's manifest says which one it was trained with.
TEMPLATES: Final = {
    template.name: template
    for template in (
        _reference("whole-face", 2 * (0.4 * 2**0.5 + 0.5), (0.5, 0.43)),
        _reference("deepfacelive", 2.2, (0.5, 0.42), without=_LIDS, origin=CENTRE),
        Template(
            "facefusion",
            _EYES_NOSE_MOUTH,
            (
                (0.35342266, 0.39285716),
                (0.62797622, 0.39285716),
                (0.48660713, 0.54017860),
                (0.38839287, 0.68750011),
                (0.59821427, 0.68750011),
            ),
            CENTRE,
        ),
        Template(
            "mean-face",
            _EYES_NOSE_MOUTH,
            ((0.35, 0.332), (0.65, 0.332), (0.5, 0.506), (0.356, 0.668), (0.644, 0.668)),
        ),
        _five_points("arcface-128", _ARCFACE, 128, shift=8.0),
        _five_points("arcface-112", _ARCFACE, 112),
        _five_points("arcface-112-v1", _ARCFACE_V1, 112),
        # What our own landmark net looks at: closer than the whole face, with the jaw and room for error.
        _reference("landmarks", 1.8, (0.5, 0.5)),
    )
}
