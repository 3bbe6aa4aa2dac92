"""Model files as they come: good, odd and hostile. The graphs are built by hand, without torch."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from realtime.runtime.errors import ConsentError, ModelError, UsageError
from realtime.settings import ModelOptions
from realtime.swap import open_model
from realtime.swap.consent import Identity
from realtime.swap.library import find_model, list_models
from realtime.swap.manifest import KEY, Manifest, Tensors, Training
from tests.realtime.tiny import CONSENT

SIZE = 64


def manifest(**changes: object) -> str:
    made = Manifest(
        architecture={"name": "negative"},
        size=SIZE,
        template="whole-face",
        identities=(Identity(id="nobody", name="Nobody", kind="synthetic", consent=CONSENT),),
        licence="MIT",
        training=Training(counts=(1,), iterations=0, code_version="0"),
        weights_sha256="0" * 64,
    )
    return made.model_copy(update=changes).model_dump_json()


def negative(
    *,
    text: str | None = "",
    size: int = SIZE,
    batch: int | str = "n",
    dtype: int = TensorProto.UINT8,
    names: tuple[str, str, str] = ("face", "swapped", "mask"),
    nodes: list[onnx.NodeProto] | None = None,
    domains: tuple[str, ...] = (),
) -> onnx.ModelProto:
    """A model whose face is the picture's negative and whose mask is the picture's red."""
    face, swapped, mask = names
    graph = helper.make_graph(
        nodes
        or [
            helper.make_node("BitwiseNot", [face], [swapped]),
            helper.make_node("Slice", [face, "zero", "one", "axis"], [mask]),
        ],
        "negative",
        [helper.make_tensor_value_info(face, dtype, [batch, size, size, 3])],
        [
            helper.make_tensor_value_info(swapped, dtype, [batch, size, size, 3]),
            helper.make_tensor_value_info(mask, dtype, [batch, size, size, 1]),
        ],
        [
            helper.make_tensor(name, TensorProto.INT64, [1], [value])
            for name, value in (("zero", 0), ("one", 1), ("axis", 3))
        ],
    )
    opsets = [helper.make_opsetid("", 18), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=10)
    if text is not None:
        helper.set_model_props(model, {KEY: text or manifest()})
    return model


def save(model: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_swap_answers_a_face_and_its_mask(tmp_path: Path) -> None:
    model = open_model(str(save(negative(), tmp_path)), "cpu")
    crops = np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)
    swapped, mask = model.swap(crops)
    np.testing.assert_array_equal(swapped, 255 - crops)
    np.testing.assert_array_equal(mask, crops[..., 0])
    strided, _ = model.swap(crops[:, :, ::-1])
    np.testing.assert_array_equal(strided, 255 - crops[:, :, ::-1])
    assert model.swap(crops[:0])[1].shape == (0, SIZE, SIZE)
    assert (model.size, model.template.name, model.manifest.identities[0].name) == (
        SIZE,
        "whole-face",
        "Nobody",
    )
    assert [port.name for port in (*model.inputs, *model.outputs)] == ["face", "swapped", "mask"]


def test_other_templates_are_taken_from_the_manifest(tmp_path: Path) -> None:
    model = open_model(str(save(negative(text=manifest(template="facefusion")), tmp_path)), "cpu")
    assert model.template.name == "facefusion"


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, SIZE, SIZE, 3), np.float32),
        np.zeros((1, SIZE, SIZE // 2, 3), np.uint8),
        np.zeros((SIZE, SIZE, 3), np.uint8),
    ],
)
def test_wrong_crops_are_our_own_bug(tmp_path: Path, crops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="crops"):
        open_model(str(save(negative(), tmp_path)), "cpu").swap(crops)


ODD = {
    "no manifest": (negative(text=None), "manifest"),
    "manifest is no JSON": (negative(text="{"), "manifest"),
    "manifest lacks": (negative(text='{"format": 1}'), "architecture"),
    "manifest has more": (negative(text=manifest()[:-1] + ', "run": "me"}'), "run"),
    "newer manifest": (negative(text=manifest(format=2)), "format"),
    "unknown template": (negative(text=manifest(template="left-ear")), "left-ear"),
    "other size": (negative(size=32), "shape"),
    "free size": (negative(size="s"), "shape"),  # type: ignore[arg-type]
    "fixed batch": (negative(batch=1), "batch"),
    "other names": (negative(names=("in_face:0", "swapped", "mask")), "in_face:0"),
    "no mask": (negative(names=("face", "swapped", "alpha")), "mask"),
    "signed": (negative(dtype=TensorProto.INT8), "int8"),
}


@pytest.mark.parametrize("case", ODD)
def test_files_that_do_not_fit_are_refused_in_one_line(tmp_path: Path, case: str) -> None:
    model, says = ODD[case]
    path = save(model, tmp_path)
    with pytest.raises(ModelError, match=says) as refusal:
        open_model(str(path), "cpu")
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"hello, this is no model", bytes(range(256)) * 64])
def test_files_that_are_no_model_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as refusal:
        open_model(str(path), "cpu")
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_a_truncated_file_is_refused(tmp_path: Path) -> None:
    path = save(negative(), tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ModelError):
        open_model(str(path), "cpu")


def test_missing_files_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such"):
        open_model(str(tmp_path / "none.onnx"), "cpu")
    with pytest.raises(ModelError, match="folder"):
        open_model(str(tmp_path), "cpu")


def test_weights_in_another_file_are_not_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = negative()
    outside = model.graph.initializer[0]
    np.zeros(1, np.int64).tofile(tmp_path / "weights.bin")
    outside.ClearField("int64_data")
    outside.data_location = TensorProto.EXTERNAL
    outside.external_data.add(key="location", value="weights.bin")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError) as refusal:
        open_model(str(save(model, tmp_path)), "cpu")
    assert "another file" in str(refusal.value)


def test_operators_outside_the_standard_are_refused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Telephone", ["face"], ["swapped"], domain="com.example"),
        helper.make_node("Slice", ["face", "zero", "one", "axis"], ["mask"]),
    ]
    with pytest.raises(ModelError):
        open_model(str(save(negative(nodes=nodes, domains=("com.example",)), tmp_path)), "cpu")


def test_models_are_found_by_name_or_path(tmp_path: Path) -> None:
    path = save(negative(), tmp_path)
    assert find_model(str(path)) == path
    for built_in in list_models():
        assert find_model(built_in.stem) == built_in
    with pytest.raises(ModelError, match="built in"):
        find_model("nobody-at-all")
    with pytest.raises(ModelError, match="no such"):
        find_model(str(tmp_path / "none.onnx"))


def two_faces(**changes: object) -> onnx.ModelProto:
    """One file, two identities: the negative, and the face as it is; only the chosen branch runs."""
    picture = helper.make_tensor_value_info("x", TensorProto.UINT8, None)
    branches = {
        f"{branch}_branch": helper.make_graph([helper.make_node(op, ["face"], ["x"])], branch, [], [picture])
        for branch, op in (("then", "Identity"), ("else", "BitwiseNot"))
    }
    nodes = [
        helper.make_node("Cast", ["identity"], ["second"], to=TensorProto.BOOL),
        helper.make_node("If", ["second"], ["swapped"], **branches),
        helper.make_node("Slice", ["face", "zero", "one", "axis"], ["mask"]),
    ]
    people = tuple(Identity(id=name, name=name, kind="synthetic", consent=CONSENT) for name in ("ann", "bob"))
    model = negative(
        text=manifest(**{"identities": people, "tensors": Tensors(identity="identity")} | changes), nodes=nodes
    )
    model.graph.input.append(helper.make_tensor_value_info("identity", TensorProto.INT64, [1]))
    return model


def test_one_file_with_several_faces_switches_between_them(tmp_path: Path) -> None:
    path = str(save(two_faces(), tmp_path))
    crops = np.random.default_rng(0).integers(0, 256, (2, SIZE, SIZE, 3), np.uint8)
    model = open_model(path, "cpu")
    assert model.identity == "ann"
    np.testing.assert_array_equal(model.swap(crops)[0], 255 - crops)
    model.identity = "bob"
    np.testing.assert_array_equal(model.swap(crops)[0], crops)
    with pytest.raises(UsageError, match="ann, bob"):
        model.identity = "eve"
    assert model.identity == "bob"
    assert [person.name for person in model.shown] == ["bob"]
    assert open_model(path, "cpu", ModelOptions(identity="bob")).identity == "bob"


def test_faces_are_switched_while_others_swap(tmp_path: Path) -> None:
    """One thread swaps, another switches: each answer is one face or the other, whole."""
    model = open_model(str(save(two_faces(), tmp_path)), "cpu")
    crops = np.full((1, SIZE, SIZE, 3), 10, np.uint8)
    stop = Event()

    def switch() -> None:
        while not stop.is_set():
            for name in ("ann", "bob"):
                model.identity = name

    with ThreadPoolExecutor() as pool:
        switching = pool.submit(switch)
        seen = {tuple(np.unique(model.swap(crops)[0])) for _ in range(300)}
        stop.set()
        switching.result()
    assert seen == {(10,), (245,)}


def test_faces_that_cannot_be_chosen_are_not(tmp_path: Path) -> None:
    """Two people in one face: both must have agreed, and there is nothing to choose."""
    people = tuple(Identity(id=name, name=name, kind="synthetic", consent=CONSENT) for name in ("ann", "bob"))
    path = str(save(negative(text=manifest(identities=people)), tmp_path))
    model = open_model(path, "cpu")
    assert model.shown == model.identities == people
    with pytest.raises(UsageError, match="--identity ann"):
        open_model(path, "cpu", ModelOptions(identity="ann"))
    silent = (people[0], people[1].model_copy(update={"consent": None}))
    with pytest.raises(ConsentError, match="bob"):
        open_model(str(save(negative(text=manifest(identities=silent)), tmp_path)), "cpu")


@pytest.mark.parametrize(
    ("shape", "kind"), [([2], TensorProto.INT64), ([1], TensorProto.INT32), (["n"], TensorProto.INT64)]
)
def test_the_choice_is_one_number(tmp_path: Path, shape: list[int | str], kind: int) -> None:
    model = two_faces()
    model.graph.input[1].CopyFrom(helper.make_tensor_value_info("identity", kind, shape))
    with pytest.raises(ModelError, match="identity"):
        open_model(str(save(model, tmp_path)), "cpu")


def test_every_built_in_model_keeps_its_contract() -> None:
    for path in list_models():
        model = open_model(str(path), "cpu")
        swapped, mask = model.swap(np.full((2, model.size, model.size, 3), 128, np.uint8))
        assert swapped.shape == (2, model.size, model.size, 3)
        assert mask.shape == swapped.shape[:3]
        assert all(identity.kind in ("synthetic", "public-domain") for identity in model.manifest.identities)
        assert path.stat().st_size <= 16e6
