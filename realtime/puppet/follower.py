"""Following a performer: which of the faces it is, what its rest is, what becomes of the motion when it is lost."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.puppet.gaze import gaze_of
from realtime.puppet.lids import seen_open
from realtime.puppet.motion import STILL, Held, Motion, hold, relative
from realtime.puppet.performer import Performer, see
from realtime.puppet.rest import RestPicker

__all__ = ["Follower"]

#: Seconds for which a lost face's last pose is held, in which it then eases back to rest, and in which a face that is
#: found again takes over.
HELD, EASES, RETURNS = 0.25, 0.9, 0.35
#: How much of the gaze each frame takes over: irises are small, and what is seen of them trembles.
GAZE: Final = 0.55


class Follower:
    """Turns the faces of a stream into motions.

    ``rest`` is the performer's, None while it is not known. ``frames`` counts those in which there was a performer.
    """

    def __init__(self, rest: Held | None = None) -> None:
        """Without ``rest`` it is picked from the first moments."""
        self.rest = rest
        self.frames = 0
        self.reset()

    def reset(self) -> None:
        """Another source: nothing is known of who is in it, but for the rest."""
        self._picker = RestPicker()
        self._track: int | None = None
        self._last = STILL
        self._lost = self._presence = 0.0
        self._gaze: NDArray[np.float64] | None = None

    @property
    def moving(self) -> bool:
        """Whether there was a performer in the last frame."""
        return self.rest is not None and self._lost == 0 and self._presence > 0

    def calibrate(self) -> None:
        """Take what comes next as the rest."""
        self.rest, self._picker = None, RestPicker()

    def follow(self, frame: Frame, faces: tuple[Face, ...], seconds: float) -> tuple[Motion, Performer | None]:
        """The motion at ``frame``, ``seconds`` after the last one, and the performer, where there is one."""
        seen = self._see(frame, faces)
        if seen is None:
            self._lost += seconds
            if self._lost > HELD:
                self._presence = max(self._presence - seconds / EASES, 0.0)
            return self._last.eased(_ramp(self._presence)), None
        performer, moment = seen
        self.frames += 1
        self._lost = 0.0
        if self.rest is None:
            self.rest = self._picker.watch(moment, seconds)
        if self.rest is None:
            self._presence = max(self._presence - seconds / EASES, 0.0)
            return self._last.eased(_ramp(self._presence)), None
        self._presence = min(self._presence + seconds / RETURNS, 1.0)
        self._last = relative(moment, self.rest)
        return self._last.eased(_ramp(self._presence)), performer

    def moment(self, frame: Frame, faces: tuple[Face, ...]) -> Held | None:
        """How the performer is held in ``frame``; None where nobody is there."""
        seen = self._see(frame, faces)
        return None if seen is None else seen[1]

    def _see(self, frame: Frame, faces: tuple[Face, ...]) -> tuple[Performer, Held] | None:
        face = self._choose(faces)
        if face is None or face.mesh is None:
            return None
        performer = see(frame, face.mesh)
        return performer, hold(face.mesh, seen_open(performer), self._look(performer))

    def _look(self, performer: Performer) -> NDArray[np.float64]:
        """Where the eyes look, float64 (2,): as before where nobody can tell."""
        gaze = gaze_of(performer)
        if gaze is not None:
            self._gaze = gaze if self._gaze is None else self._gaze + GAZE * (gaze - self._gaze)
        return np.zeros(2) if self._gaze is None else self._gaze

    def _choose(self, faces: tuple[Face, ...]) -> Face | None:
        """The face that is followed already, or else the largest."""
        meshed = [face for face in faces if face.mesh is not None]
        if not meshed:
            return None
        known = next((face for face in meshed if face.track == self._track), None)
        chosen = known or max(meshed, key=lambda face: face.eye_distance)
        self._track = chosen.track
        return chosen


def _ramp(x: float) -> float:
    return x * x * (3 - 2 * x)
