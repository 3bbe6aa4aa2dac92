"""A faceset as arrays, for training, calibration and comparison.

Three kinds of folder are read alike: a faceset, the folder of the book's extraction, and a plain folder of square
pictures (``NAME.mask.png`` is the mask of ``NAME.png``, if it is there).
"""

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.lib.format import open_memmap

from models.faceset.book import book_faces, book_landmarks, book_mask, is_book
from models.faceset.folder import IDENTITY, Faceset, is_faceset
from models.faceset.masks import Masker, open_masker
from realtime.media.affine import apply
from realtime.media.picture import quiet, read_bytes, read_picture
from realtime.runtime.arrays import Bytes, Points
from realtime.runtime.errors import InputError
from realtime.runtime.files import make_folder, whole_or_nothing, writing
from realtime.swap.consent import Identity, read_identity

__all__ = ["AlignedFaces", "read_faceset"]

SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg"})
MASK: Final = ".mask"
#: Masks are smooth: more than this many pixels a side would only take memory.
MASK_SIDE: Final = 128
#: Pictures that are read ahead of the one that is written into the cache.
_BLOCK: Final = 64


@dataclass(frozen=True, slots=True)
class AlignedFaces:
    """Aligned faces of one side.

    ``faces`` is uint8 (N, S, S, 3) RGB, perhaps mapped from a file and then read-only; ``masks`` uint8 (N, M, M) with
    M <= S, 255 where the face is; ``landmarks`` float32 (N, 68, 2) in pixels of the S x S crop, None where they are
    not known of every face. ``names`` and ``digests`` (sha256) are those of the files, ``paths`` where they lie;
    pictures that were not read from files have none.
    """

    faces: Bytes
    masks: Bytes
    landmarks: Points | None = None
    identity: Identity | None = None
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    paths: tuple[Path, ...] = ()

    def __len__(self) -> int:
        return len(self.faces)

    @property
    def digest(self) -> str:
        """sha256 over the files' digests, whatever their order; 64 hexadecimal digits."""
        return hashlib.sha256("\n".join(sorted(self.digests)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Entry:
    """A face's files; its landmarks in units of the crop (0..1, edge to edge), its digest where it is known."""

    picture: Path
    mask: Path | None
    landmarks: Points | None = None
    digest: str = ""


def read_faceset(folder: Path, size: int, *, cache: Path | None = None, threads: int = 0) -> AlignedFaces:
    """All aligned faces in ``folder``, in the order of its index or of their names, at ``size`` pixels.

    With ``cache``, a folder, the pixels are kept there in a file of their own and mapped, not held in memory, and read
    from it the next time as long as faces and size are the same. ``threads`` of 0 is as many as there are cores. A
    face without a mask gets one by its landmarks and the built-in net, and one without landmarks counts whole. Raises
    ``InputError`` naming the folder or file that is missing, empty, unreadable or not square, and ``OutputError``
    where the cache cannot be written.
    """
    entries, identity = _entries(folder)
    if not entries:
        raise InputError(f"{folder}: no aligned faces in it; `mummer extract VIDEO --out {folder}` puts some there")
    makes_masks = any(entry.mask is None and entry.landmarks is not None for entry in entries)
    masker = open_masker("visible") if makes_masks else None
    with quiet(), ThreadPoolExecutor(threads or os.cpu_count() or 2, "read") as pool:
        digests = tuple(pool.map(_digest, entries))
        masks = np.empty((len(entries), min(size, MASK_SIDE), min(size, MASK_SIDE)), np.uint8)

        def read_mask(index: int) -> None:
            masks[index] = _mask(entries[index], masks.shape[1], masker)

        _all(pool, read_mask, len(entries))
        faces = _faces(entries, digests, size, cache, pool)
    known = [entry.landmarks for entry in entries if entry.landmarks is not None]
    landmarks = (np.stack(known) * size - 0.5).astype(np.float32) if len(known) == len(entries) else None
    paths = tuple(entry.picture for entry in entries)
    return AlignedFaces(faces, masks, landmarks, identity, tuple(path.name for path in paths), digests, paths)


def _entries(folder: Path) -> tuple[list[_Entry], Identity | None]:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder of aligned faces")
    if is_faceset(folder):
        return _of_faceset(folder)
    identity = read_identity(folder / IDENTITY) if (folder / IDENTITY).exists() else None
    return (_of_book(folder) if is_book(folder) else _of_plain(folder)), identity


def _of_faceset(folder: Path) -> tuple[list[_Entry], Identity | None]:
    faceset = Faceset.open(folder)
    entries = [
        _Entry(
            faceset.picture(record),
            _if_there(faceset.mask(record)),
            (apply(record.frame_to_crop, record.points) + np.float32(0.5)) / np.float32(record.size),
            record.sha256,
        )
        for record in faceset.faces()
    ]
    return entries, faceset.identity


def _of_book(folder: Path) -> list[_Entry]:
    paths, known = book_faces(folder), book_landmarks(folder)
    side = np.float32(len(read_picture(paths[0])))  # one run makes all faces of one size
    return [
        _Entry(
            path,
            _if_there(book_mask(path)),
            (known[path.name] + np.float32(0.5)) / side if path.name in known else None,
        )
        for path in paths
    ]


def _of_plain(folder: Path) -> list[_Entry]:
    paths = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in SUFFIXES and not path.stem.endswith(MASK) and not path.name.startswith(".")
    )
    return [_Entry(path, _if_there(path.with_name(f"{path.stem}{MASK}.png"))) for path in paths]


def _if_there(path: Path) -> Path | None:
    return path if path.is_file() else None


def _digest(entry: _Entry) -> str:
    return entry.digest or hashlib.sha256(read_bytes(entry.picture)).hexdigest()


def _faces(
    entries: list[_Entry], digests: tuple[str, ...], size: int, cache: Path | None, pool: ThreadPoolExecutor
) -> Bytes:
    """The pixels, uint8 (N, S, S, 3): from the cache, into it, or in memory."""
    shape = (len(entries), size, size, 3)
    if cache is None:
        faces: Bytes = np.empty(shape, np.uint8)
        _all(pool, lambda index: faces.__setitem__(index, _square(entries[index].picture, size)), len(entries))
        return faces
    make_folder(cache)
    path = cache / f"{hashlib.sha256(repr((shape, digests)).encode()).hexdigest()[:16]}-{size}.npy"
    if not path.is_file():
        _fill(path, shape, lambda index: _square(entries[index].picture, size), pool)
    try:
        mapped: Bytes = open_memmap(path, mode="r")
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: the cached faces cannot be read: {error}; delete this file") from error
    return mapped


def _fill(path: Path, shape: tuple[int, ...], read: Callable[[int], Bytes], pool: ThreadPoolExecutor) -> None:
    """Write the pixels into the ``.npy`` file ``path``. Raises ``OutputError``."""
    with whole_or_nothing(path) as part, writing(path), part.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        # Written, not mapped: a full disk is then an error, and not the end of the process.
        for start in range(0, shape[0], _BLOCK):
            for picture in pool.map(read, range(start, min(start + _BLOCK, shape[0]))):
                file.write(picture.tobytes())


def _all(pool: ThreadPoolExecutor, task: Callable[[int], None], count: int) -> None:
    """Do ``task`` for every number below ``count``; the first error ends it."""
    for _ in pool.map(task, range(count)):
        pass


def _mask(entry: _Entry, size: int, masker: Masker | None) -> Bytes:
    """One mask, uint8 (size, size): from its file, by ``masker`` from its landmarks, or all 255."""
    if entry.mask is not None:
        return _square(entry.mask, size)[..., 0]
    if entry.landmarks is not None and masker is not None:
        return masker(_square(entry.picture, size), entry.landmarks * np.float32(size) - np.float32(0.5))
    return np.full((size, size), 255, np.uint8)


def _square(path: Path, size: int) -> Bytes:
    """One square picture, uint8 (size, size, 3) RGB."""
    picture = read_picture(path)
    height, width = picture.shape[:2]
    if height != width:
        raise InputError(f"{path}: {width}x{height}, but aligned faces are square")
    if height != size:
        shrinks = height > size
        picture = np.asarray(
            cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC), np.uint8
        )
    return picture
