"""Crowds: every face of many is found, swapped in a file, and swapped or covered live; one face costs what it did."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.demo.sample import write_sample
from realtime.finder import BuiltinFinder
from realtime.finder.builtin import Boxes
from realtime.finder.detector import CLOSE, CLOSER, LONGEST, Detector
from realtime.finder.face import Face
from realtime.jobs.convert import Job, convert
from realtime.live.fail_closed import FailClosed
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes, Points
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import make_swapper

SIZE = (1600, 800)
FACE = 60  # pixels, from ear to ear


def place(crowd: Bytes, picture: Bytes, landmarks: Points, column: int, row: int, cell: int, face: int) -> Points:
    """Put a picture into its cell of the crowd, its face ``face`` pixels wide; returns where its landmarks are."""
    zoom = face / float(np.ptp(landmarks[:, 0]))
    x, y = (landmarks.min(axis=0) + landmarks.max(axis=0)) / 2
    middle = np.array([(column + 0.5) * cell, (row + 0.55) * cell])
    matrix = np.array([[zoom, 0, cell / 2 - zoom * x], [0, zoom, 0.55 * cell - zoom * y]])
    blurred = cv2.GaussianBlur(picture, (0, 0), max(0.4 / zoom, 0.1))  # no aliases where it shrinks
    crop = crowd[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
    cv2.warpAffine(blurred, matrix, (cell, cell), crop, cv2.INTER_LINEAR, cv2.BORDER_REPLICATE)
    crowd[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = crop
    return (landmarks - (x, y)) * zoom + middle


@cache
def crowd_of_one(count: int, face: int = FACE) -> tuple[Bytes, list[Points]]:
    """The astronaut, ``count`` times, not to be changed; and the landmarks of each."""
    cell = round((SIZE[0] * SIZE[1] / count) ** 0.5)
    while (SIZE[0] // cell) * (SIZE[1] // cell) < count:
        cell -= 1
    crowd = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    portrait = load_portrait()
    there = [divmod(number, SIZE[0] // cell) for number in range(count)]
    pictures = (portrait if number % 2 else portrait[:, ::-1] for number in range(count))
    mirrored = np.array([511, 0]) + LANDMARKS * np.array([-1, 1])
    marks = (LANDMARKS if number % 2 else mirrored for number in range(count))
    return crowd, [
        place(crowd, np.ascontiguousarray(picture), mark, column, row, cell, face)
        for picture, mark, (row, column) in zip(pictures, marks, there, strict=True)
    ]


def crowd_of_many(shared: Path, count: int, seed: int) -> tuple[Bytes, list[Points]]:
    """So many different people."""
    known = np.load(shared / "faces68" / "points.npz")
    rng = np.random.default_rng(seed)
    people = rng.permutation(np.unique(known["subject"]))[:count]
    numbers = [rng.choice(np.flatnonzero(known["subject"] == person)) for person in people]
    cell = round((SIZE[0] * SIZE[1] / count) ** 0.5)
    while (SIZE[0] // cell) * (SIZE[1] // cell) < count:
        cell -= 1
    crowd = np.full((SIZE[1], SIZE[0], 3), 110, np.uint8)
    where = []
    for place_number, number in enumerate(numbers):
        picture = cv2.imread(str(shared / "faces68" / "images" / f"{number:05d}.jpg"), cv2.IMREAD_COLOR_RGB)
        assert picture is not None
        row, column = divmod(place_number, SIZE[0] // cell)
        where.append(place(crowd, np.asarray(picture, np.uint8), known["points"][number], column, row, cell, FACE))
    return crowd, where


def clip_of(crowd: Bytes, path: Path, frames: int = 2) -> Path:
    """A video of it, as a camera would send it."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"crf": "14", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(crowd, "rgb24")))
        container.mux(stream.encode())
    return path


def frames(path: Path) -> Iterator[Frame]:
    source = FileSource(path)
    yield from (item for item in source if isinstance(item, Frame))
    source.close()


def met(where: list[Points], faces: tuple[Face, ...]) -> int:
    """How many of the people were found."""
    boxes = np.array([face.box for face in faces]).reshape(-1, 4)
    return sum(
        bool(((boxes[:, :2] <= points.mean(axis=0)) & (points.mean(axis=0) <= boxes[:, 2:])).all(axis=1).any())
        for points in where
    )


def changed(before: Frame, after: Frame, where: list[Points]) -> list[float]:
    """By how much each face differs, 0..255: the mean of eyes, nose and mouth."""
    pictures = [frame.warp(np.eye(2, 3), SIZE).astype(int) for frame in (before, after)]
    difference = np.abs(pictures[1] - pictures[0]).mean(axis=-1)
    boxes = [np.concatenate([points[17:].min(axis=0), points[17:].max(axis=0)]).astype(int) for points in where]
    return [float(difference[y0:y1, x0:x1].mean()) for x0, y0, x1, y1 in boxes]


