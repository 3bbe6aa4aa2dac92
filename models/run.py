"""A run of training as ``mummer train`` starts it: what was asked for, what was begun, and the faces of its folders."""

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from string import ascii_uppercase
from typing import Any, cast

import typer
from torch import Tensor

from models.architectures import Config, OriginalConfig, configure
from models.base import base_digest, base_weights
from models.batches import Batches
from models.book import TEMPLATE, book_sources, read_book_run
from models.checkpoint import Checkpoint, write_checkpoint
from models.digest import digest
from models.faceset.reading import AlignedFaces, read_faceset
from models.features import Features
from models.pair_sheet import PAIRS, pair_sheet
from models.paired import PairBatches
from models.pairs import read_pairs
from models.preview import write_preview
from models.settings import FILE, Plan, read_toml, validate
from models.teacher import Teacher
from models.train import check_run
from models.train import train as run
from models.unpaired import SideBatches
from realtime.align import TEMPLATES
from realtime.runtime.errors import InputError, UsageError
from realtime.runtime.files import make_folder
from realtime.runtime.malloc import keep_all_freed_memory

__all__ = ["start"]

#: What ends a run.
ENDS = frozenset({"iterations", "hours", "minutes"})
#: One side with this many times the faces of another is worth a word.
UNEVEN = 10
#: Where in the run's folder the pixels lie that several processes share.
CACHE = "pixels"


def start(out: Path, given: Mapping[str, object], config: Path | None, resume: bool, show_pairs: bool = False) -> None:
    """Train in the folder ``out`` as is ``given``, and as the TOML file ``config`` says; or only import a run.

    With ``resume`` all that is not given stays as the run was begun; with ``show_pairs`` only a sheet of its pairs is
    written. Raises ``MummerError`` where that cannot be.
    """
    keep_all_freed_memory()
    if show_pairs:
        _show_pairs(out, _plan(given, config, out / FILE))
        return
    check_run(out, resume)
    plan = _plan(given, config, out / FILE if resume else None)
    code: dict[str, object] = {"template": plan.template, "code_version": importlib.metadata.version("mummer")}
    if plan.book is not None and plan.a is None and plan.b is None:
        _convert(plan.book, out, code)
        return
    _check(plan)
    network, batches, facts = _from_sides(plan, out) if plan.pairs is None else _from_pairs(plan, plan.pairs)
    weights = None if resume else _first_weights(plan, network, cast(dict[str, str], facts["sources"]))
    features = Features(plan.template, network.size) if plan.loss.features else None
    run(network, batches, out, plan, facts | code, resume, typer.echo, weights, features)


def _plan(given: Mapping[str, object], config: Path | None, begun: Path | None) -> Plan:
    """The plan of what is ``given``, of the TOML file ``config``, and of the file ``begun`` of a run to be resumed."""
    base = read_toml(begun) if begun is not None and begun.is_file() else {}
    if config is not None:
        base |= read_toml(config)
    if ENDS & given.keys():  # another end takes the place of the old one
        base = {name: value for name, value in base.items() if name not in ENDS}
    if "import" in (*base, *given):
        base = {"arch": "original", "template": TEMPLATE, **base}
    return validate({**base, **given}, str(config or "train"))


def _first_weights(plan: Plan, network: Config, sources: dict[str, str]) -> dict[str, Tensor] | None:
    """What a new run begins with, None for fresh weights; ``sources`` get where it is from."""
    if plan.book is not None:
        sources |= book_sources(plan.book)
        return read_book_run(plan.book)
    weights = base_weights(network, plan.template) if plan.base == "auto" else None
    if weights is not None:
        sources["base"] = base_digest()
    return weights


def _show_pairs(out: Path, plan: Plan) -> None:
    """Write the sheet of the pairs into the run's folder. Raises ``MummerError``."""
    if plan.a is None or plan.b is None or plan.pairs is not None:
        raise UsageError("--show-pairs shows how the faces of --a and --b are paired; give both")
    _check(plan.model_copy(update={"iterations": 1}))  # its end does not matter
    _, batches, _ = _from_sides(plan, out)
    sheet = pair_sheet(batches)
    if sheet is None:
        raise UsageError(f"--show-pairs: {plan.a} or {plan.b} has no landmarks, so no faces are paired")
    make_folder(out)
    write_preview(out / PAIRS, sheet)
    typer.echo(f"{out / PAIRS}: pairs over all poses, with how often each partner is the target")


def _convert(book: Path, out: Path, facts: dict[str, object]) -> None:
    """A run that only holds the book's weights. Raises ``InputError``, ``OutputError``."""
    weights = read_book_run(book)
    tensors = {f"weights.{name}": tensor for name, tensor in weights.items()}
    tensors |= {f"average.{name}": tensor.clone() for name, tensor in weights.items()}
    facts |= {"sources": book_sources(book), "identities": [None, None], "counts": [0]}
    path = write_checkpoint(out, Checkpoint(OriginalConfig(mask=False), 0, 0.0, tensors, facts))
    typer.echo(f"{path}: the weights of {book}; `mummer export` makes a model file of them")


