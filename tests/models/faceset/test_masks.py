"""Masks of what is seen of a face: no hair, no background, nothing that is in front of it, at any size."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.faceset.hull import hull_mask
from models.faceset.masks import VisibleMask, open_masker
from models.recipes.crop import crop_still
from realtime.align import TEMPLATES
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.media.affine import apply
from realtime.runtime.arrays import Bytes, Points


def portrait(template: str = "whole-face", size: int = 256) -> tuple[Bytes, Points]:
    matrix = TEMPLATES[template].frame_to_crop(LANDMARKS, size)
    return crop_still(load_portrait(), matrix, size), apply(matrix, LANDMARKS)


@pytest.fixture(scope="module")
def masker() -> VisibleMask:
    return VisibleMask("cpu")


def share(part: Bytes, whole: Bytes) -> float:
    """Of the pixels of ``whole`` those that ``part`` has, too."""
    return float((part[whole > 0] > 0).mean())


@pytest.mark.parametrize(("template", "size"), [("whole-face", 256), ("whole-face", 512), ("mean-face", 160)])
def test_a_face_is_masked_without_what_is_around_it(masker: VisibleMask, template: str, size: int) -> None:
    crop, points = portrait(template, size)
    mask = masker(crop, points)
    assert mask.shape == (size, size) and set(np.unique(mask)) == {0, 255}
    features = np.zeros_like(mask)
    cv2.fillConvexPoly(features, cv2.convexHull(np.rint(points[17:]).astype(np.int32)), (255,))
    assert share(mask, features) > 0.98
    hull = hull_mask(points, size)
    grown = cv2.dilate(hull, np.ones((size // 8,) * 2, np.uint8))
    assert share(mask, hull) > 0.85
    assert share(np.where(grown > 0, 0, mask).astype(np.uint8), np.where(grown > 0, 0, 255).astype(np.uint8)) < 0.03


def test_what_is_in_front_is_left_out(masker: VisibleMask) -> None:
    crop, points = portrait()
    free = masker(crop, points)
    thing = np.zeros(crop.shape[:2], np.uint8)
    cv2.rectangle(thing, (0, int(points[33, 1]) + 4), (255, 255), (255,), -1)  # a book, held up to the nose
    crop[thing > 0] = (40, 70, 130)
    behind = cv2.bitwise_and(cv2.erode(thing, np.ones((9, 9), np.uint8)), free)
    assert share(free, behind) == 1
    assert share(masker(crop, points), behind) < 0.1
    assert share(open_masker("hull")(crop, points), behind) > 0.8


def test_where_next_to_nothing_is_seen_the_hull_is_the_mask(masker: VisibleMask) -> None:
    crop, points = portrait()
    behind_a_wall = np.full_like(crop, (40, 70, 130))
    assert np.array_equal(masker(behind_a_wall, points), hull_mask(points, 256))


def test_a_file_that_is_no_parser_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.onnx").write_bytes(b"nothing")
    with pytest.raises(Exception, match=r"p\.onnx"):
        open_masker("parser", tmp_path / "p.onnx")
