"""Saved faces: the file, and smoothing over it."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.finder.alignments import AlignedFace, AlignedFrame, Alignments, Header, InputFacts
from realtime.finder.doubts import doubts_of
from realtime.finder.face import Face
from realtime.finder.saved_finder import SavedFinder
from realtime.finder.two_pass import smoothed
from realtime.media.frame import Frame
from realtime.runtime.arrays import Floats, Points
from realtime.runtime.errors import InputError

HEADER = Header(
    made_by="the tests", input=InputFacts(path="a.mp4", sample_sha256="0" * 64, size=(320, 240), time_base="1/30")
)
#: Landmarks with eyes 50 pixels apart.
FACE: Points = np.random.default_rng(1).uniform(100, 180, (68, 2)).astype(np.float32)
FACE[36], FACE[45] = (115, 130), (165, 130)


def frames_of(points: Floats, placed: tuple[int, ...] = ()) -> list[AlignedFrame]:
    """A track at 30 frames a second; ``points`` is (N, 68, 2)."""
    return [
        AlignedFrame(at, 0, at, at / 30, (AlignedFace(Face(face.astype(np.float32), 0.9, 4), at in placed),))
        for at, face in enumerate(points)
    ]


def points_of(frames: list[AlignedFrame]) -> Floats:
    return np.stack([frame.faces[0].landmarks for frame in frames])


def nodding(frames: int, pixels: float = 12) -> Floats:
    """A head that moves by so many pixels to and fro, once a second."""
    away = np.zeros((frames, 1, 2))
    away[:, 0, 0] = pixels * np.sin(2 * np.pi * np.arange(frames) / 30)
    return np.asarray(FACE + away, np.float32)


def test_a_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    frames = [*frames_of(nodding(3), placed=(1,)), AlignedFrame(3, 1, 3, 0.1, (), checked=True)]
    path = tmp_path / "a.jsonl"
    Alignments(HEADER, frames).write(path)
    read = Alignments.read(path)
    assert read.header == HEADER
    assert [(f.frame, f.field, f.pts, f.checked, len(f.faces)) for f in read.frames] == [
        (0, 0, 0, False, 1), (1, 0, 1, False, 1), (2, 0, 2, False, 1), (3, 1, 3, True, 0)
    ]  # fmt: skip
    assert [face.placed for frame in read.frames for face in frame.faces] == [False, True, False]
    assert np.abs(points_of(read.frames[:3]) - points_of(frames[:3])).max() <= 0.0051
    Alignments(read.header, read.frames).write(tmp_path / "b.jsonl")
    assert (tmp_path / "b.jsonl").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda lines: ["{}"], "not a file of saved faces"),
        (lambda lines: ["\0\xff"], "not a file of saved faces"),
        (lambda lines: [lines[0].replace('"version": 1', '"version": 2'), *lines[1:]], "of version 2"),
        (lambda lines: lines[:1], "holds no frames"),
        (lambda lines: [*lines[:2], lines[2].replace('"score":0.9', '"score":9')], "line 3: faces.0.score"),
        (lambda lines: [*lines[:2], lines[2][:50]], "line 3:"),
        (lambda lines: [lines[0], lines[2], lines[1]], "line 3: comes before the line above"),
        (lambda lines: [lines[0], flat(lines[1])], "line 2: faces.0.landmarks: eyes, nose and mouth are all in one"),
        (lambda lines: [lines[0], twice(lines[1])], "line 2: two faces of one frame have the same track"),
    ],
)
def test_what_is_wrong_with_an_edited_file_is_one_line(tmp_path: Path, change: object, words: str) -> None:
    path = tmp_path / "a.jsonl"
    Alignments(HEADER, frames_of(nodding(2))).write(path)
    assert callable(change)
    path.write_text("\n".join(change(path.read_text().splitlines())), encoding="latin-1")
    with pytest.raises(InputError, match=words) as told:
        Alignments.read(path)
    assert str(path) in str(told.value) and "\n" not in str(told.value)


def flat(line: str) -> str:
    frame = json.loads(line)
    return json.dumps(frame | {"faces": [frame["faces"][0] | {"landmarks": [[9, 9]] * 68}]})


def twice(line: str) -> str:
    frame = json.loads(line)
    return json.dumps(frame | {"faces": frame["faces"] * 2})


def shake(points: Floats) -> float:
    """Mean change of speed from frame to frame, pixels."""
    return float(np.linalg.norm(np.diff(points, 2, axis=0), axis=2).mean())


def test_smoothing_takes_the_tremor_and_does_not_lag() -> None:
    true = nodding(120, 2)
    seen = true + np.random.default_rng(2).normal(0, 0.4, true.shape).astype(np.float32)
    steady = points_of(smoothed(frames_of(seen)))
    assert shake(steady) < 0.5 * shake(seen)
    assert np.linalg.norm(steady - true, axis=2).mean() < np.linalg.norm(seen - true, axis=2).mean()
    # The head's place, against where it is a little earlier and later: it trails neither way.
    heads = [
        np.abs(steady[10:-10].mean(1)[:, 0] - (nodding(400, 2)[10 + late : 110 + late].mean(1)[:, 0])).sum()
        for late in (-1, 0, 1)
    ]
    assert heads[1] < 0.5 * min(heads[0], heads[2])
    backwards = points_of(smoothed(frames_of(seen[::-1])))[::-1]
    np.testing.assert_allclose(backwards, steady, atol=1e-3)


def test_what_a_person_has_placed_stays_and_a_cut_is_not_smoothed_over() -> None:
    seen = nodding(40) + np.random.default_rng(3).normal(0, 0.4, (40, 68, 2)).astype(np.float32)
    seen[20:] += 90  # another shot
    frames = frames_of(seen, placed=(7,))
    steady = points_of(smoothed(frames))
    np.testing.assert_array_equal(steady[7], seen[7])
    apart = [points_of(smoothed(frames[:20])), points_of(smoothed(frames[20:]))]
    np.testing.assert_allclose(steady, np.concatenate(apart), atol=1e-4)


def test_what_looks_wrong_is_doubted_and_what_was_checked_is_not() -> None:
    seen = nodding(12)
    seen[5, 30] += 20
    frames = frames_of(seen)
    low = replace(frames[9].faces[0], face=replace(frames[9].faces[0].face, score=0.5))
    other = AlignedFace(Face(FACE + 50, 0.9, 7))
    frames[9] = replace(frames[9], faces=(low,))
    frames[2] = replace(frames[2], faces=(*frames[2].faces, other))
    found = {at: [(doubt.track, doubt.what) for doubt in doubts_of(frames, at)] for at in range(len(frames))}
    assert {at: doubts for at, doubts in found.items() if doubts} == {
        2: [(7, "appears"), (7, "vanishes")], 5: [(4, "jumps")], 9: [(4, "has a score of 0.50")]
    }  # fmt: skip
    frames[2] = replace(frames[2], checked=True)
    frames[9] = replace(frames[9], faces=(replace(low, placed=True),))
    assert not doubts_of(frames, 2) and not doubts_of(frames, 9)


def test_a_long_file_is_smoothed_in_blocks_that_do_not_show(tmp_path: Path) -> None:
    source = tmp_path / "a.mp4"
    source.write_bytes(b"not looked at")
    rng = np.random.default_rng(5)
    seen = nodding(700, 2) + rng.normal(0, 0.4, (700, 68, 2)).astype(np.float32)
    facts = InputFacts.of(source, tmp_path / "a.jsonl", (320, 240), "1/30")
    Alignments(HEADER.model_copy(update={"input": facts}), frames_of(seen)).write(tmp_path / "a.jsonl")
    whole = points_of(smoothed(Alignments.read(tmp_path / "a.jsonl").frames))
    finder = SavedFinder(tmp_path / "a.jsonl", source)

    def find(at: int) -> Points:
        picture = av.VideoFrame(320, 240, "yuv420p")
        picture.pts, picture.time_base = at, Fraction(1, 30)
        return finder.find(Frame(picture))[0].landmarks

    onwards = np.stack([find(at) for at in range(700)])
    np.testing.assert_allclose(onwards, whole, atol=1e-3)
    np.testing.assert_array_equal([find(at) for at in (600, 3, 511, 512, 0)], onwards[[600, 3, 511, 512, 0]])
