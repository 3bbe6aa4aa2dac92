"""The file job, end to end: what changes, what stays, what the report says, what is left behind."""

import json
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from realtime.align import TEMPLATES
from realtime.finder import FaceFinder
from realtime.finder.face import Face
from realtime.jobs.convert import Job, convert
from realtime.media.encoding import Encoding
from realtime.media.frame import Frame
from realtime.runtime.arrays import Matrix
from realtime.runtime.errors import InputError, MummerError, OutputError
from realtime.runtime.stages import STAGES
from realtime.settings import Look
from realtime.swap import open_model
from tests.realtime.clips import Clip, decoded, make, payloads, times
from tests.realtime.tiny import make_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model") / "negative.onnx")


class Scripted:
    """A face finder that finds what it is told: faces as (x, y, side of the crop), from a frame on."""

    def __init__(self, *places: tuple[float, float, float], start: int = 0) -> None:
        self._faces = tuple(self._face(number, *place) for number, place in enumerate(places))
        self._start, self._seen = start, 0

    def find(self, frame: Frame) -> tuple[Face, ...]:
        self._seen += 1
        return self._faces if self._seen > self._start else ()

    def reset(self) -> None:
        pass

    @staticmethod
    def _face(track: int, x: float, y: float, side: float) -> Face:
        template = TEMPLATES["whole-face"]
        landmarks = np.zeros((68, 2), np.float32)
        for group, point in zip(template.groups, template.points, strict=True):
            landmarks[list(group)] = np.asarray(point) * side + (x, y)
        return Face(landmarks, 1.0, track)


