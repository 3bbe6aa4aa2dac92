"""Two who meet: the one behind follows the face in front, and is the one that goes."""

import numpy as np
import pytest

from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.finder.landmarker import Sighting
from realtime.finder.meetings import MEETING, distinct
from realtime.finder.tracks import NESTED, Track, nesting
from realtime.media.frame import Frame
from realtime.runtime.arrays import Points


def side_by_side() -> tuple[Frame, Points, Points]:
    """A portrait, and the same mirrored in other colours, their heads close together; and the landmarks of both."""
    portrait = load_portrait()[:300]
    one = portrait[:, 185:265]
    other = np.clip(portrait[:, ::-1][:, 246:326] * (0.5, 0.55, 0.8), 0, 255).astype(np.uint8)
    mirrored = np.array([511, 0]) + LANDMARKS * np.array([-1, 1])
    frame = Frame.from_rgb(np.ascontiguousarray(np.concatenate([one, other], axis=1)))
    return frame, (LANDMARKS - (185, 0)).astype(np.float32), (mirrored - (246 - 80, 0)).astype(np.float32)


@pytest.mark.parametrize("front", [0, 1])
def test_of_two_tracks_on_one_face_the_one_in_front_stays(front: int) -> None:
    frame, *faces = side_by_side()
    tracks = [Track(number, Sighting(face, 0.99)) for number, face in enumerate(faces)]
    assert MEETING < nesting(tracks[0].box, [tracks[1].box]) <= NESTED
    assert distinct(tracks, frame) == tracks
    tracks[1 - front].landmarks = faces[front] + 2
    assert distinct(tracks, frame) == [tracks[front]]


def test_a_newcomer_on_a_known_face_goes() -> None:
    frame, face, _ = side_by_side()
    tracks = [Track(number, Sighting(face + number, 0.99)) for number in range(2)]
    assert distinct(tracks, frame) == tracks[:1]
    tracks[0].misses = 1
    assert distinct(tracks, frame) == tracks[1:]
