"""Faces that are saved, edited and used again: the job of ``faces --save`` and ``convert --alignments``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from realtime.finder.alignments import Alignments
from realtime.finder.saved_finder import SavedFinder
from realtime.jobs.contact_sheet import CROP
from realtime.jobs.convert import Job, convert
from realtime.jobs.dispatch import convert_any
from realtime.jobs.save_faces import look_through
from realtime.jobs.segments import plan as planning
from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, MummerError, OutputError, UsageError
from realtime.runtime.process import tune
from realtime.settings import Look
from tests.realtime.clips import Clip, decoded, make, payloads, talk
from tests.realtime.tiny import make_model

FRAMES = 36


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of a face that talks, what was found in it, a sheet and a model."""
    tune()
    folder = tmp_path_factory.mktemp("saved")
    talk(folder / "clip.mp4", (320, 240), FRAMES / 25, 25)
    make_model(folder / "negative.onnx")
    look_through(folder / "clip.mp4", folder / "clip.jsonl", folder / "clip.png")
    return folder


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "GRID", 11)


def edited(path: Path, change: Callable[[list[dict[str, Any]]], None], target: Path) -> Path:
    """The file ``path``, changed as a person would with a text editor, as ``target``."""
    head, *lines = path.read_text().splitlines()
    frames = [json.loads(line) for line in lines]
    change(frames)
    target.write_text("\n".join([head, *map(json.dumps, frames)]) + "\n")
    return target


def job(folder: Path, target: Path, **changes: Any) -> Job:
    look = Look(model=str(folder / "negative.onnx"), label=None)
    return Job(**{"source": folder / "clip.mp4", "target": target, "look": look} | changes)


def test_a_deleted_face_is_not_swapped_and_a_moved_one_is_where_it_was_moved_to(folder: Path, tmp_path: Path) -> None:
    def change(frames: list[dict[str, Any]]) -> None:
        frames[20]["faces"] = []
        face = frames[30]["faces"][0]
        face["landmarks"] = [[x - 60, y] for x, y in face["landmarks"]]
        face["placed"] = True

    saved = edited(folder / "clip.jsonl", change, tmp_path / "edited.jsonl")
    report = convert(job(folder, tmp_path / "a.mkv", alignments=saved, encoding=Encoding("ffv1")))
    assert (report.frames_swapped, report.faces, report.warnings) == (FRAMES - 1, FRAMES - 1, [])
    before, after = decoded(folder / "clip.mp4"), decoded(tmp_path / "a.mkv")
    changed = [one != other for (_, one), (_, other) in zip(before, after, strict=True)]
    assert changed == [number != 20 for number in range(FRAMES)]
    luma = [np.frombuffer(frames[30][1][: 320 * 240], np.uint8).reshape(240, 320) for frames in (before, after)]
    columns = np.flatnonzero((np.abs(luma[1].astype(int) - luma[0]) > 40).any(axis=0))
    held = Alignments.read(saved).frames[30].faces[0].face.box
    assert abs(columns.min() - held[0]) < 25 and abs(columns.max() - held[2]) < 25


def test_the_bits_are_the_same_for_workers_and_a_job_that_is_resumed(folder: Path, tmp_path: Path) -> None:
    saved = edited(folder / "clip.jsonl", lambda frames: frames[5].update(faces=[]), tmp_path / "saved.jsonl")

    def fail(done: int, _: int) -> None:
        if done > 13:
            raise MummerError("the lights went out")

    with pytest.raises(MummerError, match="lights"):
        convert(job(folder, tmp_path / "resumed.mp4", alignments=saved), fail)
    edited(saved, lambda frames: frames[6].update(faces=[]), other := tmp_path / "other.jsonl")
    for changes in ({"alignments": other}, {"alignments": None}, {"alignments": saved, "smooth": False}):
        with pytest.raises(OutputError, match=r"cannot be resumed: the (alignments|settings) changed since"):
            convert(job(folder, tmp_path / "resumed.mp4", resume=True, **changes))
    convert(job(folder, tmp_path / "resumed.mp4", alignments=saved, resume=True, workers=2))
    convert(job(folder, tmp_path / "serial.mp4", alignments=saved))
    assert payloads(tmp_path / "serial.mp4", "video") == payloads(tmp_path / "resumed.mp4", "video")


