"""The performer's rest: the moment that all motion is measured from, which looks like the photo."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from realtime.puppet.limits import angle_of
from realtime.puppet.motion import Held

__all__ = ["RestPicker", "neutral"]

#: What makes a moment less neutral: degrees that the head is turned away from the camera, openings of the mouth in its
#: widths, shares by which the lids are lower than they usually are; so much of each counts the same.
TURNED, OPEN, LIDS = 6.0, 0.08, 0.12
#: Eyes that are seen to be less open than this share of what is usual may blink.
SEEN: Final = 0.75
#: The best moments of all are averaged, as single ones tremble.
BEST: Final = 5
#: Seconds that are looked at before a choice is made.
WATCHED: Final = 1.0


def neutral(moments: Sequence[Held]) -> Held:
    """The rest, of ``moments`` of one performer (at least one): eyes open, mouth shut, towards the camera."""
    usual = np.quantile([moment.lids for moment in moments], 0.6, axis=0)
    usually_seen = np.quantile([moment.eyes for moment in moments], 0.6, axis=0)

    def strain(moment: Held) -> float:
        lids = float(np.abs(moment.lids / np.maximum(usual, 1e-3) - 1).max())
        lids += max(float(SEEN - (moment.eyes / np.maximum(usually_seen, 1e-3)).min()), 0.0)
        return angle_of(moment.pose.turn) / TURNED + moment.mouth / OPEN + lids / LIDS

    best = sorted(moments, key=strain)[:BEST]
    return Held(
        pose=best[0].pose,
        shape=np.mean([each.shape for each in best], axis=0, dtype=np.float32),
        lids=np.mean([each.lids for each in best], axis=0),
        eyes=np.mean([each.eyes for each in best], axis=0),
        gaze=np.mean([each.gaze for each in best], axis=0),
    )


class RestPicker:
    """Watches a performer for some moments, and picks the rest out of them."""

    def __init__(self) -> None:
        self._moments: list[Held] = []
        self._seconds = 0.0

    def watch(self, moment: Held, seconds: float) -> Held | None:
        """Take in a ``moment``, ``seconds`` after the last; the rest, once it has been seen long enough."""
        self._moments.append(moment)
        self._seconds += seconds
        return neutral(self._moments) if self._seconds >= WATCHED else None
