"""Damaged files: what decodes is converted, what does not is counted and told, and nothing crashes or hangs.

``MUMMER_DAMAGE_SEEDS=100`` runs a hundred seeds of each kind instead of two.
"""

import os
import random
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import pytest

from realtime.jobs.pipeline import run
from realtime.media.encoding import Encoding
from realtime.media.file_sink import FileSink
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, MummerError
from tests.realtime.clips import Clip, make, times

SEEDS = int(os.environ.get("MUMMER_DAMAGE_SEEDS", "2"))
QUICK = {"preset": "ultrafast", "g": "5", "bf": "2"}
CLOCKS = {".mp4": Fraction(1, 12800), ".mkv": Fraction(1, 1000), ".ts": Fraction(1, 90000)}
FRAMES = 20


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    clip = {suffix: Clip(frames=FRAMES, options=QUICK, time_base=clock) for suffix, clock in CLOCKS.items()}
    return {suffix: make(folder / f"in{suffix}", clip[suffix]).read_bytes() for suffix in CLOCKS}


def converted(path: Path, target: Path) -> tuple[int, list[str]]:
    """Frames written, and what is told; every frame that was read is written."""
    source = FileSource(path, keep=True)
    try:
        sink = FileSink(target, source, Encoding(preset="ultrafast"))
        sink.open()
        run(source, None, sink)
    finally:
        source.close()
    with av.open(str(target), metadata_errors="surrogateescape") as made:  # whose tags may be damaged, too
        assert sink.frames == source.frames == sum(1 for _ in made.decode(video=0))
    return sink.frames, source.warnings


@pytest.mark.parametrize("seed", [*range(SEEDS), 47])  # a Matroska file that ended without a word
@pytest.mark.parametrize("suffix", CLOCKS)
@pytest.mark.parametrize("how", ["truncated", "flipped"])
def test_damage_of_any_kind_is_survived_and_told(
    tmp_path: Path, whole: dict[str, bytes], how: str, suffix: str, seed: int
) -> None:
    chance, data = random.Random(f"{how}{suffix}{seed}"), bytearray(whole[suffix])
    if how == "truncated":
        del data[chance.randrange(1, len(data)) :]
    else:
        for _ in range(chance.choice([1, 3, 10, 40])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    path = tmp_path / f"in{suffix}"
    path.write_bytes(data)
    try:
        frames, told = converted(path, tmp_path / "out.mkv")
    except MummerError as error:
        assert "\n" not in str(error)
        assert str(path) in str(error) or "out.mkv" in str(error)
        return
    if frames < FRAMES:
        assert any("damaged" in words for words in told), (frames, told)


@pytest.mark.parametrize("suffix", [".mkv", ".ts"])
def test_what_is_broken_in_the_middle_costs_no_more_than_that(
    tmp_path: Path, whole: dict[str, bytes], suffix: str
) -> None:
    data = bytearray(whole[suffix])
    middle = len(data) // 2
    data[middle : middle + 400] = random.Random(1).randbytes(400)
    path = tmp_path / f"in{suffix}"
    path.write_bytes(data)
    frames, told = converted(path, tmp_path / "out.mkv")
    assert FRAMES - 6 <= frames <= FRAMES
    assert any("the input is damaged" in words for words in told)
    with pytest.raises(InputError):
        list(FileSource(path))


def test_a_file_that_breaks_off_is_kept_up_to_there(tmp_path: Path, whole: dict[str, bytes]) -> None:
    path = tmp_path / "in.mkv"
    path.write_bytes(whole[".mkv"][: len(whole[".mkv"]) * 2 // 3])
    frames, (told,) = converted(path, tmp_path / "out.mkv")
    assert 8 <= frames < FRAMES
    assert told.startswith("the input is damaged or cut short: the file is cut short: its segment ends at byte")
    with pytest.raises(InputError, match="cut short"):
        FileSource(path)


def test_a_recording_that_was_spliced_goes_on_behind_the_splice(tmp_path: Path) -> None:
    clock = Fraction(1, 90000)
    late = Clip(pts=[3600 * (250 + i) for i in range(20)], time_base=clock, audio_start=480_000, audio_seconds=0.8)
    parts = [
        make(tmp_path / f"{name}.ts", clip)
        for name, clip in (("late", late), ("early", Clip(frames=20, time_base=clock)))
    ]
    path, target = tmp_path / "both.ts", tmp_path / "out.mp4"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    frames, told = converted(path, target)
    assert frames >= 38
    assert "the input's clock jumped 1 times: what followed was put right behind" in told
    seen = times(target)
    steps = [float(after - before) for before, after in pairwise(seen)]
    assert min(steps) > 0
    assert max(steps) < 0.2
    with av.open(str(target)) as made:
        sound = [packet.pts * packet.time_base for packet in made.demux(audio=0) if packet.pts is not None]
    assert abs(float(sound[-1] - seen[-1])) < 0.3


def test_pictures_of_another_size_are_made_like_the_first(tmp_path: Path) -> None:
    sizes = (160, 120), (200, 120)
    parts = [make(tmp_path / f"{size[0]}.h264", Clip(size=size, frames=10, audio=None)) for size in sizes]
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    source = FileSource(path, keep=True)
    frames = [item for item in source if isinstance(item, Frame)]
    source.close()
    assert {(frame.width, frame.height) for frame in frames} == {(160, 120)}
    assert source.warnings[-1] == "10 pictures had another size or format: made like the first"


def test_pictures_before_the_first_time_count_back_from_it(tmp_path: Path) -> None:
    source = FileSource(make(tmp_path / "in.mp4", Clip(frames=3, audio=None)))
    source.close()
    pictures = [av.VideoFrame(16, 16, "gray") for _ in range(4)]
    for picture, pts in zip(pictures, (None, None, 5120, 5632), strict=True):
        picture.pts, picture.time_base = pts, Fraction(1, 12800)
    assert [picture.pts for picture in source._timed(pictures)] == [4096, 4608, 5120, 5632]
