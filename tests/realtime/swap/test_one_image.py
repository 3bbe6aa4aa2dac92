"""One-image models: a photograph and its consent record in, the photographed face out."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from realtime.align import TEMPLATES
from realtime.cli import main
from realtime.runtime.errors import ConsentError, InputError, ModelError, UsageError
from realtime.settings import ModelOptions
from realtime.swap import SwapModel, open_model
from realtime.swap.add import add_model
from realtime.swap.consent import Identity
from realtime.swap.one_image import embed
from tests.realtime.clips import Clip, make, talk
from tests.realtime.foreign import ellipse, make_dfm, make_embedder, make_hyperswap, make_simswap, make_swapper
from tests.realtime.tiny import CONSENT

pytest.importorskip("skimage")

PERSON = Identity(id="eileen", name="Eileen", kind="public-domain", consent=CONSENT)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def options(tmp_path: Path) -> ModelOptions:
    """A photograph, its consent record, and the embedder."""
    from skimage.data import astronaut

    photo, record = tmp_path / "photo.png", tmp_path / "eileen.json"
    cv2.imwrite(str(photo), cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR))
    record.write_text(PERSON.model_dump_json())
    return ModelOptions(photo=photo, consent=record, embedder=make_embedder(tmp_path / "arc.onnx"))


MATRIX = np.random.default_rng(3).normal(size=(512, 512)).astype(np.float32)


def swapper(tmp_path: Path, matrix: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None = MATRIX) -> Path:
    return add_model(make_swapper(tmp_path / "swapper.onnx", matrix), "swapper", None, licence="research only")


def opened(options: ModelOptions) -> SwapModel:
    return open_model("swapper", "cpu", options)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_photographed_face_is_put_in(tmp_path: Path, options: ModelOptions, dtype: type) -> None:
    matrix = MATRIX.astype(dtype)
    swapper(tmp_path, matrix)
    model = opened(options)
    assert (model.size, model.template.name) == (128, "arcface-128")
    assert [identity.name for identity in model.identities] == ["Eileen"]
    assert options.photo and options.embedder is not None
    code = embed(options.photo[0], options.embedder, "cpu", 1) @ matrix.astype(np.float32)
    light = code[0, :3] / np.linalg.norm(code) * 0.1 * 255
    assert np.abs(light).max() > 0.5  # the test can fail
    crops = np.full((3, 128, 128, 3), 100, np.uint8)
    crops[1] = 50
    swapped, mask = model.swap(crops)
    np.testing.assert_allclose(swapped, crops + light, atol=0.51)
    assert mask.shape == (3, 128, 128)


def test_a_video_is_converted_with_a_photograph(
    tmp_path: Path, options: ModelOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    swapper(tmp_path)
    report = tmp_path / "report.json"
    words = ["convert", str(make(tmp_path / "in.mp4", Clip(frames=3))), str(tmp_path / "out.mp4"), "--quiet"]
    words += ["--model", "swapper", "--photo", str(options.photo[0]), "--embedder", str(options.embedder)]
    monkeypatch.setattr(sys, "argv", ["mummer", *words, "--consent", str(options.consent), "--report", str(report)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    assert json.loads(report.read_text())["model"]["identity"][0]["name"] == "Eileen"


def test_the_embedder_sees_the_face_where_arcface_has_it(options: ModelOptions) -> None:
    """The rows that the embedder averages show eyes and mouth darker than the cheeks between them."""
    assert options.photo and options.embedder is not None
    code = embed(options.photo[0], options.embedder, "cpu", 1)
    assert code.shape == (1, 512)
    assert (np.abs(code) <= 1).all()
    rows = code[0, 3 : 3 + 112]
    assert rows[47:57].mean() < rows[60:68].mean()


def test_the_template_is_the_five_points(tmp_path: Path) -> None:
    wanted = [(46.2946, 51.6963), (81.5318, 51.5014), (64.0252, 71.7366), (49.5493, 92.3655), (78.7299, 92.2041)]
    pixels = TEMPLATES["arcface-128"].places(128)
    np.testing.assert_allclose(pixels, wanted, atol=1e-4)


def test_the_mask_is_soft_and_within_the_crop(tmp_path: Path, options: ModelOptions) -> None:
    swapper(tmp_path)
    _, (mask,) = opened(options).swap(np.zeros((1, 128, 128, 3), np.uint8))
    points = (np.asarray(TEMPLATES["arcface-128"].points) * 128).astype(int)
    assert all(mask[y, x] == 255 for x, y in points)
    assert not mask[[0, -1]].any()
    assert not mask[:, [0, -1]].any()
    assert np.abs(np.diff(mask.astype(int), axis=1)).max() < 64


@pytest.mark.parametrize("missing", ["photo", "embedder", "consent"])
def test_what_is_missing_is_asked_for(tmp_path: Path, options: ModelOptions, missing: str) -> None:
    swapper(tmp_path)
    given = {name: getattr(options, name) for name in ("photo", "embedder", "consent") if name != missing}
    with pytest.raises(UsageError, match=f"--{missing}"):
        opened(ModelOptions(**given))


def test_the_photographed_person_must_have_agreed(tmp_path: Path, options: ModelOptions) -> None:
    swapper(tmp_path)
    assert options.consent is not None
    options.consent.write_text(PERSON.model_copy(update={"consent": None}).model_dump_json())
    with pytest.raises(ConsentError, match="Eileen"):
        opened(options)


def test_a_photograph_of_nobody_is_refused(tmp_path: Path, options: ModelOptions) -> None:
    swapper(tmp_path)
    assert options.photo
    cv2.imwrite(str(options.photo[0]), np.full((200, 200, 3), 200, np.uint8))
    with pytest.raises(InputError, match="no face"):
        opened(options)
    options.photo[0].write_text("no picture")
    with pytest.raises(InputError, match="not a picture"):
        opened(options)


def test_networks_of_another_kind_are_refused(tmp_path: Path, options: ModelOptions) -> None:
    swapper(tmp_path)
    for wrong in (make_dfm(tmp_path / "a.dfm"), make_swapper(tmp_path / "b.onnx", MATRIX)):
        with pytest.raises(ModelError, match="not an ArcFace network"):
            opened(ModelOptions(photo=options.photo, consent=options.consent, embedder=wrong))


@pytest.mark.parametrize("matrix", [None, np.ones((512, 256), np.float32)], ids=["none", "of another shape"])
def test_a_network_without_its_matrix_is_refused(
    tmp_path: Path, matrix: np.ndarray[tuple[int, ...], np.dtype[np.float32]] | None
) -> None:
    with pytest.raises(ModelError, match="512 x 512"):
        swapper(tmp_path, matrix)


def test_a_file_that_nobody_recorded_is_refused_with_what_to_do(tmp_path: Path, options: ModelOptions) -> None:
    path = make_swapper(tmp_path / "swapper.onnx", MATRIX)
    with pytest.raises(ModelError, match=r"mummer models add .*swapper\.onnx --name NAME`"):
        open_model(str(path), "cpu", options)


def test_an_embedder_that_sees_nothing_is_refused(tmp_path: Path, options: ModelOptions) -> None:
    swapper(tmp_path, np.zeros((512, 512), np.float32))
    with pytest.raises(ModelError, match="not a number"):
        opened(options)


def test_consent_is_for_the_photograph_not_for_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="photograph"):
        add_model(make_swapper(tmp_path / "swapper.onnx", MATRIX), "swapper", PERSON)


def code_of(options: ModelOptions) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The photographed face's code at the length of one; its first three numbers are a colour."""
    assert options.photo and options.embedder is not None
    code = embed(options.photo[0], options.embedder, "cpu", 1)[0]
    return np.asarray(code / np.linalg.norm(code), np.float32)


