"""Drawn models as files: a zip archive of a manifest, pictures and tables. Nothing in it runs.

Members are stored, not compressed, so that no small file can become a large one; pictures are PNG. Which members there
are, the kind of drawing says: ``architecture`` in the manifest names it.
"""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from realtime.runtime.errors import ModelError
from realtime.swap.manifest import Manifest, parse_manifest

__all__ = ["MAGIC", "MASK", "PHOTO", "SUFFIX", "Drawing", "pack_drawing", "read_drawing"]

SUFFIX: Final = ".drawn"
#: The kinds of drawing: names of architectures in manifests.
MASK: Final = "mask"
PHOTO: Final = "photo"
#: The first bytes of a zip archive.
MAGIC: Final = b"PK\x03\x04"
MANIFEST: Final = "manifest.json"
#: Bytes of a file and members in it, at most.
LARGEST: Final = 64 << 20
MOST: Final = 16
#: No time of day: the same drawing is the same file.
EPOCH: Final = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """A drawn model's file that has been read: ``kind`` says what it is, ``parts`` are the members by name."""

    path: Path
    manifest: Manifest
    parts: Mapping[str, bytes]

    @property
    def kind(self) -> str:
        """The name of the manifest's architecture."""
        return str(self.manifest.architecture.get("name", ""))

    def part(self, name: str) -> bytes:
        """The member called ``name``. Raises ``ModelError`` where it is missing."""
        try:
            return self.parts[name]
        except KeyError:
            raise ModelError(f"{self.path}: a drawn model without {name}; it is damaged") from None


def pack_drawing(manifest: Manifest, parts: Mapping[str, bytes]) -> bytes:
    """The file's bytes: the same for the same ``manifest`` and ``parts``."""
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, data in {MANIFEST: manifest.model_dump_json(indent=1).encode(), **parts}.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), data)
    return target.getvalue()


def read_drawing(path: Path, data: bytes) -> Drawing:
    """Parse the file ``data``. Raises ``ModelError`` naming ``path`` for what is not exactly such a file."""
    if len(data) > LARGEST:
        raise ModelError(f"{path}: larger than {LARGEST >> 20} MiB, which no drawn model is")
    try:
        with zipfile.ZipFile(BytesIO(data)) as archive:
            members = archive.infolist()
            names = [member.filename for member in members]
            # The sizes are looked at before anything is read: together they are no more than the file.
            if (
                len(members) > MOST
                or len(set(names)) < len(names)
                or any(each.compress_type != zipfile.ZIP_STORED or each.flag_bits & 1 for each in members)
                or sum(each.file_size for each in members) > len(data)
            ):
                raise ModelError(f"{path}: not a drawn model: too many members, or packed ones")
            parts = {name: archive.read(name) for name in names}
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError, NotImplementedError, EOFError) as error:
        raise ModelError(f"{path}: a damaged drawn model: {error}") from error
    if MANIFEST not in parts:
        raise ModelError(f"{path}: an archive without a mummer manifest; drawn models are made by `mummer models add`")
    try:
        text = parts.pop(MANIFEST).decode()
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: its manifest is no text") from error
    return Drawing(path, parse_manifest(text, str(path)), parts)
