"""From film to faceset: what is found, that nothing is added twice, and that no interruption harms it."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.faceset.extract import Extraction, extract
from models.faceset.folder import Faceset
from models.faceset.frame_sources import Pick
from models.faceset.landmark_files import known_landmarks
from models.faceset.reading import read_faceset
from models.faceset.record import Record
from realtime.align import TEMPLATES
from realtime.jobs.detections import detect_faces
from realtime.media.affine import apply
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.media.picture import read_picture
from realtime.runtime.errors import InputError, ModelError, OutputError, UsageError
from realtime.runtime.files import whole_or_nothing
from realtime.swap.consent import Identity
from tests.realtime.clips import Clip, make
from tests.realtime.forked import run

#: Of the film.
FRAMES = 24


def keys(records: list[Record]) -> list[tuple[int, str]]:
    return sorted((record.frame, record.sha256) for record in records)


def collect(out: Path, *inputs: Path | str, **settings: object) -> Faceset:
    extract(Extraction(tuple(map(str, inputs)), out, **{"size": 64, **settings}))
    return Faceset.open(out)


def test_every_face_that_is_seen_is_in_the_set(film: Path, whole: Faceset) -> None:
    seen = sum(len(sighting.faces) for sighting in detect_faces(film))
    assert seen >= FRAMES
    assert len(whole.faces()) == seen


def test_a_record_says_where_its_face_comes_from(film: Path, whole: Faceset) -> None:
    frames = [item for item in FileSource(film) if isinstance(item, Frame)]
    for record in whole.records()[::7]:
        frame = frames[record.frame]
        assert (record.pts, record.time_base) == (frame.pts, frame.time_base)
        matrix = TEMPLATES["whole-face"].frame_to_crop(record.points, record.size)
        assert np.allclose(record.frame_to_crop, matrix, atol=0.05)
        stored = read_picture(whole.picture(record)).astype(int)
        assert np.abs(stored - frame.warp(record.frame_to_crop, record.size)).mean() < 0.05  # PNG loses nothing
        mask = cv2.imread(str(whole.mask(record)), cv2.IMREAD_UNCHANGED)
        nose = np.rint(apply(record.frame_to_crop, record.points)[30]).astype(int)
        assert mask[nose[1], nose[0]] == 255
        assert mask[0, 0] == 0
        assert 0.2 < (mask > 0).mean() < 0.7
        assert abs(record.yaw) < 30
        assert record.eyes is not None


def test_the_same_film_adds_nothing_under_any_name(film: Path, faceset: Faceset, tmp_path: Path) -> None:
    before = faceset.index.path.read_bytes()
    copy = tmp_path / "copy.mp4"
    copy.write_bytes(film.read_bytes())
    done = extract(Extraction((str(film), str(copy)), faceset.folder, size=64))
    assert (done.added, done.passed) == (0, 2)
    assert faceset.index.path.read_bytes() == before


def test_more_frames_of_a_film_add_only_those(film: Path, tmp_path: Path, faceset: Faceset) -> None:
    collect(tmp_path / "set", film, pick=Pick(every=3), format="jpeg")
    assert len(Faceset.open(tmp_path / "set").records()) == FRAMES // 3
    more = collect(tmp_path / "set", film, format="jpeg")
    assert sorted(record.frame for record in more.records()) == list(range(FRAMES))


def test_frames_a_second_follow_the_films_clock(film: Path, tmp_path: Path) -> None:
    faceset = collect(tmp_path / "set", film, pick=Pick(fps=Fraction(5)))
    times = [record.seconds for record in faceset.records()]
    assert np.allclose(np.diff(times), 0.2)


def test_limits_hold(film: Path, tmp_path: Path) -> None:
    assert len(collect(tmp_path / "few", film, limit=5).records()) == 5
    assert len(collect(tmp_path / "few", film, limit=5).records()) == 10  # goes on where it stopped
    assert not collect(tmp_path / "large", film, min_size=2000).records()
    with pytest.raises(UsageError, match="holds faces of 64 px"):
        collect(tmp_path / "few", film, size=128)
    with pytest.raises(UsageError, match="--size"):
        collect(tmp_path / "tiny", film, size=8)


KILLED = """
import os, signal, sys
from pathlib import Path
import models.faceset.jsonl as jsonl, models.faceset.face_writer as make
from models.faceset.extract import Extraction, extract
film, out, where, count = sys.argv[1:]
left = int(count)
def dying(real):
    def call(*args, **kwargs):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **kwargs)
    return call
