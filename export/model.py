"""A trained network to a model file that checks itself before it appears."""

from dataclasses import dataclass
from pathlib import Path

import onnx
import torch

from export.byte_lite import LEAST_OPSET, in_bytes
from export.checks import check_contract, check_graph
from export.forms import ANSWER, FORMS, Form, Picture
from export.parity import GraphRunner, answer_of, check_answer, check_batches, check_float32, psnr
from export.precision import BARS, convert
from export.record import ModelCard, Precision, make_manifest
from export.samples import Faces
from export.search import Conversion
from export.switch import CHOICE, switch
from models.architectures import Config, Network
from models.architectures.lite import GRID, Lite
from models.graph import OPSET, to_graph
from models.upscaling import joined
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import ModelError, UsageError
from realtime.runtime.files import write_whole
from realtime.swap.manifest import KEY, Manifest

__all__ = ["ExportRequest", "Exported", "SideGraph", "export_model", "form_of"]


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """What to export: ``sides`` of a network, for pictures of ``size`` pixels, in a version of ONNX's operators.

    ``quality`` is the least peak signal-to-noise ratio of another precision than float32, in dB; None is its own bar.
    """

    sides: tuple[int, ...]
    size: int
    precision: Precision = "float32"
    opset: int = OPSET
    quality: float | None = None

    @property
    def bar(self) -> float:
        """The least peak signal-to-noise ratio, in dB."""
        return BARS[self.precision] if self.quality is None else self.quality


@dataclass(frozen=True, slots=True)
class SideGraph:
    """One side on its way into a file.

    ``plain`` is its graph as torch has it, ``expected`` what torch answers to the sample faces, ``model`` the graph
    for the file, ``found`` how it was converted, where another precision than the single one is asked for.
    """

    plain: onnx.ModelProto
    expected: Floats
    model: onnx.ModelProto
    found: Conversion[onnx.ModelProto] | None = None


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how it was measured."""

    manifest: Manifest
    sides: tuple[SideGraph, ...]


def form_of(path: Path) -> Form:
    """The form of a model file by its name. Raises ``UsageError`` where it has neither suffix."""
    form = FORMS.get(path.suffix)
    if form is None:
        raise UsageError(f"{path}: the name of a model file ends in {' or '.join(FORMS)}")
    return form


def export_model(
    network: Network, config: Config, request: ExportRequest, card: ModelCard, faces: Faces, path: Path
) -> Exported:
    """Write ``network`` as a model file of the form that the name of ``path`` asks for.

    Torch and ONNX Runtime are compared on the samples of ``faces``, two or more. The file appears only when it is
    whole and passes the checks: onnx's own, the form's contract, parity with torch (within 1e-3; in half precision and
    in whole numbers what ``request.bar`` says), the same answer for one face as for several. Raises ``ModelError`` when
    a check fails, ``OutputError`` when the file cannot be written, ``UsageError`` for several sides in a form that
    holds one.
    """
    form = form_of(path)
    several = len(request.sides) > 1
    if several and not form.chooses:
        raise UsageError(f"{path}: this form holds one side; export each into its own file")
    choice = CHOICE if several else None
    # What may not stand in a manifest is refused before the minutes that all else takes.
    make_manifest(config, request.size, form, card, onnx.ModelProto(), request.precision, choice)
    network = network.eval().cpu()
    sides = tuple(_side(network, config, side, request, form, faces) for side in request.sides)
    model = switch([side.model for side in sides]) if several else sides[0].model
    manifest = make_manifest(config, request.size, form, card, model, request.precision, choice)
    # Torch writes the newest version of the container; older programs read the oldest that holds these operators.
    model.ir_version = onnx.helper.find_min_ir_version_for(list(model.opset_import))
    onnx.helper.set_model_props(model, {KEY: manifest.model_dump_json()})
    check_graph(model)
    check_contract(model, form, request.size, choice)
    runner = GraphRunner(model, form)
    for number, side in enumerate(sides):
        _check_side(runner, form, request, faces.samples, side.expected, number if several else None)
    write_whole(path, model.SerializeToString())
    return Exported(manifest, sides)


def _side(network: Network, config: Config, side: int, request: ExportRequest, form: Form, faces: Faces) -> SideGraph:
    """The graph of one side: compared with torch in single precision, then converted."""
    module = form.wrap(Picture(network, side, config.size, request.size)).eval()
    example = torch.from_numpy(form.to_input(faces.samples[:2]).copy())
    free = {0: torch.export.Dim("batch")}
    names = [*form.outputs, ANSWER]
    model = to_graph(module, example, free, form.tensors.input, names, request.opset)
    expected = answer_of(module, form, faces.samples)
    check_answer(GraphRunner(model, form), faces.samples, expected)
    model.graph.output.pop()  # the file has no use for the floats
    if request.precision == "float32":
        return SideGraph(model, expected, joined(model))
    found = _wholly_in_bytes(network, side, request, form, faces, expected)
    # What is joined has no kernels of whole numbers.
    found = found or convert(request.precision, model, form, faces, expected, request.bar)
    return SideGraph(model, expected, found.model, found)


def _wholly_in_bytes(
    network: Network, side: int, request: ExportRequest, form: Form, faces: Faces, expected: Floats
) -> Conversion[onnx.ModelProto] | None:
    """``lite`` in bytes from end to end, where that is asked for and good enough."""
    if request.precision != "int8" or not form.in_bytes or request.opset < LEAST_OPSET:
        return None
    if not isinstance(network, Lite) or request.size != network.block * GRID:
        return None
    model = in_bytes(network, side, faces.calibration, request.opset)
    quality = psnr(GraphRunner(model, form)(faces.samples), expected)
    return Conversion(model, quality, (), {}) if quality >= request.bar else None


def _check_side(
    runner: GraphRunner, form: Form, request: ExportRequest, faces: Bytes, expected: Floats, choice: int | None
) -> None:
    """The finished file gives the ``expected`` pictures, in a batch and alone, and keeps within the range."""
    got = runner(faces, choice)
    if request.precision == "float32":
        check_float32(got, expected, form.rounding)
    elif not (quality := psnr(got, expected)) >= request.bar:
        raise ModelError(f"in {request.precision} the picture has {quality:.1f} dB, not {request.bar:g}; not written")
    if got.min() < 0 or got.max() > 1:
        raise ModelError("the file's pictures go beyond 0..1; not written")
    check_batches(runner, faces, got, form.rounding, choice)
