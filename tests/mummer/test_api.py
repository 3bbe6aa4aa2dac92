"""The Python module: what goes in and comes out, marked, with the project's errors, and as the README shows it."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from threading import Thread
from typing import Any, Literal

import cv2
import numpy as np
import pytest

import mummer
from mummer.choices import Changes, ConversionChoices, LiveChoices, LookChoices
from realtime.demo.portrait import load_portrait
from realtime.finder import open_finder
from realtime.live.settings import Change, LiveSettings
from realtime.marking.watermark.read import read_watermark
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import MummerError
from realtime.settings import Conversion, Look
from tests.realtime.clips import talk

pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def swapper() -> mummer.Swapper:
    return mummer.Swapper("bronze", device="cpu")


@pytest.fixture(scope="module")
def image() -> Bytes:
    return load_portrait()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talk(tmp_path_factory.mktemp("api") / "in.mp4", (640, 360), 0.4, 15)


def test_a_picture_comes_out_swapped_and_labelled(swapper: mummer.Swapper, image: Bytes) -> None:
    given = image.copy()
    after = swapper(image)
    np.testing.assert_array_equal(image, given)
    assert after.dtype == np.uint8 and after.shape == image.shape
    changed = np.abs(after.astype(int) - image).max(axis=2) > 24
    (face,) = swapper.faces(image)
    x0, y0, x1, y1 = (int(edge) for edge in face.box)
    assert changed[y0:y1, x0:x1].mean() > 0.2
    assert changed[-60:, -250:].mean() > 0.05  # the label
    bare = mummer.Swapper("bronze", device="cpu", label="off")(image)
    assert not (np.abs(bare.astype(int) - image).max(axis=2) > 24)[-60:, -250:].any()


def test_a_picture_carries_the_watermark(swapper: mummer.Swapper, image: Bytes, tmp_path: Path) -> None:
    for name, picture, marked in (("before.png", image, False), ("after.png", swapper(image), True)):
        cv2.imwrite(str(tmp_path / name), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        assert (read_watermark(tmp_path / name).payload is not None) == marked


def test_an_array_a_pil_image_and_a_path_are_the_same_picture(
    swapper: mummer.Swapper, image: Bytes, tmp_path: Path
) -> None:
    from PIL import Image

    wanted = swapper(image)
    path = tmp_path / "face.png"
    Image.fromarray(image).save(path)
    for picture in (path, str(path), Image.fromarray(image), Image.fromarray(image).convert("RGBA")):
        np.testing.assert_array_equal(swapper(picture), wanted)
    turned = Image.fromarray(np.ascontiguousarray(np.rot90(image)))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be shown turned clockwise
    turned.save(tmp_path / "turned.jpg", quality=95, exif=exif)
    with Image.open(tmp_path / "turned.jpg") as opened:
        upright = swapper(opened)
    assert np.abs(upright.astype(int) - wanted).mean() < 4


def test_faces_have_boxes_landmarks_and_scores(swapper: mummer.Swapper, image: Bytes) -> None:
    (face,) = swapper.faces(image)
    assert face.landmarks.shape == (68, 2) and face.landmarks.dtype == np.float32
    x0, y0, x1, y1 = face.box
    assert x0 < 224 < x1 and y0 < 120 < y1
    assert 0.9 < face.score <= 1


def test_pictures_have_nothing_to_do_with_one_another(swapper: mummer.Swapper, image: Bytes) -> None:
    small = np.ascontiguousarray(np.pad(image[:300, 75:375], ((0, 150), (200, 0), (0, 0)), mode="edge"))
    for picture in (image, small, image):
        (face,) = swapper.faces(picture)
        (fresh,) = open_finder("builtin", "cpu").find(Frame.from_rgb(picture))
        np.testing.assert_array_equal(face.landmarks, fresh.landmarks)


def test_several_threads_get_what_one_gets(swapper: mummer.Swapper, image: Bytes) -> None:
    pictures = [image, np.ascontiguousarray(image[:, ::-1])] * 3
    wanted = [swapper(picture) for picture in pictures]
    got: dict[int, Bytes] = {}
    threads = [
        Thread(target=lambda number=number, picture=picture: got.update({number: swapper(picture)}))
        for number, picture in enumerate(pictures)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, each in enumerate(wanted):
        np.testing.assert_array_equal(got[number], each)


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((48, 64), np.uint8),
        np.zeros((48, 64, 3), np.float32),
        np.zeros((48, 64, 4), np.uint8),
        Path("there is none.png"),
        7,
        [[0, 0, 0]],
    ],
)
def test_what_is_no_picture_is_refused(swapper: mummer.Swapper, picture: Any) -> None:
    for call in (swapper, swapper.faces):
        with pytest.raises(mummer.InputError):
            call(picture)


def test_a_deep_pil_image_is_refused_not_clipped(swapper: mummer.Swapper) -> None:
    from PIL import Image

    for mode in ("I;16", "F", "I"):
        with pytest.raises(mummer.InputError, match=f"mode {mode}"):
            swapper(Image.new(mode, (64, 48)))


def test_wrong_arguments_are_named() -> None:
    wrong: Any = {"colour": "none"}
    with pytest.raises(mummer.UsageError, match=r"no setting 'colour'; there are .*color"):
        mummer.Swapper(**wrong)
    with pytest.raises(mummer.UsageError, match=r"sharpen: .*1"):
        mummer.Swapper(sharpen=7)
    with pytest.raises(mummer.ModelError, match="nobody"):
        mummer.Swapper("nobody")
    with pytest.raises(AttributeError, match="swop"):
        mummer.swop  # type: ignore[attr-defined]  # noqa: B018
    assert mummer.MummerError is MummerError


def test_a_file_is_converted_and_reported(clip: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    done = mummer.convert(clip, tmp_path / "out.mp4", device="cpu", on_frame=lambda *numbers: seen.append(numbers))
    assert isinstance(done, mummer.Report)
    assert done.frames_swapped == done.frames_out == len(seen) == 6
    assert done.provenance.label == "SYNTHETIC FACES" and done.provenance.watermark
    assert (tmp_path / "out.mp4").is_file()
    with pytest.raises(mummer.OutputError, match="exists"):
        mummer.convert(clip, tmp_path / "out.mp4")
    with pytest.raises(mummer.InputError, match="640"):
        mummer.convert(clip, tmp_path / "small.mp4", max_pixels=640 * 359)
    pictures = mummer.convert(clip, tmp_path / "%03d.png", end=0.1, start_number=7, layer=True, device="cpu")
    assert pictures.frames_out == len(list(tmp_path.glob("0*.png"))) and (tmp_path / "007.png").exists()
    unlabelled = mummer.convert(clip, str(tmp_path / "out.mp4"), label="off", force=True, device="cpu")
    assert isinstance(unlabelled, mummer.Report)
    assert unlabelled.provenance.label is None


def test_live_is_watched_changed_and_stopped(tmp_path: Path) -> None:
    recording = tmp_path / "out.mkv"
    with mummer.live("test:", ["null:", recording], device="cpu", size="320x240") as session:
        preview = session.preview(width=160, timeout=60)
        assert preview is not None
        assert preview.before.shape == preview.after.shape == (120, 160, 3)
        # What is changed is seen between two frames.
        assert any(session.preview(timeout=60) and session.status().state == "live" for _ in range(100))
        session.change(blend="soft", label="MADE UP", remove_sinks=["null:"])
        assert any(session.preview(timeout=60) and session.status().look.blend == "soft" for _ in range(100))
        assert [sink.address for sink in session.status().sinks] == [str(recording)]
        with pytest.raises(mummer.UsageError, match="label"):
            session.change(label="off")
        assert not session.wait(0)
    assert session.status().state == "ended"
    source = FileSource(recording)
    assert any(isinstance(item, Frame) for item in source)
    source.close()
    session.stop()


def test_live_is_never_without_a_label() -> None:
    with pytest.raises(mummer.UsageError, match="label"):
        mummer.live("test:", "null:", label="off")
    with pytest.raises(mummer.UsageError, match="label: is 81 characters long; give at most 80"):
        mummer.live("test:", "null:", label="x" * 81)


def test_a_camera_that_is_not_there_ends_the_wait() -> None:
    with mummer.live(camera="/dev/video99", to="null:", device="cpu") as session, pytest.raises(mummer.InputError):
        session.wait(60)


@pytest.mark.parametrize(
    ("spelled", "model", "parameters"),
    [
        (LookChoices, Look, {"model"}),
        (ConversionChoices, Conversion, {"model"}),
        (LiveChoices, LiveSettings, {"model", "camera", "sinks"}),
        (Changes, Change, {"device", "detector"}),
    ],
)
def test_keyword_arguments_are_the_settings(spelled: type, model: type[Look], parameters: set[str]) -> None:
    assert set(inspect.get_annotations(spelled)) | {
        name for base in getattr(spelled, "__orig_bases__", ()) for name in getattr(base, "__annotations__", {})
    } | parameters == set(model.model_fields)


def test_the_names_are_all_there() -> None:
    assert set(mummer.__all__) <= set(dir(mummer))
    errors: set[Literal[True]] = {
        issubclass(getattr(mummer, name), MummerError) for name in dir(mummer) if "Error" in name
    }
    assert errors == {True}


def test_the_readme_shows_what_runs(clip: Path, image: Bytes, tmp_path: Path) -> None:
    """Its own lines, with a drawn camera and no sink in place of the devices."""
    page = (Path(__file__).parents[2] / "README.md").read_text()
    (code,) = re.findall(r"## From Python\n\n```python\n(.*?)```", page, re.DOTALL)
    for device, stand_in in (("camera=0", 'camera="test:"'), ('"virtualcam"', '"null:"')):
        assert code.count(device) == 1
        code = code.replace(device, stand_in)
    cv2.imwrite(str(tmp_path / "ann.jpg"), cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    (tmp_path / "in.mp4").write_bytes(clip.read_bytes())
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].endswith("(68, 2)")
    assert lines[1:7] == [f"{number} 6" for number in range(1, 7)]
    assert "Preview(" in lines[7]
    assert read_watermark(tmp_path / "out.mp4").payload is not None
