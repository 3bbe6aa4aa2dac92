"""Reading the marks back: who signed what, whether it is still so, and whether the watermark is there."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

import c2pa
import numpy as np
from pydantic import BaseModel, Field, JsonValue, ValidationError

from realtime.marking.provenance import native
from realtime.marking.provenance.claim import ASSERTION
from realtime.marking.provenance.keys import local_serial, trusted_roots
from realtime.marking.provenance.sign import Where, sidecar_of
from realtime.marking.watermark.read import read_watermark
from realtime.media.file_source import check_regular
from realtime.media.picture import kind_of
from realtime.media.truncation import check_whole
from realtime.runtime.errors import InputError, reason

__all__ = ["Facts", "Mark", "Signature", "Verdict", "read_mark", "read_signature", "verify"]

logger = logging.getLogger(__name__)

#: ``valid``: what was signed is what is there. ``altered``: it is not, or the manifest itself is damaged.
State: TypeAlias = Literal["valid", "altered", "none"]

#: ``own`` is a key of this machine, ``known`` one that it was told to trust; of others nothing is known but a name.
Signer: TypeAlias = Literal["own", "known", "unknown"]

#: What it comes to; see ``verify``.
Answer: TypeAlias = Literal["marked", "altered", "not marked"]

#: IPTC's names for pictures that no camera saw.
_SYNTHETIC: Final = (
    "compositeWithTrainedAlgorithmicMedia", "trainedAlgorithmicMedia", "compositeSynthetic", "algorithmicMedia",
)  # fmt: skip

#: Findings about the signer, not about the file.
_ABOUT_SIGNER: Final = ("signingCredential.", "timeStamp.", "claimSignature.outsideValidity")

_MOST: Final = 16 << 20  # bytes; a manifest is some thousands
_BLOCK: Final = 1 << 20  # bytes
#: The box of a manifest within an ISO file, and the store that every manifest stands in (C2PA 2.1, 11.1.4.2 and A.5).
_SIGNS: Final = (bytes.fromhex("d8fec3d61b0e483c92975828877ec481"), b"jumdc2pa")


class Given(BaseModel):
    """Consent: whose, to what, when, and until when."""

    by: str
    scope: str
    date: str
    expires: str | None = None


class Reference(BaseModel):
    """A face that was put in, and the consent to that."""

    id: str
    name: str
    kind: str
    record_sha256: str
    consent: Given | None


class Thing(BaseModel):
    """A program or a model: a name with a version or a digest."""

    name: str
    version: str | None = None
    sha256: str | None = None


class Facts(BaseModel):
    """What the manifest says in this program's own words; see ``Claim``."""

    program: Thing
    model: Thing
    identities: tuple[Reference, ...]
    label: str | None
    watermark: str | None
    frames_swapped: int | None = None
    settings: dict[str, str | float | None] = {}


class Signature(BaseModel):
    """What the manifest of a file is worth.

    ``signer`` and ``name`` say whose key signed it, ``problems`` hold C2PA's codes for what does not fit,
    ``synthetic`` whether the manifest says that a trained network made something of the picture.
    """

    state: State
    where: Where | None = None
    signer: Signer | None = None
    name: str | None = None
    generator: str | None = None
    origin: str | None = None
    synthetic: bool = False
    facts: Facts | None = None
    problems: tuple[str, ...] = ()


class Mark(BaseModel):
    """The watermark that was found in the pictures.

    ``bits`` are its 64 bits as 16 hexadecimal digits, ``corrected`` how many of them the code put right; they say
    ``tool``, the ``version`` of the format, and ``model``, the first digits of the model file's sha256. All four are
    None where the mark is there for sure, but too faint to tell what it says.
    ``confidence`` is 0..1, and ``log10_chance`` what it is made of: how likely an unmarked video looks like this.
    """

    bits: str | None
    corrected: int
    version: int | None
    tool: str | None
    model: str | None
    confidence: float
    log10_chance: float


class Verdict(BaseModel):
    """All that is known of a file; see ``mummer verify``.

    ``still`` says that it holds a single picture, in which the watermark may be too faint to be found.
    """

    file: str
    verdict: Answer
    signature: Signature
    watermark: Mark | None
    still: bool = False


def verify(path: Path, warn: Callable[[str], None] = logger.warning) -> Verdict:
    """Look for a manifest in ``path`` or beside it, and for the watermark in its pictures.

    A file counts as marked where a valid manifest says that it is synthetic, or the watermark does; as altered
    where there is a manifest and it is not, or not any more, that of this file; as not marked where it was read, and
    neither was found. Nothing is fetched from anywhere. ``warn`` is told of trusted certificates that are none.
    Raises ``InputError`` where the file cannot be read, or only in part, and what could be read says nothing.
    """
    check_regular(path)
    signature = read_signature(path, warn)
    try:
        mark, still = read_mark(path), kind_of(path) == "still"
    except InputError:
        if signature.state == "none":
            raise  # nobody has looked, so nobody may say that there is no mark
        mark, still = None, False
    marked = mark is not None or (signature.state == "valid" and signature.synthetic)
    if signature.state == "none" and not marked:
        check_whole(path)  # the mark may have been in what is missing
    verdict: Answer = "altered" if signature.state == "altered" else "marked" if marked else "not marked"
    return Verdict(file=str(path), verdict=verdict, signature=signature, watermark=mark, still=still)


