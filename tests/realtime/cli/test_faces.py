"""``mummer faces``: a line a frame, JSON where that is asked for, and what is saved."""

import json
import re
import sys
from pathlib import Path

import pytest
from PIL import Image

from realtime.cli import main
from tests.realtime.clips import talk

FRAMES = 4


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip with a face, and a picture without one."""
    folder = tmp_path_factory.mktemp("media")
    talk(folder / "clip.mp4", (320, 240), FRAMES / 25, 25)
    Image.new("RGB", (64, 48), "teal").save(folder / "empty.png")
    return folder


def faces(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["mummer", "faces", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_a_line_a_frame(media: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    clip, empty = media / "clip.mp4", media / "empty.png"
    code, said, err = faces(monkeypatch, capsys, clip, empty)
    assert (code, err) == (0, "")
    *seen, nothing = said.splitlines()
    assert nothing == f"{empty} frame 0: no face"
    assert len(seen) == FRAMES
    for number, line in enumerate(seen):
        found = re.fullmatch(r"(.+) frame (\d+): track 0 at (\d+),(\d+) to (\d+),(\d+) \((\d\.\d\d)\)", line)
        assert found, line
        assert found[1] == str(clip) and int(found[2]) == number
        left, top, right, bottom = map(int, found.groups()[2:6])
        assert 0 <= left < right <= 320 and 0 <= top < bottom <= 240 and float(found[7]) > 0.5


def test_the_same_as_json(media: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, err = faces(monkeypatch, capsys, media / "clip.mp4", media / "empty.png", "--json")
    assert (code, err) == (0, "")
    *seen, nothing = map(json.loads, said.splitlines())
    assert nothing == {"source": str(media / "empty.png"), "frame": 0, "pts": None, "time": None, "faces": []}
    assert [(each["frame"], each["time"]) for each in seen] == [(n, pytest.approx(n / 25)) for n in range(FRAMES)]
    assert all(len(each["faces"]) == 1 and len(each["faces"][0]["landmarks"]) == 68 for each in seen)


@pytest.mark.parametrize("quiet", [False, True])
def test_what_is_saved_is_told(
    media: Path, tmp_path: Path, quiet: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved, sheet = tmp_path / "clip.jsonl", tmp_path / "clip.png"
    words = (media / "clip.mp4", "--save", saved, "--sheet", sheet, *(["--quiet"] if quiet else []))
    code, said, err = faces(monkeypatch, capsys, *words)
    assert (code, err) == (0, "")
    assert said == "" if quiet else said.startswith(f"{saved} and {sheet}: ") and said.count("\n") == 1
    assert len(saved.read_text().splitlines()) == 1 + FRAMES
    with Image.open(sheet) as picture:
        assert picture.format == "PNG"


@pytest.mark.parametrize("words", [("clip.mp4", "--json"), ("clip.mp4", "empty.png")])
def test_one_video_at_a_time_is_saved(
    media: Path,
    tmp_path: Path,
    words: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(media)
    code, said, err = faces(monkeypatch, capsys, *words, "--save", tmp_path / "clip.jsonl")
    assert (code, said) == (2, "")
    assert err == "mummer: --save and --sheet are for one video at a time, without --json\n"
    assert list(tmp_path.iterdir()) == []
