"""Pictures beyond a stated size: refused by their headers, by their decoders, and when they grow on the way."""

import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from realtime.cli import main
from realtime.jobs.convert import Job, convert
from realtime.jobs.dispatch import convert_any
from realtime.live.source import SourceSettings
from realtime.live.sources import open_source
from realtime.marking.provenance.verify import verify
from realtime.media.file_source import FileSource, open_media
from realtime.media.picture import read_picture
from realtime.media.pixel_limit import MAX_PIXELS, PixelLimitError
from realtime.runtime.errors import InputError
from tests.realtime.clips import Clip, make

#: Wider and higher than anything that is decoded.
SIDE = 16_000


def gif_bomb(path: Path, side: int = SIDE) -> Path:
    """Three pictures of ``side`` x ``side`` in less than a hundred bytes."""
    picture = (
        b"\x21\xf9\x04\x00\x0a\x00\x00\x00\x2c" + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\x02\x02\x44\x01\x00"
    )
    head = b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF0, 0, 0) + bytes([0, 0, 0, 255, 255, 255])
    path.write_bytes(head + 3 * picture + b";")
    return path


def png_bomb(path: Path, width: int, height: int) -> Path:
    """All black, one bit a pixel."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + width // 8) * height))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def read(path: Path, max_pixels: int) -> int:
    source = FileSource(path, max_pixels=max_pixels)
    try:
        return sum(1 for _ in source)
    finally:
        source.close()


@pytest.mark.parametrize(
    ("name", "codec", "pixels"),
    [
        ("in.mp4", "libx264", "yuv420p"),
        ("in.ts", "libx264", "yuv420p"),
        ("in.h264", "libx264", "yuv420p"),
        ("in.webm", "libvpx-vp9", "yuv420p"),
        ("in.mkv", "ffv1", "yuv420p"),
        ("in.mov", "png", "rgb24"),
        ("in.avi", "mjpeg", "yuvj420p"),
        ("in.mkv", "libsvtav1", "yuv420p"),
    ],
)
def test_what_a_header_says_is_refused_before_decoding(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, codec: str, pixels: str
) -> None:
    monkeypatch.setenv("SVT_LOG", "1")
    path = make(tmp_path / name, Clip(frames=8, codec=codec, options={}, pix_fmt=pixels, audio=None))
    assert read(path, 160 * 120) == 8
    with pytest.raises(PixelLimitError, match=r"a picture of 160x120 pixels, and no more than 19,199 are decoded"):
        read(path, 160 * 120 - 1)


def test_pictures_that_grow_on_the_way_are_refused(tmp_path: Path) -> None:
    small = make(tmp_path / "small.h264", Clip(audio=None))
    large = make(tmp_path / "large.h264", Clip(size=(320, 240), audio=None))
    path = tmp_path / "both.h264"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    with pytest.raises(InputError, match="changes from 160x120"):
        read(path, 320 * 240)
    with pytest.raises(PixelLimitError, match="a picture of 320x240 pixels, and no more than 19,200 are decoded"):
        read(path, 160 * 120)


def test_the_decoder_itself_refuses_pictures_that_grow_much(tmp_path: Path) -> None:
    side = 4_208
    small = make(tmp_path / "small.h264", Clip(audio=None))
    large = make(
        tmp_path / "large.h264", Clip(size=(side, side), frames=1, options={"preset": "ultrafast"}, audio=None)
    )
    path = tmp_path / "both.h264"
    path.write_bytes(small.read_bytes() + large.read_bytes())
    for max_pixels, largest in ((160 * 120, 160), (side * side, side)):
        sizes: set[int] = set()
        # It ends with the error where the decoder refuses.
        with suppress(av.error.InvalidDataError), open_media(path, max_pixels) as container:
            for picture in container.decode(video=0):
                sizes.add(picture.width)
        assert max(sizes) == largest
    with pytest.raises(PixelLimitError, match=f"a picture of {side}x{side} pixels"):
        read(path, 160 * 120)


def test_a_container_that_lies_about_the_size_is_refused(tmp_path: Path) -> None:
    data = bytearray(make(tmp_path / "in.mp4", Clip(audio=None)).read_bytes())
    entry = data.index(b"avc1", data.index(b"stsd"))
    data[entry + 28 : entry + 32] = struct.pack(">HH", 16, 16)
    path = tmp_path / "lie.mp4"
    path.write_bytes(data)
    with pytest.raises(PixelLimitError, match="160x120"):
        read(path, 160 * 120 - 1)


BOUNDED = """
import sys
from realtime.jobs.detections import detect_faces
from pathlib import Path
for path in sys.argv[1:]:
    try:
        list(detect_faces(Path(path)))
    except Exception as error:
        print(type(error).__name__, error)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of memory is read from Linux")
