"""The dense mesh of saved faces, which their file does not hold: it is read off the picture where the landmarks are."""

from dataclasses import replace

import numpy as np

from realtime.align import fit_similarity
from realtime.finder.face import Face, eye_distance
from realtime.finder.landmarker import Landmarker
from realtime.finder.one_euro import OneEuro
from realtime.finder.tracks import LONGEST_GAP, Clock
from realtime.media.affine import apply, scale_of
from realtime.media.frame import Frame
from realtime.mesh.vertices import QUICK_PARTS
from realtime.runtime.arrays import Floats

__all__ = ["SavedMesh"]


class SavedMesh:
    """Gives saved faces their meshes; feed it the frames in order, and make a new one for another source."""

    def __init__(self) -> None:
        self._landmarker = Landmarker(mesh=True)
        self._filters: dict[int, OneEuro] = {}
        self._clock = Clock()

    def __call__(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Face, ...]:
        """The ``faces`` of ``frame``, each with its mesh, which goes where its landmarks were saved."""
        gap = self._clock.gap(frame)
        former, self._filters = self._filters if 0 < gap <= LONGEST_GAP else {}, {}
        return tuple(replace(face, mesh=self._steady(self._seen(frame, face), face, former, gap)) for face in faces)

    def _seen(self, frame: Frame, face: Face) -> Floats:
        seen = self._landmarker.follow(frame, face.landmarks)
        assert seen.mesh is not None  # noqa: S101  # asked for
        to_saved = fit_similarity(seen.landmarks, face.landmarks)
        depth = seen.mesh[:, 2:] * scale_of(to_saved)
        return np.concatenate([apply(to_saved, seen.mesh[:, :2]), depth], axis=1).astype(np.float32)

    def _steady(self, mesh: Floats, face: Face, former: dict[int, OneEuro], gap: float) -> Floats:
        steady = former.get(face.track)
        self._filters[face.track] = steady or OneEuro(mesh, QUICK_PARTS)
        return mesh if steady is None else steady(mesh, gap, eye_distance(face.landmarks))
