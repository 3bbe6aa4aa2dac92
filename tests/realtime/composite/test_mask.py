"""The blend alpha: nothing on the border, whole inside, smooth between."""

import numpy as np
import pytest

from realtime.composite.mask import BLENDS, Blend, open_blend
from realtime.runtime.errors import UsageError

SIZES = [64, 192, 256, 320]


def disc(size: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    return ((np.hypot(x, y) < radius * size) * 255).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("blend", BLENDS.values(), ids=BLENDS)
def test_nothing_is_left_on_the_border_of_the_crop(blend: Blend, size: int) -> None:
    alpha = blend.alpha(np.full((size, size), 255, np.uint8))
    assert alpha.dtype == np.uint8 and alpha.shape == (size, size)
    assert not alpha[(0, -1), :].any() and not alpha[:, (0, -1)].any()
    assert alpha[size // 2, size // 2] == 255
    # And it falls gently: no step of more than half the range, wherever the feather is wider than two pixels.
    if blend.feather * size > 4:
        assert np.abs(np.diff(alpha[size // 2].astype(int))).max() <= 128


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("blend", BLENDS.values(), ids=BLENDS)
def test_the_alpha_lies_within_the_mask(blend: Blend, size: int) -> None:
    mask = disc(size, 0.35)
    alpha = blend.alpha(mask)
    assert alpha[mask == 0].max() <= 4  # a disc's edge is not quite straight
    inner = disc(size, 0.35 - blend.erode * 2**0.5 - blend.feather - 2 / size)
    assert alpha[inner > 0].min() >= 250
    assert blend.alpha(mask).tolist() == alpha.tolist()


def test_more_feather_is_a_wider_edge_and_more_erosion_a_smaller_face() -> None:
    mask = disc(256, 0.4)

    def partly(blend: Blend) -> int:
        alpha = blend.alpha(mask)
        return int(((alpha > 8) & (alpha < 247)).sum())

    assert partly(Blend(0, 0.02)) < partly(Blend(0, 0.06)) < partly(Blend(0, 0.12))
    areas = [int(Blend(erode, 0.06).alpha(mask).sum(dtype=np.int64)) for erode in (0, 0.03, 0.08)]
    assert areas[0] > areas[1] > areas[2] > 0


def test_crumbs_go_and_pinholes_close() -> None:
    mask = disc(256, 0.3)
    crumb, hole = (slice(10, 13), slice(10, 13)), (slice(127, 129), slice(127, 129))
    mask[crumb], mask[hole] = 255, 0
    alpha = Blend().alpha(mask)
    assert not alpha[:40, :40].any()
    assert alpha[hole].min() > 200


def test_an_empty_mask_gives_nothing() -> None:
    assert not Blend().alpha(np.zeros((128, 128), np.uint8)).any()


def test_presets_go_by_name() -> None:
    assert open_blend("normal") == Blend()
    with pytest.raises(UsageError, match=r"'fuzzy'.*normal, soft"):
        open_blend("fuzzy")
