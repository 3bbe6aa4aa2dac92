"""What each point of the mesh is to the swap: how much of the photograph it takes, and where light can be read.

All are shares of 0..1, float32 (468,), worked out once from the face at rest.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.mesh.canonical import TRIANGLES, VERTICES
from realtime.mesh.expression import NEUTRAL
from realtime.mesh.vertices import BROWS, EYES, INNER_LIPS, OUTER_LIPS, OVAL
from realtime.runtime.arrays import Floats

__all__ = [
    "AMID",
    "BROW_POINTS",
    "COVER",
    "EDGE",
    "HAIR",
    "HAIR_OF_PERFORMER",
    "HOLES",
    "LIDS",
    "RIM",
    "SKIN",
    "away",
    "smooth",
]

#: All points of both brows.
BROW_POINTS: Final = tuple(v for brow in BROWS for edge in brow for v in edge)
_NOSTRILS: Final = (2, 97, 326, 98, 327, 240, 460, 75, 305)
#: Upper is smaller: the height of the brows' upper edges, in face axes.
_BROW_HEIGHT: Final = float(NEUTRAL[[63, 105, 66, 293, 334, 296], 1].mean())

#: So far from the rims of the lids, and from where lips meet, nothing is covered, and from the second on all of it:
#: in units of the face axes.
LIDS_BARE, LIDS_COVERED = 0.5, 1.3
LIPS_BARE, LIPS_COVERED = 0.1, 0.6


def smooth(share: NDArray[np.floating]) -> Floats:
    """0..1 to 0..1 with flat ends; what lies outside is cut off."""
    share = np.clip(share, 0, 1)
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def away(vertices: Iterable[int], axes: int = 2) -> Floats:
    """Distance of every vertex from the nearest of ``vertices``, in units of the face axes."""
    chosen = NEUTRAL[list(vertices), :axes]
    return np.asarray(np.linalg.norm(NEUTRAL[:, None, :axes] - chosen[None], axis=2).min(axis=1), np.float32)


def _near(vertices: Iterable[int], reach: float, gain: float = 1.0) -> Floats:
    """1 at ``vertices``, falling to 0 at ``reach``; ``gain`` widens the top."""
    return np.asarray(np.clip(gain * np.clip(1 - away(vertices) / reach, 0, 1), 0, 1), np.float32)


def _cover() -> Floats:
    # Gaze, lids and where lips meet are the performer's. A mesh is a few millimetres off there, and more so where
    # eyes are wide or a smile is crooked: what is covered up to its lines hides how far they are open.
    brows = _near(BROW_POINTS, 0.5, 2.0)
    cover = np.maximum(smooth((away((*EYES[0], *EYES[1])) - LIDS_BARE) / (LIDS_COVERED - LIDS_BARE)), brows)
    cover = np.minimum(cover, smooth((away(INNER_LIPS) - LIPS_BARE) / (LIPS_COVERED - LIPS_BARE)))
    cover[[*EYES[0], *EYES[1], *INNER_LIPS]] = 0
    fade = np.where(NEUTRAL[:, 1] < -3, 2.2, 1.5)  # the forehead ends in hair, the jaw in an edge
    return np.minimum(cover, smooth(away(OVAL, axes=3) / fade))


def _skin() -> Floats:
    skin = np.ones(VERTICES, np.float32)
    for vertices, reach in (
        (BROW_POINTS, 1.0),
        ((*EYES[0], *EYES[1]), 1.0),
        ((*OUTER_LIPS, *INNER_LIPS), 0.9),
        (_NOSTRILS, 0.5),
    ):
        skin *= 1 - _near(vertices, reach, 1.6)
    return skin


def _hair() -> Floats:
    above = np.clip((_BROW_HEIGHT - NEUTRAL[:, 1]) / 1.0, 0, 1)
    beside = np.clip((np.abs(NEUTRAL[:, 0]) - 4.7) / 0.8, 0, 1)
    inner = [v for v in BROW_POINTS if abs(NEUTRAL[v, 0]) < 5.0]
    return np.asarray(np.maximum(above, beside) * (1 - _near(inner, 0.55, 2.0)), np.float32)


def _hair_of_performer() -> Floats:
    edge = [v for brow in BROWS for v in brow[0] if abs(NEUTRAL[v, 0]) < 4.4]
    return np.asarray(HAIR * (1 - _near(edge, 1.7, 2.5)), np.float32)


def _rim() -> Floats:
    return np.asarray(np.clip(1.8 * (1 - away(OVAL, axes=3) / 2.4), 0, 1), np.float32)


def _holes() -> NDArray[np.bool_]:
    rims = [set(EYES[0]), set(EYES[1]), set(INNER_LIPS)]
    return np.array([any(set(triangle) <= rim for rim in rims) for triangle in TRIANGLES.tolist()])


def _lids() -> Floats:
    clear = 1 - _near(BROW_POINTS, 0.5, 2.0)
    return np.stack([(1 - smooth((away(eye) - 0.25) / 1.25)) * clear for eye in EYES])


#: How much of the photograph covers the performer.
COVER: Final = _cover()
#: Where the photograph fades as the face turns away from the camera: not on the nose, behind which it goes on.
EDGE: Final = np.clip(np.abs(NEUTRAL[:, 0]) - 3, 0, 1)
#: Where light may be read: skin, without brows, lids, lips and nostrils.
SKIN: Final = _skin()
#: Where hair may hang into a face: above the brows and at the temples; and the same for the performer's, whose brows
#: may rise higher.
HAIR: Final = _hair()
HAIR_OF_PERFORMER: Final = _hair_of_performer()
#: Near the outline, where a photograph may show hair, neck or background.
RIM: Final = _rim()
#: Away from both.
AMID: Final = np.clip(1 - 2 * np.maximum(HAIR, RIM), 0, 1)
#: What of each eye's surroundings is the performer's while it is shut, float32 (2, 468).
LIDS: Final = _lids()
#: The triangles that fill eyes and mouth, bool (898,).
HOLES: Final = _holes()
