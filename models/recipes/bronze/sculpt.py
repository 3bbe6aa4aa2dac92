"""Sculpting: a person's face mesh becomes the statue's, with the person's pose and expression.

The statue is nobody: a symmetric, stylised face of its own. From a person it takes the pose, the expression,
a share of the remaining shape, and the outline (so that the statue covers the face it is pasted over).

What is expression and what is identity is decided by statistics: over a set of faces with several pictures of
each person, W is the covariance within persons (expression) and T the whole. W T^-1 is then the linear
estimate, in the least-squares sense, of the expression in one mesh (Wiener's filter). It needs nothing but
that mesh, so a network that sees a single picture can learn it, and it is linear, so small motions stay
small.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.recipes.bronze.mesh import Canonical, Surface, Triangles, build_surface
from models.recipes.bronze.render import Model, vertex_normals
from realtime.mesh.canonical import VERTICES
from realtime.mesh.outline import spread_over
from realtime.mesh.pose import RIGID, Pose, fit_pose
from realtime.mesh.vertices import BROWS, EYES, FOLDS, INNER_LIPS, OUTER_LIPS, OVAL
from realtime.runtime.arrays import Floats

__all__ = ["Sculptor"]


#: Share of a person's own remaining shape that is left in the statue: in general, and where expression lives
#: (lips, lids, brows), so that a grin is not taken for the shape of a mouth.
PERSON: Final = 0.25
EXPRESSIVE: Final = 0.85
#: The statue acts a little more than the person.
ACTING: Final = 1.12
#: Additional share for the brows, whose motion would be lost in their relief.
BROW_ACTING: Final = 0.25
#: Height of the opening between the lids as a share of the eye's width: where a living eye counts as closed
#: and as open, and how far an open one of the statue is open. A mesh's lids do not quite close.
LIDS_CLOSED: Final = 0.172
LIDS_OPEN: Final = 0.287
STATUE_LIDS: Final = 0.43
#: Refinement draws lids apart by this share; closed lids must overlap by as much.
LIDS_OVERLAP: Final = 0.07
#: How far closed lids meet below the middle of the eye, in units.
LIDS_DROP: Final = 0.17
#: Principal components of the shapes.
COMPONENTS: Final = 60
#: The eyeballs' radius in units; larger than life's 1.25, for the calm look of a statue.
EYEBALL: Final = 1.62
#: How far the lids stand in front of the eyeballs.
LID: Final = 0.085


@dataclass(frozen=True, slots=True)
class Sculptor:
    """Everything fixed about the statue; ``fit`` works it out, ``carve`` applies it to one mesh."""

    surface: Surface
    #: The mean face at rest, and the statue at rest; float32 (468, 3).
    neutral: Floats
    statue: Floats
    #: Share of a person's own shape that stays, float32 (468,).
    person: Floats
    #: By how much the statue acts more than the person, float32 (468,).
    acting: Floats
    #: Principal directions float32 (K, 1404) and the filter on their coordinates float32 (K, K).
    basis: Floats
    filter: Floats
    #: How the outline's displacement spreads over the face, float32 (468, 36).
    spread: Floats
    #: Ring offsets around the outline, float32 (2, 36, 3).
    rims: Floats
    #: All triangles, eyeballs included, and the vertices' fixed properties.
    triangles: Triangles
    cover: Floats
    hollow: Floats
    polish: Floats
    mottle: Floats
    groove: Floats
    inner: Floats
    inlay: Floats
    #: How far the brows stand out, which vertices turn in behind the lids, float32 (V,); those near each eye.
    brow: Floats
    lid_inside: Floats
    near_eye: tuple[NDArray[np.int64], ...]
    #: The front of a ball around the origin, float32 (B, 3).
    eyeball: Floats

    @classmethod
    def fit(cls, canonical: Canonical, meshes: Floats, subjects: NDArray[np.int32]) -> "Sculptor":
        """Learn what is expression from ``meshes``, float32 (N, 468, 3), of ``subjects``, int32 (N,)."""
        reference: Floats = canonical.points
        for _ in range(3):  # the mean needs the poses, and the poses the mean
            shapes = np.stack([fit_pose(reference[RIGID], m[RIGID]).undo(m) for m in meshes])
            mean = np.asarray(np.median(shapes, axis=0), np.float32)
            mean = np.asarray((mean + canonical.mirrored(mean)) / 2, np.float32)
            pose = fit_pose(canonical.points[RIGID], mean[RIGID])
            reference = pose.undo(mean)
        gap = shapes[:, 14, 1] - shapes[:, 13, 1]
        resting = shapes[gap <= np.quantile(gap, 0.3)].mean(axis=0)
        neutral = np.asarray((resting + canonical.mirrored(resting)) / 2, np.float32)
        basis, matrix = _expression_filter(canonical, shapes, subjects)
        return cls._assemble(canonical, neutral, basis, matrix)

    @classmethod
    def plain(cls, canonical: Canonical) -> "Sculptor":
        """A sculptor that knows no statistics: everything in a mesh counts as expression."""
        nothing = np.zeros((0, VERTICES * 3), np.float32)
        empty = np.zeros((0, 0), np.float32)
        return cls._assemble(canonical, canonical.points, nothing, empty)

    @classmethod
    def _assemble(cls, canonical: Canonical, neutral: Floats, basis: Floats, matrix: Floats) -> "Sculptor":
        surface = build_surface(canonical)
        statue = _statue(canonical, neutral)
        spread = spread_over(statue)
        rims = _rims(statue)
        controls = np.zeros((surface.controls, 5), np.float32)  # cover, hollow, polish, lid inside, inner
        controls[:VERTICES, 0] = 1
        controls[np.concatenate([surface.lids.ravel(), surface.lips.ravel(), [surface.bottom]]), 0] = 1
        top = np.clip((statue[list(OVAL), 1] - 1) / -4, 0, 1)  # 1 on the forehead, 0 at the jaw
        controls[surface.rims[0], 0] = 0.55 * top
        controls[surface.lips[0], 1] = 0.45
        controls[surface.lips[1], 1] = 1
        controls[surface.bottom, 1] = 1
        controls[:, 4] = 1
        controls[:VERTICES, 4] = np.clip(1.4 * (1 - spread.sum(axis=1)), 0, 1)
        controls[surface.rims.ravel(), 4] = 0
        controls[list(OUTER_LIPS), 2] = 0.25
        controls[list(INNER_LIPS), 2] = 0.3
        for eye in EYES:
            controls[list(eye), 2] = 0.8
        controls[surface.lids.ravel(), 3] = 1
        fine = surface.matrix @ controls

        partial = _controls(surface, statue, rims)
        rest = surface.matrix @ partial
        brow = _brow_ridge(statue, rest)
        near_eye = tuple(
            np.flatnonzero(np.linalg.norm(rest[:, :2] - statue[list(eye), :2].mean(axis=0), axis=1) < 2.4)
            for eye in EYES
        )
        eyeball, disc = _eyeball()
        triangles = np.concatenate(
            [surface.triangles, *(disc + len(rest) + i * len(eyeball) for i in range(len(EYES)))]
        )
        balls = np.zeros(2 * len(eyeball), np.float32)

        def full(values: Floats, at_eyes: float) -> Floats:
            return np.concatenate([np.clip(values, 0, 1), balls + at_eyes]).astype(np.float32)

        return cls(
            surface, neutral, statue, _person(statue), _acting(statue), basis, matrix, spread, rims,
            triangles=triangles,
            cover=full(fine[:, 0], 1), hollow=full(fine[:, 1], 0), polish=full(fine[:, 2], 0.3),
            mottle=full(_mottle(rest), 0.5), groove=full(_lid_fold(statue, rest), 0),
            inner=full(fine[:, 4], 1), inlay=full(np.zeros_like(fine[:, 4]), 1), brow=brow,
            lid_inside=np.clip((fine[:, 3] - 0.25) / 0.75, 0, 1),
            near_eye=near_eye, eyeball=eyeball,
        )  # fmt: skip

    def pose(self, mesh: Floats) -> Pose:
        """The pose of a mesh, float32 (468, 3) in pixels."""
        return fit_pose(self.neutral[RIGID], mesh[RIGID])

    def face(self, shape: Floats) -> Floats:
        """A person's shape to the statue's, float32 (468, 3) in face axes both."""
        change = (shape - self.neutral).reshape(-1)
        expression = change
        if len(self.basis):
            expression = self.basis.T @ (self.filter @ (self.basis @ change))
        kept = (expression + np.repeat(self.person, 3) * (change - expression)) * np.repeat(self.acting, 3)
        carved = self.statue + kept.reshape(-1, 3).astype(np.float32)
        outline = list(OVAL)
        carved = carved + self.spread @ (shape[outline] - carved[outline])
        return _part_lips(_part_lids(carved, shape, self.statue))

    def carve(self, mesh: Floats) -> Model:
        """The statue for one mesh, float32 (468, 3) in pixels of the crop to be drawn."""
        pose = self.pose(mesh)
        face = self.face(pose.undo(mesh))
        skin = self.surface.matrix @ _controls(self.surface, face, self.rims)
        skin = skin + self.brow[:, None] * vertex_normals(skin, self.surface.triangles)
        balls = []
        for eye, near in zip(EYES, self.near_eye, strict=True):
            centre = _eye_centre(face, eye)
            skin[near, 2] = _over_eyeball(skin[near], centre, self.lid_inside[near])
            skin[near, 2] += 0.09 * self.groove[near]
            balls.append(self.eyeball + centre)
        points = pose.apply(np.concatenate([skin, *balls]))
        return Model(
            points, self.triangles, self.cover, self.hollow, self.polish, self.mottle, self.groove,
            self.inner, self.inlay, unit=pose.scale,
        )  # fmt: skip


def _expression_filter(canonical: Canonical, shapes: Floats, subjects: NDArray[np.int32]) -> tuple[Floats, Floats]:
    """Principal directions (K, 1404) and W T^-1 on their coordinates (K, K), from shapes and their mirror
    images.
    """
    both = np.concatenate([shapes, canonical.mirrored(shapes)])
    who = np.concatenate([subjects, subjects + subjects.max() + 1])
    flat = both.reshape(len(both), -1).astype(np.float64)
    flat -= flat.mean(axis=0)
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    keep = min(COMPONENTS, len(flat) - 1)
    basis = vectors[:, ::-1][:, :keep].T
    at = flat @ basis.T
    within = np.zeros((keep, keep))
    spare = 0
    for subject in np.unique(who):
        own = at[who == subject]
        own = own - own.mean(axis=0)
        within += own.T @ own
        spare += len(own) - 1
    within /= max(spare, 1)
    total = at.T @ at / len(at) + np.eye(keep) * values[-1] * 1e-4
    return basis.astype(np.float32), (within @ np.linalg.inv(total)).astype(np.float32)


def _bump(points: Floats, centre: Floats, radius: tuple[float, float]) -> Floats:
    """A soft hill over x and y, float32 (468,), 1 at the centre."""
    away = (points[:, :2] - centre[:2]) / np.array(radius, np.float32)
    return np.asarray(np.exp(-(away * away).sum(axis=1) / 2), np.float32)


def _statue(canonical: Canonical, neutral: Floats) -> Floats:
    """The statue at rest: between the canonical face and the mean one, with classical proportions."""
    face = 0.5 * canonical.points + 0.5 * neutral
    face[list(INNER_LIPS) + list(OUTER_LIPS)] = neutral[list(INNER_LIPS) + list(OUTER_LIPS)]
    at = face.copy()
    # A Greek nose: one line from the forehead to the tip.
    bridge = (168, 6, 197, 195, 5)
    start, tip = at[9], at[4]
    for v in bridge:
        share = (at[v, 1] - start[1]) / (tip[1] - start[1])
        lift = (start[2] + share * (tip[2] - start[2])) - at[v, 2]
        face[:, 2] += 0.85 * lift * _bump(at, at[v], (0.42, 0.45)) * 0.6
    for side in (0, 1):
        upper, lower = BROWS[side]
        for v in (*upper[1:], *lower[1:]):
            face[:, 2] -= 0.055 * _bump(at, at[v], (0.7, 0.45))
        cheek = at[50 if side == 0 else 280]
        face[:, 2] -= 0.22 * _bump(at, cheek, (1.1, 0.9))
        for v in (61, 291):
            face[:, 2] += 0.05 * _bump(at, at[v], (0.4, 0.4))
    # Fuller lips, a clear chin, a hollow under the lower lip.
    for v, (push, width) in {0: (0.16, 1.0), 17: (0.20, 0.9)}.items():
        face[:, 2] -= push * _bump(at, at[v], (width, 0.45))
    middle = (at[13] + at[14]) / 2
    for ring, gain in ((OUTER_LIPS, 1.16),):
        face[list(ring), 1] = middle[1] + (face[list(ring), 1] - middle[1]) * gain
    face[:, 2] += 0.10 * _bump(at, at[18], (0.9, 0.3))
    face[:, 2] -= 0.25 * _bump(at, at[199], (0.9, 0.7))
    return np.asarray((face + canonical.mirrored(face)) / 2, np.float32)


def _person(statue: Floats) -> Floats:
    """Share of a person's own shape that stays in the statue, float32 (468,)."""
    lively = np.zeros(VERTICES, np.float32)
    brows = [v for brow in BROWS for edge in brow for v in edge]
    for v in (*OUTER_LIPS, *INNER_LIPS, *EYES[0], *EYES[1], *brows):
        lively = np.maximum(lively, _bump(statue, statue[v], (0.35, 0.35)))
    return np.asarray(PERSON + (EXPRESSIVE - PERSON) * lively, np.float32)


