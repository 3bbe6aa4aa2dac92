"""What an output says of itself: the facts that are signed, as a C2PA manifest definition."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

from realtime.media import xmp
from realtime.runtime.version import our_version
from realtime.swap.consent import Identity, record_digest

__all__ = ["ASSERTION", "SOURCE_TYPE", "Claim", "Json", "definition", "readable", "tag", "with_source_type"]

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"

#: The assertion that holds what the standard has no field for. The standard asks for a name space of one's own.
ASSERTION: Final = "mummer.swap"

#: IPTC's word for a recording in which something was made by a trained network.
SOURCE_TYPE: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


_DIGITAL_SOURCE_TYPE: Final = xmp.Property(
    "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "Iptc4xmpExt", "DigitalSourceType"
)


@dataclass(frozen=True, slots=True)
class Claim:
    """What is said about one output.

    ``source`` is the file it was made from (None for a live recording), ``model_sha256`` the digest of the model's
    file, ``identities`` the faces that were put in, ``label`` the text burned into the picture (None where it was
    left out), ``watermark`` the 64 bits hidden in it as 16 hexadecimal digits, ``frames_swapped`` the number of frames
    with a new face (None where nobody counted), ``settings`` how the faces were made. ``puppet`` says that no face of
    the source is seen, but a photo that moves as it does; ``model_sha256`` is then the photo's.
    ``named_only`` says that the source is named, and not read: where there is no such file, or one for many outputs.
    """

    source: Path | None
    model: str
    model_sha256: str
    identities: tuple[Identity, ...]
    label: str | None = None
    watermark: str | None = None
    frames_swapped: int | None = None
    settings: Mapping[str, str | float | None] = field(default_factory=dict)
    puppet: bool = False
    named_only: bool = False


def definition(claim: Claim, name: Path) -> dict[str, Json]:
    """The manifest definition, as the library takes it, of the output ``name``."""
    program = our_version()
    # A live recording is made here, a file is opened first; the library adds either from the kind of manifest.
    edited: Json = {
        "action": "c2pa.edited",
        "description": _description(claim),
        "digitalSourceType": SOURCE_TYPE,
        "softwareAgent": {"name": "mummer", "version": program},
    }
    facts: Json = {
        "format": 1,
        "program": {"name": "mummer", "version": program},
        "model": {"name": claim.model, "sha256": claim.model_sha256},
        "identities": [_reference(identity) for identity in claim.identities],
        "label": claim.label,
        "watermark": claim.watermark,
        "frames_swapped": claim.frames_swapped,
        "settings": dict(claim.settings),
    }
    return {
        "claim_generator_info": [{"name": "mummer", "version": program}],
        "title": readable(name.name),
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [edited] if claim.source else []}},
            {"label": ASSERTION, "data": facts},
        ],
    }


def _description(claim: Claim) -> str:
    if claim.puppet:
        return "The recording is not shown: one picture of somebody moves as the person in it does."
    if claim.frames_swapped == 0:
        return "Faces were to be replaced by those of a trained model, and none was found."
    return "Faces were replaced by those of a trained model."


def tag(metadata: dict[str, str], beside: bool, puppet: bool = False) -> None:
    """Say it in a container's ``metadata`` too; ``beside`` says that the manifest will be in a file of its own.

    ``puppet`` as in ``Claim``.
    Players show the comment; one that is there stays, behind ours. A transport stream has a provider's name instead.
    """
    deed = "one picture that was moved" if puppet else "swapped"
    words = f"Contains synthetic faces, {deed} by mummer {our_version()}. Digital source type: {SOURCE_TYPE}."
    if beside:
        words += " Signed in a file of its own, whose name ends in .c2pa."
    old = next((name for name in metadata if name.lower() == "comment"), "comment")
    metadata[old] = f"{words} {metadata.get(old, '')}".strip()
    metadata["service_provider"] = "mummer: contains synthetic faces"


def with_source_type(packet: bytes | None) -> bytes:
    """An XMP packet, or a new one, that says so in IPTC's words, whatever it said about a camera before."""
    return xmp.with_property(packet, _DIGITAL_SOURCE_TYPE, SOURCE_TYPE)


def readable(name: str) -> str:
    """A file's name as text that can be signed: bytes that are no UTF-8 become question marks."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _reference(identity: Identity) -> Json:
    """An identity and where its consent is to be found: who gave it, and the digest of the record."""
    consent = identity.consent
    return {
        "id": identity.id,
        "name": identity.name,
        "kind": identity.kind,
        "record_sha256": record_digest(identity),
        "consent": None
        if consent is None
        else {
            "by": consent.by,
            "scope": consent.scope,
            "date": consent.date.isoformat(),
            "expires": consent.expires.isoformat() if consent.expires else None,
        },
    }
