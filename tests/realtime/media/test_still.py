"""Still pictures read and written: every depth, turn and format, what is kept of their metadata, and hostile files."""

import base64
import struct
import zlib
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, ImageOps

from realtime.media import xmp
from realtime.media.colorspace import Codes
from realtime.media.frame import Frame
from realtime.media.photo_formats import PHOTOS
from realtime.media.photo_metadata import PhotoMetadata
from realtime.media.picture import kind_of
from realtime.media.still import Still, read_still
from realtime.media.still_encoder import encode_still, fitted, is_lossless, photo_format
from realtime.runtime.errors import InputError, OutputError

LOSSLESS = [".png", ".tif"]


def noise(shape: tuple[int, ...], dtype: type = np.uint8) -> Codes:
    values = np.random.default_rng(1).integers(0, np.iinfo(dtype).max + 1, shape)
    return np.asarray(values, dtype)


def smooth(height: int = 48, width: int = 64) -> Codes:
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 255 // width, y * 255 // height, (x + y) * 2], axis=-1).astype(np.uint8)


def written(still: Still, path: Path) -> Still:
    """``still`` after a way through the file ``path``."""
    path.write_bytes(encode_still(fitted(still, path), path))
    return read_still(path)


@pytest.mark.parametrize("suffix", LOSSLESS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(31, 47), (31, 47, 3), (1, 1, 3)])
@pytest.mark.parametrize("with_alpha", [False, True])
def test_every_bit_comes_back(
    tmp_path: Path, suffix: str, dtype: type, shape: tuple[int, ...], with_alpha: bool
) -> None:
    alpha = noise(shape[:2], dtype) if with_alpha else None
    still = Still(noise(shape, dtype), alpha, "PNG", True)
    back = written(still, tmp_path / f"a{suffix}")
    grey_in_colour = dtype is np.uint16 and with_alpha  # hardly a program reads the other
    samples = back.samples[..., 0] if grey_in_colour and len(shape) == 2 else back.samples
    assert samples.dtype == dtype
    assert np.array_equal(samples, still.samples)
    assert (back.alpha is None) is (alpha is None)
    if alpha is not None and back.alpha is not None:
        assert np.array_equal(back.alpha, alpha)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(31, 47), (31, 47, 3)])
def test_frames_hold_every_bit(dtype: type, shape: tuple[int, ...]) -> None:
    samples = noise(shape, dtype)
    assert np.array_equal(Frame.from_samples(samples).samples(), samples)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".avif", ".bmp"])
def test_the_other_formats_look_the_same(tmp_path: Path, suffix: str) -> None:
    still = Still(smooth(), None, "JPEG", False)
    back = written(still, tmp_path / f"a{suffix}")
    assert np.abs(back.samples.astype(int) - still.samples).mean() < 3


def test_webp_is_lossless_where_the_original_was(tmp_path: Path) -> None:
    still = Still(noise((30, 40, 3)), noise((30, 40)), "PNG", True)
    back = written(still, tmp_path / "a.webp")
    assert back.lossless
    assert is_lossless(still, photo_format(tmp_path / "a.webp"))
    assert np.array_equal(back.samples, still.samples)
    assert not written(Still(smooth(), None, "JPEG", False), tmp_path / "b.webp").lossless


def marked_corner() -> Image.Image:
    """Not like itself in any turn or mirror."""
    picture = np.full((24, 40, 3), 30, np.uint8)
    picture[:10, :16] = (200, 60, 60)
    picture[:10, 30:] = (60, 200, 60)
    return Image.fromarray(picture)