CROPS = np.stack([np.full((256, 256, 3), (200, 100, 30), np.uint8), np.full((256, 256, 3), 50, np.uint8)])


@pytest.mark.parametrize("stray", [False, True], ids=["", "with a weight of 512 x 512"])
def test_a_network_with_a_mask_takes_the_code_itself(tmp_path: Path, options: ModelOptions, stray: bool) -> None:
    """Hyperswap's contract: pictures of -1..1, the code at the length of one, a mask as second output."""
    path = make_hyperswap(tmp_path / "a.onnx", stray=stray)
    add_model(path, "swapper", None)
    model = opened(options)
    assert (model.size, model.template.name) == (256, "arcface-128")
    light = code_of(options)[:3]
    assert np.abs(light).max() > 0.02  # the test can fail
    swapped, masks = model.swap(CROPS)
    wanted = ((CROPS / 127.5 - 1) / 3 + light) * 127.5 + 127.5
    np.testing.assert_allclose(swapped, np.clip(wanted, 0, 255), atol=0.51)
    np.testing.assert_array_equal(masks, np.repeat(ellipse(256, 0.9, 0.6)[..., 0] * 255, 2, axis=0))


@pytest.mark.parametrize("size", [256, 512])
def test_a_network_without_matrix_and_mask_takes_the_code_itself(
    tmp_path: Path, options: ModelOptions, size: int
) -> None:
    """SimSwap's contract: the older five points; ImageNet's mean and deviation in at 256, plain 0..1 in at 512."""
    add_model(make_simswap(tmp_path / "a.onnx", size), "swapper", None)
    model = opened(options)
    assert (model.size, model.template.name) == (size, "arcface-112-v1")
    crops = np.repeat(CROPS, size // 256, axis=1).repeat(size // 256, axis=2)
    given = crops / 255 if size == 512 else (crops / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    swapped, masks = model.swap(crops)
    wanted = ((given + code_of(options)[:3]) * 0.1 + 0.5) * 255
    np.testing.assert_allclose(swapped, np.clip(wanted, 0, 255), atol=0.51)
    points = (np.asarray(model.template.points) * size).astype(int)
    assert all(masks[0, y, x] == 255 for x, y in points)
    assert masks[0, [0, -1]].max() < 40 and masks[0, :, [0, -1]].max() < 40


def test_a_video_is_converted_with_each_kind(tmp_path: Path, options: ModelOptions) -> None:
    from realtime.jobs.convert import Job, convert
    from realtime.settings import Look

    clip = talk(tmp_path / "in.mp4", (640, 360), 0.2, 15)
    for name, path in (("a", make_hyperswap(tmp_path / "a.onnx")), ("b", make_simswap(tmp_path / "b.onnx"))):
        add_model(path, name, None)
        report = convert(Job(clip, tmp_path / f"{name}.mp4", Look(model=name, device="cpu", **dict(options))))
        assert report.frames_swapped == report.frames_in == 3


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    import onnx

    model = onnx.load(make_hyperswap(tmp_path / "a.onnx"))
    model.graph.output[1].CopyFrom(onnx.helper.make_tensor_value_info("dark", 1, [1, 3, 256, 256]))
    onnx.save(model, tmp_path / "b.onnx")
    with pytest.raises(ModelError, match=r"b\.onnx: its outputs are not .* and .*\[1, 1, 256, 256\]"):
        add_model(tmp_path / "b.onnx", "swapper", None)
    three = onnx.load(tmp_path / "a.onnx")
    three.graph.output.append(onnx.helper.make_tensor_value_info("dark", 1, [1, 3, 256, 256]))
    onnx.save(three, tmp_path / "c.onnx")
    with pytest.raises(ModelError, match="no one-image network that is known: 3 outputs of 256 px"):
        add_model(tmp_path / "c.onnx", "swapper", None)
