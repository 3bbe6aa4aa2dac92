"""What all swap models have in common, whatever their files look like."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import numpy as np

from realtime.align import TEMPLATES, Template
from realtime.inference.guarded_session import open_guarded
from realtime.inference.modelfile import ModelFile
from realtime.inference.onnx_reader import Port
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ModelError, UsageError
from realtime.settings import ModelOptions
from realtime.swap.consent import Identity, check_consent
from realtime.swap.manifest import Manifest

__all__ = ["OpenModel", "OpenRequest", "SwapModel", "check_crops"]


class SwapModel(Protocol):
    """A model that is ready to swap.

    ``size`` is the side of its crops in pixels, ``template`` how faces are aligned for it, ``sha256`` the digest
    of the file as it was read, ``identities`` all faces that it can put in, ``shown`` those that it puts in now.
    ``identity`` is the id of the first of these, ``morph`` the share of the new face (0..1, None where there is no
    choice); both may be set from any thread while it runs, and hold from the next call on. Setting what the file
    does not have raises ``UsageError``. One thread at a time may swap.
    """

    identity: str
    morph: float | None

    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def sha256(self) -> str: ...  # noqa: D102
    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def template(self) -> Template: ...  # noqa: D102
    @property
    def manifest(self) -> Manifest: ...  # noqa: D102
    @property
    def identities(self) -> tuple[Identity, ...]: ...  # noqa: D102
    @property
    def shown(self) -> tuple[Identity, ...]: ...  # noqa: D102
    @property
    def inputs(self) -> tuple[Port, ...]: ...  # noqa: D102
    @property
    def outputs(self) -> tuple[Port, ...]: ...  # noqa: D102

    def swap(self, crops: Bytes) -> tuple[Bytes, Bytes]:
        """Put the model's face into aligned crops.

        ``crops`` is uint8 (N, S, S, 3) RGB with S = ``size``; returns the new faces, uint8 (N, S, S, 3) RGB, and
        their masks, uint8 (N, S, S), 255 where the face is. Raises ``ModelError`` where the model fails on them.
        """


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A file to be opened, and how."""

    file: ModelFile
    device: str
    threads: int
    options: ModelOptions


#: The options that say whose face a one-image model puts in, and those of a photograph that is drawn.
PHOTOGRAPH: Final = ("photo", "embedder", "consent")
DRAWN: Final = ("face", "shape")


class OpenModel:
    """The part of a swap model that does not depend on its kind; ``takes_photograph`` says whom it shows."""

    takes_photograph = False

    def __init__(self, request: OpenRequest, manifest: Manifest) -> None:
        """Check that ``manifest`` may be used, and open the file.

        Raises ``ConsentError`` where the consent of anyone in it is missing or expired, ``ModelError`` where the
        template is unknown or the file cannot be run, ``UsageError`` where the options ask for what is not there.
        """
        self.path = request.file.path
        self.name = self.path.stem
        for identity in manifest.identities:
            check_consent(identity, str(self.path))
        if manifest.template not in TEMPLATES:
            raise ModelError(
                f"{self.path}: aligned by the template {manifest.template!r}, which this version does not know; "
                f"it knows {', '.join(TEMPLATES)}"
            )
        self.manifest = manifest
        self._identity = manifest.identities[0].id
        self.size = manifest.size
        self.template: Template = TEMPLATES[manifest.template]
        self._run = open_guarded(request.file, request.device, request.threads)
        self.inputs, self.outputs = self._run.inputs, self._run.outputs
        self.sha256 = request.file.sha256()

    @property
    def identities(self) -> tuple[Identity, ...]:
        """All faces that the file can put in."""
        return self.manifest.identities

    @property
    def shown(self) -> tuple[Identity, ...]:
        """Whom the face that is put in shows now: one of several, or all of them where there is no choice."""
        if self.manifest.tensors.identity is None:
            return self.identities
        return tuple(each for each in self.identities if each.id == self._identity)

    @property
    def identity(self) -> str:
        """The face that is put in; where there is no choice, the first of those that it is made of."""
        return self._identity

    @identity.setter
    def identity(self, wanted: str) -> None:
        ids = [each.id for each in self.identities]
        if wanted not in ids:
            raise UsageError(f"{self.path}: --identity {wanted}: the faces in it are {', '.join(ids)}")
        if self.manifest.tensors.identity is None and len(ids) > 1:
            raise UsageError(f"{self.path}: --identity {wanted}: its one face is made of {', '.join(ids)}")
        self._identity = wanted

    @property
    def morph(self) -> float | None:
        """How much of the other face is shown, 0..1; None where there is no choice."""
        return None

    @morph.setter
    def morph(self, share: float | None) -> None:
        if share is not None:
            raise UsageError(f"{self.path}: --morph is for models with a morph value, and this is none")

    def _choose(self, options: ModelOptions) -> None:
        """Apply what the user chose; for the end of a kind's own ``__init__``.

        Raises ``UsageError`` for what there is no choice of.
        """
        for name in PHOTOGRAPH if not self.takes_photograph else ():
            if getattr(options, name):
                raise UsageError(f"{self.path}: --{name} is for one-image models, and the faces of this one are in it")
        for name in DRAWN:
            if getattr(options, name) is not None:
                raise UsageError(f"{self.path}: --{name} is for photographs that are drawn, and this is a network")
        if options.identity is not None:
            self.identity = options.identity
        if options.morph is not None:
            self.morph = options.morph


def check_crops(crops: Bytes, size: int) -> None:
    """Raise ``ValueError`` for crops that are not uint8 (N, size, size, 3)."""
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != (size, size, 3):
        raise ValueError(f"crops are {crops.dtype} {crops.shape}, not uint8 (N, {size}, {size}, 3)")
