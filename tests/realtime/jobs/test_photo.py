"""Photos and folders of them, end to end: what changes, what stays, what the file says of itself, what goes wrong."""

import json
import sys
from io import BytesIO
from pathlib import Path

import c2pa
import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image

from realtime.cli import main
from realtime.cli.verify import _lines
from realtime.demo.portrait import load_portrait
from realtime.jobs.batch.run import BatchReport
from realtime.jobs.convert import Job
from realtime.jobs.dispatch import convert_any
from realtime.jobs.report import Report
from realtime.marking.provenance import native
from realtime.marking.provenance.claim import Claim, definition
from realtime.marking.provenance.keys import load_credentials
from realtime.marking.provenance.sign import sidecar_of
from realtime.marking.provenance.verify import verify
from realtime.media.animation import loops_of, read_animation
from realtime.media.colorspace import Codes
from realtime.media.encoding import Encoding
from realtime.media.still import Still, read_still
from realtime.media.still_encoder import encode_still
from realtime.runtime.errors import InputError, MummerError, OutputError, UsageError
from realtime.settings import Look
from tests.realtime.clips import Clip, make, times
from tests.realtime.jobs.test_convert import Scripted, left_in
from tests.realtime.tiny import make_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


@pytest.fixture(scope="module")
def portrait() -> Codes:
    pytest.importorskip("skimage")
    return load_portrait()


def photo(source: Path, target: Path, model: Path, label: str | None = None, **changes: object) -> Report:
    finder = changes.pop("finder", Scripted((20, 20, 64)))
    look = Look(model=str(model), label=label, device="cpu")
    done = convert_any(Job(source, target, look, **changes), finder=finder)  # type: ignore[arg-type]
    assert isinstance(done, Report)
    return done


def deep(height: int = 120, width: int = 160, channels: int = 3) -> Codes:
    y, x = np.mgrid[0:height, 0:width]
    planes = [x * 400 + y, y * 500 + x * 3, (x + y) * 230 + 77]
    return np.stack(planes[:channels], axis=-1).astype(np.uint16).squeeze()


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_sixteen_bits_keep_every_bit_off_the_face(
    tmp_path: Path, model: Path, suffix: str, channels: int, with_alpha: bool
) -> None:
    samples = deep(channels=channels)
    alpha = deep(channels=1) if with_alpha else None
    source, target = tmp_path / f"in{suffix}", tmp_path / f"out{suffix}"
    still = Still(samples if alpha is None or channels == 3 else np.dstack([samples] * 3), alpha, "PNG", True)
    source.write_bytes(encode_still(still, source))
    report = photo(source, target, model)
    before, after = read_still(source), read_still(target)
    assert after.samples.dtype == np.uint16
    changed = before.samples != after.samples
    changed = changed.any(axis=2) if changed.ndim == 3 else changed
    rows, columns = np.nonzero(changed)
    assert 20 <= columns.min() <= columns.max() <= 84
    assert 20 <= rows.min() <= rows.max() <= 84
    assert changed[40:60, 40:60].mean() > 0.9
    middle = np.s_[45:55, 45:55]
    off = 65535 - before.samples[middle].astype(int) - after.samples[middle]
    assert np.abs(off).max() < 12 * 257  # the model turns negative
    if alpha is not None:
        assert after.alpha is not None
        assert np.array_equal(after.alpha, alpha)
    assert (report.frames_in, report.frames_out, report.faces) == (1, 1, 1)
    assert left_in(tmp_path) == sorted([source.name, target.name])
    assert verify(target).signature.state == "valid"