def job(source: Path, target: Path, model: Path, **changes: object) -> Job:
    look = Look(model=str(model), label=None)
    return Job(**{"source": source, "target": target, "look": look} | changes)  # type: ignore[arg-type]


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_faces_change_and_all_else_stays(tmp_path: Path, model: Path) -> None:
    source, target = make(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    report = convert(job(source, target, model, encoding=Encoding("ffv1")), finder=Scripted((20, 20, 64)))
    assert times(target) == times(source)
    assert payloads(target) == payloads(source)
    before, after = (rgb(path) for path in (source, target))
    changed = (before != after).any(axis=(0, 3))  # (H, W)
    assert changed[40:60, 40:60].all()
    rows, columns = np.nonzero(changed)
    assert 20 <= columns.min() <= columns.max() <= 84
    assert 20 <= rows.min() <= rows.max() <= 84
    assert np.abs(255 - before[:, 52, 52].astype(int) - after[:, 52, 52]).max() < 12  # the model turns negative
    assert (report.frames_in, report.frames_out, report.frames_swapped, report.faces) == (30, 30, 30, 30)
    assert left_in(tmp_path) == ["in.mp4", "out.mp4"]


def rgb(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


class Walking(Scripted):
    """One face that moves, and what of the frame its crop covers."""

    def __init__(self, model: Path) -> None:
        super().__init__()
        self.size = open_model(str(model), "cpu").size
        self.to_crop: list[Matrix] = []

    def find(self, frame: Frame) -> tuple[Face, ...]:
        number = len(self.to_crop)
        face = self._face(0, 10 + 5 * number, 30 - 2 * number, 60 + 3 * number)
        self.to_crop.append(TEMPLATES["whole-face"].frame_to_crop(face.landmarks, self.size))
        return (face,)


def outside(to_crop: Matrix, size: int, shape: tuple[int, int], step: tuple[int, int]) -> NDArray[np.bool_]:
    """The samples of a plane, (H, W), whose whole cell lies off the crop: each takes from its neighbours a little."""
    y, x = np.indices(shape, np.float64)
    # A chroma sample stands for the luma pixels of its cell, whatever the siting.
    corners = [
        to_crop @ np.stack([(x + i) * step[0], (y + j) * step[1], np.ones_like(x)]).reshape(3, -1)
        for i in (-1, 1)
        for j in (-1, 1)
    ]
    off = [(corner < -0.5).any(axis=0) | (corner > size - 0.5).any(axis=0) for corner in corners]
    return np.logical_and.reduce(off).reshape(shape)


def planes(path: Path) -> Iterator[list[np.ndarray[tuple[int, ...], np.dtype[np.uint16]]]]:
    """The samples of each frame, plane by plane, in the stream's own pixel format."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            deep = frame.format.components[0].bits > 8
            yield [
                np.frombuffer(plane, np.uint16 if deep else np.uint8)
                .reshape(plane.height, -1)[:, : plane.width]
                .astype(np.uint16)
                for plane in frame.planes
            ]


@pytest.mark.parametrize("tags", [(6, 6, 6, 1), (1, 1, 1, 1)], ids=["BT.601", "BT.709"])
@pytest.mark.parametrize(
    ("pix_fmt", "codec"),
    [
        ("yuv420p", "libx264"),
        ("yuv422p", "libx264"),
        ("yuv444p", "libx264"),
        ("yuv420p10le", "libx264"),
        ("yuv422p10le", "libx264"),
        ("yuv444p10le", "libx265"),
        ("yuvj420p", "mjpeg"),
    ],
)
def test_off_the_faces_every_bit_stays(
    tmp_path: Path, model: Path, pix_fmt: str, codec: str, tags: tuple[int, int, int, int]
) -> None:
    """``--codec ffv1 --label off``, through the whole job, against what the decoder gives of the input."""
    quiet = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    full = (*tags[:3], 2) if codec == "mjpeg" else tags
    clip = Clip(size=(192, 144), frames=10, pix_fmt=pix_fmt, codec=codec, options=quiet, tags=full)
    source, target = make(tmp_path / "in.mp4", clip), tmp_path / "out.mkv"
    finder = Walking(model)
    report = convert(job(source, target, model, encoding=Encoding("ffv1")), finder=finder)
    assert report.frames_swapped == 10
    assert report.output.pix_fmt.replace("yuvj", "yuv") == pix_fmt.replace("yuvj", "yuv")
    assert report.output.color.matrix == report.input.color.matrix
    for before, after, to_crop in zip(planes(source), planes(target), finder.to_crop, strict=True):
        height, width = before[0].shape
        for old, new in zip(before, after, strict=True):
            step = width // old.shape[1], height // old.shape[0]
            off = outside(to_crop, finder.size, old.shape, step)
            assert off.any()
            assert np.array_equal(old[off], new[off])
        assert (before[0] != after[0])[~outside(to_crop, finder.size, before[0].shape, (1, 1))].mean() > 0.3


@pytest.mark.parametrize("place", [(-40, 20, 80), (130, -30, 70), (60, 90, 90), (-300, -300, 50), (-100, -100, 400)])
def test_a_face_partly_out_of_the_picture(tmp_path: Path, model: Path, place: tuple[float, float, float]) -> None:
    source, target = make(tmp_path / "in.mp4", Clip(frames=4)), tmp_path / "out.mp4"
    report = convert(job(source, target, model, encoding=Encoding("ffv1")), finder=Scripted(place))
    assert report.frames_out == 4
    seen = (rgb(source) != rgb(target)).any(axis=(0, 3))
    assert seen.any() == (place[0] > -200)


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (17, 31), (1, 1)])
def test_pictures_of_next_to_nothing(tmp_path: Path, model: Path, size: tuple[int, int]) -> None:
    source, target = tmp_path / "in.mkv", tmp_path / "out.mkv"
    with av.open(str(source), "w") as out:
        video = out.add_stream("ffv1", rate=25)
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = *size, "yuv420p"
        for number in range(3):
            frame = av.VideoFrame(*size, "yuv420p")
            frame.pts = number
            out.mux(video.encode(frame))
        out.mux(video.encode(None))
    look = Look(model=str(model))
    for finder in (None, Scripted((0, 0, 1), (-5, -5, 20))):
        report = convert(job(source, target, model, look=look, force=True, encoding=Encoding("ffv1")), finder=finder)
        assert report.frames_out == 3
    assert times(target) == times(source)


def test_without_faces_every_bit_stays(tmp_path: Path, model: Path) -> None:
    source, target = make(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    report = convert(job(source, target, model, encoding=Encoding("ffv1")), finder=Scripted())
    assert decoded(target) == decoded(source)
    assert (report.frames_swapped, report.faces) == (0, 0)
    assert any("no face" in warning for warning in report.warnings)


def test_the_built_in_finder_and_no_face_and_no_sound(tmp_path: Path, model: Path) -> None:
    source, target = make(tmp_path / "in.mp4", Clip(audio=None, frames=6)), tmp_path / "out.mp4"
    report = convert(job(source, target, model))
    assert report.frames_out == 6
    assert report.input.audio == report.output.audio == []


@pytest.mark.parametrize(("which", "expected"), [("all", 60), ("largest", 30)])
def test_all_faces_or_the_largest(tmp_path: Path, model: Path, which: str, expected: int) -> None:
    source, target = make(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    look = Look(model=str(model), label=None, faces=which)  # type: ignore[arg-type]
    finder = Scripted((2, 2, 40), (60, 40, 70))
    report = convert(job(source, target, model, look=look, encoding=Encoding("ffv1")), finder=finder)
    assert report.faces == expected
    assert report.frames_swapped == 30
    small = (rgb(source) != rgb(target))[:, 12:32, 12:32].any()
    assert small == (which == "all")


def test_the_label_is_drawn_unless_it_is_off(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(size=(320, 240), frames=4))
    target = tmp_path / "out.mp4"
    look = Look(model=str(model), label="MASK", label_place="top-left")
    report = convert(job(source, target, model, look=look, encoding=Encoding("ffv1")), finder=Scripted())
    changed = (rgb(source) != rgb(target)).any(axis=(0, 3))
    assert changed[:60, :160].any()
    assert not changed[80:].any()
    assert "label" in report.stages_ms


def test_the_report_says_what_was_done(tmp_path: Path, model: Path) -> None:
    clip = Clip(tags=(1, 1, 1, 1), pts=[1001 * i for i in range(24)], time_base=Fraction(1, 24000), rate=24)
    source, target, page = make(tmp_path / "in.mp4", clip), tmp_path / "out.mkv", tmp_path / "report.json"
    finder = Scripted((20, 20, 64), start=10)
    progress: list[tuple[int, int]] = []
    convert(job(source, target, model, report=page), lambda *now: progress.append(now), finder)
    report = json.loads(page.read_text())
    assert report["frames_in"] == report["frames_out"] == 24
    assert report["frames_swapped"] == report["faces"] == 14
    assert report["input"] | {"path": ""} == report["input"] | {
        "path": "",
        "container": "mov,mp4,m4a,3gp,3g2,mj2",
        "codec": "h264",
        "size": [160, 120],
        "pix_fmt": "yuv420p",
        "color": {"matrix": "bt709", "primaries": "bt709", "transfer": "bt709", "range": "limited"},
        "audio": [{"codec": "aac", "rate": 48000, "channels": 2, "language": "und"}],
    }
    assert report["input"]["fps"] == pytest.approx(23.976, rel=0.01)
    assert report["output"]["container"] == "matroska,webm"
    assert report["output"]["path"] == str(target)
    assert report["output"]["color"] == report["input"]["color"]
    assert set(report["stages_ms"]) == set(STAGES) - {"label", "occlusion"}
    assert set(report["stages_ms"]["swap"]) == {"p50", "p99", "cpu"}
    assert 0 < report["first_frame_s"] < report["wall_s"]
    assert report["fps"] > 0
    assert report["model"]["name"] == "negative"
    assert len(report["model"]["sha256"]) == 64
    assert report["model"]["identity"][0]["kind"] == "synthetic"
    assert any("1/1000" in warning for warning in report["warnings"])
    assert progress == [(number, 24) for number in range(1, 25)]


def test_an_existing_output_needs_force(tmp_path: Path, model: Path) -> None:
    source, target = make(tmp_path / "in.mp4", Clip(frames=3)), tmp_path / "out.mp4"
    target.write_bytes(b"precious")
    with pytest.raises(OutputError, match="--force"):
        convert(job(source, target, model))
    assert target.read_bytes() == b"precious"
    convert(job(source, target, model, force=True), finder=Scripted())
    assert len(times(target)) == 3


@pytest.mark.parametrize("name", ["page.mp4", "soft.json", "hard.json", "model.json", "folder.json"])
def test_a_report_replaces_nothing_that_is_used(tmp_path: Path, model: Path, name: str) -> None:
    source = make(tmp_path / "page.mp4", Clip(frames=3))
    (tmp_path / "soft.json").symlink_to(source)
    (tmp_path / "hard.json").hardlink_to(source)
    (tmp_path / "model.json").symlink_to(model)
    (tmp_path / "folder.json").mkdir()
    was = source.read_bytes(), model.read_bytes()
    with pytest.raises(OutputError, match=r"another file|a folder"):
        convert(job(source, tmp_path / "out.mp4", model, report=tmp_path / name))
    assert (source.read_bytes(), model.read_bytes()) == was


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="devices of Linux")
def test_devices_are_no_outputs(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=3))
    (tmp_path / "out.mp4").symlink_to("/dev/full")
    with pytest.raises(OutputError, match="not a regular file"):
        convert(job(source, tmp_path / "out.mp4", model, force=True))
    with pytest.raises(OutputError, match="not a regular file"):
        convert(job(source, tmp_path / "other.mp4", model, report=Path("/dev/full")))
    assert Path("/dev/full").is_char_device()


def test_a_link_stays_a_link(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=3))
    real = tmp_path / "real.mp4"
    real.write_bytes(b"old")
    link = tmp_path / "link.mp4"
    link.symlink_to(real)
    convert(job(source, link, model, force=True), finder=Scripted())
    assert link.is_symlink()
    assert len(times(real)) == 3


class Failing:
    """A face finder that fails half-way."""

    def __init__(self, error: BaseException) -> None:
        self._error, self._seen = error, 0

    def find(self, frame: Frame) -> tuple[Face, ...]:
        self._seen += 1
        if self._seen == 15:
            raise self._error
        return ()

    def reset(self) -> None:
        pass


@pytest.mark.parametrize("error", [MummerError("broken model"), KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.parametrize("existing", [False, True])
def test_a_failure_leaves_nothing_behind(tmp_path: Path, model: Path, error: BaseException, existing: bool) -> None:
    source, target = make(tmp_path / "in.mp4"), tmp_path / "out.mp4"
    if existing:
        target.write_bytes(b"precious")
    finder: FaceFinder = Failing(error)
    before = left_in(tmp_path)
    with pytest.raises(type(error)):
        convert(job(source, target, model, force=existing, report=tmp_path / "r.json"), finder=finder)
    assert left_in(tmp_path) == before
    assert not existing or target.read_bytes() == b"precious"


@pytest.mark.shared
@pytest.mark.parametrize("name", ["d0", "d19"])
def test_real_clips_keep_times_and_sound(shared: Path, tmp_path: Path, model: Path, name: str) -> None:
    source, target = shared / "media" / f"{name}.mp4", tmp_path / "out.mp4"
    report = convert(job(source, target, model), finder=Scripted((100, 100, 250)))
    assert times(target) == times(source)
    assert payloads(target) == payloads(source)
    assert report.frames_swapped == report.frames_in


# other files


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path, model: Path) -> None:
    source, target = make(tmp_path / "in.mp4", Clip(frames=5)), tmp_path / "out.mp4"

    def appear(done: int, expected: int) -> None:
        target.write_bytes(b"precious")

    with pytest.raises(OutputError, match=r"appeared meanwhile and was left alone; what was made is in .*out-2.mp4"):
        convert(job(source, target, model), appear)
    assert target.read_bytes() == b"precious"
    assert times(tmp_path / "out-2.mp4") == times(source)
    assert left_in(tmp_path) == ["in.mp4", "out-2.mp4", "out.mp4"]
    convert(job(source, target, model, force=True), appear)
    assert times(target) == times(source)


def test_one_output_has_one_job_at_a_time(tmp_path: Path, model: Path) -> None:
    one, two = make(tmp_path / "one.mp4", Clip(frames=5)), make(tmp_path / "two.mp4", Clip(frames=9))
    target, refused = tmp_path / "out.mkv", list[OutputError]()

    def meanwhile(done: int, expected: int) -> None:
        with pytest.raises(OutputError, match=r"out\.mkv: another job is at work on it") as refusal:
            convert(job(two, target, model))
        refused.append(refusal.value)

    convert(job(one, target, model), meanwhile)
    assert len(refused) == 5
    assert times(target) == times(one)
    assert left_in(tmp_path) == ["one.mp4", "out.mkv", "out.mkv.c2pa", "two.mp4"]


def test_a_report_replaces_reports_only(tmp_path: Path, model: Path) -> None:
    source, target, page = make(tmp_path / "in.mp4", Clip(frames=5)), tmp_path / "out.mp4", tmp_path / "thesis.json"
    page.write_text('{"chapters": []}')
    with pytest.raises(OutputError, match=r"thesis.json: exists already, and is no report of a job"):
        convert(job(source, target, model, report=page))
    assert left_in(tmp_path) == ["in.mp4", "thesis.json"]
    convert(job(source, target, model, report=page, force=True))
    before = page.read_text()
    convert(job(source, tmp_path / "again.mp4", model, report=page))
    assert page.read_text() != before


def test_an_output_stays_where_its_report_cannot_be_written(tmp_path: Path, model: Path) -> None:
    source, target, folder = make(tmp_path / "in.mp4", Clip(frames=5)), tmp_path / "out.mp4", tmp_path / "reports"
    folder.mkdir()

    def gone(done: int, expected: int) -> None:
        if done == 1:
            folder.rmdir()

    with pytest.raises(OutputError, match=r"r.json: cannot be written: no such file.*; the output itself is finished"):
        convert(job(source, target, model, report=folder / "r.json"), gone)
    assert times(target) == times(source)
    assert left_in(tmp_path) == ["in.mp4", "out.mp4"]


# what the container promised


def sound_ends(path: Path) -> Fraction:
    with av.open(str(path)) as container:
        ends = [(p.pts or 0) + (p.duration or 0) for p in container.demux(audio=0) if p.size]
        return max(ends) * (container.streams.audio[0].time_base or 0)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_a_stream_that_begins_below_zero_plays_whole(tmp_path: Path, model: Path, suffix: str) -> None:
    """The clock of a transport stream goes round; other containers have no time before zero."""
    clip = Clip(
        frames=75,
        time_base=Fraction(1, 90000),
        pts=[3600 * (number - 50) for number in range(75)],
        audio_start=-2 * 48000,
        audio_seconds=3,
        container_options={"mpegts_copyts": "1", "avoid_negative_ts": "disabled"},
    )
    source, target = make(tmp_path / "in.ts", clip), tmp_path / f"out{suffix}"
    before = times(source)
    assert before[0] < -1.9
    report = convert(job(source, target, model))
    after = times(target)
    assert len(after) == len(before) == 75
    moved = [new - old for new, old in zip(after, before, strict=True)]
    assert max(moved) - min(moved) <= Fraction(1, 1000)
    assert abs(sound_ends(target) - sound_ends(source) - moved[0]) < Fraction(1, 500)
    assert [len(packets) for packets in payloads(target)] == [len(packets) for packets in payloads(source)]
    assert [words for words in report.warnings if "below zero" in words]


@pytest.mark.parametrize("codec", ["ac3", "aac", "mp3", "pcm_s16le"])
def test_sound_in_avi_is_as_long_as_it_was(tmp_path: Path, model: Path, codec: str) -> None:
    clip = Clip(frames=50, codec="mpeg4", options={}, audio=codec)
    first, second, third = make(tmp_path / "in.mkv", clip), tmp_path / "first.avi", tmp_path / "second.avi"
    convert(job(first, second, model))
    convert(job(second, third, model))
    for path in (second, third):
        assert abs(sound_ends(path) - sound_ends(first)) < Fraction(1, 20)
        assert payloads(path) == payloads(first)


def test_a_damaged_index_is_an_error(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=175))
    data = bytearray(source.read_bytes())
    sizes = data.index(b"stsz") + 12  # the number of samples, of 175
    assert data[sizes : sizes + 4] == (175).to_bytes(4)
    data[sizes : sizes + 4] = (22).to_bytes(4)
    source.write_bytes(data)
    with pytest.raises(
        InputError, match=r"cut short: its video ends at 1.\d+ s, and should reach 7.\d+ s; get a whole"
    ):
        convert(job(source, tmp_path / "out.mp4", model, keep_damaged=False))
    assert left_in(tmp_path) == ["in.mp4"]
    report = convert(job(source, tmp_path / "out.mp4", model))
    assert report.frames_out == 22
    assert any("its video ends at" in words for words in report.warnings)


def test_a_recording_of_unknown_length_that_breaks_off_is_an_error(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mkv", Clip(frames=175))
    data = bytearray(source.read_bytes())
    length = data.index(b"\x18\x53\x80\x67") + 4
    data[length : length + 8] = b"\x01" + b"\xff" * 7  # all ones: unknown
    source.write_bytes(data)
    convert(job(source, tmp_path / "whole.mkv", model))
    between_clusters = data.rindex(b"\x1f\x43\xb6\x75")
    for size, says in (
        (between_clusters, r"its content ends at [45]\.\d+ s, and should reach 7\.\d+ s"),
        (len(data) * 6 // 10, r"its cluster ends at byte [\d,]+ and the file at [\d,]+"),
    ):
        source.write_bytes(data[:size])
        with pytest.raises(InputError, match=f"cut short: {says}"):
            convert(job(source, tmp_path / "out.mkv", model, keep_damaged=False))
        assert not (tmp_path / "out.mkv").exists()


def test_an_empty_mask_is_not_no_face(tmp_path: Path, model: Path) -> None:
    network = onnx.load(model)
    (inside,) = (tensor for tensor in network.graph.initializer if tensor.name == "inside")
    inside.CopyFrom(numpy_helper.from_array(np.zeros_like(numpy_helper.to_array(inside)), "inside"))
    onnx.save(network, tmp_path / "empty.onnx")
    source = make(tmp_path / "in.mp4", Clip(frames=5))
    one = job(source, tmp_path / "out.mp4", tmp_path / "empty.onnx")
    report = convert(one, finder=Scripted((20, 20, 64)))
    assert report.faces == 0
    assert report.warnings == ["the model's mask was empty for 5 of the faces found: they are as they were"]


def test_strict_refuses_a_loss_before_the_work_starts(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=4))
    finder = Scripted((20, 20, 64))
    with pytest.raises(OutputError, match="with --strict nothing may be lost: the encoder prores_ks") as refused:
        convert(job(source, tmp_path / "out.mkv", model, encoding=Encoding("prores_ks"), strict=True), finder=finder)
    assert "\n" not in str(refused.value)
    assert finder._seen == 0
    assert left_in(tmp_path) == ["in.mp4"]
    convert(job(source, tmp_path / "out.mp4", model, strict=True), finder=finder)


def test_the_report_sets_the_output_against_the_input(tmp_path: Path, model: Path) -> None:
    source = make(tmp_path / "in.mp4", Clip(frames=4, tags=(1, 1, 1, 1)))
    report = convert(job(source, tmp_path / "out.mkv", model, encoding=Encoding("ffv1")), finder=Scripted())
    rows = {row.what: row for row in report.compared}
    assert (rows["codec"].input, rows["codec"].output, rows["codec"].kept) == ("h264", "ffv1", False)
    for what in ("size", "matrix", "chroma location", "fields", "starts at", "stream 1"):
        assert rows[what].kept, what
    assert "mkv" in rows["container"].output or "matroska" in rows["container"].output
