"""Signing: the manifest goes into MP4 and MOV files and into pictures, and beside all others."""

import hashlib
import os
import struct
import uuid
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, Final, Literal, NamedTuple, TypeAlias

import c2pa

from realtime.marking.provenance import native
from realtime.marking.provenance.claim import Claim, definition, readable, with_source_type
from realtime.marking.provenance.keys import Credentials, load_credentials
from realtime.runtime.errors import OutputError, SigningError

__all__ = ["Signed", "Where", "embeds", "ready_to_sign", "sidecar_of", "sign"]

#: The suffixes of files that carry the manifest themselves.
_VIDEOS: Final = frozenset({".mp4", ".m4v", ".m4a", ".mov", ".3gp"})
_PICTURES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".gif"})

#: The box of an XMP packet in ISO files (Adobe's XMP specification, part 3).
_XMP: Final = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes

# Some programs that check know the flat hash only, so files of up to this size have that. Beyond, pictures and sound
# are hashed in leaves of a tree, so that neither signing nor checking holds more than one in memory.
# Fragmented files are hashed as a whole: for those the standard knows other trees, that span several files.
_MOST_FLAT: Final = 64 << 20  # bytes
_LEAST_LEAF: Final = 1 << 20  # bytes
_MOST_LEAVES: Final = 256
_PIECE: Final = 1 << 20  # bytes read at a time

#: In the file itself, or beside it.
Where: TypeAlias = Literal["embedded", "sidecar"]


@dataclass(frozen=True, slots=True)
class Signed:
    """Where a manifest is (``sidecar`` in ``OUTPUT.c2pa``), and C2PA's name of the algorithm that signed it."""

    where: Where
    algorithm: str


def embeds(path: Path) -> bool:
    """Whether a file of this name carries its manifest itself."""
    return path.suffix.lower() in _VIDEOS | _PICTURES


def sidecar_of(path: Path) -> Path:
    """The file that holds the manifest of ``path`` where it cannot hold it itself; a link's is beside the real file."""
    real = path.resolve() if path.is_symlink() else path
    return real.with_name(real.name + ".c2pa")


def sign(part: Path, claim: Claim, name: Path, credentials: Credentials | None = None) -> Signed:
    """Sign the finished output ``part``, which is to be called ``name``.

    MP4 and MOV are signed where they lie: one pass over the file, and no copy of it; pictures, which are small, in
    memory. Beside all others the manifest is written to ``sidecar_of(part)``, which is to be renamed together with
    ``part``. Raises ``OutputError`` where the file cannot be signed, and ``SigningError`` where the key is not as it
    should be.
    """
    credentials = credentials or load_credentials()
    embedded = embeds(name)
    suffix = name.suffix.lower()
    way = _sign_picture if suffix in _PICTURES else _sign_inside if suffix in _VIDEOS else _sign_beside
    try:
        native.undisturbed(partial(way, part, claim, name, credentials))
    except c2pa.C2paError.Signature as error:
        raise _refusal(credentials, error) from error
    except (c2pa.C2paError, OSError) as error:
        raise OutputError(f"{name}: cannot be signed: {error}") from error
    return Signed("embedded" if embedded else "sidecar", credentials.algorithm)


def ready_to_sign() -> Credentials:
    """The key that outputs will be signed with, tried out, so that a long job does not fail at its end.

    Raises ``SigningError``.
    """
    credentials = load_credentials()
    try:
        _signed_digest(hashlib.sha256().digest(), Claim(None, "none", "0" * 64, ()), Path("none"), credentials)
    except c2pa.C2paError as error:
        raise _refusal(credentials, error) from error
    return credentials


def _refusal(credentials: Credentials, error: c2pa.C2paError) -> SigningError:
    stamped = f" and stamped by {credentials.timestamp}" if credentials.timestamp else ""
    return SigningError(f"{credentials.path}: cannot be signed with{stamped}: {str(error).removeprefix('Signature: ')}")