def _acting(statue: Floats) -> Floats:
    """By how much the statue acts more than the person, float32 (468,)."""
    brows = [_bump(statue, statue[v], (0.5, 0.5)) for brow in BROWS for edge in brow for v in edge]
    return np.asarray(ACTING + BROW_ACTING * np.max(brows, axis=0), np.float32)


def _rims(statue: Floats) -> Floats:
    """Offsets of the two rings around the outline, (2, 36, 3): up and back over the skull, back under the
    jaw.
    """
    outline = statue[list(OVAL)]
    middle = np.array((0, 0.8), np.float32)
    out = outline[:, :2] - middle
    out /= np.linalg.norm(out, axis=1, keepdims=True)
    top = np.clip((outline[:, 1] - 1) / -5, 0, 1)[:, None]
    first = np.concatenate([out * (0.30 + 0.75 * top), 0.22 + 0.20 * top], axis=1)
    second = np.concatenate([out * (0.35 + 1.65 * top), 0.65 + 0.55 * top], axis=1)
    return np.stack([first, second]).astype(np.float32)


def _controls(surface: Surface, face: Floats, rims: Floats) -> Floats:
    """All control points, float32 (C, 3) in face axes, from the 468 of a face."""
    controls = np.zeros((surface.controls, 3), np.float32)
    controls[:VERTICES] = face
    for eye, inside in zip(EYES, surface.lids, strict=True):
        controls[inside] = face[list(eye)] + (0, 0, 0.45)
    lips = face[list(INNER_LIPS)]
    middle = lips.mean(axis=0)
    controls[surface.lips[0]] = middle + (lips - middle) * (1.0, 1.10, 1.0) + (0, 0, 0.40)
    controls[surface.lips[1]] = middle + (lips - middle) * (0.92, 1.10, 1.0) + (0, 0, 1.5)
    controls[surface.bottom] = middle + (0, 0, 2.2)
    for ring, offset in zip(surface.rims, rims, strict=True):
        controls[ring] = face[list(OVAL)] + offset
    return controls