def stored_for(orientation: int) -> Image.Image:
    """``marked_corner`` as a camera stores it that notes ``orientation``."""
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # Pillow's transpositions that undo EXIF's
    shown = marked_corner()
    return shown if orientation == 1 else shown.transpose(Image.Transpose(back[orientation]))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_every_turn_is_followed_once(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored_for(orientation).save(source := tmp_path / f"in{suffix}", exif=exif, quality=95)
    shown = np.asarray(marked_corner()).astype(int)
    assert np.abs(np.asarray(ImageOps.exif_transpose(Image.open(source)).convert("RGB")) - shown).mean() < 6
    still = read_still(source)
    assert still.samples.shape == shown.shape
    assert np.abs(still.samples - shown).mean() < 6
    for other in PHOTOS:
        back = written(still, tmp_path / f"out{other}")
        assert back.samples.shape == shown.shape
        assert np.abs(back.samples - shown).mean() < 8
        with Image.open(tmp_path / f"out{other}") as image:
            assert image.getexif().get(ExifTags.Base.Orientation, 1) == 1


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", LOSSLESS)
def test_sixteen_bits_are_turned_too(tmp_path: Path, suffix: str, orientation: int) -> None:
    deep = np.asarray(stored_for(orientation)).astype(np.uint16) * 257 + 3
    path = tmp_path / f"a{suffix}"
    data = encode_still(Still(deep, None, "PNG", True), path)
    if suffix == ".png":
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        body = exif.tobytes().removeprefix(b"Exif\0\0")
        crc = zlib.crc32(b"eXIf" + body)
        data = data[:33] + struct.pack(">I", len(body)) + b"eXIf" + body + struct.pack(">I", crc) + data[33:]
    else:
        data = with_tiff_orientation(data, orientation)
    path.write_bytes(data)
    assert np.array_equal(read_still(path).samples, np.asarray(marked_corner()).astype(np.uint16) * 257 + 3)


def with_tiff_orientation(data: bytes, orientation: int) -> bytes:
    """The planar configuration (1 anyway where it is missing) becomes the orientation: the order of tags is kept."""
    (start,) = struct.unpack("<I", data[4:8])
    (count,) = struct.unpack("<H", data[start : start + 2])
    entries = [bytearray(data[start + 2 + 12 * i : start + 14 + 12 * i]) for i in range(count)]
    for entry in entries:
        if struct.unpack("<H", entry[:2])[0] == 284:
            entry[:] = struct.pack("<HHIHH", 274, 3, 1, orientation, 0)
    entries.sort(key=lambda entry: int(struct.unpack("<H", entry[:2])[0]))
    return data[: start + 2] + b"".join(entries) + data[start + 2 + 12 * count :]


# metadata

THUMBNAIL = Image.fromarray(noise((90, 120, 3)))


def jpeg_bytes(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "JPEG")
    return out.getvalue()


def a_photo(path: Path) -> Path:
    """A JPEG as a telephone makes it: turned, with a place, a maker's note, two thumbnails and a colour profile."""
    exif = Image.Exif()
    exif[ExifTags.Base.Make], exif[ExifTags.Base.Orientation] = "Maker", 6
    exif[ExifTags.Base.ImageDescription] = "A day in March"
    details = exif.get_ifd(ExifTags.IFD.Exif)
    details[ExifTags.Base.DateTimeOriginal] = "2026:03:01 12:00:00"
    details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight] = 64, 48
    details[ExifTags.Base.MakerNote] = jpeg_bytes(THUMBNAIL)
    exif.get_ifd(ExifTags.IFD.GPSInfo)[1] = "N"
    data = with_thumbnail(exif, jpeg_bytes(THUMBNAIL))
    picture = base64.b64encode(jpeg_bytes(THUMBNAIL)).decode()
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"'
        ' xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:xmpGImg="http://ns.adobe.com/xap/1.0/g/img/" tiff:Orientation="6"'
        ' xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"'
        ' Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture">'
        "<dc:source>Roll 12</dc:source><xmp:Thumbnails><rdf:Alt><rdf:li><xmpGImg:image>"
        f"{picture}</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails></rdf:Description></rdf:RDF></x:xmpmeta>"
    )
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(smooth()).save(
        path, exif=data, dpi=(300, 300), icc_profile=profile, xmp=packet.encode(), quality=90, subsampling=0
    )
    return path


def with_thumbnail(exif: Image.Exif, thumbnail: bytes) -> bytes:
    """``exif`` as bytes with a second directory, as the standard has it for thumbnails."""
    data = bytearray(exif.tobytes().removeprefix(b"Exif\0\0"))
    order = "<" if data[:2] == b"II" else ">"
    (start,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[start : start + 2])
    at = len(data)
    struct.pack_into(order + "I", data, start + 2 + 12 * count, at)
    entries = [(0x103, 3, 6), (0x201, 4, at + 2 + 3 * 12 + 4), (0x202, 4, len(thumbnail))]
    data += struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        data += struct.pack(order + "HHI", tag, kind, 1)
        data += struct.pack(order + "HH" if kind == 3 else order + "I", *((value, 0) if kind == 3 else (value,)))
    return b"Exif\0\0" + bytes(data) + b"\0\0\0\0" + thumbnail