def read_mark(path: Path) -> Mark | None:
    """The watermark in the pictures of ``path``; None where there is none.

    Raises ``InputError`` where there is no picture, or none that can be looked at.
    """
    reading = read_watermark(path)
    if not reading.found:
        return None
    payload = reading.payload
    return Mark(
        bits=None if payload is None else np.packbits(payload.encode()).tobytes().hex(),
        corrected=reading.corrected,
        version=None if payload is None else payload.version,
        tool=None if payload is None else payload.tool.name.lower(),
        model=None if payload is None else payload.model,
        confidence=reading.confidence,
        log10_chance=reading.log10_chance,
    )


def read_signature(path: Path, warn: Callable[[str], None] = logger.warning) -> Signature:
    """What the manifest in ``path``, or else in its sidecar, says, and whether it holds.

    ``warn`` is told of trusted certificates that are none. Raises ``InputError`` where a file cannot be read.
    """
    beside, roots = sidecar_of(path), trusted_roots(warn)
    try:
        embedded = native.undisturbed(partial(_read, path, None, roots)) or Signature(state="none")
        if embedded.state != "none" or not beside.is_file():
            return embedded
        if not 0 < beside.stat().st_size <= _MOST:
            return _damaged("sidecar", f"{beside.name} is no manifest: {beside.stat().st_size:,} bytes")
        read = native.undisturbed(partial(_read, path, beside.read_bytes(), roots))
        return read or _damaged("sidecar", f"{beside.name} is no manifest")
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error


def _read(path: Path, manifest: bytes | None, roots: str) -> Signature | None:
    """The embedded manifest, or the one given; None where there is none. ``roots`` are trusted."""
    where: Where = "sidecar" if manifest else "embedded"
    kind = native.media_type(path) if manifest else None
    try:
        with (
            path.open("rb") as file,
            native.new_context(roots) as context,
            c2pa.Reader(kind, file, manifest, context=context) as reader,
        ):
            return _judged(reader.json(), where)
    except (c2pa.C2paError.ManifestNotFound, c2pa.C2paError.NotSupported):
        return None
    except c2pa.C2paError as error:
        if str(error).startswith("Remote: "):  # the binding has no class for it
            return Signature(state="none", problems=(f"its manifest lies elsewhere, and nothing is fetched: {error}",))
        if not manifest and not _holds_manifest(path):
            return None  # the library stumbled over the file, not over a manifest
        return _damaged(where, str(error))
    except (ValidationError, KeyError):
        return _damaged(where, "the manifest says things that do not belong there")


def _holds_manifest(path: Path) -> bool:
    """Whether what every embedded manifest begins with stands anywhere in the file."""
    before = b""
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            if any(sign in before + block for sign in _SIGNS):
                return True
            before = block[-len(_SIGNS[0]) :]
    return False


def _damaged(where: Where, why: str) -> Signature:
    return Signature(state="altered", where=where, problems=(why,))


def _judged(text: str, where: Where) -> Signature:
    """The verdict on a manifest store that the library could read, as its JSON has it."""
    store = _Store.model_validate_json(text)
    active = store.manifests[store.active_manifest]
    others = [manifest for name, manifest in store.manifests.items() if name != store.active_manifest]
    problems = tuple(finding.code for finding in store.validation_results.active_manifest.failure)
    trusted = store.validation_state == "Trusted"
    own = trusted and active.signature_info.cert_serial_number == local_serial()
    generators = [f"{each.name} {each.version or ''}".strip() for each in active.claim_generator_info]
    return Signature(
        state="valid" if all(code.startswith(_ABOUT_SIGNER) for code in problems) else "altered",
        where=where,
        signer="own" if own else "known" if trusted else "unknown",
        name=active.signature_info.common_name or active.signature_info.issuer,
        generator=", ".join(generators) or None,
        origin=next((each.title for each in active.ingredients if each.relationship == "parentOf"), None),
        synthetic=any(manifest.is_synthetic() for manifest in store.manifests.values()),
        facts=next(filter(None, (manifest.facts() for manifest in (active, *others))), None),
        problems=problems,
    )


# what is read of the library's JSON


class _Data(BaseModel):
    class Action(BaseModel):
        action: str = ""
        digitalSourceType: str | None = None  # noqa: N815  # the standard's name

    actions: tuple[Action, ...] = ()


class _Assertion(BaseModel):
    label: str
    data: JsonValue = None


class _Ingredient(BaseModel):
    title: str | None = None
    relationship: str | None = None


class _Signer(BaseModel):
    common_name: str | None = None
    issuer: str | None = None
    cert_serial_number: str | None = None


class _Manifest(BaseModel):
    claim_generator_info: tuple[Thing, ...] = ()
    ingredients: tuple[_Ingredient, ...] = ()
    assertions: tuple[_Assertion, ...] = ()
    signature_info: _Signer = _Signer()

    def is_synthetic(self) -> bool:
        """Whether an action says that a trained network made something of it."""
        found = [each for each in self.assertions if each.label.startswith("c2pa.actions")]
        types = [action.digitalSourceType or "" for each in found for action in _Data.model_validate(each.data).actions]
        return any(kind.rpartition("/")[2] in _SYNTHETIC for kind in types)

    def facts(self) -> Facts | None:
        """This program's own assertion, where there is one that it can read."""
        try:
            return next((Facts.model_validate(each.data) for each in self.assertions if each.label == ASSERTION), None)
        except ValidationError:
            return None


class _Finding(BaseModel):
    code: str


class _Findings(BaseModel):
    failure: tuple[_Finding, ...] = ()


class _Results(BaseModel):
    active_manifest: Annotated[_Findings, Field(alias="activeManifest")] = _Findings()


class _Store(BaseModel):
    active_manifest: str
    manifests: dict[str, _Manifest]
    validation_results: _Results = _Results()
    validation_state: str = ""
