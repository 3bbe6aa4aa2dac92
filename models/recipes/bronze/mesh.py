"""The statue's surface: which triangles it has and how its vertices follow the 468 vertices of a face mesh.

The 468-vertex topology is MediaPipe Face Mesh's canonical face, read from its ``.obj``. It is a closed sheet;
here the eyes and the mouth are cut open, lid edges, a mouth bag and a rim around the outline are added, and
the result is refined twice by Loop's scheme (1987). Refinement is linear, so it is kept as one matrix.

Axes are those of a picture: x to the right, y down, z away from the viewer; units are the file's, about a
centimetre.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from realtime.mesh.canonical import VERTICES
from realtime.mesh.vertices import EYES, INNER_LIPS, OVAL
from realtime.runtime.arrays import Floats
from realtime.runtime.errors import InputError

__all__ = [
    "Canonical",
    "Surface",
    "Triangles",
    "build_surface",
    "load_canonical",
    "refine",
]

#: int64 (T, 3), vertex indices; every triangle runs the same way round.
Triangles: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Canonical:
    """The canonical face: ``points`` float32 (468, 3), ``triangles`` int64 (898, 3)."""

    points: Floats
    triangles: Triangles
    #: For each vertex the one on the other side of the face; those on the middle line name themselves.
    mirror: NDArray[np.int64]

    def mirrored(self, points: Floats) -> Floats:
        """The shape of the same face seen in a mirror, float32 (..., 468, 3) in face axes."""
        return np.asarray(points[..., self.mirror, :] * (-1, 1, 1), np.float32)


def load_canonical(path: Path) -> Canonical:
    """Read the canonical face from an ``.obj`` and turn it to picture axes.

    Raises ``InputError`` where the file is missing or is another mesh.
    """
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot read the canonical face mesh ({error})") from error
    points = np.array([line[1:4] for line in lines if line[:1] == ["v"]], np.float32)
    corners = [[int(word.partition("/")[0]) - 1 for word in line[1:4]] for line in lines if line[:1] == ["f"]]
    triangles = np.array(corners, np.int64)
    if points.shape != (VERTICES, 3) or triangles.shape[1:] != (3,) or triangles.max() >= VERTICES:
        raise InputError(f"{path}: not the 468-vertex canonical face; give MediaPipe's canonical face .obj")
    distance = np.linalg.norm(points[:, None] * (-1, 1, 1) - points[None], axis=2)
    return Canonical(points * np.array((1, -1, -1), np.float32), triangles, distance.argmin(axis=1))


def refine(triangles: Triangles, values: Floats) -> tuple[Triangles, Floats]:
    """One step of Loop subdivision: every triangle becomes four, and ``values`` (V, D) are smoothed with it.

    Borders follow the cubic B-spline of the border's own vertices. With an identity matrix for ``values`` the
    result is the matrix of the step.
    """
    count = len(values)
    sides = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])  # (3T, 2)
    opposite = np.concatenate([triangles[:, 2], triangles[:, 0], triangles[:, 1]])  # (3T,)
    edges, which, uses = np.unique(np.sort(sides, axis=1), axis=0, return_inverse=True, return_counts=True)
    which = which.reshape(-1)
    border = uses == 1

    ends = values[edges[:, 0]] + values[edges[:, 1]]
    across = np.zeros_like(ends)
    np.add.at(across, which, values[opposite])
    odd = np.where(border[:, None], ends / 2, ends * 3 / 8 + across / 8)

    valence = np.bincount(edges.reshape(-1), minlength=count).astype(np.float32)
    total = np.zeros_like(values)
    np.add.at(total, edges[:, 0], values[edges[:, 1]])
    np.add.at(total, edges[:, 1], values[edges[:, 0]])
    beta = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))[:, None]
    even = values * (1 - beta * valence[:, None]) + beta * total
    rim = edges[border]
    along = np.zeros_like(values)
    np.add.at(along, rim[:, 0], values[rim[:, 1]])
    np.add.at(along, rim[:, 1], values[rim[:, 0]])
    on_rim = np.unique(rim)
    even[on_rim] = values[on_rim] * 3 / 4 + along[on_rim] / 8

    ab, bc, ca = (which + count).reshape(3, -1)
    a, b, c = triangles.T
    finer = np.stack([(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)], axis=0)  # (4, 3, T)
    return finer.transpose(0, 2, 1).reshape(-1, 3), np.concatenate([even, odd]).astype(np.float32)


@dataclass(frozen=True, slots=True)
class Surface:
    """The statue's skin as a linear function of control points: 468 of a mesh, then those that were added.

    ``matrix`` is float32 (V, C) and maps control points (C, 3) to the refined vertices; ``triangles`` int64
    (T, 3) joins those. ``lids``, ``lips``, ``rims`` and ``bottom`` say which control points were added where:
    a lid's inner edge (2, 16), two rings inside the mouth (2, 20), two rings around the outline (2, 36), and
    the mouth's floor.
    """

    matrix: Floats
    triangles: Triangles
    controls: int
    lids: NDArray[np.int64]
    lips: NDArray[np.int64]
    rims: NDArray[np.int64]
    bottom: int


def build_surface(canonical: Canonical, steps: int = 2) -> Surface:
    """Cut the eyes and the mouth open, add lid edges, mouth bag and rim, and refine ``steps`` times."""
    holes = [set(EYES[0]), set(EYES[1]), set(INNER_LIPS)]
    triangles = canonical.triangles
    for hole in holes:
        triangles = triangles[~np.isin(triangles, list(hole)).all(axis=1)]

    directed = {(int(a), int(b)) for t in triangles for a, b in ((t[0], t[1]), (t[1], t[2]), (t[2], t[0]))}
    count = VERTICES
    added: list[tuple[int, int, int]] = []

    def ring(loop: tuple[int, ...]) -> tuple[int, ...]:
        """Sew a band of new vertices to a border, running the same way round as the triangles there."""
        nonlocal count
        new = tuple(range(count, count + len(loop)))
        count += len(loop)
        for i, j in ((i, (i + 1) % len(loop)) for i in range(len(loop))):
            a, b, a2, b2 = loop[i], loop[j], new[i], new[j]
            if (a, b) not in directed:
                a, b, a2, b2 = b, a, b2, a2
            added.extend([(b, a, a2), (b, a2, b2)])
            directed.add((a2, b2))
        return new

    lids = [ring(eye) for eye in EYES]
    lips = [ring(INNER_LIPS)]
    lips.append(ring(lips[0]))
    rims = [ring(OVAL)]
    rims.append(ring(rims[0]))
    bottom, count = count, count + 1
    last = lips[1]
    for a, b in zip(last, last[1:] + last[:1], strict=True):
        added.append((b, a, bottom) if (a, b) in directed else (a, b, bottom))

    triangles = np.concatenate([triangles, np.array(added, np.int64)])
    matrix: Floats = np.eye(count, dtype=np.float32)
    for _ in range(steps):
        triangles, matrix = refine(triangles, matrix)
    return Surface(matrix, triangles, count, np.array(lids), np.array(lips), np.array(rims), bottom)