@pytest.mark.parametrize("suffix", [".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".bmp"])
def test_every_format_is_signed_and_read_back(tmp_path: Path, model: Path, portrait: Codes, suffix: str) -> None:
    Image.fromarray(portrait).save(source := tmp_path / "in.jpg", quality=95, subsampling=0)
    target = tmp_path / f"out{suffix}"
    report = photo(source, target, model, label="SYNTHETIC FACES", finder=Scripted((160, 50, 120)))
    seen = verify(target)
    where = "sidecar" if suffix == ".bmp" else "embedded"
    assert (seen.verdict, seen.still) == ("marked", True)
    assert (seen.signature.state, seen.signature.signer, seen.signature.synthetic) == ("valid", "own", True)
    assert (seen.signature.where, report.provenance.manifest) == (where, where)
    assert seen.signature.origin == "in.jpg"
    assert seen.signature.facts is not None
    assert (seen.signature.facts.label, seen.signature.facts.frames_swapped) == ("SYNTHETIC FACES", 1)
    assert sidecar_of(target).exists() is (where == "sidecar")
    if suffix != ".bmp":
        with Image.open(target) as image:
            packet = image.info.get("xmp") or image.info["XML:com.adobe.xmp"].encode()
        assert packet.count(b"compositeWithTrainedAlgorithmicMedia") == 1
    data = bytearray(target.read_bytes())
    data[len(data) // 2] ^= 0x55
    target.write_bytes(data)
    assert verify(target).verdict == "altered"


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif"])
def test_one_lossy_picture_tells_its_watermark(tmp_path: Path, model: Path, portrait: Codes, suffix: str) -> None:
    Image.fromarray(portrait).save(source := tmp_path / "in.jpg", quality=92)
    target = tmp_path / f"out{suffix}"
    report = photo(source, target, model, finder=Scripted((160, 50, 120)))
    mark = verify(target).watermark
    assert mark is not None
    assert mark.bits == report.provenance.watermark
    plain = tmp_path / f"plain{suffix}"
    plain.write_bytes(encode_still(read_still(source), plain))
    assert verify(plain).watermark is None


def test_verify_does_not_say_that_a_photo_without_a_mark_is_clean(tmp_path: Path, portrait: Codes) -> None:
    Image.fromarray(portrait[:100, :100].copy()).save(tmp_path / "in.png")
    verdict = verify(tmp_path / "in.png")
    assert verdict.verdict == "not marked"
    assert any("single picture" in line for line in _lines(verdict))


def test_the_built_in_finder_and_model_on_a_turned_photo(tmp_path: Path, portrait: Codes) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    lying = Image.fromarray(portrait).transpose(Image.Transpose.ROTATE_90)
    lying.save(source := tmp_path / "in.jpg", exif=exif, quality=95)
    done = convert_any(Job(source, tmp_path / "out.png"))
    assert isinstance(done, Report)
    assert (done.faces, done.output.size) == (1, (512, 512))
    after = read_still(tmp_path / "out.png").samples.astype(int)
    difference = np.abs(after - portrait).mean(axis=2)
    assert difference[100:150, 200:250].mean() > 25, "the face, upright"
    assert difference[200:400, 0:150].mean() < 6, "and nothing else"


def thumbnail_of(size: int) -> bytes:
    noise = np.random.default_rng(5).integers(0, 256, (size, size, 3), dtype=np.uint8)
    out = BytesIO()
    Image.fromarray(noise).save(out, "JPEG")
    return out.getvalue()


def test_a_manifest_with_a_thumbnail_is_not_taken_along(tmp_path: Path, model: Path, portrait: Codes) -> None:
    """As cameras sign: a small picture of the real face within the manifest."""
    Image.fromarray(portrait).save(tmp_path / "plain.jpg")
    source, small = tmp_path / "in.jpg", thumbnail_of(64)
    with (
        native.new_context(signer=native.new_signer(load_credentials())) as context,
        c2pa.Builder(definition(Claim(None, "m", "0" * 64, ()), source), context) as builder,
    ):
        builder.set_intent(c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.DIGITAL_CAPTURE)
        builder.add_resource("self#jumbf=c2pa.assertions/c2pa.thumbnail.claim.jpeg", BytesIO(small))
        builder.add_ingredient(
            {"title": "t", "relationship": "componentOf", "thumbnail": {"format": "image/jpeg", "identifier": "t.jpg"}},
            "image/jpeg", BytesIO(small),
        )  # fmt: skip
        builder.add_resource("t.jpg", BytesIO(small))
        builder.sign("image/jpeg", BytesIO((tmp_path / "plain.jpg").read_bytes()), out := BytesIO())
    source.write_bytes(out.getvalue())
    assert small[300:900] in source.read_bytes()
    target = tmp_path / "out.jpg"
    photo(source, target, model)
    assert small[300:900] not in target.read_bytes()
    assert b"c2pa.thumbnail" not in target.read_bytes()
    seen = verify(target)
    assert (seen.signature.state, seen.signature.origin) == ("valid", "in.jpg")


def test_no_thumbnail_of_the_original_is_made(tmp_path: Path, model: Path, portrait: Codes) -> None:
    Image.fromarray(portrait).save(source := tmp_path / "in.jpg")
    photo(source, tmp_path / "out.jpg", model)
    assert b"thumbnail" not in (tmp_path / "out.jpg").read_bytes()


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (7, 5)])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_tiny_pictures(tmp_path: Path, model: Path, size: tuple[int, int], suffix: str) -> None:
    Image.new("RGB", size, (200, 10, 10)).save(source := tmp_path / "in.png")
    done = convert_any(Job(source, tmp_path / f"out{suffix}", Look(model=str(model))))
    assert isinstance(done, Report)
    assert done.output.size == size
    assert any("no face" in line for line in done.warnings)


# what cannot be


def test_a_picture_does_not_go_into_a_video_nor_a_video_into_a_picture(tmp_path: Path, model: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "in.jpg")
    make(tmp_path / "in.mp4", Clip(frames=3, audio=None))
    with pytest.raises(InputError, match="a still picture; give OUTPUT"):
        photo(tmp_path / "in.jpg", tmp_path / "out.mp4", model)
    with pytest.raises(OutputError, match="cannot hold what moves"):
        photo(tmp_path / "in.mp4", tmp_path / "out.png", model)
    with pytest.raises(UsageError, match="--codec"):
        photo(tmp_path / "in.jpg", tmp_path / "out.png", model, encoding=Encoding("ffv1"))
    assert left_in(tmp_path) == ["in.jpg", "in.mp4"]


def test_what_is_there_stays(tmp_path: Path, model: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "in.jpg")
    (tmp_path / "out.jpg").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists already"):
        photo(tmp_path / "in.jpg", tmp_path / "out.jpg", model)
    with pytest.raises(OutputError, match="the output is the input"):
        photo(tmp_path / "in.jpg", tmp_path / "in.jpg", model, force=True)
    assert (tmp_path / "out.jpg").read_bytes() == b"mine"
    photo(tmp_path / "in.jpg", tmp_path / "out.jpg", model, force=True)
    assert read_still(tmp_path / "out.jpg").samples.shape == (64, 64, 3)


def test_nothing_is_left_of_a_picture_that_fails(tmp_path: Path, model: Path) -> None:
    Image.fromarray(deep(300, 300).astype(np.uint8)).save(tmp_path / "in.jpg")
    (tmp_path / "in.jpg").write_bytes((tmp_path / "in.jpg").read_bytes()[:3000])
    with pytest.raises(MummerError, match="damaged or cut short"):
        photo(tmp_path / "in.jpg", tmp_path / "out.jpg", model)
    assert left_in(tmp_path) == ["in.jpg"]


# folders


def command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str | Path
) -> tuple[object, str, str]:
    monkeypatch.setattr(sys, "argv", ["mummer", *map(str, words)])
    code: object = 0
    try:
        main()
    except SystemExit as ended:
        code = ended.code
    shown = capsys.readouterr()
    assert "Traceback" not in shown.err
    return code, shown.out, shown.err


