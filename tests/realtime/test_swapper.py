"""One frame's way with several faces: all of them in one run of the model, each where it belongs."""

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import Event, get_ident

import numpy as np
import pytest

from realtime.finder import BuiltinFinder
from realtime.finder.face import Face
from realtime.live.sources.portrait import Portrait, Pose
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ModelError
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import FrameSwapper, make_swapper
from tests.realtime.tiny import make_model


def swapper(model: Path) -> FrameSwapper:
    made = make_swapper(Look(model=str(model), device="cpu", sharpen=0.0), Stages())
    return replace(made, label=None, watermark=None)


def seen(frame: Frame) -> Bytes:
    return frame.warp(np.eye(2, 3), (frame.width, frame.height))


def test_two_faces_are_swapped_as_each_by_itself(tmp_path: Path) -> None:
    model = make_model(tmp_path / "negative.onnx")
    draw = Portrait(360, 360).draw
    left, right = draw(Pose(yaw=-0.15)), draw(Pose(yaw=0.2, mouth=0.4))
    both = Frame.from_rgb(np.hstack([left, right]))
    assert len(swapper(model).process(both)) == 2
    result = seen(both)
    for half, alone in ((result[:, :360], left), (result[:, 360:], right)):
        frame = Frame.from_rgb(alone)
        assert len(swapper(model).process(frame)) == 1
        expected = seen(frame)
        assert np.abs(expected.astype(int) - alone).mean() > 5, "a face went in"
        # The finder looks at another picture, so that the face may lie a fraction of a pixel elsewhere.
        assert np.abs(half.astype(int) - expected).mean() < 2


def test_the_largest_alone(tmp_path: Path) -> None:
    model = make_model(tmp_path / "negative.onnx")
    small = np.zeros((360, 360, 3), np.uint8)
    small[90:270, 90:270] = Portrait(180, 180).draw(Pose())
    frame = Frame.from_rgb(np.hstack([small, Portrait(360, 360).draw(Pose())]))
    before = seen(frame)
    (face,) = replace(swapper(model), faces="largest").process(frame)
    assert face.landmarks[:, 0].min() > 360
    assert (seen(frame)[:, :360] == before[:, :360]).all()