if where == "line":
    jsonl.os.write = dying(os.write)
else:
    make.write_whole = dying(make.write_whole)
extract(Extraction((film,), Path(out), size=64, format="jpeg"))
"""


def test_a_killed_run_goes_on_to_the_same_set(film: Path, faceset: Faceset, tmp_path: Path) -> None:
    out = tmp_path / "killed"
    before = 0
    for where, count in (("line", 3), ("file", 4), ("file", 7), ("line", 0), ("line", 6)):
        done = run([str(film), str(out), where, str(count)], before=KILLED)
        assert done.returncode == -9
        records = Faceset.open(out).records()
        assert len(records) >= before
        before = len(records)
        if records:
            assert len(read_faceset(out, 64)) == before  # what is in the index is whole
    assert 0 < before < FRAMES
    extract(Extraction((str(film),), out, size=64, format="jpeg"))
    assert Faceset.open(out).index.path.read_bytes() == faceset.index.path.read_bytes()
    (source,) = Faceset.open(out).sources.read()
    assert (source.frames, source.faces) == (FRAMES, FRAMES)  # those of the killed runs, too
    # What a killed thread left half-written hides behind a dot, until it is old enough to be cleared.
    pictures = {path.name for path in (out / "faces").iterdir() if not path.name.startswith(".")}
    assert pictures == {record.file for record in faceset.records()}


def test_an_interrupt_keeps_what_is_whole(film: Path, faceset: Faceset, tmp_path: Path) -> None:
    def stop(name: str, done: int, expected: int) -> None:
        assert name == film.name
        assert expected == FRAMES
        if done == 9:
            raise KeyboardInterrupt

    job = Extraction((str(film),), tmp_path / "set", size=64, format="jpeg")
    with pytest.raises(KeyboardInterrupt):
        extract(job, stop)
    assert len(read_faceset(job.out, 64)) == 9
    extract(job)
    assert keys(Faceset.open(job.out).records()) == keys(faceset.records())


def test_a_torn_last_line_is_written_anew(film: Path, faceset: Faceset) -> None:
    lines = faceset.index.path.read_bytes()
    faceset.index.path.write_bytes(lines[:-200])
    faceset.sources.path.unlink()
    assert len(faceset.records()) == FRAMES - 1
    extract(Extraction((str(film),), faceset.folder, size=64, format="jpeg"))
    assert faceset.index.path.read_bytes() == lines


FULL = """
import resource, sys
from pathlib import Path
from models.faceset.extract import Extraction, extract
from realtime.runtime.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try:
    extract(Extraction((sys.argv[1],), Path(sys.argv[2]), size=48, format="jpeg"))
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX's")
def test_a_full_disk_is_said_and_harms_nothing(film: Path, tmp_path: Path) -> None:
    out = tmp_path / "set"
    done = subprocess.run([sys.executable, "-c", FULL, str(film), str(out)], capture_output=True, text=True, check=True)
    assert "faces.jsonl: cannot be written" in done.stdout
    records = Faceset.open(out).records()
    assert 0 < len(records) < FRAMES
    assert out.joinpath("faces.jsonl").read_bytes().endswith(b"\n")
    extract(Extraction((str(film),), out, size=48, format="jpeg"))
    assert len(read_faceset(out, 48)) == FRAMES