def test_another_input_is_refused_and_so_is_a_frame_without_a_line(folder: Path, tmp_path: Path) -> None:
    talk(tmp_path / "other.mp4", (320, 240), 10 / 25, 25)
    with pytest.raises(InputError, match=r"was made of another file than .*other\.mp4"):
        convert(job(folder, tmp_path / "a.mp4", source=tmp_path / "other.mp4", alignments=folder / "clip.jsonl"))
    saved = edited(folder / "clip.jsonl", lambda frames: frames.pop(12), tmp_path / "saved.jsonl")
    with pytest.raises(InputError, match=r"saved.jsonl: says nothing of the frame at 0\.480 s"):
        convert(job(folder, tmp_path / "a.mp4", alignments=saved))
    with pytest.raises(UsageError, match="--alignments is for a video file"):
        convert_any(job(folder, tmp_path / "a.gif", alignments=saved))
    assert not (tmp_path / "a.mp4").exists()


def test_saved_faces_serve_a_mask_that_is_drawn(folder: Path, tmp_path: Path) -> None:
    look = Look(model="marble", label=None)
    report = convert(job(folder, tmp_path / "a.mp4", look=look, alignments=folder / "clip.jsonl"))
    assert report.frames_swapped == FRAMES


def test_the_mesh_goes_where_the_landmarks_were_put(folder: Path, tmp_path: Path) -> None:
    def change(frames: list[dict[str, Any]]) -> None:
        for frame in frames:
            face = frame["faces"][0]
            face["landmarks"] = [[x + 12, y - 6] for x, y in face["landmarks"]]

    saved = edited(folder / "clip.jsonl", change, tmp_path / "moved.jsonl")
    meshes = []
    for path in (folder / "clip.jsonl", saved):
        finder = SavedFinder(path, folder / "clip.mp4")
        finder.mesh = True
        source = FileSource(folder / "clip.mp4")
        frames = (item for item in source if isinstance(item, Frame))
        meshes.append(np.stack([finder.find(next(frames))[0].mesh for _ in range(8)]))  # type: ignore[arg-type]
        source.close()
    way = (meshes[1] - meshes[0]).mean(axis=(0, 1))
    np.testing.assert_allclose(way[:2], (12, -6), atol=2.0)


def test_the_sheet_shows_who_a_track_is(folder: Path) -> None:
    sheet = np.asarray(Image.open(folder / "clip.png").convert("RGB")).astype(int)
    face = Alignments.read(folder / "clip.jsonl").frames[0].faces[0].face
    assert face.track == 0
    # One row, with six crops in it: each is full of face, where the sheet itself is flat.
    assert sheet.shape[0] < 2 * CROP + 60
    row = sheet[60 : 60 + CROP]
    busy = np.convolve((row.std(axis=0).mean(axis=1) > 20), np.ones(CROP), "valid").max()
    assert busy > 0.9 * CROP
    filled = (row.std(axis=0).mean(axis=1) > 20).sum()
    assert 5.2 * CROP < filled < 6.5 * CROP


def test_nothing_is_replaced_unasked(folder: Path) -> None:
    with pytest.raises(OutputError, match="exists already"):
        look_through(folder / "clip.mp4", folder / "clip.jsonl", None)
    with pytest.raises(OutputError, match="is the input"):
        look_through(folder / "clip.mp4", folder / "clip.mp4", None, force=True)


def test_each_field_of_an_interlaced_picture_has_its_own_faces(folder: Path, tmp_path: Path) -> None:
    flags = {"flags": "+ildct+ilme", "preset": "veryfast", "field_order": "tt", "x264-params": "tff=1"}
    clip = make(tmp_path / "clip.mp4", Clip((320, 240), 5, audio=None, options=flags))
    look_through(clip, tmp_path / "clip.jsonl", None)
    face = json.loads((folder / "clip.jsonl").read_text().splitlines()[1])["faces"][0]

    def change(frames: list[dict[str, Any]]) -> None:
        assert [(frame["frame"], frame.get("field", 0)) for frame in frames] == [(n // 2, n % 2) for n in range(10)]
        frames[2 * 3 + 1]["faces"] = [face]  # the later field of the fourth picture

    saved = edited(tmp_path / "clip.jsonl", change, tmp_path / "edited.jsonl")
    report = convert(job(folder, tmp_path / "a.mkv", source=clip, alignments=saved, encoding=Encoding("ffv1")))
    assert (report.frames_swapped, report.faces) == (1, 1)
    luma = [
        np.frombuffer(picture[: 320 * 240], np.uint8).reshape(240, 320).astype(int)
        for path in (clip, tmp_path / "a.mkv")
        for picture in (decoded(path)[3][1],)
    ]
    rows = np.flatnonzero((np.abs(luma[1] - luma[0]) > 30).any(axis=1))
    assert len(rows) > 20 and (rows % 2 == 1).all()
    # Whole pictures are made of the first field, and have its faces.
    report = convert(job(folder, tmp_path / "b.mp4", source=clip, alignments=saved, deinterlace=True))
    assert report.faces == 0