class Late(Executor):
    """Begins only once it is ``due``, in a thread of its own; ``late`` says for each task whether that was in vain."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self.due = Event()
        self.late: list[bool] = []

    def submit(self, task: Callable[..., object], /, *arguments: object, **named: object) -> Future[object]:  # type: ignore[override]
        def wait() -> object:
            self.late.append(not self.due.wait(5))
            return task(*arguments, **named)

        return self._pool.submit(wait)

    def close(self) -> None:
        self._pool.shutdown()


def newcomers(frames: int) -> Iterator[Frame]:
    """Somebody from the second picture to the end, and a larger face beside from the fourth on."""
    for number in range(frames):
        small = np.zeros((360, 360, 3), np.uint8)
        if number >= 1:
            small[90:270, 90:270] = Portrait(180, 180).draw(Pose(yaw=0.02 * number))
        right = Portrait(360, 360).draw(Pose(yaw=-0.1)) if number >= 3 else np.zeros_like(small)
        yield Frame.from_rgb(np.hstack([small, right]))


@pytest.mark.parametrize("faces", ["all", "largest"])
def test_known_faces_are_swapped_while_the_detector_looks_and_the_pictures_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faces: str
) -> None:
    model = make_model(tmp_path / "negative.onnx")
    alone = replace(swapper(model), faces=faces, finder=BuiltinFinder("cpu", 1))
    helped = replace(swapper(model), faces=faces, finder=(finder := BuiltinFinder("cpu", 1)))
    swap, swapping, here = helped.model.swap, list[int](), get_ident()

    def seen_swap(crops: Bytes) -> tuple[Bytes, Bytes]:
        swapping.append(get_ident())
        helper.due.set()  # the detector has to wait for the faces that are known
        return swap(crops)

    monkeypatch.setattr(helped.model, "swap", seen_swap)
    with closing(Late()) as helper:
        helped.share_work(finder, helper)
        for number, (one, other) in enumerate(zip(newcomers(6), newcomers(6), strict=True)):
            helper.due.clear() if number >= 2 else helper.due.set()
            assert [face.track for face in alone.process(one)] == [face.track for face in helped.process(other)]
            assert (seen(one) == seen(other)).all()
    assert alone.faces_swapped == helped.faces_swapped == (8 if faces == "all" else 5)
    assert not any(helper.late) and set(swapping) == {here}
    # The newcomer of the fourth picture was swapped in a run of its own; where it is the largest, the other in vain.
    assert len(swapping) == 6
    assert helped.stages.summary().keys() == alone.stages.summary().keys()


@pytest.mark.parametrize("faces", ["all", "largest"])
def test_a_mask_is_drawn_while_the_detector_looks_and_what_was_drawn_in_vain_is_forgotten(faces: str) -> None:
    def made() -> FrameSwapper:
        finder = BuiltinFinder("cpu", 1, mesh=True)
        opened = make_swapper(Look(model="gold", device="cpu", faces=faces), Stages(), finder)
        return replace(opened, label=None, watermark=None)

    def coming_and_going() -> Iterator[Frame]:
        """The larger face is there in the fourth and the fifth picture only."""
        for number, frame in enumerate(newcomers(9)):
            if number >= 5:
                frame = Frame.from_rgb(np.hstack([seen(frame)[:, :360], np.zeros((360, 360, 3), np.uint8)]))
            yield frame

    alone, helped = made(), made()
    finder, drawn = helped.finder, list[int]()
    assert isinstance(finder, BuiltinFinder)
    with closing(Late()) as helper:
        helped.share_work(finder, helper)
        swap_early = finder.meanwhile

        def noted(frame: Frame, known: tuple[Face, ...]) -> None:
            swap_early(frame, known)
            drawn.append(len(known))
            helper.due.set()  # the detector has to wait for the faces that are known

        finder.meanwhile = noted
        for number, (one, other) in enumerate(zip(coming_and_going(), coming_and_going(), strict=True)):
            helper.due.clear() if number in (2, 3, 4) else helper.due.set()
            assert [face.track for face in alone.process(one)] == [face.track for face in helped.process(other)]
            assert (seen(one) == seen(other)).all(), number
    assert not any(helper.late) and len(drawn) >= 3


def test_a_model_that_fails_while_the_detector_looks_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helped = replace(swapper(make_model(tmp_path / "negative.onnx")), finder=(finder := BuiltinFinder("cpu", 1)))
    with ThreadPoolExecutor(1) as helper:
        helped.share_work(finder, helper)
        _, first, second, third, *_ = newcomers(5)
        helped.process(first)
        asked = list[int]()

        def failing(crops: Bytes) -> tuple[Bytes, Bytes]:
            asked.append(len(crops))
            raise ModelError("it fails")

        with monkeypatch.context() as patch:
            patch.setattr(helped.model, "swap", failing)
            with pytest.raises(ModelError, match="it fails"):
                helped.process(second)
        assert asked == [1]
        assert len(helped.process(third)) == 2


def test_a_cut_gives_the_same_pictures_with_a_helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cuts() -> Iterator[Frame]:
        for number in range(4):
            scene = np.zeros((360, 720, 3), np.uint8)
            at = 0 if number < 2 else 400
            scene[:, at : at + 320] = Portrait(320, 360).draw(Pose(yaw=0.02 * number))
            yield Frame.from_rgb(scene)

    model, looks = make_model(tmp_path / "negative.onnx"), list[int]()
    alone = replace(swapper(model), finder=BuiltinFinder("cpu", 1))
    helped = replace(swapper(model), finder=(finder := BuiltinFinder("cpu", 1)))
    with ThreadPoolExecutor(1) as helper:
        helped.share_work(finder, helper)
        swap_early = finder.meanwhile
        for number, (one, other) in enumerate(zip(cuts(), cuts(), strict=True)):

            def noted(frame: Frame, faces: tuple[Face, ...], number: int = number) -> None:
                looks.append(number)
                swap_early(frame, faces)

            finder.meanwhile = noted
            assert len(alone.process(one)) == len(helped.process(other)) == 1
            assert (seen(one) == seen(other)).all()
    assert 2 in looks  # at the cut, too, while it is looked closer
