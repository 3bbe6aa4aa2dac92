"""Taking a model into the user's library, with what its file does not say, and taking it out again."""

import datetime
import re
from pathlib import Path
from typing import Final

import numpy as np
from pydantic import ValidationError

from realtime.inference.modelfile import ModelFile
from realtime.runtime.errors import ConsentError, ModelError, OutputError, UsageError, reason
from realtime.runtime.files import whole_or_nothing, write_whole, writing
from realtime.settings import first_problem
from realtime.swap.consent import Identity, check_consent
from realtime.swap.dfm import DfmModel
from realtime.swap.drawing import SUFFIX as DRAWN
from realtime.swap.kinds import PLAIN, is_drawing, kind_of, open_file
from realtime.swap.library import SUFFIXES, ModelRecord, how_to_add, list_models, models_folder
from realtime.swap.manifest import KEY
from realtime.swap.model import OpenRequest, SwapModel
from realtime.swap.one_image import try_network
from realtime.swap.one_image_contract import contract_of, size_of

__all__ = ["add_model", "check_name", "remove_model"]

NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


def add_model(
    path: Path,
    name: str,
    identity: Identity | None,
    *,
    template: str | None = None,
    licence: str | None = None,
    color: str | None = None,
) -> Path:
    """Copy the model file at ``path`` into the library as ``name``, after a run on a grey face; returns its new path.

    ``identity`` is whom another program's model puts in; a model of our own form says so itself, and a one-image
    model puts in whoever it is shown. ``template`` is how faces are aligned for it: ``whole-face`` for ``.dfm``, and
    what its kind was trained with for one-image models unless said otherwise. The copy is made of the bytes that were
    checked. Raises ``ModelError``, ``ConsentError``, ``UsageError`` or ``OutputError``.
    """
    check_name(name)
    with ModelFile(path) as file:
        request = OpenRequest(file, "cpu", 1, PLAIN)
        if is_drawing(file):
            _no_need(path, identity, template, licence, color)
            _try(open_file(request))
            return _place(file, name, DRAWN, None)
        kind = kind_of(file)
        if KEY in file.graph.metadata:
            _no_need(path, identity, template, licence, color)
            _try(open_file(request))
            return _place(file, name, SUFFIXES[kind == "dfm"], None)
        if kind == "dfm":
            if identity is None:
                raise ConsentError(how_to_add(path))
            check_consent(identity, str(path))
            record = _record(file, kind, (identity,), template or "whole-face", licence, color)
            _try(DfmModel(request, record))
        else:
            if identity is not None:
                raise UsageError(f"{path}: puts in the face of a photograph; give --consent when it runs, not here")
            record = _record(file, kind, (), template or contract_of(file).template, licence, color)
            try_network(request, record)
        return _place(file, name, SUFFIXES[kind == "dfm"], record)


def check_name(name: str) -> None:
    """Raise ``UsageError`` for what is no name of a model, and ``ModelError`` for one that is taken."""
    if not NAME.fullmatch(name):
        raise UsageError(f"--name {name!r}: small letters, digits, dots, hyphens and underscores, 63 at most")
    if any(model.stem == name for model in list_models()):
        raise ModelError(f"there is a model named {name!r} already; choose another --name, or remove it first")


def remove_model(name: str) -> Path:
    """Delete a model that was added, and its record; returns where it was. Raises ``ModelError``, ``OutputError``."""
    folder = models_folder()
    path = next((folder / f"{name}{suffix}" for suffix in SUFFIXES if (folder / f"{name}{suffix}").is_file()), None)
    if path is None or not NAME.fullmatch(name):
        raise ModelError(f"no model {name!r} was added; `mummer models` shows what there is")
    try:
        path.unlink()
        for beside in (".json", ".png"):  # the record, and the picture of what was drawn
            path.with_suffix(beside).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed: {reason(error)}") from error
    return path


def _record(
    file: ModelFile,
    kind: str,
    identities: tuple[Identity, ...],
    template: str,
    licence: str | None,
    color: str | None,
) -> ModelRecord:
    try:
        return ModelRecord.model_validate(
            {
                "kind": kind,
                "sha256": file.sha256(),
                "bytes": file.size,
                "added": datetime.date.today(),
                "size": size_of(file.graph),
                "template": template,
                "identities": identities,
                "licence": licence or "not stated",
                "color": color or "none",
            }
        )
    except ValidationError as error:
        raise ModelError(f"{file.path}: cannot be recorded: {first_problem(error)}") from error


def _try(model: SwapModel) -> None:
    """One grey face: a model that fails on it fails on every one."""
    model.swap(np.full((1, model.size, model.size, 3), 128, np.uint8))


def _no_need(
    path: Path, identity: Identity | None, template: str | None, licence: str | None, color: str | None
) -> None:
    """Raise ``UsageError`` where something is said that the file says itself."""
    said = {"--consent": identity, "--template": template, "--licence": licence, "--color": color}
    if needless := ", ".join(option for option, value in said.items() if value is not None):
        raise UsageError(f"{path}: carries its own manifest; leave out {needless}")


def _place(file: ModelFile, name: str, suffix: str, record: ModelRecord | None) -> Path:
    """Write the file and its record into the library: each whole or not at all, the record first."""
    folder = models_folder()
    path = folder / f"{name}{suffix}"
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if record is not None:
        write_whole(path.with_suffix(".json"), (record.model_dump_json(indent=2) + "\n").encode())
    with whole_or_nothing(path) as part, writing(path), part.open("wb") as target:
        file.write_to(target)
    return path
