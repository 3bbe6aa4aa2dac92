"""Several people at once: who gets which model, through a crossing and a cut, and what is said of it."""

from dataclasses import replace
from pathlib import Path

import av
import pytest

from realtime.finder import BuiltinFinder
from realtime.finder.people import People
from realtime.jobs.convert import Job, convert
from realtime.jobs.report import Report
from realtime.jobs.save_faces import look_through
from realtime.marking.provenance.verify import verify
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.errors import MummerError, OutputError
from realtime.runtime.stages import Stages
from realtime.settings import Look
from realtime.swapper import make_swapper
from tests.realtime.clips import payloads
from tests.realtime.crossing import Crossing, painted, write_crossing, write_two
from tests.realtime.tiny import NEGATIVE, make_model

RED, BLUE = (230, 30, 30), (30, 30, 230)
#: Pixels between two people from which on the face behind is seen whole.
APART = 125


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("models")
    return {
        name: make_model(
            folder / f"{name}.onnx",
            paint=paint,
            identities=(NEGATIVE.model_copy(update={"id": name, "name": name.title()}),),
        )
        for name, paint in (("bob", RED), ("carol", BLUE))
    }


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Crossing:
    folder = tmp_path_factory.mktemp("crossing")
    return write_crossing(folder / "crossing.mp4", *write_two(folder))


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments so short that there are several, and one ends within the crossing."""
    monkeypatch.setattr("realtime.jobs.segments.plan.GRID", 30)


def look(models: dict[str, Path], *entries: str) -> Look:
    named = [f"{who}={models[name]}" for who, name in (entry.split("=") for entry in entries)]
    return Look(map=tuple(named), color="none", sharpen=0, label=None, device="cpu")


def share_right(target: Path, clip: Crossing, front: tuple[int, int, int], back: tuple[int, int, int]) -> float:
    """The share of frames in which everybody who is seen has the right colour, and nobody another one."""
    right = 0
    with av.open(str(target)) as made:
        pictures = [frame.to_ndarray(format="rgb24") for frame in made.decode(video=0)]
    for picture, (ahead, behind) in zip(pictures, clip.places, strict=True):
        good = painted(picture, ahead, front) > 300
        if abs(ahead - behind) >= APART:
            good = good and painted(picture, ahead, back) < 300
            good = good and painted(picture, behind, back) > 300 and painted(picture, behind, front) < 300
        right += good
    return right / len(pictures)


def test_two_people_keep_their_models_through_a_crossing(
    tmp_path: Path, models: dict[str, Path], crossing: Crossing
) -> None:
    target = tmp_path / "out.mp4"
    report = convert(Job(crossing.path, target, look(models, "left=bob", "right=carol")))
    assert share_right(target, crossing, RED, BLUE) >= 0.99
    assert [(role.who, role.model.name) for role in report.cast] == [("left", "bob"), ("right", "carol")]
    assert any("known by its looks" in words for words in report.warnings)
    assert not any("in one piece" in words for words in report.warnings)
    facts = verify(target).signature.facts
    assert facts is not None
    assert [each.name for each in facts.identities] == ["Bob", "Carol"]
    assert facts.settings["map"] == "left=bob right=carol"
    assert all(role.model.sha256 in str(facts.settings["models"]) for role in report.cast)


@pytest.mark.parametrize(("front", "back"), [("d6", "d19"), ("d19", "d6"), ("d9", "d6")])
def test_two_real_people_keep_their_models_through_a_crossing(
    tmp_path: Path, shared: Path, models: dict[str, Path], front: str, back: str
) -> None:
    media = shared / "media"
    clip = write_crossing(tmp_path / "in.mp4", media / f"{front}.mp4", media / f"{back}.mp4")
    target = tmp_path / "out.mp4"
    convert(Job(clip.path, target, look(models, "left=bob", "right=carol")))
    assert share_right(target, clip, RED, BLUE) >= 0.99


def test_a_face_keeps_its_number_through_a_cut(tmp_path: Path) -> None:
    clip = write_crossing(tmp_path / "cut.mp4", *write_two(tmp_path), cut=6)
    people, seen = People(BuiltinFinder("cpu")), list[list[int]]()
    source = FileSource(clip.path)
    for frame in source:
        if isinstance(frame, Frame):
            faces = sorted(people.find(frame), key=lambda face: float(face.landmarks[0, 0]))
            seen.append([face.track for face in faces])
        if len(seen) == 24:
            break
    source.close()
    assert seen[:6] == [[0, 1]] * 6 and seen[7:13] == [[]] * 6 and seen[15:] == [[0, 1]] * 9
    assert sorted(each.track for each in people.reunions) == [0, 1]
    assert all(each.sure > 0.5 for each in people.reunions)


@pytest.mark.parametrize("entries", [("track:0=carol", "all=bob"), ("left=carol", "right=bob")])
def test_saved_tracks_have_their_models_in_segments_too(
    tmp_path: Path, models: dict[str, Path], crossing: Crossing, entries: tuple[str, ...]
) -> None:
    saved, target = tmp_path / "faces.jsonl", tmp_path / "out.mp4"
    look_through(crossing.path, saved, None, device="cpu")
    report = convert(Job(crossing.path, target, look(models, *entries), alignments=saved))
    assert share_right(target, crossing, BLUE, RED) >= 0.99
    assert not any("in one piece" in words for words in report.warnings)


@pytest.fixture(scope="module")
def in_one_run(
    tmp_path_factory: pytest.TempPathFactory, models: dict[str, Path], crossing: Crossing
) -> tuple[Report, list[list[bytes]]]:
    """The crossing, converted without a stop."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("realtime.jobs.segments.plan.GRID", 30)
        target = tmp_path_factory.mktemp("whole") / "whole.mp4"
        report = convert(Job(crossing.path, target, look(models, "left=bob", "right=carol")))
    return report, payloads(target, "video")


