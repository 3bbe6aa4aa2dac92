"""A part of a video: exactly its pictures, the sound that goes with them, and the same bits however it is made."""

import json
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from realtime.jobs.convert import Job, convert
from realtime.jobs.dispatch import convert_any
from realtime.jobs.report import Report
from realtime.jobs.save_faces import look_through
from realtime.jobs.segments import plan as planning
from realtime.media.cut import Cut
from realtime.media.encoding import Encoding
from realtime.runtime.errors import InputError, MummerError, UsageError
from realtime.settings import Look
from realtime.settings.part import Part, read_time
from tests.realtime.clips import decoded, payloads, talk
from tests.realtime.jobs.test_convert import Scripted
from tests.realtime.jobs.test_segments import Failing, packets
from tests.realtime.tiny import make_model

CHAPTERS = ";FFMETADATA1\n" + "".join(
    f"[CHAPTER]\nTIMEBASE=1/1000\nSTART={start}\nEND={end}\ntitle={name}\n"
    for start, end, name in ((0, 1500, "one"), (1500, 2500, "two"), (2500, 4000, "three"))
)
TEXTS = "1\n00:00:00,500 --> 00:00:01,700\nstill there\n\n2\n00:00:03,000 --> 00:00:03,500\nnever seen\n"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds with sound, chapters, texts and a time code; a keyframe every second, pictures reordered."""
    folder = tmp_path_factory.mktemp("film")
    (folder / "chapters.txt").write_text(CHAPTERS)
    (folder / "texts.srt").write_text(TEXTS)
    command = (
        "ffmpeg -v error -f lavfi -i testsrc2=size=160x120:rate=25:duration=4 -f lavfi -i sine=duration=4"
        " -i chapters.txt -i texts.srt -map 0 -map 1 -map 3 -map_chapters 2 -c:v libx264 -g 25 -bf 2 -c:a aac"
        " -c:s mov_text -timecode 01:00:00:00 film.mp4"
    )
    subprocess.run(command.split(), cwd=folder, check=True)
    return folder / "film.mp4"


def job(source: Path, target: Path, model: Path, start: str, end: str | None, **changes: object) -> Job:
    part = Part(read_time(start), None if end is None else read_time(end))
    look = Look(model=str(model), label=None, device="cpu")
    return Job(**{"source": source, "target": target, "look": look, "part": part} | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("whole", [False, True], ids=["in segments", "in one piece"])
def test_a_part_has_exactly_its_pictures_and_sound(
    tmp_path: Path, film: Path, model: Path, suffix: str, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / f"in{suffix}"
    subprocess.run(f"ffmpeg -v error -i {film} -map 0:v -map 0:a -c copy {source}".split(), check=True)
    if whole:  # as drawn faces and streams are
        monkeypatch.setattr(planning, "SEEKABLE", frozenset())
    target = tmp_path / f"out{suffix}"
    done = convert(job(source, target, model, "0:03.12", "3.8", encoding=Encoding("libx264", 0)), finder=Scripted())
    given, made = decoded(source), decoded(target)
    assert [picture for _, picture in made] == [picture for _, picture in given[78:95]]
    begin = given[78][0]
    assert [time for time, _ in made] == pytest.approx([time - begin for time, _ in given[78:95]], abs=1e-3)
    assert (done.frames_in, done.frames_out) == (17, 17)
    heard, all_heard = payloads(target)[0], payloads(source)[0]
    at = all_heard.index(heard[0])
    assert all_heard[at : at + len(heard)] == heard
    lengths = len(heard) * Fraction(1024, 44100)
    assert abs(lengths - Fraction(17, 25)) < Fraction(2 * 1024, 44100)
    offsets = [sound_of(path)[heard[0]] for path in (source, target)]
    assert float(offsets[0] - offsets[1]) == pytest.approx(float(begin), abs=2e-3)
    assert any("in one piece" in words for words in done.warnings) == whole


def sound_of(path: Path) -> dict[bytes, Fraction]:
    """When each packet of sound is heard, in seconds."""
    with av.open(str(path)) as container:
        return {
            bytes(packet): (packet.pts or 0) * (packet.time_base or Fraction(0))
            for packet in container.demux(audio=0)
            if packet.size
        }


def test_chapters_texts_and_time_code_come_along(tmp_path: Path, film: Path, model: Path) -> None:
    target = tmp_path / "out.mp4"
    convert(job(film, target, model, "1.2", "2.4"), finder=Scripted())
    with av.open(str(target)) as made:
        marks = [
            (chapter["metadata"]["title"], float(chapter["start"] * chapter["time_base"]),
             float(chapter["end"] * chapter["time_base"]))
            for chapter in made.chapters()
        ]  # fmt: skip
        texts = [
            (bytes(packet)[2:], float((packet.pts or 0) * packet.time_base), float(packet.duration * packet.time_base))
            for packet in made.demux(subtitles=0)
            if packet.size > 2 and packet.time_base and packet.duration
        ]
        code = made.streams.video[0].metadata["timecode"]
    assert marks == [("one", 0.0, pytest.approx(0.3)), ("two", pytest.approx(0.3), pytest.approx(1.2, abs=0.002))]
    assert texts == [(b"still there", 0.0, pytest.approx(0.5, abs=0.01))]
    assert code == "01:00:01:05"


@pytest.mark.parametrize(
    ("code", "seconds", "rate", "then"),
    [
        ("00:00:59:28", Fraction(1001 * 2, 30000), Fraction(30000, 1001), "00:01:00:00"),
        ("00:00:59;28", Fraction(1001 * 2, 30000), Fraction(30000, 1001), "00:01:00;02"),
        ("00:09:59;28", Fraction(1001 * 2, 30000), Fraction(30000, 1001), "00:10:00;00"),
        ("00:08:59;28", Fraction(1001 * 1799, 30000), Fraction(30000, 1001), "00:09:59;29"),
        ("23:59:59:24", Fraction(1, 25), Fraction(25), "00:00:00:00"),
    ],
)
def test_time_codes_count_as_films_do(code: str, seconds: Fraction, rate: Fraction, then: str) -> None:
    cut = Cut(Part(seconds), Fraction(0))
    assert cut.starts_by(seconds)
    assert cut.time_code(code, rate) == then


def test_a_part_is_the_same_resumed_and_by_two_workers(
    tmp_path: Path, film: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "GRID", 11)
    whole, resumed, shared = (tmp_path / f"{name}.mp4" for name in ("whole", "resumed", "shared"))
    convert(job(film, whole, model, "0.8", "2.4"))
    assert len(decoded(whole)) == 40
    with pytest.raises(MummerError, match="lights"):
        convert(job(film, resumed, model, "0.8", "2.4"), finder=Failing(31))
    with pytest.raises(MummerError, match="settings changed"):
        convert(job(film, resumed, model, "0.84", "2.44", resume=True))
    convert(job(film, resumed, model, "0.8", "2.4", resume=True))
    convert(job(film, shared, model, "0.8", "2.4", workers=2))
    assert packets(resumed) == packets(shared) == packets(whole)


def test_saved_faces_are_those_of_the_same_pictures(tmp_path: Path, model: Path) -> None:
    clip, saved = tmp_path / "clip.mp4", tmp_path / "clip.jsonl"
    talk(clip, (320, 240), 1.0, 20)
    look_through(clip, saved, None, device="cpu")
    pages = [json.loads(line) for line in saved.read_text().splitlines()]
    for page in pages[1:]:  # a face in the ninth frame only
        page["faces"] = page["faces"] if page["frame"] == 8 else []
    saved.write_text("".join(json.dumps(page) + "\n" for page in pages))
    done = convert(job(clip, tmp_path / "out.mp4", model, "0.4", "0.6", alignments=saved, smooth=False))
    assert (done.frames_out, done.frames_swapped) == (4, 1)
    done = convert(job(clip, tmp_path / "other.mp4", model, "0.45", "0.6", alignments=saved, smooth=False))
    assert (done.frames_out, done.frames_swapped) == (3, 0)


def test_what_is_no_part_is_refused(tmp_path: Path, film: Path, model: Path) -> None:
    with pytest.raises(InputError, match=r"no picture from 9 s to the end; its last one comes at 3\.96 s"):
        convert(job(film, tmp_path / "out.mp4", model, "9", None))
    for text in ("-1", "1:2:3:4", "soon", "1e3"):
        with pytest.raises(ValueError, match="no time"):
            read_time(text)
    picture = tmp_path / "in.png"
    subprocess.run(f"ffmpeg -v error -i {film} -frames:v 1 {picture}".split(), check=True)
    (tmp_path / "seq").mkdir()
    subprocess.run(f"ffmpeg -v error -i {film} -frames:v 20 {tmp_path}/seq/%03d.png".split(), check=True)
    with pytest.raises(InputError, match=r"no picture from 1 s to the end; its last one comes at 0\.76 s"):
        convert_any(job(tmp_path / "seq" / "%03d.png", tmp_path / "out.mkv", model, "1", None))
    with pytest.raises(UsageError, match="--start and --end"):
        convert_any(job(picture, tmp_path / "out.png", model, "1", None))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.png", "seq"]
    made = convert_any(job(tmp_path / "seq" / "%03d.png", tmp_path / "cut" / "%02d.png", model, "0.2", "0.4"))
    assert isinstance(made, Report) and made.frames_out == 5
    assert sorted(path.name for path in (tmp_path / "cut").glob("*.png")) == [f"{n:02}.png" for n in range(6, 11)]
