"""Who a face is, and who agreed to its use: the record that travels from faceset to run, model file and output."""

import base64
import datetime
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from realtime.runtime.digest import file_digest
from realtime.runtime.errors import ConsentError, reason
from realtime.runtime.files import read_regular
from realtime.settings import first_problem

__all__ = [
    "Consent", "Identity", "IdentityKind", "check_consent", "check_evidence", "read_identity", "record_digest",
    "sign_record", "signer_of", "slug",
]  # fmt: skip

#: ``synthetic`` depicts nobody; ``self`` is the user; ``consented`` agreed to it; ``licensed`` allows it by contract.
IdentityKind = Literal["synthetic", "self", "consented", "licensed", "public-domain"]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=2000)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


_MOST: Final = 1 << 20  # bytes; a record is some hundreds
_SCHEME: Final = "ed25519"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Consent(_Part):
    """Who agreed to the use of a face, when, until when, and to what.

    ``by`` is a name or a pseudonym, ``scope`` what the face may be used for, ``evidence_sha256`` the digest of a
    file that proves it (a signed release, a licence). ``signature`` is ``ed25519:KEY:SIGNATURE``, both in base64: the
    public key of whoever agreed, and what its owner signed with it; see ``sign_record``.
    """

    by: Text
    date: datetime.date
    scope: Text
    statement: Text
    expires: datetime.date | None = None
    evidence_sha256: Sha256 | None = None
    signature: Annotated[str, Field(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=:[A-Za-z0-9+/]{86}==$")] | None = None

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.expires is not None and self.expires < self.date:
            raise ValueError(f"it expires on {self.expires}, before its date {self.date}")
        return self


class Identity(_Part):
    """A face that can be put in, and its consent record. As JSON in a file it is what ``mummer consent new`` writes."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$")]
    name: Text
    kind: IdentityKind
    consent: Consent | None = None


def read_identity(path: Path) -> Identity:
    """The identity file at ``path``.

    Raises ``ConsentError`` where it is missing, or not such a record, or not what its signature signs.
    """
    try:
        text = read_regular(path, _MOST)
    except OSError as error:
        why = reason(error)
        raise ConsentError(f"{path}: cannot be read: {why}; make one with `mummer consent new`") from error
    try:
        identity = Identity.model_validate_json(text)
    except ValidationError as error:
        raise ConsentError(
            f"{path}: not a consent record: {first_problem(error)}; make one with `mummer consent new`"
        ) from error
    _check_signature(identity, str(path))
    return identity


def check_consent(identity: Identity, where: str, today: datetime.date | None = None) -> Consent:
    """The consent record of ``identity``, which the file ``where`` names; ``today`` is the system's date.

    Raises ``ConsentError`` where there is none, where it is not valid yet, where it has expired, and where it is
    not what its signature signs.
    """
    consent = identity.consent
    if consent is None:
        raise ConsentError(
            f"{where}: no consent is recorded for {identity.name!r}; record it with `mummer consent new`"
            " and `mummer models add`"
        )
    today = today or datetime.date.today()
    if consent.date > today:
        raise ConsentError(f"{where}: the consent of {identity.name!r} is dated {consent.date}, which is yet to come")
    if consent.expires is not None and consent.expires < today:
        raise ConsentError(
            f"{where}: the consent of {identity.name!r} expired on {consent.expires}; ask again,"
            " and record it with `mummer consent new`"
        )
    _check_signature(identity, where)
    return consent


def check_evidence(identity: Identity, evidence: Path, where: str) -> None:
    """Raise ``ConsentError`` unless the file ``evidence`` is the one that the record in ``where`` refers to."""
    expected = None if identity.consent is None else identity.consent.evidence_sha256
    if expected is None:
        raise ConsentError(f"{where}: refers to no file; record one with `mummer consent new --evidence FILE`")
    found = file_digest(evidence, ConsentError)
    if found != expected:
        raise ConsentError(
            f"{evidence}: not the file that {where} refers to: its sha256 is {found[:12]}..., not {expected[:12]}..."
        )


def record_digest(identity: Identity) -> str:
    """The sha256 by which an output refers to this record, over its canonical JSON; 64 hexadecimal digits."""
    return hashlib.sha256(_canonical(identity)).hexdigest()


def slug(name: str) -> str:
    """An identity's ``id`` made of its name: small letters, digits and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:63].strip("-") or "identity"


# signatures: optional, Ed25519 (RFC 8032) over the record without its signature


def sign_record(identity: Identity, key: Path) -> Identity:
    """``identity`` with its consent signed by the private key in the file ``key``.

    That is an Ed25519 key without a password, as PEM or as ``ssh-keygen`` writes it. Raises ``ConsentError``.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        text = read_regular(key)
        ssh = b"BEGIN OPENSSH" in text
        load = serialization.load_ssh_private_key if ssh else serialization.load_pem_private_key
        secret = load(text, password=None)
    except OSError as error:
        raise ConsentError(f"{key}: cannot be read: {reason(error)}") from error
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:  # TypeError: it wants a password
        raise ConsentError(f"{key}: not a private key without a password: {error}") from error
    if not isinstance(secret, Ed25519PrivateKey):
        raise ConsentError(f"{key}: not an Ed25519 key; make one with `ssh-keygen -t ed25519`")
    if identity.consent is None:
        raise ConsentError(f"there is no consent of {identity.name!r} to sign")
    parts = secret.public_key().public_bytes_raw(), secret.sign(_canonical(_unsigned(identity)))
    signature = ":".join([_SCHEME, *(base64.b64encode(part).decode() for part in parts)])
    return identity.model_copy(update={"consent": identity.consent.model_copy(update={"signature": signature})})


def signer_of(identity: Identity) -> str | None:
    """The public key that signed the record, in base64; None where it is not signed."""
    signature = _signature(identity)
    return signature.split(":")[1] if signature else None


def _check_signature(identity: Identity, where: str) -> None:
    """Raise ``ConsentError`` where the record is signed and has been changed since."""
    signature = _signature(identity)
    if signature is None:
        return
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    public, signed = (base64.b64decode(part) for part in signature.split(":")[1:])
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signed, _canonical(_unsigned(identity)))
    except InvalidSignature as error:
        raise ConsentError(
            f"{where}: the consent of {identity.name!r} was changed after it was signed; get the original again"
        ) from error


def _signature(identity: Identity) -> str | None:
    return None if identity.consent is None else identity.consent.signature


def _unsigned(identity: Identity) -> Identity:
    consent = identity.consent
    return identity.model_copy(update={"consent": consent and consent.model_copy(update={"signature": None})})


def _canonical(identity: Identity) -> bytes:
    """The record as JSON with sorted keys and no spaces, in UTF-8: the same bytes for the same record."""
    return json.dumps(
        identity.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False
    ).encode()
