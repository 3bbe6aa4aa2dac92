"""``smart``: what has no face is copied as it is, the rest is as without it, and all of it plays as one stream."""

import subprocess
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.finder.face import Face
from realtime.finder.found import Found
from realtime.jobs.convert import Job, convert
from realtime.jobs.one_file import convert_one
from realtime.jobs.save_faces import look_through
from realtime.jobs.segments import plan as planning
from realtime.jobs.segments.copies import MARGIN, faces_in
from realtime.jobs.segments.journal import folder_of
from realtime.media.closed_groups import read_closed_groups
from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import MummerError, OutputError, UsageError
from realtime.runtime.process import tune
from realtime.settings import Look
from realtime.settings.part import Part
from tests.realtime.clips import Clip, decoded, make, payloads, talk
from tests.realtime.failing import Failing
from tests.realtime.tiny import make_model

#: Pictures a group; the groups with a face, and all of them.
GROUP = 10
WITH_FACE, ALL = range(2, 4), 5
CLOCK = Fraction(1, 90000)

Pictures = list[tuple[Fraction, bytes]]


@pytest.fixture(autouse=True, scope="module")
def same_memory() -> None:
    """As the command does: some encoders read what they have not written."""
    tune()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a model, and clips with a face in their middle, some of whose pictures are shown longer than others."""
    folder = tmp_path_factory.mktemp("smart")
    make_model(folder / "negative.onnx")
    talk(folder / "face.mp4", (320, 240), GROUP * len(WITH_FACE) / 25, 25)
    with av.open(str(folder / "face.mp4")) as container:
        faces = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    pictures = [sky(number) for number in range(GROUP * ALL)]
    pictures[GROUP * WITH_FACE.start : GROUP * WITH_FACE.stop] = faces
    keys = f"keyint={GROUP}:min-keyint={GROUP}:scenecut=0"
    x264, x265 = {"preset": "veryfast", "x264-params": keys}, {"preset": "ultrafast"}
    write(folder / "clip.mp4", pictures, "libx264", x264)
    write(folder / "lossless.mp4", pictures, "libx264", x264 | {"preset": "ultrafast", "qp": "0", "bf": "2"})
    write(folder / "clip.ts", pictures, "libx264", x264, start=90000)
    write(folder / "clip.mkv", pictures, "libx265", x265 | {"x265-params": f"{keys}:log-level=none:open-gop=0:pools=1"})
    return folder


def sky(number: int) -> Bytes:
    """Nothing in which anybody could see a face: uint8 (240, 320, 3)."""
    down = np.linspace(0, 120, 240)[:, None] + np.linspace(0, 60, 320)[None, :] + number
    return np.ascontiguousarray(np.stack([down, down, down + 40], axis=-1).astype(np.uint8))


def write(path: Path, pictures: list[Bytes], codec: str, options: dict[str, str], start: int = 0) -> None:
    with av.open(str(path), "w") as out:
        video = out.add_stream(codec, rate=25, options=options)
        sound = out.add_stream("aac", rate=48000)
        assert isinstance(video, av.VideoStream)
        assert isinstance(sound, av.AudioStream)
        video.width, video.height, video.pix_fmt = 320, 240, "yuv420p"
        video.codec_context.time_base = CLOCK
        for number, rgb in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = start + 3600 * number + 900 * (number // 7), CLOCK
            out.mux(video.encode(frame))
        for at in range(0, 48000, 1024):
            block = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            block.sample_rate, block.pts = 48000, at + start * 48000 // 90000
            out.mux(sound.encode(block))
        out.mux(video.encode(None))
        out.mux(sound.encode(None))


def job(folder: Path, source: str, target: Path, **changes: object) -> Job:
    look = Look(model=str(folder / "negative.onnx"), label=None)
    return Job(**{"source": folder / source, "target": target, "look": look, "smart": True} | changes)  # type: ignore[arg-type]


def split(pictures: Pictures) -> tuple[Pictures, Pictures]:
    """Those of the groups with a face, and the others."""
    begin, end = GROUP * WITH_FACE.start, GROUP * WITH_FACE.stop
    return pictures[begin:end], pictures[:begin] + pictures[end:]


def packets(path: Path) -> list[tuple[int | None, int | None, bytes]]:
    with av.open(str(path)) as container:
        return [(packet.pts, packet.dts, bytes(packet)) for packet in container.demux() if packet.size]


@pytest.mark.parametrize(
    ("source", "target"),
    [("clip.mp4", "a.mp4"), ("clip.mp4", "a.mkv"), ("clip.ts", "a.mov"), ("clip.ts", "a.ts"), ("clip.mkv", "a.mkv")],
)
def test_what_has_no_face_is_the_same_to_the_bit(tmp_path: Path, folder: Path, source: str, target: str) -> None:
    report = convert(job(folder, source, tmp_path / target, strict=target != "a.mov"))
    assert (report.frames_copied, report.frames_swapped, report.frames_out) == (30, 20, 50)
    before, after = decoded(folder / source), decoded(tmp_path / target)
    apart = Fraction(1, 1000) if target.endswith(".mkv") and source != "clip.mkv" else 0
    assert all(abs(a[0] - b[0]) <= apart for a, b in zip(before, after, strict=True))
    (faces, rest), (new_faces, new_rest) = split(before), split(after)
    assert [each for _, each in new_rest] == [each for _, each in rest]
    assert not {each for _, each in faces} & {each for _, each in new_faces}
    if target != "a.mov":  # which holds AAC in another form than a transport stream
        assert payloads(tmp_path / target) == payloads(folder / source)
    errors = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", "-i", tmp_path / target, "-f", "null", "-"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert errors.stderr == ""


def test_what_is_encoded_is_what_it_is_without(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without loss on either side, the whole output is the same, wherever what is remembered begins anew."""
    monkeypatch.setattr(planning, "GRID", 12)
    look = Look(model=str(folder / "negative.onnx"), label=None, occlusion="on")
    changes = {"encoding": Encoding(crf=0), "look": look}
    with_it = convert(job(folder, "lossless.mp4", tmp_path / "a.mp4", **changes))
    without = convert(job(folder, "lossless.mp4", tmp_path / "b.mp4", **changes, smart=False))
    assert (with_it.frames_copied, without.frames_copied) == (30, 0)
    assert (with_it.faces, with_it.faces_left) == (without.faces, without.faces_left)
    assert decoded(tmp_path / "a.mp4") == decoded(tmp_path / "b.mp4")


