"""Two who meet: of two tracks that have run onto one face the one stays whose face it is."""

from collections.abc import Iterable
from typing import Final

from realtime.finder.looks import look_at, similarity
from realtime.finder.tracks import NESTED, Track, nesting
from realtime.media.frame import Frame

__all__ = ["distinct"]

#: Boxes that share this much of the smaller one are about to meet; see ``NESTED`` for those that show one face.
MEETING: Final = 0.1


def distinct(tracks: Iterable[Track], frame: Frame) -> list[Track]:
    """The tracks without those that have run onto another one's face, the oldest first.

    Of two on one face the one that is out of sight goes, or else the one that looks less like itself before they met,
    or else the younger: who comes from behind follows the face in front, and then does not look like itself.
    """
    known = sorted(tracks, key=lambda track: track.number)
    boxes = {track.number: track.box for track in known}
    near = {me: nesting(box, [other for who, other in boxes.items() if who != me]) for me, box in boxes.items()}

    def likeness(track: Track) -> float:
        # Asked for only where it matters: it costs a look at the face.
        if track.looks is None or near[track.number] <= NESTED:
            return -1.0
        return similarity(look_at(frame, track.face()), track.looks)

    kept: list[Track] = []
    for track in sorted(known, key=lambda track: (track.misses > 0, -likeness(track))):
        if nesting(boxes[track.number], [boxes[other.number] for other in kept]) <= NESTED:
            kept.append(track)
    for track in kept:
        if near[track.number] <= MEETING:
            track.looks = None
        elif track.looks is None and track.misses == 0:
            track.looks = look_at(frame, track.face())
    return sorted(kept, key=lambda track: track.number)