def _sign_inside(part: Path, claim: Claim, name: Path, credentials: Credentials) -> None:
    kind = native.media_type(name)
    with (
        native.new_context(signer=native.new_signer(credentials)) as context,
        c2pa.Builder(definition(claim, name), context) as builder,
        part.open("r+b") as file,
    ):
        _add_origin(builder, claim)
        box = _media_box(file)
        if file.tell() <= _MOST_FLAT:
            box = None
        file.write(_xmp_box())
        place = file.tell()
        if box is not None:
            native.hash_in_leaves(builder, max(_LEAST_LEAF, place // _MOST_LEAVES) >> 10)
        file.write(native.reserve(builder, kind))
        if box is not None:
            file.seek(box.start)
            for at in range(box.start, box.end, _PIECE):
                native.hash_media(builder, file.read(min(_PIECE, box.end - at)), box.large)
        native.hash_rest(builder, kind, file)
        file.seek(place)
        file.write(native.signed_box(builder, kind))


def _sign_picture(part: Path, claim: Claim, name: Path, credentials: Credentials) -> None:
    signed = BytesIO()
    with (
        native.new_context(signer=native.new_signer(credentials)) as context,
        c2pa.Builder(definition(claim, name), context) as builder,
        part.open("rb") as file,
    ):
        _add_origin(builder, claim)
        builder.sign(native.media_type(name), file, signed)
    part.write_bytes(signed.getbuffer())


def _sign_beside(part: Path, claim: Claim, name: Path, credentials: Credentials) -> None:
    with part.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    sidecar_of(part).write_bytes(_signed_digest(digest, claim, name, credentials))


def _signed_digest(digest: bytes, claim: Claim, name: Path, credentials: Credentials) -> bytes:
    with (
        native.new_signer(credentials) as signer,
        native.new_context() as context,
        c2pa.Builder(definition(claim, name), context) as builder,
    ):
        _add_origin(builder, claim)
        builder.set_no_embed()
        return native.signed_sidecar(builder, signer, digest)


def _add_origin(builder: "c2pa.Builder", claim: Claim) -> None:
    """Say where the pictures come from: a file that was opened, or nothing but this machine's camera."""
    if claim.source is None:
        builder.set_intent(
            c2pa.C2paBuilderIntent.CREATE, c2pa.C2paDigitalSourceType.COMPOSITE_WITH_TRAINED_ALGORITHMIC_MEDIA
        )
        return
    builder.set_intent(c2pa.C2paBuilderIntent.EDIT)
    parent = {"title": readable(claim.source.name), "relationship": "parentOf"}
    if claim.named_only:
        builder.add_ingredient(parent, native.UNKNOWN, BytesIO())
        return
    try:
        with claim.source.open("rb") as file:
            if _shows_itself(file):
                raise c2pa.C2paError("its manifest holds a picture")
            builder.add_ingredient(parent, native.media_type(claim.source), file)
    except (c2pa.C2paError, OSError):
        # A decoder takes what the library does not: a wrong suffix, rubbish at the end, a manifest in shreds. Then
        # the original is named, and what it may say of itself is left out; so too where it is gone by now, and where
        # its manifest would bring along a small picture of whom the new face is to hide.
        builder.add_ingredient(parent, native.UNKNOWN, BytesIO())


def _shows_itself(file: BinaryIO) -> bool:
    """Whether a manifest in ``file`` holds a thumbnail; reads it once, and goes back to its start."""
    name, rest = b"c2pa.thumbnail", b""
    while piece := file.read(_PIECE):
        if name in rest + piece:
            break
        rest = piece[-len(name) :]
    file.seek(0)
    return bool(piece)


class _Box(NamedTuple):
    """The contents of a media box: from byte ``start`` up to ``end``; ``large`` boxes have a length of 64 bits."""

    start: int
    end: int
    large: bool


def _media_box(file: BinaryIO) -> _Box | None:
    """The one box with pictures and sound of an ISO file (ISO/IEC 14496-12, 4.2); None where there are fragments.

    Leaves ``file`` at its end.
    """
    size = file.seek(0, os.SEEK_END)
    found, at = [], 0
    while at < size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        large = length == 1
        if large:
            (length,) = struct.unpack(">Q", file.read(8))
        if length < 8:
            raise OSError(f"its box at byte {at:,} has no length")
        if name in (b"mdat", b"moof"):
            found.append((name, _Box(file.tell(), at + length, large)))
        at += length
    file.seek(size)
    return found[0][1] if [name for name, _ in found] == [b"mdat"] else None


def _xmp_box() -> bytes:
    """IPTC's digital source type as an XMP packet, for programs that read metadata but no C2PA."""
    packet = with_source_type(None)
    return (24 + len(packet)).to_bytes(4) + b"uuid" + _XMP + packet
