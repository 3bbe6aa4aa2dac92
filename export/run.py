"""What ``mummer export`` does: a run's sides to model files, one or several, and what is said of them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import onnx
import typer

from export.face_finder import export_face_finder
from export.forms import FORMS, Form
from export.model import Exported, ExportRequest, export_model, form_of
from export.record import Precision, identities_of, letter, make_card
from export.samples import collect_faces
from export.search import Conversion
from export.speed import milliseconds
from models.checkpoint import load_network, read_checkpoint
from models.detectors.fan import FanFinder
from models.graph import OPSET
from realtime.finder.sfd_fan import DETECTOR, LANDMARKS
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import OutputError, UsageError
from realtime.swap.consent import Identity

__all__ = ["start", "write_face_finder"]

#: The one that can be exported: S3FD with FAN.
FACE_FINDER: Final = "sfd+fan"


def start(
    run: Path,
    output: Path | None,
    *,
    sides: Sequence[str],
    direction: str | None,
    size: int | None,
    fp16: bool,
    int8: bool,
    calibrate: Path | None,
    quality: float | None,
    opset: int | None,
    consent: Sequence[Path],
    licence: str,
    color: str | None,
    samples: Path | None,
    replace: bool,
) -> None:
    """Write what the options of ``mummer export`` ask for, which are told there. Raises ``MummerError``."""
    if output is None:
        raise UsageError(f"{run}: into which model file? give a name that ends in {' or '.join(FORMS)}")
    form = form_of(output)
    precision = chosen_precision(fp16, int8, calibrate)
    if quality is not None and precision == "float32":
        raise UsageError("--quality is for --fp16 and --int8: float32 loses nothing")
    checkpoint = read_checkpoint(run)
    config = checkpoint.config
    chosen = chosen_sides(sides, direction, config.sides, run)
    identities = identities_of(checkpoint, run, chosen, consent)
    card = make_card(checkpoint, identities, licence, color)
    files = files_to_write(output, form, chosen, identities)
    for *_, path in files:
        if path.exists() and not replace:
            raise OutputError(f"{path}: is there already; give --replace to write over it")
    faces = collect_faces(size or config.size, card.template, samples, calibrate)
    network = load_network(checkpoint)
    for numbers, people, path in files:
        request = ExportRequest(numbers, size or config.size, precision, opset or OPSET, quality)
        exported = export_model(network, config, request, card.of(people), faces, path)
        for line in report(exported, request, form, faces.samples, path):
            typer.echo(line)


def write_face_finder(name: str, folder: Path, more: Path | None, replace: bool) -> None:
    """Write the face finder ``name`` into ``folder``. Raises ``MummerError`` where that cannot be."""
    if name != FACE_FINDER:
        raise UsageError(f"--face-finder {name}: there is {FACE_FINDER} alone")
    if more is not None:
        raise UsageError(f"--face-finder writes one folder: {folder} or {more}?")
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: a file; a face finder is a folder with {DETECTOR} and {LANDMARKS}")
    if (folder / DETECTOR).exists() and not replace:
        raise OutputError(f"{folder}: holds a face finder already; give --replace to write over it")
    export_face_finder(*FanFinder("sfd", "cpu").networks, folder)
    typer.echo(f"{folder}: {DETECTOR} and {LANDMARKS}; use them with --detector {folder}")


def chosen_precision(fp16: bool, int8: bool, calibrate: Path | None) -> Precision:
    """What the options ask for. Raises ``UsageError`` where they do not go together."""
    if fp16 and int8:
        raise UsageError("give either --fp16 or --int8")
    if int8 and calibrate is None:
        raise UsageError("--int8 needs --calibrate FACESET: the aligned faces that its ranges are measured on")
    if calibrate is not None and not int8:
        raise UsageError("--calibrate is for --int8")
    return "float16" if fp16 else "int8" if int8 else "float32"


def chosen_sides(named: Sequence[str], direction: str | None, count: int, run: Path) -> tuple[int, ...]:
    """The sides to export of a run with ``count``, as numbers. Raises ``UsageError`` for what is no such side."""
    if direction is not None:
        if named:
            raise UsageError("give either --side or --direction")
        source, arrow, target = direction.partition("2")
        if not arrow:
            raise UsageError(f"--direction {direction}: is like a2b, which puts b in for a")
        if _side(source, count, run) == _side(target, count, run):
            raise UsageError(f"--direction {direction}: puts a face in for itself")
        named = [target]
    if list(named) == ["all"]:
        return tuple(range(count))
    sides = tuple(_side(name, count, run) for name in named) or (count - 1,)
    if len(set(sides)) < len(sides):
        raise UsageError("--side: the same side twice")
    return sides


def files_to_write(
    output: Path, form: Form, sides: tuple[int, ...], identities: tuple[Identity, ...]
) -> list[tuple[tuple[int, ...], tuple[Identity, ...], Path]]:
    """Sides, identities and name of each file: one with all sides, or where ``form`` holds one, ``name.b.dfm`` each."""
    if len(sides) == 1 or form.chooses:
        return [(sides, identities, output)]
    names = [output.with_name(f"{output.stem}.{letter(side)}{output.suffix}") for side in sides]
    return [((side,), (who,), name) for side, who, name in zip(sides, identities, names, strict=True)]


def report(exported: Exported, request: ExportRequest, form: Form, faces: Bytes, path: Path) -> Iterator[str]:
    """What was written, and for smaller precisions what it costs and gains, in lines."""
    manifest = exported.manifest
    names = ", ".join(identity.name for identity in manifest.identities)
    digest = (manifest.weights_sha256 or "")[:12]
    yield f"{path}: {path.stat().st_size / 1e6:.1f} MB, {names}, {request.precision}, weights {digest}"
    for number, side in zip(request.sides, exported.sides, strict=True):
        if side.found is not None:
            yield f"  side {letter(number)}:"
            yield from _table(side.plain, side.found, request, form, faces)


def _table(
    plain: onnx.ModelProto, found: Conversion[onnx.ModelProto], request: ExportRequest, form: Form, faces: Bytes
) -> Iterator[str]:
    """Speed and quality of one side, and each layer's quality where they had to be measured."""
    yield f"  {found.quality:7.1f} dB against torch in float32 (at least {request.bar:g})"
    if request.precision == "int8":  # halves are for GPUs: their speed on a CPU says nothing
        slow, fast = milliseconds([plain, found.model], form, faces)
        yield f"  {fast:7.2f} ms a face on one core, {slow:.2f} ms in float32: {slow / fast:.2f} times as fast"
    for part, quality in sorted(found.alone.items(), key=lambda item: item[1]):
        yield f"  {quality:7.1f} dB alone  {part}{'  (left in float32)' if part in found.left_out else ''}"


def _side(name: str, count: int, run: Path) -> int:
    """The number of a side by its letter or number."""
    for number in range(count):
        if name.lower() in (letter(number), str(number)):
            return number
    raise UsageError(f"{run}: has no side {name!r}; it has {', '.join(letter(number) for number in range(count))}")
