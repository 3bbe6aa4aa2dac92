"""Several people, several models: which face gets which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from realtime.composite.color import Transfer
from realtime.finder.face import Face
from realtime.swap.model import SwapModel

__all__ = ["Assigned", "Cast", "Role", "chosen"]


@dataclass(frozen=True, slots=True, eq=False)
class Role:
    """A model, and ``who`` gets it: see ``realtime.settings.casting``."""

    who: str
    model: SwapModel
    color: Transfer


#: A role, and the faces of a frame that get its model.
Assigned: TypeAlias = tuple[Role, tuple[Face, ...]]


class Cast:
    """Who gets which model, decided once for each face: it keeps it wherever it goes.

    ``left``, ``right`` and numbers are counted in the first frame with a face that may have them; a face that is alone
    there is at the left or the right by its half of the picture. Faces are known by their tracks.
    """

    def __init__(self, roles: Sequence[Role]) -> None:
        self.roles = tuple(roles)
        self._rest = next((role for role in roles if role.who == "all"), None)
        self.reset()

    @property
    def is_fixed(self) -> bool:
        """Whether it goes by the numbers of tracks alone, and not by what was seen before."""
        return all(role.who == "all" or role.who.startswith("track:") for role in self.roles)

    @property
    def parts(self) -> dict[int, str]:
        """Which role each face plays that was given one: ``who`` of the role by the number of its track."""
        return {track: role.who for track, role in self._by_track.items()}

    def bind(self, parts: dict[int, str]) -> None:
        """Go by these ``parts`` alone."""
        roles = {role.who: role for role in self.roles}
        self._by_track = {track: roles[who] for track, who in parts.items()}
        self._open.clear()

    def reset(self) -> None:
        """Another source: other faces."""
        self._by_track = {int(role.who[6:]): role for role in self.roles if role.who.startswith("track:")}
        self._open = [role for role in self.roles if role.who in ("left", "right") or role.who.isdecimal()]

    def assign(self, faces: tuple[Face, ...], width: int) -> list[Assigned]:
        """The ``faces`` of a frame of so many pixels ``width``, by role."""
        if faces and self._open:
            self._bind(faces, width)
        given: dict[Role, tuple[Face, ...]] = {}
        for face in faces:
            role = self._by_track.get(face.track, self._rest)
            if role is not None:
                given[role] = (*given.get(role, ()), face)
        return list(given.items())

    def _bind(self, faces: tuple[Face, ...], width: int) -> None:
        for role in tuple(self._open):
            side = role.who
            if len(faces) == 1 and side in ("left", "right"):
                side = side if (middle(faces[0]) < width / 2) == (side == "left") else "other"
            for face in chosen(faces, side):
                if face.track not in self._by_track:
                    self._by_track[face.track] = role
                    self._open.remove(role)


def chosen(faces: tuple[Face, ...], which: str) -> tuple[Face, ...]:
    """Those of the ``faces`` of a frame that ``which`` means: all, largest, left, right, or a number from the left."""
    if which == "all" or not faces:
        return faces
    if which == "largest":
        return (max(faces, key=lambda face: face.eye_distance),)
    row = sorted(faces, key=middle)
    place = {"left": 0, "right": len(row) - 1}.get(which, int(which) - 1 if which.isdecimal() else len(row))
    return tuple(row[place : place + 1])


def middle(face: Face) -> float:
    """Where a face is from left to right, in pixels."""
    return float(face.landmarks[:, 0].mean())
