"""Triangles to small pictures: linear in, linear out; the near over the far; outer sides told from inner ones."""

import cv2
import numpy as np

from realtime.mesh.canonical import POINTS, TRIANGLES
from realtime.mesh.outline import AROUND, ring_triangles, rings, spread
from realtime.mesh.raster import facing, far_to_near, rasterise


def test_what_is_linear_over_the_picture_stays_so() -> None:
    points = POINTS[:, :2] * 5 + 50
    raster = rasterise(points, TRIANGLES, 100, far_to_near(POINTS, TRIANGLES))
    seen = raster.interpolate(np.column_stack([points, points @ (2, -1)]).astype(np.float32))
    y, x = np.nonzero(raster.numbers)
    assert len(y) > 3000
    np.testing.assert_allclose(seen[y, x], np.column_stack([x, y, 2 * x - y]), atol=0.02)
    assert (seen[raster.numbers == 0] == 0).all()


def test_nothing_is_read_beyond_the_corners_and_no_pixel_is_left_out() -> None:
    thin = POINTS * (0.04, 5, 5) + (50, 50, 0)  # as a turned head shows its far side, and lips that are shut
    values = (np.arange(len(POINTS), dtype=np.float32) % 97)[:, None]
    for points in (thin[:, :2], POINTS[:, :2] * (5, 0.02) + 50, POINTS[:, :2] * 4.37 + 50.21):
        raster = rasterise(points.astype(np.float32), TRIANGLES, 100)
        seen = raster.interpolate(values)[..., 0]
        corners = values[TRIANGLES[raster.numbers - 1], 0]
        there = raster.numbers > 0
        assert there.any()
        assert (seen >= corners.min(axis=2) - 2)[there].all()
        assert (seen <= corners.max(axis=2) + 2)[there].all()
    outline = np.rint(points[AROUND] * 16).astype(np.int32)
    within = cv2.erode(cv2.fillPoly(np.zeros((100, 100), np.uint8), [outline], 1, cv2.LINE_8, 4), np.ones((3, 3)))
    assert within.sum() > 2000
    assert raster.numbers[within > 0].all()


def test_the_nearer_triangle_hides_the_farther() -> None:
    points = np.array([[5, 5, 9], [5, 35, 9], [35, 5, 9], [5, 5, 1], [5, 35, 1], [35, 5, 1]], np.float32)
    both = np.array([[3, 4, 5], [0, 1, 2]], np.int32)
    order = far_to_near(points, both)
    assert order.tolist() == [1, 0]
    assert rasterise(points[:, :2], both, 40, order).numbers[12, 12] == 1
    assert not facing(points, both[:, ::-1]).any()


def test_rings_lie_around_the_face_and_show_their_outer_side() -> None:
    outline = POINTS[AROUND, :2]
    around = rings(outline, (1.2, 1.6))
    points = np.concatenate([POINTS[:, :2], around])
    assert facing(points, ring_triangles(2)).all()
    assert facing(POINTS, TRIANGLES).mean() > 0.98
    raster = rasterise(points * 3 + 60, np.concatenate([TRIANGLES, ring_triangles(2)]), 120)
    assert set(raster.numbers[40:80, 40:80].ravel().tolist()) & set(range(1, 899))
    np.testing.assert_allclose(spread()[AROUND], np.eye(36), atol=1e-6)
    assert spread()[4].sum() < 0.3 < spread()[AROUND].sum()