def test_a_bomb_takes_no_memory(tmp_path: Path) -> None:
    """One picture alone would take a quarter of a gigabyte as grey, and four times that in colour."""
    bombs = [gif_bomb(tmp_path / "bomb.gif"), png_bomb(tmp_path / "bomb.png", SIDE, SIDE)]
    done = subprocess.run(
        [sys.executable, "-c", BOUNDED, *map(str, bombs)], capture_output=True, text=True, check=True, timeout=120
    )
    *errors, peak = done.stdout.splitlines()
    assert [error.split()[0] for error in errors] == ["PixelLimitError"] * 2
    assert int(peak) * 1024 < SIDE * SIDE
    assert not done.stderr


def test_stills_are_refused_by_their_header(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PixelLimitError, match=r"more than 178,956,970 pixels, and no more than 67,108,864"):
        read_picture(png_bomb(tmp_path / "huge.png", SIDE, SIDE))
    with pytest.raises(PixelLimitError, match=r"large\.png: a picture of 10000x9000 pixels"):
        read_picture(png_bomb(tmp_path / "large.png", 10_000, 9_000))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tiff", ".bmp"])
def test_a_still_may_have_as_many_pixels_as_are_allowed(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in{suffix}"
    rgb = np.arange(24 * 32 * 3, dtype=np.uint8).reshape(24, 32, 3)
    cv2.imwrite(str(path), rgb)
    assert read_picture(path, 32 * 24).shape == (24, 32, 3)
    with pytest.raises(PixelLimitError, match="32x24"):
        read_picture(path, 32 * 24 - 1)


def test_verify_does_not_say_that_it_looked(tmp_path: Path) -> None:
    for path in (gif_bomb(tmp_path / "bomb.gif"), png_bomb(tmp_path / "bomb.png", SIDE, SIDE)):
        with pytest.raises(PixelLimitError, match="no more than 67,108,864 are decoded"):
            verify(path)


def test_convert_refuses_and_leaves_nothing(tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    with pytest.raises(PixelLimitError, match="16000x16000"):
        convert(Job(gif_bomb(tmp_path / "bomb.gif"), target))
    assert [path.name for path in tmp_path.iterdir()] == ["bomb.gif"]


def test_a_live_file_is_refused(tmp_path: Path) -> None:
    source = open_source(str(gif_bomb(tmp_path / "bomb.gif")), SourceSettings())
    with pytest.raises(PixelLimitError, match="16000x16000"):
        next(iter(source))


@pytest.mark.parametrize("command", ["convert", "faces"])
def test_the_option_moves_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    path = make(tmp_path / "in.mp4", Clip(frames=3, audio=None))
    target = [str(tmp_path / "out.mp4")] if command == "convert" else []
    for pixels, fits in ((160 * 120 - 1, False), (160 * 120, True)):
        monkeypatch.setattr("sys.argv", ["mummer", command, str(path), *target, "--max-pixels", str(pixels)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert ended.value.code in ((0, None) if fits else (1,))
        assert fits or said.err.startswith(f"mummer: {path}: a picture of 160x120 pixels")


@pytest.mark.parametrize(("name", "target"), [("in.png", "out.png"), ("in.gif", "out.gif"), ("in.gif", "out.mp4")])
def test_pictures_and_animations_have_the_same_limit(tmp_path: Path, name: str, target: str) -> None:
    path, out = tmp_path / name, tmp_path / target
    first, second = (Image.new("RGB", (160, 120), grey) for grey in ("gray", "silver"))
    first.save(path, **({"save_all": True, "append_images": [second]} if name == "in.gif" else {}))
    with pytest.raises(PixelLimitError, match="a picture of 160x120 pixels, and no more than 19,199"):
        convert_any(Job(path, out, max_pixels=160 * 120 - 1))
    assert not out.exists()
    convert_any(Job(path, out, max_pixels=160 * 120))
    assert out.exists()


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff", "bmp"])
def test_a_picture_is_called_a_picture(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    cv2.imwrite(str(path), np.zeros((24, 32, 3), np.uint8))
    with pytest.raises(InputError, match=rf"photo\.{suffix}: a picture, not a video"):
        FileSource(path)


def test_the_limit_is_that_of_an_eight_thousand_square() -> None:
    assert MAX_PIXELS == 67_108_864