def test_the_photo_of_these_tests_shows_itself_four_times(tmp_path: Path) -> None:
    data = a_photo(tmp_path / "in.jpg").read_bytes()
    small = jpeg_bytes(THUMBNAIL)
    assert data.count(small) == 2
    assert base64.b64encode(small) in data


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_metadata_stays_and_thumbnails_go(tmp_path: Path, suffix: str) -> None:
    still = read_still(a_photo(tmp_path / "in.jpg"))
    target = tmp_path / f"out{suffix}"
    metadata = written(still, target).metadata
    data, small = target.read_bytes(), jpeg_bytes(THUMBNAIL)
    assert small[:200] not in data
    assert base64.b64encode(small)[:200] not in data
    with Image.open(target) as image:
        exif = image.getexif()
        details = exif.get_ifd(ExifTags.IFD.Exif)
        assert exif[ExifTags.Base.Make] == "Maker"
        assert exif[ExifTags.Base.ImageDescription] == "A day in March"
        assert details[ExifTags.Base.DateTimeOriginal] == "2026:03:01 12:00:00"
        assert (details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight]) == (48, 64)
        assert ExifTags.Base.MakerNote not in details
        assert exif.get_ifd(ExifTags.IFD.GPSInfo)[1] == "N"
        assert not exif.get_ifd(ExifTags.IFD.IFD1)
        assert image.info["icc_profile"] == still.metadata.icc
        assert round(float(exif[ExifTags.Base.XResolution])) == 300
        if suffix in (".jpg", ".png", ".tif"):
            assert [round(value) for value in image.info["dpi"]] == [300, 300]
    assert metadata.xmp is not None
    assert b"Roll 12" in metadata.xmp
    assert b"Orientation" not in metadata.xmp


@pytest.mark.parametrize("suffix", LOSSLESS)
def test_metadata_of_sixteen_bits(tmp_path: Path, suffix: str) -> None:
    seen = read_still(a_photo(tmp_path / "in.jpg")).metadata
    still = Still(noise((20, 30, 3), np.uint16), None, "PNG", True, seen)
    target = tmp_path / f"out{suffix}"
    back = written(still, target)
    assert np.array_equal(back.samples, still.samples)
    assert back.metadata.exif is not None
    assert back.metadata.exif[ExifTags.Base.Make] == "Maker"
    assert back.metadata.icc == seen.icc
    assert back.metadata.xmp is not None
    assert b"Roll 12" in back.metadata.xmp
    assert back.metadata.dpi is not None
    assert [round(value) for value in back.metadata.dpi] == [300, 300]


def test_xmp_properties_are_set_in_place_of_what_was_there() -> None:
    kind = xmp.Property("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt", "DigitalSourceType")
    camera = xmp.with_property(None, kind, "camera")
    network = xmp.with_property(camera, kind, "network")
    assert b"camera" in camera
    assert b"camera" not in network
    assert network.count(b"DigitalSourceType") == 1


@pytest.mark.parametrize(
    "packet",
    [
        b"", b"<", b"\0" * 40, b"<a/>", b"<!DOCTYPE x><x/>",
        b'<!DOCTYPE lolz [<!ENTITY lol "lol">]><x:xmpmeta xmlns:x="adobe:ns:meta/">&lol;</x:xmpmeta>',
    ],
)  # fmt: skip
def test_xmp_that_is_none_is_left_out(packet: bytes) -> None:
    assert xmp.cleaned(packet) is None
    kind = xmp.Property("http://example.org/", "e", "Kind")
    assert b"e:Kind" in xmp.with_property(packet, kind, "x")


def test_words_however_long_are_no_data() -> None:
    words = "It was a long day, and nobody knew why the lamps were lit. " * 60
    packet = xmp.with_property(None, xmp.Property("http://purl.org/dc/elements/1.1/", "dc", "source"), words)
    kept = xmp.cleaned(packet)
    assert kept is not None
    assert words.strip() in kept.decode()


# what formats cannot hold


def test_what_a_format_cannot_hold_is_said(tmp_path: Path) -> None:
    still = Still(noise((20, 30, 3), np.uint16), noise((20, 30), np.uint16), "PNG", True, PhotoMetadata(xmp=b"<x/>"))
    told = fitted(still, tmp_path / "a.bmp").warnings
    assert [word for word in ("8 bits", "transparency", "metadata") if not any(word in line for line in told)] == []
    with pytest.raises(OutputError, match="is more than WEBP holds"):
        fitted(Still(np.zeros((4, 20000, 3), np.uint8), None, "PNG", True), tmp_path / "a.webp")
    with pytest.raises(OutputError, match="not a kind of picture"):
        photo_format(tmp_path / "a.psd")


def test_transparency_is_put_on_white(tmp_path: Path) -> None:
    still = Still(np.zeros((8, 8, 3), np.uint8), np.full((8, 8), 51, np.uint8), "PNG", True)
    assert (fitted(still, tmp_path / "a.jpg").samples == 204).all()


def test_sixteen_bits_are_rounded_to_eight(tmp_path: Path) -> None:
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    shallow = fitted(Still(deep, None, "PNG", True), tmp_path / "a.jpg").samples
    assert np.array_equal(shallow, np.rint(deep / 257))


def test_grey_stays_grey(tmp_path: Path) -> None:
    Image.fromarray(noise((20, 30))).save(tmp_path / "in.jpg")
    still = read_still(tmp_path / "in.jpg")
    assert still.samples.ndim == 2
    with Image.open(tmp_path / "in.jpg") as before:
        written(still, tmp_path / "out.jpg")
        with Image.open(tmp_path / "out.jpg") as after:
            assert (after.mode, after.quantization) == ("L", before.quantization)