def _check(plan: Plan) -> None:
    """Raise ``UsageError`` for what does not fit together, before anything is read."""
    sides = plan.a is not None and plan.b is not None
    if sides == (plan.pairs is not None) or (plan.pairs and (plan.a or plan.b or plan.c or plan.fit)):
        raise UsageError("give either --a and --b, or --pairs")
    if sides and plan.skips:
        raise UsageError("--skips is for --pairs: past an unpaired code a face would keep its own identity")
    if plan.book is not None and (plan.arch != "original" or plan.pairs or plan.c):
        raise UsageError("--import brings the network original with sides A and B; it goes with --a and --b only")
    if plan.template not in TEMPLATES:
        raise UsageError(f"no template {plan.template!r}; there are {', '.join(TEMPLATES)}")
    if plan.endless:
        raise UsageError("training needs an end: give --iterations, --hours or --minutes")


def _from_pairs(plan: Plan, folder: Path) -> tuple[Config, Batches, dict[str, object]]:
    """Architecture, batches and facts of a run from pairs."""
    pairs = read_pairs(folder)
    size = pairs.inputs.shape[1]
    network = _network(plan, 1, size)
    if network.size != size:
        raise UsageError(f"{folder}: the pairs have {size} pixels, not {network.size}")
    geometry = replace(PairBatches.geometry, flip=_flips(plan.flip, 1)[0])
    sources = {"pairs": digest(pairs.inputs, pairs.targets, pairs.masks)}
    return network, PairBatches(pairs, geometry=geometry), {"sources": sources, "identities": [None]}


def _from_sides(plan: Plan, out: Path) -> tuple[Config, SideBatches, dict[str, object]]:
    """Architecture, batches and facts of a run from facesets."""
    folders = [folder for folder in (plan.a, plan.b, *plan.c) if folder is not None]
    network = _network(plan, len(folders))
    # Several processes share what is mapped from a file; the first has written it when the others start.
    cache = out / CACHE if plan.devices > 1 else None
    sides = [_faces(folder, network.size, cache) for folder in folders]
    _compare(folders, sides)
    fit = read_faceset(plan.fit, network.size) if plan.fit is not None else None
    batches = SideBatches(
        sides,
        flips=_flips(plan.flip, len(sides)),
        fit=fit,
        hold_out=plan.hold_out,
        priority=plan.loss.priority,
        teacher=Teacher(_say) if plan.partners == "drawn" else None,
    )
    facts: dict[str, object] = {
        "sources": {letter: side.digest for letter, side in zip(ascii_uppercase, sides, strict=False)},
        "identities": [side.identity and side.identity.model_dump(mode="json") for side in sides],
    }
    return network, batches, facts


def _network(plan: Plan, sides: int, size: int | None = None) -> Config:
    """The architecture that the plan names. Raises ``UsageError``."""
    fields: dict[str, Any] = {"sides": sides, "size": plan.size or size, "skips": plan.skips}
    return configure(plan.arch, **{name: value for name, value in fields.items() if value})


def _faces(folder: Path, size: int, cache: Path | None) -> AlignedFaces:
    """A faceset with more than one face. Raises ``InputError``."""
    faces = read_faceset(folder, size, cache=cache)
    if len(faces) < 2:
        raise InputError(f"{folder}: one face only; a side learns from hundreds, in as many poses as there are")
    return faces


def _compare(folders: Sequence[Path], sides: Sequence[AlignedFaces]) -> None:
    """Say where one side has far fewer faces than another, or lacks landmarks, and where no export will follow."""
    counts = [len(side) for side in sides]
    if max(counts) > UNEVEN * min(counts):
        letter = ascii_uppercase[counts.index(min(counts))]
        _say(f"side {letter} has {min(counts)} faces, another {max(counts)}: its faces come again and again")
    for letter, folder, side in zip(ascii_uppercase, folders, sides, strict=False):
        if side.identity is None:
            _say(f"side {letter}: {folder} names no identity; `mummer export` will ask for a consent record")
        if side.landmarks is None:
            _say(f"side {letter}: {folder} has no landmarks; without them it takes part in no pseudo-pairs")


def _say(words: str) -> None:
    """Of several processes the first says it."""
    from lightning_fabric.utilities.rank_zero import rank_zero_only  # takes seconds to load

    rank_zero_only(typer.echo)(words)


def _flips(flip: str, sides: int) -> list[float]:
    """How often a face of each side is mirrored. Raises ``UsageError``."""
    letters = [letter.lower() for letter in ascii_uppercase[:sides]]
    wanted = {"all": set(letters), "none": set[str]()}.get(flip, set(flip.lower()))
    if not wanted <= set(letters):
        raise UsageError(f"--flip {flip}: give all, none, or letters of the sides ({', '.join(letters)})")
    return [0.5 if letter in wanted else 0.0 for letter in letters]