def _part_lips(face: Floats) -> Floats:
    """Keep the lower lip below the upper one: meshes of closed mouths often cross. Smooth in the gap."""
    lower, upper = list(INNER_LIPS[1:10]), list(INNER_LIPS[:10:-1])
    gap = face[lower, 1] - face[upper, 1]
    soft = 0.06
    open_gap = soft * np.logaddexp(0, (gap - 0.12) / soft) - 0.04  # a nearly closed mouth is closed
    shift = ((open_gap - gap) / 2)[:, None] * (0, 1, 0)
    face = face.copy()
    face[lower] += shift
    face[upper] -= shift
    return np.asarray(face, np.float32)


def _distance(shape: Floats, a: int, b: int) -> float:
    return float(np.linalg.norm(shape[a] - shape[b]))


def _part_lids(face: Floats, shape: Floats, statue: Floats) -> Floats:
    """Open the statue's lids as far as the person's are, closing wholly where those nearly close.

    The two eyes mostly share one opening: on a turned face the far eye's lids are little more than a guess.
    """
    face = face.copy()
    own = [_distance(shape, eye[12], eye[4]) / max(_distance(shape, eye[0], eye[8]), 1e-6) for eye in EYES]
    both = sum(own) / 2
    for eye, fold, single in zip(EYES, FOLDS, own, strict=True):
        lower, upper = list(eye[1:8]), list(eye[:8:-1])
        openness = 0.35 * single + 0.65 * both
        share = 0.06 * np.logaddexp(0, (openness - LIDS_CLOSED) / (LIDS_OPEN - LIDS_CLOSED) / 0.06)
        wanted = STATUE_LIDS * 1.35 * (1 - np.exp(-1.35 * share)) - LIDS_OVERLAP
        gap = face[lower, 1] - face[upper, 1]
        across = abs(float(face[eye[0], 0] - face[eye[8], 0]))
        almond = (statue[lower, 1] - statue[upper, 1]) / (statue[lower, 1] - statue[upper, 1])[3]
        change = wanted * across * almond - gap
        drop = LIDS_DROP * np.exp(-2 * share)
        face[lower, 1] += 0.12 * change + drop
        face[upper, 1] -= 0.88 * change - drop
        face[list(fold), 1] -= 0.45 * change
    return face


