"""The face of a photograph: found, packed, drawn over a moving face; and what is said of photographs that fail."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from realtime.cli import main
from realtime.finder import BuiltinFinder
from realtime.live.sources.portrait import Portrait, Pose
from realtime.media.frame import Frame
from realtime.photo_swap.portrait import read_portrait
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ConsentError, InputError, ModelError, UsageError
from realtime.runtime.stages import Stages
from realtime.settings import Look, ModelOptions
from realtime.swap import open_model
from realtime.swap.consent import Identity
from realtime.swap.drawing import pack_drawing, read_drawing
from realtime.swap.photo import PhotoModel, pack_photos
from realtime.swapper import make_claim, make_swapper
from tests.realtime.tiny import CONSENT

pytest.importorskip("skimage")

PERSON = Identity(id="eileen", name="Eileen", kind="public-domain", consent=CONSENT)


def picture() -> Bytes:
    from skimage.data import astronaut

    return np.asarray(astronaut(), np.uint8)


def save(path: Path, rgb: Bytes) -> Path:
    cv2.imwrite(str(path), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("photo") / "photo.png", picture())


@pytest.fixture(scope="module")
def record(photo: Path) -> Path:
    page = photo.with_name("eileen.json")
    page.write_text(PERSON.model_dump_json())
    return page


@pytest.fixture(scope="module")
def packed(photo: Path) -> bytes:
    return pack_photos([read_portrait(photo, device="cpu")], PERSON)


def seen(frame: Frame) -> Bytes:
    return frame.warp(np.eye(2, 3), (frame.width, frame.height))


def test_the_photographed_face_is_drawn_over_a_moving_one(photo: Path, record: Path) -> None:
    look = Look(photo=(photo,), consent=record, device="cpu", label=None)
    swapper = make_swapper(look, Stages())
    swapper.watermark = None
    drawn = Portrait(360, 360)
    for step in range(3):
        before = drawn.draw(Pose(yaw=0.1 * step, mouth=0.3 * step))
        frame = Frame.from_rgb(before)
        (face,) = swapper.process(frame)
        assert face.mesh is not None
        after = seen(frame)
        x, y = np.rint(face.mesh[4, :2]).astype(int)
        changed = np.abs(after.astype(int) - before).sum(axis=2)
        assert changed[y - 30 : y + 30, x - 30 : x + 30].mean() > 12, "the nose is another one"
        far = np.hypot(*(np.indices(changed.shape) - np.array([y, x])[:, None, None])) > 2.0 * face.eye_distance
        assert (changed[far] == 0).all(), "what is not the face stays, bit for bit"
    claim = make_claim(None, look, swapper)
    assert [each.name for each in claim.identities] == ["Eileen"]
    assert claim.settings["made_of"] == "one picture"


def test_the_same_photograph_makes_the_same_file_and_the_same_picture(photo: Path, packed: bytes) -> None:
    assert pack_photos([read_portrait(photo, device="cpu")], PERSON) == packed
    models = [PhotoModel(read_drawing(Path("a.drawn"), packed), "0" * 64, ModelOptions()) for _ in range(2)]
    crops = np.random.default_rng(0).integers(0, 255, (1, 256, 256, 3)).astype(np.uint8)
    (one, mask), (other, _) = (model.swap(crops) for model in models)
    assert (one == other).all()
    assert mask.max() == 255
    assert not mask[:, :, [0, -1]].any()


def test_with_nothing_of_the_photograph_the_performer_stays(tmp_path: Path, packed: bytes) -> None:
    before = Portrait(360, 360).draw(Pose())
    drawing, finder = tmp_path / "eileen.drawn", BuiltinFinder("cpu", mesh=True)
    drawing.write_bytes(packed)
    changes = []
    for morph in (0.0, 0.5, 1.0):
        look = Look(model=str(drawing), device="cpu", label=None, morph=morph)
        swapper = make_swapper(look, Stages(), finder)
        swapper.watermark = None
        frame = Frame.from_rgb(before)
        finder.reset()
        swapper.process(frame)
        changes.append(np.abs(seen(frame).astype(int) - before).mean())
    assert changes[0] < 0.1 < changes[1] < changes[2]


def test_a_picture_is_converted_with_a_photograph(
    tmp_path: Path, photo: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path / "home"))
    report = tmp_path / "report.json"
    given = save(tmp_path / "in.png", Portrait(360, 360).draw(Pose()))
    words = ["convert", str(given), str(tmp_path / "out.png"), "--quiet"]
    words += ["--photo", str(photo), "--consent", str(record), "--shape", "0.3", "--report", str(report)]
    monkeypatch.setattr(sys, "argv", ["mummer", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    facts = json.loads(report.read_text())
    assert facts["model"]["identity"][0]["name"] == "Eileen"
    assert not [words for words in facts["warnings"] if "no face" in words]
    assert "photo.png: the mouth is open: its teeth stay in the lips; take one with closed lips" in facts["warnings"]


def test_whose_face_it_is_must_be_said(photo: Path, record: Path) -> None:
    with pytest.raises(UsageError, match=r"whose face is it.*--consent"):
        open_model("bronze", "cpu", ModelOptions(photo=(photo,)))
    with pytest.raises(UsageError, match="--embedder is for one-image networks"):
        open_model("bronze", "cpu", ModelOptions(photo=(photo,), consent=record, embedder=record))
    nobody = PERSON.model_copy(update={"consent": None})
    page = record.with_name("nobody.json")
    page.write_text(nobody.model_dump_json())
    with pytest.raises(ConsentError, match="no consent is recorded"):
        open_model("bronze", "cpu", ModelOptions(photo=(photo,), consent=page))


def test_photographs_without_the_one_face_are_refused_in_a_line(tmp_path: Path) -> None:
    rgb = picture()
    with pytest.raises(InputError, match="no face found"):
        read_portrait(save(tmp_path / "grey.png", np.full((300, 300, 3), 128, np.uint8)))
    two = save(tmp_path / "two.png", np.hstack([rgb, rgb[:, ::-1]]))
    with pytest.raises(InputError, match=r"2 faces in this photograph; say which with --face left\|right\|N"):
        read_portrait(two)
    places = [float(read_portrait(two, which).mesh[:, 0].mean()) for which in ("left", "1")]
    assert places[0] == places[1]
    assert read_portrait(two, "right").sha256
    with pytest.raises(UsageError, match="--face 3: say left, right, or a number from 1 to 2"):
        read_portrait(two, "3")
    small = cv2.resize(rgb, (190, 190), interpolation=cv2.INTER_AREA)
    with pytest.raises(InputError, match=r"the face is \d+ px high; at least 64"):
        read_portrait(save(tmp_path / "small.png", np.asarray(small, np.uint8)))
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no more")
    with pytest.raises(InputError, match=r"broken\.jpg"):
        read_portrait(tmp_path / "broken.jpg")


@pytest.mark.parametrize("form", ["turned", "deep", "cmyk", "moving"])
def test_odd_files_are_read_as_what_they_show(tmp_path: Path, photo: Path, form: str) -> None:
    image = Image.fromarray(picture())
    path = tmp_path / "odd.png"
    if form == "turned":
        path = tmp_path / "odd.jpg"
        exif = Image.Exif()
        exif[0x0112] = 6  # lies on its side, and says so
        image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
    elif form == "deep":
        cv2.imwrite(str(path), cv2.cvtColor(picture(), cv2.COLOR_RGB2BGR).astype(np.uint16) * 257)
    elif form == "cmyk":
        path = tmp_path / "odd.jpg"
        image.convert("CMYK").save(path, quality=95)
    else:
        path = tmp_path / "odd.gif"
        image.save(path, save_all=True, append_images=[Image.new("RGB", image.size)], duration=100)
    usual, odd = read_portrait(photo), read_portrait(path)
    assert np.abs(usual.identity - odd.identity).max() < 0.4
    assert np.abs(usual.view.rgb.astype(int) - odd.view.rgb).mean() < 12


def test_only_whole_files_of_this_kind_are_opened(tmp_path: Path, packed: bytes) -> None:
    drawing = read_drawing(Path("a.drawn"), packed)
    whole = dict(drawing.parts)

    def refused(parts: dict[str, bytes], words: str) -> None:
        path = tmp_path / "odd.drawn"
        path.write_bytes(pack_drawing(drawing.manifest, parts))
        with pytest.raises(ModelError, match=words):
            open_model(str(path), "cpu")

    refused({"face.json": whole["face.json"]}, "without texture.png")
    refused(whole | {"face.json": b"{}"}, "face.json does not fit")
    refused(whole | {"face.json": whole["face.json"].replace(b"[[", b"[[1e9, 0, 0], [", 1)}, "does not fit")
    refused(whole | {"texture.png": whole["texture.png"][:2000]}, "texture.png")
    refused({f"{n}": b"" for n in range(20)}, "too many members")
    (tmp_path / "cut.drawn").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(ModelError, match="damaged"):
        open_model(str(tmp_path / "cut.drawn"), "cpu")
    (tmp_path / "ok.drawn").write_bytes(packed)
    assert open_model(str(tmp_path / "ok.drawn"), "cpu").shown == (PERSON,)
    with pytest.raises(UsageError, match="--consent is for photographs to be read"):
        open_model(str(tmp_path / "ok.drawn"), "cpu", ModelOptions(consent=Path("x.json")))


def test_a_photograph_is_taken_into_the_library(
    tmp_path: Path, photo: Path, record: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MUMMER_HOME", str(tmp_path / "home"))

    def mummer(*words: str) -> tuple[int | str | None, str, str]:
        monkeypatch.setattr(sys, "argv", ["mummer", "models", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        return (ended.value.code, *capsys.readouterr())

    code, _, why = mummer("add", str(photo), "--name", "eileen")
    assert code == 1
    assert "whose face is it" in why
    code, out, _ = mummer("add", str(photo), "--name", "eileen", "--consent", str(record))
    assert code == 0, out
    model = open_model("eileen", "cpu", ModelOptions(morph=0.5, shape=0.2))
    assert (model.shown, model.morph, model.path.suffix) == ((PERSON,), 0.5, ".drawn")
    sheet = cv2.imread(str(model.path.with_suffix(".png")))
    assert sheet is not None
    assert sheet.shape == (320, 1600, 3)
    assert sheet[160, 800].std() < sheet[150:170].std(), "there is a face on it"
    code, out, _ = mummer()
    assert "Eileen" in out
    assert mummer("add", str(photo), "--name", "eileen", "--consent", str(record))[0] == 1
    assert mummer("remove", "eileen")[0] == 0
    assert not list((tmp_path / "home").rglob("eileen.*"))