def test_a_jpeg_stays_as_coarse_as_it_was(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "in.jpg", quality=61, subsampling=1, progressive=True)
    written(read_still(tmp_path / "in.jpg"), tmp_path / "out.jpg")
    with Image.open(tmp_path / "in.jpg") as before, Image.open(tmp_path / "out.jpg") as after:
        assert after.quantization == before.quantization
        assert after.info.get("progressive")
    first, second = (read_still(tmp_path / name).samples.astype(int) for name in ("in.jpg", "out.jpg"))
    assert np.abs(first - second).mean() < 0.5


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    Image.fromarray(smooth()).convert("CMYK").save(tmp_path / "in.jpg", quality=95)
    still = read_still(tmp_path / "in.jpg")
    assert np.abs(still.samples.astype(int) - smooth()).mean() < 6
    assert any("CMYK" in line for line in still.warnings)


@pytest.mark.parametrize("mode", ["1", "P", "PA", "LA", "RGBA"])
def test_every_usual_mode_is_read(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(smooth()).convert("RGBA").convert("P" if mode == "PA" else mode)
    image.convert(mode).save(tmp_path / "in.png") if mode != "PA" else image.save(tmp_path / "in.png", transparency=0)
    still = read_still(tmp_path / "in.png")
    with Image.open(tmp_path / "in.png") as shown:
        expected = np.asarray(shown.convert("RGBA"))
    colour = still.samples if still.samples.ndim == 3 else np.repeat(still.samples[:, :, None], 3, axis=2)
    assert np.array_equal(colour, expected[..., :3])
    assert np.array_equal(still.alpha if still.alpha is not None else np.full(colour.shape[:2], 255), expected[..., 3])


# hostile files


def test_what_is_no_picture(tmp_path: Path) -> None:
    for name, data in {"a.jpg": b"", "b.png": b"words", "c.webp": b"RIFF\xff\xff\xff\xffWEBP"}.items():
        (tmp_path / name).write_bytes(data)
        assert kind_of(tmp_path / name) == "other"
        with pytest.raises(InputError, match="not a picture that can be read"):
            read_still(tmp_path / name)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif", ".bmp"])
def test_a_picture_cut_short(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    data = encode_still(Still(noise((60, 80, 3)), None, "PNG", True), path)
    for share in (0.3, 0.6, 0.97):
        path.write_bytes(data[: int(len(data) * share)])
        with pytest.raises(InputError, match=r"a\.\w+: "):
            read_still(path)


def test_a_deep_picture_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    data = encode_still(Still(noise((60, 80, 3), np.uint16), None, "PNG", True), path)
    path.write_bytes(data[: len(data) * 2 // 3])
    with pytest.raises(InputError, match="damaged or cut short"):
        read_still(path)


def test_a_wrong_suffix_changes_nothing(tmp_path: Path) -> None:
    Image.fromarray(smooth()).save(tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    assert np.array_equal(read_still(tmp_path / "a.jpg").samples, smooth())


def huge_png(width: int, height: int) -> bytes:
    """A header that promises so many pixels, and a few bytes of them."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 999)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(60000, 60000), (16000, 16000), (0x7FFFFFFF, 2)])
def test_a_header_that_promises_too_much(tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "a.png").write_bytes(huge_png(*size))
    with pytest.raises(InputError, match=r"pixels|damaged"):
        read_still(tmp_path / "a.png")


def test_hostile_exif_is_left_out(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    good = a_photo(tmp_path / "in.jpg").read_bytes()
    at = good.index(b"Exif\0\0") + 6
    for _ in range(60):
        data = bytearray(good)
        for place in rng.integers(at, at + 300, 12):
            data[place] = rng.integers(0, 256)
        (tmp_path / "b.jpg").write_bytes(data)
        back = written(read_still(tmp_path / "b.jpg"), tmp_path / "c.jpg")
        assert back.samples.shape in ((48, 64, 3), (64, 48, 3))


def test_a_picture_of_floats_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.tif"), np.zeros((8, 8), np.float32))
    with pytest.raises(InputError, match="convert it"):
        read_still(tmp_path / "a.tif")


def test_further_pages_are_not_taken_along(tmp_path: Path) -> None:
    first, second = Image.fromarray(smooth()), THUMBNAIL.copy()
    first.save(tmp_path / "a.tif", save_all=True, append_images=[second])
    assert kind_of(tmp_path / "a.tif") == "still"
    still = read_still(tmp_path / "a.tif")
    assert np.array_equal(still.samples, smooth())
    assert any("only the first of its 2 pictures" in line for line in still.warnings)