def test_a_head_too_small_for_any_hint_is_found_where_one_says_how_small_it_is() -> None:
    """In a picture of 3840 pixels across one of 25 is 2 in a quick look, and 10 in a close one."""
    frame = np.full((2160, 3840, 3), 110, np.uint8)
    where = [place(frame, load_portrait(), LANDMARKS, 7, 4, 400, 22)]
    assert not BuiltinFinder("cpu").find(Frame.from_rgb(frame))
    finder = BuiltinFinder("cpu", smallest=24)
    for _ in range(3):
        faces = finder.find(Frame.from_rgb(frame))
        assert met(where, faces) == len(faces) == 1


@pytest.mark.parametrize(("count", "face"), [(50, FACE), (25, FACE), (18, 130), (50, 24), (1, 24)])
def test_all_faces_of_a_crowd_are_found(count: int, face: int) -> None:
    crowd, where = crowd_of_one(count, face)
    assert met(where, BuiltinFinder("cpu").find(Frame.from_rgb(crowd))) == count


@pytest.mark.shared
@pytest.mark.parametrize(("count", "crowds"), [(50, 2), (25, 3), (16, 4)])
def test_all_faces_of_many_people_are_found(shared: Path, count: int, crowds: int) -> None:
    """Nobody is left, in the dark, in profile and behind microphones; what is doubtful counts as seen."""
    found = seen = 0
    for seed in range(crowds):
        crowd, where = crowd_of_many(shared, count, seed)
        finder = BuiltinFinder("cpu")
        faces = finder.find(Frame.from_rgb(crowd))
        found += met(where, faces)
        seen += sum(
            met([points], faces) or any(x0 <= x <= x1 and y0 <= y <= y1 for x0, y0, x1, y1 in finder.doubtful)
            for points in where
            for x, y in [points.mean(axis=0)]
        )
        assert len(faces) <= 1.04 * count
    assert found >= 0.98 * crowds * count
    assert seen == crowds * count


def test_a_file_job_swaps_them_all_and_counts_those_it_left(tmp_path: Path) -> None:
    crowd, where = crowd_of_one(50)
    source = clip_of(crowd, tmp_path / "crowd.mp4")
    report = convert(Job(source, tmp_path / "out.mp4", Look(device="cpu", label=None)))
    for before, after in zip(frames(source), frames(tmp_path / "out.mp4"), strict=True):
        assert min(changed(before, after, where)) > 6
    assert report.faces == 50 * 2
    assert (report.faces_left, report.warnings) == (0, [])

    largest = Look(device="cpu", label=None, faces="largest")
    report = convert(Job(source, tmp_path / "one.mp4", largest))
    assert (report.faces, report.faces_left) == (2, 49 * 2)


def test_live_nobody_in_a_crowd_is_shown(tmp_path: Path) -> None:
    crowd, where = crowd_of_one(50)
    complaints: list[Exception] = []
    swapper = make_swapper(Look(device="cpu"), Stages(), BuiltinFinder("cpu", 1))
    acts = FailClosed(swapper, "cover", complaints.append, swapper.doubtful)
    clip = clip_of(crowd, tmp_path / "crowd.mp4")
    for number, (before, frame) in enumerate(zip(frames(clip), frames(clip), strict=True)):
        frame.captured_ns = (number + 1) * 40_000_000
        done = acts.process(frame)
        assert done is not None
        assert min(changed(before, done, where)) > 6
    assert not complaints


def test_one_face_has_no_close_look_but_a_half_one_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual case costs what it did: a close look is eleven times as dear."""
    path = tmp_path / "portrait.mp4"
    write_sample(path, size=(1280, 720), seconds=0.6, fps=30)
    looks: list[int] = []
    detect = Detector.detect

    def counted(self: Detector, frame: Frame, longest: int, threshold: float) -> Boxes:
        looks.append(longest)
        return detect(self, frame, longest, threshold)

    monkeypatch.setattr(Detector, "detect", counted)
    finder = BuiltinFinder("cpu", 1)
    assert all(len(finder.find(frame)) == 1 for frame in frames(path))
    assert (looks.count(LONGEST), looks.count(CLOSER), looks.count(CLOSE)) == (18, 1, 0)


def test_what_the_model_does_not_swap_is_counted() -> None:
    crowd, _ = crowd_of_one(16)
    swapper = make_swapper(Look(device="cpu"), Stages(), BuiltinFinder("cpu"))

    def fails(crops: Bytes) -> tuple[Bytes, Bytes]:
        raise MemoryError

    swapper.model.swap = fails  # type: ignore[method-assign]
    with pytest.raises(MemoryError):
        swapper.swap(Frame.from_rgb(crowd))
    assert (swapper.faces_swapped, swapper.faces_left) == (0, 16 + len(swapper.doubtful()))