def test_it_goes_on_where_it_stopped_and_several_share_the_work(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "GRID", 12)
    whole, target = tmp_path / "whole.mp4", tmp_path / "a.mp4"
    told: list[tuple[int, int]] = []
    convert(job(folder, "clip.mp4", whole), lambda *now: told.append(now))
    assert (told[-1], [done for done, _ in told]) == ((100, 100), sorted(done for done, _ in told))
    with pytest.raises(MummerError, match=r"lights went out \(\d+ % of it is finished and kept"):
        convert(job(folder, "clip.mp4", target), finder=Failing(40))

    def stop(done: int, _: int) -> None:
        if done > 65:  # the faces were found, and a piece is made
            raise MummerError("enough")

    with pytest.raises(MummerError, match="enough"):
        convert(job(folder, "clip.mp4", target, resume=True), stop)
    assert len(list(folder_of(target).glob("*.found"))) == 4
    with pytest.raises(OutputError, match="cannot be resumed: the settings changed"):
        convert(job(folder, "clip.mp4", target, resume=True, smart=False))
    report = convert(job(folder, "clip.mp4", target, resume=True, workers=2))
    assert (report.frames_copied, report.frames_swapped) == (30, 20)
    assert packets(target) == packets(whole)
    assert not folder_of(target).exists()