def _eye_centre(face: Floats, eye: tuple[int, ...]) -> Floats:
    """Centre of the eyeball, float32 (3,): its surface passes just behind the corners of the eye."""
    outer, inner = face[eye[0]], face[eye[8]]
    middle = (outer + inner) / 2
    half = np.linalg.norm((outer - inner)[:2]) / 2
    back = np.sqrt(max(EYEBALL**2 - min(float(half), 1.5) ** 2, 0.1))
    lids = face[list(eye)].mean(axis=0)
    return np.asarray((middle[0], 0.7 * middle[1] + 0.3 * lids[1], middle[2] + 0.12 + back), np.float32)


def _over_eyeball(points: Floats, centre: Floats, inside: Floats) -> Floats:
    """Depths, (N,), of points near an eye, drawn forward where the eyeball would come through."""
    away = np.linalg.norm((points - centre)[:, :2], axis=1)
    front = centre[2] - np.sqrt(np.maximum(EYEBALL**2 - away**2, 0.02))
    limit = front - LID + 0.55 * inside + 12 * np.maximum(away - 1.5, 0) ** 2
    soft = 0.05
    return np.asarray(limit - soft * np.logaddexp(0, (limit - points[:, 2]) / soft), np.float32)


def _eyeball(rings: int = 14, around: int = 40) -> tuple[Floats, Triangles]:
    """The front of a ball around the origin: points (V, 3) and triangles."""
    angle = np.arange(around) * (2 * np.pi / around)
    tilt = np.linspace(0, np.arcsin(0.96), rings + 1)[1:, None]
    x, y = np.sin(tilt) * np.cos(angle), np.sin(tilt) * np.sin(angle)
    z = -np.cos(tilt) * np.ones_like(angle)
    points = np.concatenate([[(0, 0, -1)], np.stack([x, y, z], axis=-1).reshape(-1, 3)]) * EYEBALL
    after = (np.arange(around) + 1) % around
    fan = np.stack([np.zeros(around, np.int64), 1 + after, 1 + np.arange(around)], axis=1)
    bands = [fan]
    for ring in range(rings - 1):
        a, b = 1 + ring * around + np.arange(around), 1 + ring * around + after
        bands += [np.stack([a, b, b + around], axis=1), np.stack([a, b + around, a + around], axis=1)]
    triangles = np.concatenate(bands)
    p, q, r = (points[triangles[:, i]] for i in range(3))
    away = np.cross(q - p, r - p)
    inward = np.einsum("ni,ni->n", away, p + q + r) < 0
    triangles[inward] = triangles[inward][:, ::-1]
    return points.astype(np.float32), triangles


