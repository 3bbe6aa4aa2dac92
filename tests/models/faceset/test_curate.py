"""Sorting, setting aside and bringing back, joining and dividing: nothing is ever lost."""

from pathlib import Path

import av
import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from models.faceset import curate
from models.faceset.extract import Extraction, extract
from models.faceset.flaws import FLAWS
from models.faceset.folder import Faceset
from models.faceset.frame_sources import Pick
from models.faceset.join import merge
from models.faceset.order import ORDERS
from models.faceset.people import Embedder, GreyPicture, split
from models.faceset.pose import pose_of
from models.faceset.reading import read_faceset
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, ModelError, OutputError, UsageError
from realtime.swap.consent import Identity

FRAMES = 24


def files(faceset: Faceset) -> dict[str, bytes]:
    """Every picture and mask, wherever it lies."""
    return {
        f"{path.parent.name == 'masks'} {path.name}": path.read_bytes()
        for part in ("faces", "masks", "pruned")
        for path in (faceset.folder / part).rglob("*.*")
    }


@pytest.mark.parametrize("by", ORDERS)
def test_sorting_loses_nothing(faceset: Faceset, by: str) -> None:
    before = {record.file: record for record in faceset.records()}
    curate.sort(faceset, by)
    after = faceset.records()
    assert {record.file: record for record in after} == before
    links = sorted(path.name for path in (faceset.folder / "sorted").glob("[0-9]*"))
    assert [name.partition("-")[2] for name in links] == [record.file for record in after]
    assert read_faceset(faceset.folder, 32).names == tuple(record.file for record in after)


def test_orders_are_what_they_say(faceset: Faceset) -> None:
    curate.sort(faceset, "yaw")
    yaws = [record.yaw for record in faceset.records()]
    assert yaws == sorted(yaws)
    curate.sort(faceset, "sharpness")
    sharp = [record.sharpness for record in faceset.records()]
    assert sharp == sorted(sharp, reverse=True)
    theirs = faceset.folder / "sorted" / "1-my notes.txt"
    theirs.write_text("keep")
    curate.sort(faceset, "time")
    assert theirs.read_text() == "keep"
    assert [record.frame for record in faceset.records()] == list(range(FRAMES))
    with pytest.raises(UsageError, match="no order 'size'"):
        curate.sort(faceset, "size")


def test_what_is_set_aside_comes_back(faceset: Faceset) -> None:
    before, order = files(faceset), faceset.index.path.read_bytes()
    found = curate.prune(faceset, ["duplicate"], dry=True)
    assert 0 < found["duplicate"] < FRAMES
    assert faceset.index.path.read_bytes() == order
    assert curate.prune(faceset, ["duplicate"]) == found
    assert len(read_faceset(faceset.folder, 32)) == FRAMES - found["duplicate"]
    assert len(list((faceset.folder / "pruned").glob("*.jpg"))) == found["duplicate"]
    assert not curate.prune(faceset, ["duplicate"])  # those that are left are all different
    assert files(faceset) == before
    assert curate.restore(faceset, ["blurred"]) == 0
    with pytest.raises(UsageError, match="nothing is set aside for 'ugly'"):
        curate.restore(faceset, ["ugly"])
    assert curate.restore(faceset) == found["duplicate"]
    assert faceset.index.path.read_bytes() == order
    assert len(read_faceset(faceset.folder, 32)) == FRAMES


def test_faces_set_aside_are_not_collected_again(film: Path, faceset: Faceset) -> None:
    found = curate.prune(faceset, ["duplicate"])
    faceset.sources.path.unlink()
    assert extract(Extraction((str(film),), faceset.folder, size=64, format="jpeg")).added == 0
    assert len(faceset.faces()) == FRAMES - found["duplicate"]