@pytest.fixture(scope="module")
def pictures(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three frames of the film as pictures."""
    folder = tmp_path_factory.mktemp("pictures")
    frames = [item for item in FileSource(film) if isinstance(item, Frame)]
    for number in (0, 9, 18):
        rgb = frames[number].warp(np.eye(2, 3), (480, 270))
        cv2.imwrite(str(folder / f"{number:02}.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return folder


def test_folders_and_patterns_of_pictures(pictures: Path, tmp_path: Path) -> None:
    faceset = collect(tmp_path / "folder", pictures)
    assert [record.source.name for record in faceset.records()] == ["00.png", "09.png", "18.png"]
    assert all(record.pts is None for record in faceset.records())
    again = extract(Extraction((str(pictures / "*.png"),), faceset.folder, size=64))
    assert (again.added, again.passed) == (0, 3)


def test_one_bad_picture_is_named_and_the_others_are_kept(pictures: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for path in pictures.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "05.png").write_bytes(b"\x89PNG broken")
    (folder / "06.jpg").touch()
    with pytest.raises(InputError, match=r"05\.png: not a picture.*and 1 more.*3 faces.*are kept"):
        collect(tmp_path / "set", folder)
    assert len(read_faceset(tmp_path / "set", 64)) == 3


def test_one_bad_film_does_not_stop_the_next(film: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(film.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"bad\.mp4: the file is cut short.*24 faces"):
        collect(tmp_path / "set", bad, film)


@pytest.mark.parametrize("form", ["pts", "json", "npy"])
def test_landmarks_of_another_aligner_are_used(pictures: Path, tmp_path: Path, form: str, whole: Faceset) -> None:
    picture = tmp_path / "face.png"
    picture.write_bytes((pictures / "09.png").read_bytes())
    points = whole.records()[9].points + np.float32(3)  # somewhat off, so that one sees whose they are
    if form == "pts":
        lines = "\n".join(f"{x + 1:.4f} {y + 1:.4f}" for x, y in points.tolist())
        (tmp_path / "face.pts").write_text(f"version: 1\nn_points: 68\n{{\n{lines}\n}}\n")
    elif form == "json":
        (tmp_path / "face.json").write_text(json.dumps({"landmarks": points.tolist()}))
    else:
        np.save(tmp_path / "face.npy", points)
    (record,) = collect(tmp_path / "set", picture).records()
    assert np.allclose(record.points, points, atol=0.01)


def test_landmarks_that_are_none_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "face.json").write_text("[[1, 2], [3, 4]]")
    with pytest.raises(InputError, match=r"face\.json: holds .* not 68 points"):
        known_landmarks(tmp_path / "face.png")
    (tmp_path / "face.json").write_text("{")
    with pytest.raises(InputError, match=r"face\.json: no landmarks"):
        known_landmarks(tmp_path / "face.png")


def test_the_books_folder_is_collected_with_its_landmarks(book: Path, whole: Faceset, tmp_path: Path) -> None:
    faceset = collect(tmp_path / "set", book)
    assert len(faceset.records()) == 3
    known = {record.source.name: record.score for record in faceset.records()}
    assert known["face_aligned_frame00_0.png"] == 1.0  # taken from the file, not found
    back = read_picture(faceset.picture(faceset.records()[0])).astype(float)
    direct = cv2.resize(read_picture(whole.picture(whole.records()[0])), (64, 64), interpolation=cv2.INTER_AREA)
    middle = (slice(16, 56), slice(16, 48))  # the book's crop is narrower
    assert np.corrcoef(back[middle].ravel(), direct[middle].ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    ("word", "says"), [("nothing.mp4", "no such file"), ("*.xyz", "no file fits"), ("empty", "no video and no picture")]
)
def test_inputs_that_are_not_there(tmp_path: Path, word: str, says: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=says):
        collect(tmp_path / "set", tmp_path / word)
    assert not (tmp_path / "set").exists()


def test_a_folder_with_other_things_is_left_alone(film: Path, tmp_path: Path, faceset: Faceset) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="not a faceset, and not empty"):
        collect(tmp_path, film)
    with pytest.raises(InputError, match="a faceset already"):
        collect(tmp_path / "other", faceset.folder)


def test_the_identity_goes_with_the_faces(film: Path, tmp_path: Path) -> None:
    ann = Identity(id="ann", name="Ann", kind="self")
    faceset = collect(tmp_path / "set", film, identity=ann, limit=1)
    assert faceset.identity == ann
    assert read_faceset(tmp_path / "set", 32).identity == ann
    with pytest.raises(OutputError, match=r"'Ann'.*'Bob'"):
        collect(tmp_path / "set", film, identity=Identity(id="bob", name="Bob", kind="self"))


def parser(path: Path, channels: int) -> Path:
    """A face parser that takes what is bright for skin: the mean of the channels, or classes 0 and 1 by it."""
    graph = [helper.make_node("ReduceMean", ["x", "axis"], ["mean"], keepdims=1)]
    constants = [numpy_helper.from_array(np.array([1], np.int64), "axis")]
    if channels > 1:
        gain = np.zeros((1, channels, 1, 1), np.float32)
        gain[0, 1] = 1
        constants.append(numpy_helper.from_array(gain, "gain"))
        graph.append(helper.make_node("Mul", ["mean", "gain"], ["y"]))
    else:
        graph[0].output[0] = "y"
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 64, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, 64, 64])
    made = helper.make_graph(graph, "parser", [x], [y], constants)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


@pytest.mark.parametrize("channels", [1, 19])
def test_a_face_parser_makes_the_masks(film: Path, tmp_path: Path, channels: int) -> None:
    faceset = collect(tmp_path / "set", film, mask="parser", parser=parser(tmp_path / "p.onnx", channels), limit=1)
    (record,) = faceset.records()
    assert record.mask == "parser"
    mask = cv2.imread(str(faceset.mask(record)), cv2.IMREAD_GRAYSCALE).astype(float)
    grey = read_picture(faceset.picture(record)).mean(axis=2)
    assert np.corrcoef(mask.ravel(), grey.ravel())[0, 1] > (0.99 if channels == 1 else 0.5)
    assert (len(np.unique(mask)) > 20) == (channels == 1)


def test_other_networks_are_no_face_parsers(film: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="answers 7 channels"):
        collect(tmp_path / "set", film, mask="parser", parser=parser(tmp_path / "p.onnx", 7))


def test_hdr_and_mixed_footage_is_said(tmp_path: Path) -> None:
    hdr = {"codec": "ffv1", "options": {}, "pix_fmt": "yuv420p10le", "tags": (9, 9, 16, 1)}
    make(tmp_path / "hdr.mkv", Clip(size=(64, 48), frames=2, audio=None, **hdr))
    make(tmp_path / "sdr.mp4", Clip(size=(64, 48), frames=2, audio=None))
    inputs = (str(tmp_path / "hdr.mkv"), str(tmp_path / "sdr.mp4"))
    notes = extract(Extraction(inputs, tmp_path / "set")).notes
    assert len(notes) == 2
    assert "hdr.mkv is HDR (PQ)" in notes[0]
    assert "mixes 2 colour spaces: hdr.mkv is PQ in BT.2020, sdr.mp4 is SDR in BT.709" in notes[1]
    assert not extract(Extraction(inputs, tmp_path / "mapped", tone_map=True)).notes


def test_sources_are_logged_and_the_second_time_skipped(
    film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = Extraction((str(film),), tmp_path / "set", size=64, pick=Pick(every=8))
    with caplog.at_level("DEBUG", "models.faceset.extract"):
        extract(job)
        extract(job)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        f"{film}: begun",
        f"{film.name}: finished, 24 frames, 3 faces",
        f"{film}: skipped, read before",
    ]


def test_what_killed_runs_left_is_cleared_and_what_is_at_work_is_not(faceset: Faceset) -> None:
    left = faceset.folder / "faces" / ".mummer-0123456789ab.jpg"
    left.write_bytes(b"half")
    with whole_or_nothing(faceset.folder / "faces" / "new.jpg") as part:
        Faceset.create(faceset.folder)
        assert not left.exists()
        assert part.exists()