@pytest.mark.parametrize("seen", [40, 200], ids=["while faces are found", "while they are swapped"])
def test_a_map_goes_on_after_a_stop_and_is_shared_by_workers(
    tmp_path: Path,
    models: dict[str, Path],
    crossing: Crossing,
    in_one_run: tuple[Report, list[list[bytes]]],
    seen: int,
) -> None:
    target, (expected, pictures) = tmp_path / "out.mp4", in_one_run
    job = Job(crossing.path, target, look(models, "left=bob", "right=carol"))

    def stop(done: int, _: int) -> None:
        if done > seen:
            raise OutputError("lights out")

    with pytest.raises(MummerError, match=r"lights out .*--resume goes on"):
        convert(job, stop)
    report = convert(replace(job, resume=True, workers=2))
    assert payloads(target, "video") == pictures
    assert (report.faces, report.frames_swapped) == (expected.faces, expected.frames_swapped)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.mp4"]


@pytest.mark.parametrize(("faces", "swapped"), [("left", RED), ("2", BLUE), ("3", None), ("largest", RED)])
def test_one_of_the_faces_of_each_frame(
    models: dict[str, Path], crossing: Crossing, faces: str, swapped: tuple[int, int, int] | None
) -> None:
    source = FileSource(crossing.path)
    swapper = make_swapper(Look(model=str(models["bob"]), faces=faces, device="cpu"), Stages())
    found = swapper.process(source.first)
    source.close()
    middles = [float(face.landmarks[:, 0].mean()) for face in found]
    ahead, behind = crossing.places[0]
    assert len(middles) == (swapped is not None)
    if faces in ("left", "2"):
        assert abs(middles[0] - (ahead if faces == "left" else behind)) < 40


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"map": "left"}, "write it like left=bob"),
        ({"map": "top=bob"}, "write it like left=bob"),
        ({"map": "left=a left=b"}, "left comes twice"),
        ({"map": "left=a", "model": "marble"}, "leave out model"),
        ({"map": "left=a", "faces": "largest"}, "leave out faces"),
        ({"faces": "top"}, "say all, largest, left, right"),
        ({"faces": "0"}, "say all, largest, left, right"),
    ],
)
def test_what_makes_no_sense_is_told(given: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Look.model_validate(given)
    assert Look.model_validate({"map": {"left": "bob", "track:3": "carol"}}).models == ("bob", "carol")
    assert Look.model_validate({"map": ['left=bob right="a b"', "all=bob"]}).models == ("bob", "a b")
