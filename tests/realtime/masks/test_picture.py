"""A painted mask: which pictures are taken, and what is said of the others."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from realtime.masks.picture import LARGEST, painted, read_mask
from realtime.masks.template import template
from realtime.mesh.canonical import UV
from realtime.mesh.vertices import EYES
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import InputError


def clown(size: int = 256) -> Bytes:
    """White with red cheeks, the eyes left open."""
    sheet = np.full((size, size, 4), 255, np.uint8)
    for vertex in (50, 280):
        cv2.circle(
            sheet, tuple(np.rint(UV[vertex] * size).astype(int).tolist()), size // 12, (230.0, 20.0, 30.0, 255.0), -1
        )
    for eye in EYES:
        cv2.fillPoly(sheet, [np.rint(UV[list(eye)] * size).astype(np.int32)], (0.0, 0.0, 0.0, 0.0))
    return sheet


def write(path: Path, sheet: Bytes, mode: str = "RGBA") -> Path:
    Image.fromarray(sheet, "RGBA").convert(mode).save(path)
    return path


@pytest.mark.parametrize("suffix", ["png", "webp", "tiff"])
def test_pictures_with_transparency_are_taken(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"clown.{suffix}"
    Image.fromarray(clown(), "RGBA").save(path, lossless=True)
    mask = read_mask(path)
    assert np.array_equal(mask[..., 3], clown()[..., 3])
    assert np.array_equal(mask[mask[..., 3] > 0], clown()[clown()[..., 3] > 0])


def test_grey_palettes_and_sixteen_bits_are_taken(tmp_path: Path) -> None:
    assert read_mask(write(tmp_path / "grey.png", clown(), "LA")).shape == (256, 256, 4)
    Image.fromarray(clown(), "RGBA").quantize(16).save(tmp_path / "palette.png")
    assert (read_mask(tmp_path / "palette.png")[..., 3] == 0).any()
    deep = clown().astype(np.uint16) * 257
    cv2.imwrite(str(tmp_path / "deep.png"), cv2.cvtColor(deep, cv2.COLOR_RGBA2BGRA))
    assert np.array_equal(read_mask(tmp_path / "deep.png"), clown())


def test_a_huge_one_is_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.fromarray(np.repeat(np.repeat(clown(), 10, axis=0), 10, axis=1), "RGBA").save(path, compress_level=1)
    assert read_mask(path).shape == (LARGEST, LARGEST, 4)


def opaque(path: Path) -> None:
    write(path, clown(), "RGB")


def oblong(path: Path) -> None:
    write(path, np.ascontiguousarray(clown()[:200]))


def tiny(path: Path) -> None:
    write(path, np.ascontiguousarray(clown()[::8, ::8]))


def empty(path: Path) -> None:
    write(path, np.zeros((256, 256, 4), np.uint8))


def animated(path: Path) -> None:
    frames = [Image.fromarray(np.roll(clown(), step, axis=0), "RGBA") for step in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def text(path: Path) -> None:
    path.write_text("clown")


def cut(path: Path) -> None:
    write(path, clown())
    path.write_bytes(path.read_bytes()[:300])


def folder(path: Path) -> None:
    path.mkdir()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (opaque, "is opaque everywhere, so it is no mask"),
        (oblong, "is 256x200, and a mask is square"),
        (tiny, "is 32x32; a mask has 64x64 pixels at least"),
        (empty, "see-through nearly everywhere"),
        (animated, "moves, and a mask is one picture"),
        (text, "not a picture"),
        (cut, "damaged"),
        (folder, "no such picture"),
    ],
)
def test_what_is_no_mask_is_one_line(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "mask.png"
    make(path)  # type: ignore[operator]
    with pytest.raises(InputError, match=words) as caught:
        read_mask(path)
    assert str(caught.value).startswith(f"{path}: ") and "\n" not in str(caught.value)


def test_colours_of_what_is_see_through_show_nowhere() -> None:
    mask = np.full((128, 128, 4), 255, np.uint8)
    mask[:, 64:] = (0, 255, 0, 0)  # green, and not to be seen
    made = painted(mask).color
    assert np.array_equal(made[..., 3], mask[..., 3])
    assert made[:, 64:66, 0].min() > 200, "what is sampled beside the edge is white, too"


def test_the_template_has_its_lines_where_the_mesh_is() -> None:
    made = template(512)
    assert made.shape == (512, 512, 4)
    corners = np.rint(UV[[eye[0] for eye in EYES]] * 512 - 0.5).astype(int)
    for x, y in corners:
        assert made[y - 1 : y + 2, x - 1 : x + 2, 3].max() > 200
    assert made[2, 2, 3] == 0
    assert 0.02 < (made[..., 3] > 128).mean() < 0.4
