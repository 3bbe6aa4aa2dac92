"""The mesh as the teacher of pseudo-pairs: who is drawn over whom, each side read and unrolled only once."""

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.eyes import Eyes
from models.meshed import MeshedFaces, meshed
from models.renderings import Renderings, render
from models.side import Side
from models.sitter import Sitter, sitter_of

__all__ = ["Teacher"]

#: So many faces of a side are drawn over, evenly spaced in film order, and no more than fill so many bytes.
MOST: Final = 2000
BYTES: Final = 192 << 20


class Teacher:
    """Draws each side's face over the faces of the others; ``say`` hears what takes its time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._known: dict[int, MeshedFaces] = {}
        self._sitters: dict[int, Sitter | None] = {}

    def renderings(self, source: Side, target: Side, what: str) -> Renderings | None:
        """The face of ``target`` over those of ``source``; None where nothing can be drawn.

        ``what`` is how the log calls the pairs. Both sides have landmarks.
        """
        known, sitter = self._faces_of(source), self._sitter_of(target)
        if sitter is None:
            self._say(f"pairs {what}: no face looks at the camera; they are made of the nearest faces only")
            return None
        found = render(source.faces, known, sitter, Eyes(target.faces, self._faces_of(target)))
        self._say(f"pairs {what}: {len(found.index)} drawn by the mesh, from {len(sitter.photos)} frames")
        return found if len(found.index) else None

    def _faces_of(self, side: Side) -> MeshedFaces:
        if id(side) not in self._known:
            self._known[id(side)] = meshed(side.faces, _spread(side.used, side.faces.faces[0].nbytes))
        return self._known[id(side)]

    def _sitter_of(self, side: Side) -> Sitter | None:
        if id(side) not in self._sitters:
            self._sitters[id(side)] = sitter_of(side.faces, self._faces_of(side))
        return self._sitters[id(side)]


def _spread(used: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """As many of ``used`` as there is room for pictures of ``size`` bytes, evenly spaced: int64."""
    count = min(len(used), MOST, BYTES // size)
    return used[np.linspace(0, len(used) - 1, count).astype(np.int64)]
