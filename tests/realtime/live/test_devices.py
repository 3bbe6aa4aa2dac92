"""What `mummer devices` finds, on made-up systems and on this one; and how a camera's mode is chosen."""

import json
import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from realtime.devices import linux, list_hardware, v4l2
from realtime.devices.v4l2 import Mode
from tests.realtime.forked import run

#: A webcam as most are: raw pictures are slow where they are large.
WEBCAM = [
    Mode("MJPG", 1920, 1080, Fraction(30)),
    Mode("MJPG", 1280, 720, Fraction(60)),
    Mode("MJPG", 640, 480, Fraction(30)),
    Mode("YUYV", 1920, 1080, Fraction(5)),
    Mode("YUYV", 1280, 720, Fraction(10)),
    Mode("YUYV", 640, 480, Fraction(30)),
]


@pytest.mark.parametrize(
    ("size", "rate", "pixels", "chosen"),
    [
        (None, None, "MJPG", (1280, 720)),  # 720p at 30: only compressed
        ((640, 480), Fraction(30), "YUYV", (640, 480)),  # raw where it is quick enough
        ((640, 480), Fraction(60), "YUYV", (640, 480)),  # nothing is: size counts first
        ((1280, 720), Fraction(60), "MJPG", (1280, 720)),
        ((1280, 720), Fraction(10), "YUYV", (1280, 720)),
        ((3840, 2160), None, "MJPG", (1920, 1080)),
        ((1200, 700), None, "MJPG", (1280, 720)),
    ],
)
def test_the_nearest_mode_is_chosen(
    size: tuple[int, int] | None, rate: Fraction | None, pixels: str, chosen: tuple[int, int]
) -> None:
    mode = v4l2.choose_mode(WEBCAM, size, rate)
    assert mode is not None
    assert (mode.pixels, (mode.width, mode.height)) == (pixels, chosen)


def test_without_a_choice_there_is_no_mode() -> None:
    assert v4l2.choose_mode([], None, None) is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="numbers of Linux")
def test_the_numbers_are_those_of_the_kernels_headers(tmp_path: Path) -> None:
    """Compiled from the kernel's own header, where there is a compiler and the header."""
    if not Path("/usr/include/linux/videodev2.h").is_file():
        pytest.skip("no kernel headers here")
    source = tmp_path / "numbers.c"
    requests = ("QUERYCAP", "ENUM_FMT", "G_FMT", "ENUM_FRAMESIZES", "ENUM_FRAMEINTERVALS")
    numbers = ", ".join(f"(unsigned)VIDIOC_{name}" for name in requests)
    offsets = "offsetof(struct v4l2_format, fmt), offsetof(struct v4l2_fmtdesc, pixelformat)"
    source.write_text(
        "#include <stdio.h>\n#include <stddef.h>\n#include <linux/videodev2.h>\n"
        f'int main(void) {{ printf("%u %u %u %u %u %zu %zu", {numbers}, {offsets}); }}\n'
    )
    try:
        subprocess.run(["cc", "-o", str(tmp_path / "numbers"), str(source)], check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("no compiler here")
    told = subprocess.run([str(tmp_path / "numbers")], check=True, capture_output=True, text=True).stdout
    ours = (v4l2._QUERYCAP, v4l2._ENUM_FMT, v4l2._G_FMT, v4l2._ENUM_SIZES, v4l2._ENUM_INTERVALS, 8, 44)
    assert tuple(map(int, told.split())) == ours


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="devices of Linux")
def test_a_device_that_cannot_be_asked_is_listed_with_the_reason(tmp_path: Path) -> None:
    folder = tmp_path / "sys" / "video3"
    folder.mkdir(parents=True)
    (folder / "name").write_text("Integrated Camera\n")
    (tmp_path / "video3").write_bytes(b"")  # no device at all
    seen, virtual = linux.cameras(tmp_path / "sys", tmp_path)
    assert not virtual
    assert [(address, name) for address, name, _ in seen] == [(str(tmp_path / "video3"), "Integrated Camera")]
    assert "inappropriate ioctl" in seen[0][2]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="devices of Linux")
def test_microphones_are_those_that_capture(tmp_path: Path) -> None:
    listing = tmp_path / "pcm"
    listing.write_text(
        "00-00: ALC257 Analog : ALC257 Analog : playback 1 : capture 1\n"
        "00-03: HDMI 0 : HDMI 0 : playback 1\n"
        "02-00: USB Audio : USB Audio : capture 1\n"
    )
    assert linux.microphones(listing) == [("plughw:0,0", "ALC257 Analog", ""), ("plughw:2,0", "USB Audio", "")]
    assert linux.microphones(tmp_path / "nothing") == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell")
def test_descriptors_of_a_device_are_found() -> None:
    first, second = os.open("/dev/null", os.O_RDONLY), os.open("/dev/null", os.O_WRONLY)
    try:
        assert {first, second} <= v4l2.descriptors(Path("/dev/null"))
        assert not v4l2.descriptors(Path("/dev/video99"))
    finally:
        os.close(first)
        os.close(second)


def test_what_is_missing_is_said_with_how_to_get_it() -> None:
    found = list_hardware()
    assert found.computers[-1].name == "cpu"
    assert found.computers[-1].missing is None
    missing = [not things for things in (found.cameras, found.virtual_cameras, found.microphones)]
    assert len(found.advice) == sum(missing)
    if missing[1]:
        assert any("v4l2loopback" in sentence or "OBS" in sentence for sentence in found.advice)


def test_the_command_prints_words_or_json() -> None:
    words, printed = run(["devices"]), run(["devices", "--json"])
    assert words.returncode == printed.returncode == 0
    assert "virtual cameras (--to)" in words.stdout
    printed = printed.stdout
    assert set(json.loads(printed)) == {"cameras", "virtual_cameras", "microphones", "computers", "advice"}