def _brow_ridge(statue: Floats, rest: Floats) -> Floats:
    """How far each vertex is raised along its normal to model the brows, float32 (V,)."""
    height = np.zeros(len(rest), np.float32)
    for upper, lower in BROWS:
        line = (0.5 * statue[list(upper)] + 0.5 * statue[list(lower)])[:, :2]
        step = np.linspace(0, len(line) - 1, 60)
        path = np.stack([np.interp(step, np.arange(len(line)), line[:, i]) for i in range(2)], axis=1)
        distance = np.linalg.norm(rest[:, None, :2] - path[None], axis=2)
        along = step[distance.argmin(axis=1)] / (len(line) - 1)
        width = 0.22 + 0.16 * along  # a brow is thin at the temple
        closeness = np.exp(-((distance.min(axis=1) / width) ** 2.5))
        height += (0.09 + 0.10 * along) * closeness
    return np.asarray(height, np.float32)


def _lid_fold(statue: Floats, rest: Floats) -> Floats:
    """The fold above each upper lid, float32 (V,), 1 along its middle."""
    fold = np.zeros(len(rest), np.float32)
    for line in FOLDS:
        points = statue[list(line), :2]
        step = np.linspace(0, len(line) - 1, 60)
        path = np.stack([np.interp(step, np.arange(len(line)), points[:, i]) for i in range(2)], axis=1)
        distance = np.linalg.norm(rest[:, None, :2] - path[None], axis=2)
        along = step[distance.argmin(axis=1)] / (len(line) - 1)
        ends = np.clip(np.minimum(along, 1 - along) * 5, 0, 1)
        fold += ends * np.exp(-((distance.min(axis=1) / 0.13) ** 2))
    return np.asarray(fold, np.float32)


def _mottle(rest: Floats) -> Floats:
    """A fixed soft pattern of more and less worn places, float32 (V,) in 0..1."""
    x, y, z = rest.T
    waves = np.sin(1.7 * x + 0.9 * y + 0.4) * np.sin(1.3 * y - 0.8 * z + 1.1)
    waves = waves + 0.6 * np.sin(3.1 * x - 2.3 * y + 2.0) * np.sin(2.7 * y + 1.9 * z)
    return np.asarray(0.5 + 0.28 * waves, np.float32)
