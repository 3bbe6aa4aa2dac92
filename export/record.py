"""The part of a manifest that the network does not know: whose face it is, licence, what it was made from."""

import importlib.metadata
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import onnx
from pydantic import ValidationError

from export.forms import Form
from models.architectures import Config
from models.checkpoint import Checkpoint
from models.graph import weights_sha256
from realtime.composite.color import open_color
from realtime.runtime.errors import ConsentError, ModelError, UsageError
from realtime.settings import first_problem
from realtime.swap.consent import Identity, check_consent, read_identity
from realtime.swap.manifest import Manifest, Training

__all__ = ["ModelCard", "Precision", "identities_of", "letter", "make_card", "make_manifest"]

Precision = Literal["float32", "float16", "int8"]


@dataclass(frozen=True, slots=True)
class ModelCard:
    """``identities`` are those of the exported sides in their order; ``sources`` are names and sha256."""

    identities: tuple[Identity, ...]
    licence: str
    template: str = "whole-face"
    color: str = "none"
    counts: tuple[int, ...] = (0,)
    iterations: int = 0
    sources: tuple[tuple[str, str], ...] = ()

    def of(self, identities: tuple[Identity, ...]) -> "ModelCard":
        """The same for these identities alone."""
        return replace(self, identities=identities)


def make_card(checkpoint: Checkpoint, identities: Sequence[Identity], licence: str, color: str | None) -> ModelCard:
    """The card of a run. Raises ``UsageError`` for a colour mode that is not there.

    With ``color`` of None a face takes on the tint of the shot, unless it was learnt from pairs, which say it all.
    """
    facts = checkpoint.facts
    counts, sources = facts.get("counts", [0]), facts.get("sources", {})
    if color is None:
        color = "none" if isinstance(sources, dict) and "pairs" in sources else "balance"
    open_color(color)  # refused here, not when the model runs
    return ModelCard(
        identities=tuple(identities),
        licence=licence,
        template=str(facts.get("template", "whole-face")),
        color=color,
        counts=tuple(int(count) for count in counts) if isinstance(counts, list) else (0,),
        iterations=checkpoint.iteration,
        sources=tuple((str(k), str(v)) for k, v in sources.items()) if isinstance(sources, dict) else (),
    )


def identities_of(
    checkpoint: Checkpoint, run: Path, sides: Sequence[int], files: Sequence[Path] = ()
) -> tuple[Identity, ...]:
    """Who the ``sides`` are: from identity ``files``, one for each side, or else from what the run recorded.

    Raises ``ConsentError`` for a side of which nobody said whose face it is, for a file of somebody else than the run
    recorded, and where consent is missing or has expired, ``UsageError`` where the number of files does not fit.
    """
    if files and len(files) != len(sides):
        raise UsageError(f"give --consent once for each exported side: {len(sides)}, not {len(files)}")
    recorded = checkpoint.facts.get("identities")
    found = []
    for index, side in enumerate(sides):
        entry = recorded[side] if isinstance(recorded, list) and side < len(recorded) else None
        if files:
            identity, where = read_identity(files[index]), str(files[index])
            if isinstance(entry, dict) and entry.get("id") != identity.id:
                raise ConsentError(
                    f"{where}: of {identity.name!r} ({identity.id}), but side {letter(side)} of {run} was trained on"
                    f" {entry.get('name')!r} ({entry.get('id')}); give a record of theirs"
                )
        elif entry is not None:
            identity, where = _recorded(entry, run, side), str(run)
        else:
            raise ConsentError(
                f"{run}: does not say whose face side {letter(side)} is; make a record with `mummer consent new`"
                " and give it with --consent FILE.json"
            )
        check_consent(identity, where)
        found.append(identity)
    return tuple(found)


def letter(side: int) -> str:
    """A side as people say it: a, b, c ..."""
    return chr(ord("a") + side) if side < LETTERS else str(side)


LETTERS = 26


def make_manifest(
    config: Config,
    size: int,
    form: Form,
    card: ModelCard,
    model: onnx.ModelProto,
    precision: Precision,
    chooses: str | None,
) -> Manifest:
    """The manifest of ``model``. Raises ``ModelError`` for what may not stand in one."""
    try:
        return Manifest(
            architecture=config.fields(),  # type: ignore[arg-type]  # pydantic checks it
            size=size,
            template=card.template,
            tensors=form.tensors.model_copy(update={"identity": chooses}),
            masks=form.masks,
            identities=card.identities,
            licence=card.licence,
            training=Training(
                counts=card.counts,
                iterations=card.iterations,
                sources=dict(card.sources),
                code_version=_code_version(),
            ),
            weights_sha256=weights_sha256(model),
            color=card.color,
            precision=precision,
        )
    except ValidationError as error:
        raise ModelError(f"the manifest: {first_problem(error)}") from error


def _recorded(entry: object, run: Path, side: int) -> Identity:
    try:
        return Identity.model_validate_json(json.dumps(entry))
    except ValidationError as error:
        raise ConsentError(
            f"{run}: its record of side {letter(side)} does not fit: {first_problem(error)};"
            " give another with --consent FILE.json"
        ) from error


def _code_version() -> str:
    try:
        return importlib.metadata.version("mummer")
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
