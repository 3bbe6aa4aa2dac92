"""Facesets as arrays: every kind of folder, in memory and mapped, and what is refused."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.faceset.folder import Faceset
from models.faceset.reading import read_faceset
from realtime.media.affine import apply
from realtime.runtime.errors import InputError

FRAMES = 24


def test_a_faceset_is_read_as_it_was_collected(whole: Faceset) -> None:
    faces = read_faceset(whole.folder, 128)
    assert faces.faces.shape == (FRAMES, 128, 128, 3)
    assert faces.masks.shape == (FRAMES, 128, 128)
    assert faces.landmarks is not None
    for index in (0, 11):
        record = whole.records()[index]
        picture = cv2.imread(str(whole.picture(record)), cv2.IMREAD_COLOR_RGB)
        assert np.array_equal(faces.faces[index], picture)
        assert np.allclose(faces.landmarks[index], apply(record.frame_to_crop, record.points), atol=1e-3)
        assert faces.digests[index] == record.sha256
    assert faces.identity is None


def test_missing_masks_are_made_of_the_landmarks(faceset: Faceset) -> None:
    before = read_faceset(faceset.folder, 64).masks
    for record in faceset.records():
        faceset.mask(record).unlink()
    assert np.abs(read_faceset(faceset.folder, 64).masks.astype(int) - before).mean() < 2


def test_other_sizes_keep_landmarks_on_the_face(whole: Faceset) -> None:
    large, small = read_faceset(whole.folder, 256), read_faceset(whole.folder, 64)
    assert large.faces.shape[1:] == (256, 256, 3)
    assert large.masks.shape[1:] == (128, 128)  # smooth: no need for more
    assert large.landmarks is not None
    assert small.landmarks is not None
    assert np.allclose((large.landmarks + 0.5) / 4, small.landmarks + 0.5, atol=1e-3)
    for faces in (large, small):
        nose = (faces.landmarks[:, 30] + 0.5) / faces.faces.shape[1] * faces.masks.shape[1]
        assert all(mask[int(y), int(x)] == 255 for mask, (x, y) in zip(faces.masks, nose, strict=True))


def test_the_cache_is_mapped_and_used_again(whole: Faceset, tmp_path: Path) -> None:
    plain = read_faceset(whole.folder, 64)
    for _ in range(2):
        cached = read_faceset(whole.folder, 64, cache=tmp_path / "cache")
        assert isinstance(cached.faces, np.memmap)
        assert not cached.faces.flags.writeable
        assert np.array_equal(cached.faces, plain.faces)
        (path,) = (tmp_path / "cache").iterdir()
        assert path.stat().st_size < plain.faces.nbytes + 1000
        inode = path.stat().st_ino
    read_faceset(whole.folder, 64, cache=tmp_path / "cache")
    assert path.stat().st_ino == inode
    read_faceset(whole.folder, 32, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert cached.digest == plain.digest


FULL = """
import resource, sys
from pathlib import Path
from models.faceset.reading import read_faceset
from realtime.runtime.errors import OutputError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    read_faceset(Path(sys.argv[1]), 128, cache=Path(sys.argv[2]))
except OutputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits are POSIX's")
def test_a_full_disk_leaves_no_half_cache(whole: Faceset, tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL, str(whole.folder), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ".npy: cannot be written: file too large" in done.stdout
    assert not list(tmp_path.iterdir())


def test_the_books_folder_is_read_as_it_is(book: Path) -> None:
    faces = read_faceset(book, 64)
    assert len(faces) == 3
    assert faces.masks.max() == faces.masks.min() == 99
    assert faces.landmarks is None  # of one face the file says nothing
    (book / "face_aligned_frame02_0.png").unlink()
    faces = read_faceset(book, 64)
    assert faces.landmarks is not None
    eyes = faces.landmarks[:, 36:48].reshape(2, 2, 6, 2).mean(axis=2)
    assert np.allclose(eyes[:, 0] + 0.5, (0.35 * 64, 0.332 * 64), atol=1.5)


def write(folder: Path, name: str, shape: tuple[int, ...] = (48, 48, 3), value: int = 90) -> None:
    cv2.imwrite(str(folder / name), np.full(shape, value, np.uint8))


def test_plain_folders_and_single_faces(tmp_path: Path) -> None:
    write(tmp_path, "a.png")
    assert len(read_faceset(tmp_path, 32)) == 1
    write(tmp_path, "b.jpg", (200, 200, 3), 40)  # of another size
    write(tmp_path, "a.mask.png", (48, 48), 7)
    faces = read_faceset(tmp_path, 32)
    assert faces.names == ("a.png", "b.jpg")
    assert (faces.masks[0] == 7).all()
    assert (faces.masks[1] == 255).all()
    assert len(set(faces.digests)) == 2


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.png", b"", "not a picture"),
        ("a.png", b"\x89PNG\r\n\x1a\nbroken", "not a picture"),
        ("a.png", None, "48x32, but aligned faces are square"),
        ("a.txt", b"hello", "no aligned faces in it"),
    ],
)
def test_bad_folders_are_refused_by_name(tmp_path: Path, name: str, content: bytes | None, says: str) -> None:
    if content is None:
        write(tmp_path, name, (32, 48, 3))
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_faceset(tmp_path, 32)


def test_a_damaged_picture_of_a_faceset_is_named(faceset: Faceset) -> None:
    picture = faceset.picture(faceset.records()[3])
    picture.write_bytes(picture.read_bytes()[:50])
    with pytest.raises(InputError, match=f"{picture.name}: the picture is damaged"):
        read_faceset(faceset.folder, 32)