def test_a_part_and_saved_faces(tmp_path: Path, folder: Path) -> None:
    """A group that is cut into is not copied; where faces are saved nothing is looked for."""
    saved = tmp_path / "clip.jsonl"
    look_through(folder / "clip.mp4", saved, None)
    changes = {"alignments": saved, "part": Part(start=Fraction(1, 5))}
    report = convert(job(folder, "clip.mp4", tmp_path / "a.mp4", **changes), finder=Failing(0))
    assert (report.frames_copied, report.frames_swapped, report.frames_out) == (20, 20, 45)
    assert decoded(tmp_path / "a.mp4")[5][1] == decoded(folder / "clip.mp4")[10][1]


@pytest.mark.parametrize(
    ("source", "target", "changes", "why"),
    [
        ("clip.mp4", "a.mp4", {"look": Look()}, "the label stands in every picture"),
        ("clip.mp4", "a.mp4", {"encoding": Encoding("libx265")}, "the input is h264, and the output hevc"),
        ("clip.mkv", "a.mp4", {}, "mp4 holds HEVC of one encoder only"),
        ("clip.mp4", "a.ts", {}, "decoded before mpegts begins"),
        ("open.mp4", "a.mp4", {"part": Part(start=Fraction(1, 5))}, r"can be decoded by itself \(open GOPs\)"),
        ("fields.mp4", "a.mp4", {}, "the video is interlaced"),
        ("clip.avi", "a.mp4", {}, "converted in one piece"),
        ("clip.mkv", "a.mkv", {"encoding": Encoding("ffv1")}, "the input is hevc, and the output ffv1"),
        ("clip.webm", "a.webm", {}, "in H.264 and HEVC only, and the input is vp9"),
    ],
)
def test_what_cannot_be_copied_is_told_and_encoded(
    tmp_path: Path, folder: Path, source: str, target: str, changes: dict[str, object], why: str
) -> None:
    options = {"preset": "ultrafast"}
    makes = {
        "open.mp4": Clip(options=options | {"x264-params": "open-gop=1:keyint=8:bframes=2:scenecut=0"}, frames=24),
        "fields.mp4": Clip(options=options | {"flags": "+ildct+ilme"}, frames=4),
        "clip.avi": Clip(codec="mpeg4", options={}, audio=None, frames=4),
        "clip.webm": Clip(codec="libvpx-vp9", options={"cpu-used": "8"}, audio=None, frames=4),
    }
    if source in makes:
        make(folder / source, makes[source])
    with pytest.raises(OutputError, match=f"with --strict nothing may be lost: .*nothing was copied, because .*{why}"):
        convert(job(folder, source, tmp_path / target, strict=True, **changes))
    if source == "open.mp4":
        report = convert(job(folder, source, tmp_path / target, **changes))
        assert (report.frames_copied, report.frames_out) == (0, 19)
        assert [words for words in report.warnings if words.startswith("nothing was copied")]


def test_numbered_pictures_are_no_groups(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UsageError, match="--smart is for a video that becomes a video"):
        convert_one(job(folder, "clip.mp4", tmp_path / "%06d.png"))


def test_groups_that_lean_on_each_other_are_one(tmp_path: Path) -> None:
    options = {"preset": "veryfast", "x264-params": "open-gop=1:keyint=8:bframes=2:scenecut=0"}
    source = FileSource(make(tmp_path / "open.mp4", Clip(options=options, frames=24)))
    plan = planning.read_plan(source)
    assert len(plan.keys) > 1
    assert [group.frames for group in read_closed_groups(source, plan.times).groups] == [range(24)]
    source.close()


def test_a_face_reaches_a_little_further_within_its_scene() -> None:
    face = Face(np.zeros((68, 2), np.float32), 1.0, 0)
    frames = [Found((face,) if at == 20 else (), ((0, 0, 1, 1),) if at == 40 else (), at == 22) for at in range(60)]
    expected = [*range(20 - MARGIN, 22), *range(40 - MARGIN, 41 + MARGIN)]
    assert np.flatnonzero(faces_in(frames)).tolist() == expected
