"""Weights of the networks that the code of *Exploring Deepfakes* (Packt, 2023) trains, read without running anything.

Its training leaves ``encoder.pth``, ``decodera.pth`` and ``decoderb.pth``: whole modules, pickled. A pickle is a
program, so these are read by torch's restricted unpickler, which runs none of it: it knows tensors and plain
containers, and of classes those listed here, each of which becomes a ``ModuleStub`` that only keeps what was pickled.
Anything else in the file is refused by name.
"""

import hashlib
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import torch
from torch import Tensor

from models.architectures import OriginalConfig
from realtime.runtime.errors import InputError

__all__ = ["FILES", "TEMPLATE", "book_sources", "read_book_run"]

#: The files, and how they are aligned that the faces were aligned to.
FILES: Final = ("encoder.pth", "decodera.pth", "decoderb.pth")
TEMPLATE: Final = "mean-face"
#: Where the book's classes may have been defined, and torch's that they are made of.
MODULES: Final = ("lib.models", "models", "__main__")
CLASSES: Final = ("OriginalEncoder", "OriginalDecoder", "Upscale")
LAYERS: Final = (
    "activation.LeakyReLU",
    "container.Sequential",
    "conv.Conv2d",
    "flatten.Flatten",
    "linear.Linear",
    "pixelshuffle.PixelShuffle",
)
#: What the book calls a layer, and what ``original`` does.
ENCODER: Final = {
    **{f"conv_tower.{2 * level}": f"down.{level}" for level in range(4)},
    "dense1": "to_code",
    "dense2": "from_code",
    "upscale.conv": "up.conv",
}
DECODER: Final = {
    **{f"upscale_tower.{2 * level}.conv": f"up.{level}.conv" for level in range(3)},
    "output": "out",
}


class ModuleStub:
    """What is left of a pickled module: its attributes, and no code."""


def read_book_run(folder: Path) -> dict[str, Tensor]:
    """Weights for ``original`` without masks and with two sides, by name.

    Raises ``InputError`` naming the file that is missing, damaged, holds another network, or anything but a network.
    """
    layers = {
        "encoder.pth": ("", ENCODER),
        "decodera.pth": ("decoders.0.", DECODER),
        "decoderb.pth": ("decoders.1.", DECODER),
    }
    wanted = {name: tensor.shape for name, tensor in OriginalConfig(mask=False).build().state_dict().items()}
    weights: dict[str, Tensor] = {}
    for file, (prefix, names) in layers.items():
        path = folder / file
        for name, tensor in _tensors(_load(path)):
            layer, _, kind = name.rpartition(".")
            ours = f"{prefix}{names.get(layer)}.{kind}"
            if wanted.get(ours) != tensor.shape:
                raise InputError(f"{path}: {name} {tuple(tensor.shape)} is not of the book's network of 64 pixels")
            weights[ours] = tensor.detach().float()
    if missing := wanted.keys() - weights.keys():
        raise InputError(f"{folder}: the networks there lack {', '.join(sorted(missing))}")
    return weights


def book_sources(folder: Path) -> dict[str, str]:
    """sha256 of each of the files, by name."""
    return {file: hashlib.sha256((folder / file).read_bytes()).hexdigest() for file in FILES}


def _load(path: Path) -> ModuleStub:
    """The pickled module, as a ``ModuleStub``. Raises ``InputError``."""
    _check_size(path)
    ours = [f"{module}.{name}" for module in MODULES for name in CLASSES]
    known = [(ModuleStub, name) for name in (*ours, *(f"torch.nn.modules.{layer}" for layer in LAYERS))]
    try:
        with torch.serialization.safe_globals(known):  # type: ignore[arg-type]  # pairs are taken too
            foreign = torch.serialization.get_unsafe_globals_in_checkpoint(path)
            if foreign:
                raise InputError(
                    f"{path}: holds {foreign[0]}, which is no part of the book's networks; nothing was run"
                )
            module: object = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; --import takes a folder with {', '.join(FILES)}") from error
    except (OSError, ValueError, RuntimeError, KeyError, EOFError, pickle.UnpicklingError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path}: cannot be read as a pickled module of torch: {str(error).splitlines()[0]}"
        ) from error
    if not isinstance(module, ModuleStub):
        raise InputError(f"{path}: holds no module; the book's training saves whole ones")
    return module


def _check_size(path: Path) -> None:
    """Raise ``InputError`` where ``path`` would take more memory than it has bytes: torch compresses nothing.

    What is no archive at all is left to torch, and so is what it says of it.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            program = next((entry for entry in archive.infolist() if entry.filename.endswith("data.pkl")), None)
            size = path.stat().st_size
            if unpacked > size:
                raise InputError(f"{path}: {size:,} bytes that unpack to {unpacked:,}; torch writes no such file")
            written = archive.read(program) if program else b""
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError):
        return
    if b"bytearray" in written:  # torch lets a file ask for one of any size
        raise InputError(f"{path}: holds builtins.bytearray, which is no part of the book's networks; nothing was run")


def _tensors(module: ModuleStub, prefix: str = "") -> Iterator[tuple[str, Tensor]]:
    """The parameters of a module and of those inside it, by name."""
    for name, parameter in _part(module, "_parameters"):
        if isinstance(parameter, Tensor):
            yield prefix + name, parameter
    for name, inner in _part(module, "_modules"):
        if isinstance(inner, ModuleStub):
            yield from _tensors(inner, f"{prefix}{name}.")


def _part(module: ModuleStub, name: str) -> list[tuple[str, object]]:
    part = vars(module).get(name)
    return list(part.items()) if isinstance(part, dict) else []
