"""The folder that the extraction of *Exploring Deepfakes* (Lyon and Tora, Packt 2023, chapter 5) writes.

``face_aligned_NAME_INDEX.png`` is the INDEX-th face of a frame NAME.EXT, ``face_mask_NAME_INDEX.png`` its mask, and
``face_alignments.json`` maps NAME.EXT to ``{"faces": [{"landmark": ..., "warp_matrix": ...}]}``: landmarks in the
frame's pixels, and the matrix from there to the aligned face. Its arrays are lists, or what json_tricks makes of
numpy's: ``{"__ndarray__": ...}``. Faces that the file says nothing about are found anew.
"""

import json
import re
from pathlib import Path
from typing import Any, Final

import numpy as np

from models.faceset.frame_sources import Still
from realtime.media.affine import apply
from realtime.runtime.arrays import Points
from realtime.runtime.errors import InputError

__all__ = ["book_faces", "book_landmarks", "book_mask", "book_stills", "is_book"]

ALIGNMENTS: Final = "face_alignments.json"
_FACE: Final = re.compile(r"face_aligned_(?P<name>.*)_(?P<index>\d+)\.(png|jpg|jpeg)", re.IGNORECASE)


def is_book(folder: Path) -> bool:
    """Whether ``folder`` holds aligned faces under the book's names."""
    return any(_FACE.fullmatch(path.name) for path in folder.glob("face_aligned_*"))


def book_faces(folder: Path) -> list[Path]:
    """The aligned faces, by name."""
    return sorted(path for path in folder.glob("face_aligned_*") if _FACE.fullmatch(path.name))


def book_mask(face: Path) -> Path:
    """Where the mask of an aligned face is, if it has one."""
    return face.with_name(face.name.replace("face_aligned_", "face_mask_", 1)).with_suffix(".png")


def book_stills(folder: Path) -> list[Still]:
    """The aligned faces as pictures with the landmarks that are known of them. Raises ``InputError``."""
    known = book_landmarks(folder)
    return [Still(path, None if (points := known.get(path.name)) is None else (points,)) for path in book_faces(folder)]


def book_landmarks(folder: Path) -> dict[str, Points]:
    """Landmarks in pixels of the aligned face, float32 (68, 2), by its file name; those that are whole.

    Raises ``InputError`` where the file is there and is not JSON.
    """
    path = folder / ALIGNMENTS
    if not path.is_file():
        return {}
    try:
        frames = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON: {error}; delete it to have the faces found anew") from error
    by_stem = {Path(name).stem: entry for name, entry in frames.items()} if isinstance(frames, dict) else {}
    found = {}
    for face in book_faces(folder):
        match = _FACE.fullmatch(face.name)
        if match is not None and (points := _face(by_stem.get(match["name"]), int(match["index"]))) is not None:
            found[face.name] = points
    return found


def _face(entry: Any, index: int) -> Points | None:
    """One face of an entry, in pixels of its aligned picture; None where something is missing."""
    try:
        face = entry["faces"][index]
        landmarks = _array(face.get("landmark", face.get("landmarks"))).reshape(68, 2)
        matrix = _array(face["warp_matrix"])[:2].reshape(2, 3)
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None
    return apply(matrix.astype(np.float64), landmarks.astype(np.float32))


def _array(value: object) -> Points:
    """Numbers out of lists, out of json_tricks' arrays, or out of lists of those."""
    if isinstance(value, dict):
        value = value["__ndarray__"]
    elif isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]["__ndarray__"]
    return np.asarray(value, np.float32)
