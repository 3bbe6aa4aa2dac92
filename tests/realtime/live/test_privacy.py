"""No output frame shows the real face: whatever is missed, and whatever fails."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import av
import numpy as np
import pytest

from realtime.align import TEMPLATES
from realtime.finder import BuiltinFinder
from realtime.finder.face import Box, Face
from realtime.live.fail_closed import FailClosed, OnMiss
from realtime.live.slate import duplicate, render
from realtime.live.testing.probes import LEAST_CHANGE, PrivacyProbe, change, similarity
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ModelError
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import make_swapper

SECOND = 1_000_000_000


@dataclass
class Play:
    """An fail_closed, and an probe who looks at all that it sends."""

    fail_closed: FailClosed
    probe: PrivacyProbe
    complaints: list[Exception]
    sent: int = 0
    slates: int = 0

    def process(self, frame: Frame) -> None:
        done = self.fail_closed.process(frame)
        if done is None:
            self.slates += 1
            done = duplicate(slate_like(frame), frame.captured_ns or 0)
        self.probe.look(done)
        self.sent += 1


def slate_like(frame: Frame) -> av.VideoFrame:
    slate = render("no signal", frame.width, frame.height)
    return av.VideoFrame.from_ndarray(slate, format="rgb24").reformat(format="yuv420p")


def play(on_miss: OnMiss = "cover", misses: Callable[[int], bool] = lambda number: False) -> Play:
    complaints: list[Exception] = []
    probe = PrivacyProbe(BuiltinFinder("cpu", 3), misses)
    swapper = make_swapper(Look(device="cpu"), Stages(), probe)
    return Play(FailClosed(swapper, on_miss, complaints.append), probe, complaints)


def frames(clip: Path, rounds: int = 1) -> Iterator[Frame]:
    """The clip again and again, as a camera at 30 frames a second."""
    number = 0
    for _ in range(rounds):
        source = FileSource(clip)
        for item in source:
            if isinstance(item, Frame):
                number += 1
                item.captured_ns = number * SECOND // 30
                yield item
        source.close()


def at_random(number: int) -> bool:
    """A fifth of the frames, and bursts of two seconds."""
    return Random(number).random() < 0.2 or number % 150 >= 90


def test_a_cover_beside_a_swapped_face_leaves_the_swap_whole(face_clip: Path) -> None:
    """A false second face lies over half of the true one: what is swapped stays, all else there is covered."""
    plain, covered = play(), play()
    covered.fail_closed.doubtful = lambda: tuple(beside(face.box) for face in covered.probe.truth)
    for number, (one, other) in enumerate(zip(frames(face_clip), frames(face_clip), strict=True)):
        assert plain.fail_closed.process(one) is one
        patch = next(patch for patch in one.pasted if patch.plane == 0)
        assert covered.fail_closed.process(other) is other
        height, width = patch.add.shape
        part = slice(patch.y, patch.y + height), slice(patch.x, patch.x + width)
        core = patch.keep == 0
        assert core.sum() > 500
        # The watermark lies over the whole picture, and knows its light: a value or two.
        assert np.abs(luma(one)[part].astype(int) - luma(other)[part])[core].max() <= 3
        changed = np.abs(luma(other).astype(int) - luma(one))[part[0]] > 12
        changed[:, part[1]] = False
        assert changed.sum() > 500  # hair and background beside it
        if number == 3:
            break
    assert covered.fail_closed.missed == 4


def beside(box: Box) -> Box:
    """A box as large, over the right half of this one."""
    shift = (box[2] - box[0]) * 0.55
    return (box[0] + shift, box[1], box[2] + shift, box[3])


def luma(frame: Frame) -> Bytes:
    plane = frame.picture.planes[0]
    return np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)[: frame.height, : frame.width].copy()


@pytest.mark.parametrize("on_miss", ["cover", "hold", "slate"])
def test_missed_faces_are_never_shown(face_clip: Path, on_miss: OnMiss) -> None:
    it = play(on_miss, at_random)
    for frame in frames(face_clip, 3):
        it.process(frame)
    assert it.probe.faces >= 170
    assert it.probe.missed >= 80
    assert it.probe.shown == 0
    assert on_miss != "cover" or it.probe.max_similarity < 0.25
    assert it.sent == 180
    assert (it.slates > 0) == (on_miss == "slate")
    assert it.fail_closed.missed >= it.probe.missed
    assert it.fail_closed.shown == 0


def test_the_eyewitness_would_have_noticed(face_clip: Path) -> None:
    it = play("show", at_random)
    for frame in frames(face_clip, 3):
        it.process(frame)
    assert it.probe.shown == it.probe.missed >= 80
    # and it is counted as what it is
    assert it.fail_closed.shown >= it.probe.shown
    assert it.fail_closed.missed == 0


def test_real_faces_of_real_clips(shared: Path) -> None:
    for name in ("s18", "d9"):
        it = play("cover", at_random)
        for frame in frames(shared / "media" / f"{name}.mp4"):
            it.process(frame)
            if it.sent == 120:
                break
        assert it.probe.missed >= 35
        assert it.probe.shown == 0
        assert it.probe.max_similarity < 0.25


class Broken:
    """A model that fails on every crop."""

    def __init__(self, model: object, error: Exception) -> None:
        self._model, self._error = model, error

    def __getattr__(self, name: str) -> object:
        return getattr(self._model, name)

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        raise self._error


@pytest.mark.parametrize("error", [ModelError("out of memory"), ValueError("a bug"), MemoryError()])
@pytest.mark.parametrize("on_miss", ["cover", "slate", "hold"])
def test_a_model_that_fails(face_clip: Path, on_miss: OnMiss, error: Exception) -> None:
    it = play(on_miss)
    it.fail_closed.swapper.model = Broken(it.fail_closed.swapper.model, error)  # type: ignore[assignment]
    for number, frame in enumerate(frames(face_clip)):
        it.process(frame)
        if number == 20:
            break
    assert it.probe.faces == 21
    assert it.probe.shown == 0
    assert it.complaints == [error] * 21


class Hollow(Broken):
    """A model whose mask is empty: what it pastes changes nothing."""

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        return crops, np.zeros(crops.shape[:3], np.uint8)


def test_a_model_that_leaves_the_face_as_it_was(face_clip: Path) -> None:
    it = play()
    it.fail_closed.swapper.model = Hollow(it.fail_closed.swapper.model, ValueError())  # type: ignore[assignment]
    for number, frame in enumerate(frames(face_clip)):
        it.process(frame)
        if number == 20:
            break
    assert it.probe.shown == 0
    assert it.fail_closed.swapper.frames_swapped == 0


def test_a_model_that_fails_now_and_then(face_clip: Path) -> None:
    it = play()
    good = it.fail_closed.swapper.model
    broken = Broken(good, ModelError("out of memory"))
    for number, frame in enumerate(frames(face_clip)):
        it.fail_closed.swapper.model = broken if number % 3 == 1 else good  # type: ignore[assignment]
        it.process(frame)
    assert len(it.complaints) == 20
    assert it.probe.shown == 0


def test_a_finder_that_fails(face_clip: Path) -> None:
    def fails(number: int) -> bool:
        if number % 4 == 2:
            raise RuntimeError("the detector broke")
        return False

    it = play("cover", fails)
    for frame in frames(face_clip):
        original = duplicate(frame.picture, 0)
        it.process(frame)
        for face in it.probe.truth:
            assert faces_differ(original, frame, face)
    assert len(it.complaints) == 15


def faces_differ(original: Frame, sent: Frame, face: Face) -> bool:
    matrix = TEMPLATES["landmarks"].frame_to_crop(face.landmarks, 64)
    return change(original.warp(matrix, 64), sent.warp(matrix, 64)) >= LEAST_CHANGE


def test_every_frame_carries_the_label(face_clip: Path) -> None:
    """Covered and swapped frames alike; the label is drawn over the cover."""
    it = play("cover", lambda number: number < 10)
    corners = []
    for number, frame in enumerate(frames(face_clip)):
        it.process(frame)
        corners.append(frame.warp(np.eye(2, 3), (640, 360))[330:350, 520:620])
        if number == 20:
            break
    bright = [(corner > 200).mean() for corner in corners]
    assert min(bright) > 0.05


def test_measures_of_likeness() -> None:
    random = np.random.default_rng(3)
    face = np.kron(random.integers(0, 256, (32, 32, 3), np.uint8), np.ones((2, 2, 1), np.uint8))
    flat = np.full_like(face, 128)
    assert change(face, face) == 0
    assert similarity(face, face) == pytest.approx(1)
    assert similarity(face, flat) == pytest.approx(0, abs=1e-6)
    half = face.copy()
    half[:36] = flat[:36]  # the eyes are hidden, the mouth is not
    assert change(face, half) == 0
    assert similarity(face, half) == pytest.approx(1, abs=0.01)