def test_one_bad_picture_does_not_stop_the_rest(
    tmp_path: Path, model: Path, portrait: Codes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(portrait).save(folder / "a.jpg")
    Image.fromarray(portrait[:, ::-1]).save(folder / "c.png")
    (folder / "b.png").write_bytes((folder / "c.png").read_bytes()[:5000])
    (folder / "notes.txt").write_text("words")
    (folder / "sub").mkdir()
    report = tmp_path / "report.json"
    code, out, err = command(
        monkeypatch, capsys, "convert", folder, tmp_path / "out", "--model", model, "--report", report
    )
    assert code == 1
    assert left_in(tmp_path / "out") == [".mummer.batch.jsonl", "a.jpg", "c.png"]
    assert "2 files converted, 2 faces swapped, 1 failed" in out
    assert "b.png" in err
    assert "notes.txt, sub" in err
    written = BatchReport.model_validate_json(report.read_text())
    assert [each.faces for each in written.done] == [1, 1]
    assert [Path(each.path).name for each in written.failed] == ["b.png"]
    code, _, err = command(monkeypatch, capsys, "convert", folder, tmp_path / "out", "--model", model)
    assert code == 1
    assert err.count("exists already") == 2


def test_a_picture_that_moves_is_converted_with_the_others_of_its_folder(
    tmp_path: Path, model: Path, portrait: Codes, moving: list[Image.Image],
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(portrait).save(folder / "a.jpg")
    moving[0].save(folder / "b.png", save_all=True, append_images=moving[1:], duration=40)
    code, out, err = command(monkeypatch, capsys, "convert", folder, tmp_path / "out", "--model", model)
    assert code == 0, err
    assert "2 files converted, 6 faces swapped" in out
    assert len(list(read_animation(tmp_path / "out" / "b.webp"))) == 5  # no animated PNG is written


def test_standard_output_takes_no_still_picture(
    tmp_path: Path, model: Path, portrait: Codes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(portrait).save(tmp_path / "a.jpg")
    code, out, err = command(monkeypatch, capsys, "convert", tmp_path / "a.jpg", "-", "--format", "mkv")
    assert (code, out) == (1, "")
    assert err.endswith("a.jpg: a still picture, and - is for videos; give OUTPUT the name of a picture\n")


def test_pictures_of_a_folder_know_nothing_of_each_other(tmp_path: Path, model: Path, portrait: Codes) -> None:
    """The face lies elsewhere in each; what comes out is what comes out of each alone."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number, (x, y) in enumerate([(0, 0), (12, 7), (30, 20), (-40, 10)]):
        moved = cv2.warpAffine(
            portrait, np.array([[1.0, 0, x], [0, 1, y]]), (512, 512), borderMode=cv2.BORDER_REPLICATE
        )
        Image.fromarray(np.asarray(moved)).save(folder / f"{number}.png")
    look = Look(model=str(model), label=None, device="cpu")
    together = convert_any(Job(folder, tmp_path / "out", look))
    assert isinstance(together, BatchReport)
    assert [each.faces for each in together.done] == [1, 1, 1, 1]
    for path in sorted(folder.iterdir()):
        convert_any(Job(path, alone := tmp_path / path.name, look))
        assert np.array_equal(read_still(alone).samples, read_still(tmp_path / "out" / path.name).samples)


def test_folders_that_cannot_be_done(tmp_path: Path, model: Path) -> None:
    folder, look = tmp_path / "in", Look(model=str(model))
    folder.mkdir()
    with pytest.raises(InputError, match="no videos and no pictures in this folder"):
        convert_any(Job(folder, tmp_path / "out", look))
    Image.new("RGB", (8, 8)).save(folder / "a.png")
    with pytest.raises(OutputError, match="the output is the input"):
        convert_any(Job(folder, folder, look))
    (tmp_path / "file").write_text("words")
    with pytest.raises(OutputError, match="a file; many outputs go into a folder"):
        convert_any(Job(folder, tmp_path / "file", look))
    assert not (tmp_path / "out").exists()


def test_the_command_line_says_what_became_of_a_photo(
    tmp_path: Path, model: Path, portrait: Codes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(portrait).convert("CMYK").save(source := tmp_path / "in.jpg")
    report = tmp_path / "report.json"
    code, out, err = command(
        monkeypatch, capsys, "convert", source, tmp_path / "out.png", "--model", model, "--report", report
    )
    assert code == 0
    assert "out.png: 1 face swapped" in out
    assert "CMYK was converted to sRGB" in err
    assert json.loads(report.read_text())["output"]["codec"] == "png"
    code, out, _ = command(monkeypatch, capsys, "verify", tmp_path / "out.png")
    assert code == 0
    assert "embedded, valid" in out


# pictures that move


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory, portrait: Codes) -> list[Image.Image]:
    frames = []
    for step in range(5):
        moved = cv2.warpAffine(portrait, np.array([[1.0, 0, 3 * step], [0, 1, step]]), (512, 512))
        frames.append(Image.fromarray(np.asarray(moved)).resize((256, 256)))
    return frames


#: Milliseconds.
TIMES = [50, 100, 200, 40, 70]


@pytest.mark.parametrize("before", [".gif", ".webp", ".png"])
@pytest.mark.parametrize("after", [".gif", ".webp"])
def test_a_picture_that_moves_keeps_its_times(
    tmp_path: Path, model: Path, moving: list[Image.Image], before: str, after: str
) -> None:
    source, target = tmp_path / f"in{before}", tmp_path / f"out{after}"
    moving[0].save(source, save_all=True, append_images=moving[1:], duration=TIMES, loop=3)
    report = photo(source, target, model, label="SYNTHETIC FACES", finder=None)
    seen = list(read_animation(target))
    assert [moment.duration for moment in seen] == TIMES
    assert loops_of(target) == 3
    assert (report.frames_in, report.frames_out, report.frames_swapped) == (5, 5, 5)
    for moment, original in zip(seen, read_animation(source), strict=True):
        difference = np.abs(moment.samples.astype(int) - original.samples).mean(axis=2)
        assert difference[50:75, 100:125].mean() > 25, "the face"
        assert difference[100:200, 0:75].mean() < 8, "and nothing else"
    verdict = verify(target)
    assert (verdict.verdict, verdict.signature.state, verdict.signature.where) == ("marked", "valid", "embedded")


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_what_is_see_through_stays_so(tmp_path: Path, model: Path, moving: list[Image.Image], suffix: str) -> None:
    frames = [image.convert("RGBA") for image in moving]
    for number, frame in enumerate(frames):
        frame.paste((0, 0, 0, 0), (0, 200, 30 + 20 * number, 256))
    frames[0].save(source := tmp_path / "in.webp", save_all=True, append_images=frames[1:], duration=80, lossless=True)
    photo(source, target := tmp_path / f"out{suffix}", model, finder=None)
    for before, after in zip(read_animation(source), read_animation(target), strict=True):
        assert before.alpha is not None
        assert after.alpha is not None
        assert (before.alpha != after.alpha).mean() < 0.001


@pytest.mark.parametrize("suffix", [".gif", ".webp"])
def test_a_video_becomes_a_picture_that_moves(tmp_path: Path, model: Path, suffix: str) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=12, rotation=90))
    report = photo(source, target := tmp_path / f"out{suffix}", model)
    seen = list(read_animation(target))
    assert [moment.duration for moment in seen] == [40] * 12
    assert seen[0].samples.shape == (160, 120, 3)
    assert (report.frames_out, report.frames_swapped) == (12, 12)
    assert any("no sound" in line for line in report.warnings)


def test_a_gif_becomes_a_video(tmp_path: Path, model: Path, moving: list[Image.Image]) -> None:
    moving[0].save(source := tmp_path / "in.gif", save_all=True, append_images=moving[1:], duration=TIMES)
    report = photo(source, target := tmp_path / "out.mp4", model, finder=None)
    assert report.frames_swapped == 5
    assert [round(float(time) * 1000) for time in times(target)] == [0, 50, 150, 350, 390]


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".png"])
def test_an_animation_cut_short_is_refused(tmp_path: Path, model: Path, moving: list[Image.Image], suffix: str) -> None:
    source = tmp_path / f"in{suffix}"
    moving[0].save(source, save_all=True, append_images=moving[1:], duration=TIMES)
    source.write_bytes(source.read_bytes()[: source.stat().st_size * 2 // 3])
    with pytest.raises(MummerError, match=f"in{suffix}: "):
        photo(source, tmp_path / "out.webp", model)
    assert left_in(tmp_path) == [source.name]