def test_an_interrupted_move_is_finished(faceset: Faceset, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", refuse_after(Path.replace, 5))
        with pytest.raises(OutputError, match="cannot be moved"):
            curate.prune(faceset, ["duplicate"])
    aside = [record for record in faceset.records() if record.pruned]
    assert aside
    assert not curate.prune(faceset, ["dark"])  # whatever comes next finishes it
    assert all(faceset.picture(record).is_file() and faceset.mask(record).is_file() for record in faceset.records())
    assert curate.restore(faceset) == len(aside)


def refuse_after(real: object, times: int) -> object:
    left = [times]

    def replace(self: Path, target: Path) -> Path:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(5, "Input/output error")
        return real(self, target)  # type: ignore[operator,no-any-return]

    return replace


def test_links_deleted_by_hand_set_faces_aside(faceset: Faceset) -> None:
    with pytest.raises(InputError, match="mummer faceset sort"):
        curate.prune(faceset, ["deleted"])
    curate.sort(faceset, "sharpness")
    gone = sorted((faceset.folder / "sorted").glob("[0-9]*"))[-3:]
    for path in gone:
        path.unlink()
    assert curate.prune(faceset, ["deleted"])["deleted"] == 3
    aside = {record.file for record in faceset.records() if record.pruned == "deleted"}
    assert aside == {path.name.partition("-")[2] for path in gone}


def test_pictures_deleted_by_hand_are_not_missed(faceset: Faceset) -> None:
    for record in faceset.records()[:4]:
        faceset.picture(record).unlink()
    assert len(read_faceset(faceset.folder, 32)) == FRAMES - 4
    assert curate.sort(faceset, "yaw") == FRAMES - 4
    assert len(faceset.records()) == FRAMES


def test_flaws_are_found_in_faces_that_have_them(whole: Faceset) -> None:
    records = whole.records()
    random = np.random.default_rng(3)
    jitter = [(x + random.normal(0, 9), y + random.normal(0, 9)) for x, y in records[0].landmarks]
    misfit = pose_of(np.array(jitter, np.float32)).misfit
    changed = {
        "misaligned": {"misfit": misfit},
        "blurred": {"sharpness": records[0].sharpness / 4},
        "dark": {"brightness": 0.05},
        "bright": {"brightness": 0.95},
    }
    for name, values in changed.items():
        flags = FLAWS[name].find([records[0].model_copy(update=values), *records[1:]])
        assert flags.tolist() == [True] + [False] * (FRAMES - 1), name


def test_sets_are_joined_without_doubles(film: Path, faceset: Faceset, tmp_path: Path) -> None:
    other = tmp_path / "other"
    extract(Extraction((str(film),), other, size=64, limit=5))  # PNG: other bytes
    assert merge([faceset, Faceset.open(other)], tmp_path / "both") == FRAMES + 5
    both = Faceset.open(tmp_path / "both")
    assert len(read_faceset(both.folder, 32)) == FRAMES + 5
    assert merge([both, faceset], tmp_path / "again") == FRAMES + 5
    assert extract(Extraction((str(film),), both.folder, size=64)).passed == 1  # it remembers the films
    with pytest.raises(OutputError, match="exists already"):
        merge([both, faceset], tmp_path / "again")


def test_sets_that_do_not_fit_are_not_joined(film: Path, faceset: Faceset, whole: Faceset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"64 px.*128 px|128 px.*64 px"):
        merge([faceset, whole], tmp_path / "both")
    extract(
        Extraction(
            (str(film),), tmp_path / "ann", size=64, limit=2, identity=Identity(id="ann", name="Ann", kind="self")
        )
    )
    with pytest.raises(InputError, match=r"nobody named.*of ann"):
        merge([faceset, Faceset.open(tmp_path / "ann")], tmp_path / "both")
    assert not (tmp_path / "both").exists()


@pytest.fixture(scope="module")
def pair(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Faceset:
    """The faces of a film with two people beside each other: the portrait, and the same one darkened and mirrored."""
    folder = tmp_path_factory.mktemp("pair")
    with av.open(str(folder / "two.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=20)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 720, 270, "yuv420p"
        for item in FileSource(film):
            if isinstance(item, Frame):
                rgb = item.warp(np.array([[1.0, 0, -60], [0, 1, 0]]), (360, 270))
                both = np.hstack([rgb, (rgb[:, ::-1] * 0.6).astype(np.uint8)])
                out.mux(stream.encode(av.VideoFrame.from_ndarray(both, format="rgb24")))
        out.mux(stream.encode(None))
    extract(Extraction((str(folder / "two.mp4"),), folder / "set", size=64))
    return Faceset.open(folder / "set")


def test_two_in_one_frame_are_two_people(pair: Faceset, tmp_path: Path) -> None:
    made = split(pair, tmp_path / "people", GreyPicture())
    assert sum(count for _, count in made) == len(pair.records()) > FRAMES
    assert len(made) == 2
    for folder, _ in made:
        records = Faceset.open(folder).records()
        assert len({record.frame for record in records}) == len(records)
    with pytest.raises(OutputError, match="exists already"):
        split(pair, tmp_path / "people", GreyPicture())


def embedder(path: Path, rank: int = 2) -> Path:
    """An embedding that is the picture itself, halved in size four times: real ONNX, poor judge."""
    nodes = [
        helper.make_node("AveragePool", ["x"], ["small"], kernel_shape=[16, 16], strides=[16, 16]),
        helper.make_node("Flatten", ["small"], ["y"], axis=1)
        if rank == 2
        else helper.make_node("Identity", ["small"], ["y"]),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 112, 112])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, None)
    graph = helper.make_graph(nodes, "embedder", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    return path


def test_an_embedding_tells_people_apart(pair: Faceset, tmp_path: Path) -> None:
    measure = Embedder(embedder(tmp_path / "e.onnx"), "cpu")
    record = pair.records()[0]
    picture = cv2.cvtColor(cv2.imread(str(pair.picture(record))), cv2.COLOR_BGR2RGB)
    vector = measure(np.asarray(picture, np.uint8), record)
    assert vector.shape == (147,)
    assert np.isclose(np.linalg.norm(vector), 1)
    assert len(split(pair, tmp_path / "people", measure)) == 2
    with pytest.raises(ModelError, match="not an ArcFace network: it answers"):
        Embedder(embedder(tmp_path / "f.onnx", rank=4), "cpu")(np.asarray(picture, np.uint8), record)


def test_no_faceset_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        Faceset.open(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"not a faceset, there is no faces\.jsonl"):
        Faceset.open(tmp_path)
    (tmp_path / "faces.jsonl").touch()
    with pytest.raises(InputError, match="no faces in it"):
        curate.sort(Faceset.open(tmp_path), "yaw")
    with pytest.raises(UsageError, match="--duplicates"):
        curate.prune(Faceset.open(tmp_path), [])
    (tmp_path / "faces.jsonl").write_text('{"file": "a.png"}\n')
    with pytest.raises(InputError, match=r"faces\.jsonl: line 1 is not"):
        Faceset.open(tmp_path).records()


@pytest.mark.shared
def test_grey_pictures_tell_real_people_apart(shared: Path, tmp_path: Path) -> None:
    clips = tuple(str(shared / "media" / f"{name}.mp4") for name in ("d0", "s18", "s32"))
    extract(Extraction(clips, tmp_path / "crowd", size=128, pick=Pick(every=20), format="jpeg"))
    made = split(Faceset.open(tmp_path / "crowd"), tmp_path / "people", GreyPicture())
    assert len(made) == 3
    assert all(len({record.source.name for record in Faceset.open(folder).records()}) == 1 for folder, _ in made)
