"""The texture of a photograph: glasses painted out, what is behind the face left out, one light for both halves."""

import cv2
import numpy as np
import pytest

from realtime.mesh.atlas import ATLAS
from realtime.mesh.canonical import TRIANGLES
from realtime.mesh.raster import rasterise
from realtime.mesh.vertices import EYES
from realtime.photo_swap.portrait import Portrait, read_portrait
from realtime.photo_swap.texture import SIDE, make_texture, view_of
from realtime.photo_swap.zones import COVER
from realtime.runtime.arrays import Bytes

pytest.importorskip("skimage")


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Portrait:
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("photo") / "photo.png"
    cv2.imwrite(str(path), cv2.cvtColor(astronaut(), cv2.COLOR_RGB2BGR))
    return read_portrait(path, device="cpu")


def put_on_glasses(picture: Bytes, portrait: Portrait, tint: bool = False) -> Bytes:
    """``picture`` of the ``portrait`` with thin rims around the eyes, joined on the nose, and perhaps tinted lenses."""
    worn = picture.copy()
    middles = [portrait.mesh[list(eye), :2].mean(axis=0) for eye in EYES]
    apart = float(np.linalg.norm(middles[0] - middles[1]))
    rim, across = round(0.36 * apart), np.array((0.36 * apart, 0))
    lenses = np.zeros(worn.shape[:2], np.uint8)
    for middle in middles:
        cv2.circle(lenses, np.rint(middle).astype(int).tolist(), rim, 1, -1)
    if tint:
        worn[lenses > 0] = np.clip(worn[lenses > 0] * (0.85, 1.1, 1.0) + (0, 10, 5), 0, 255)
    for middle in middles:
        cv2.circle(worn, np.rint(middle).astype(int).tolist(), rim, (60, 50, 50), 1, cv2.LINE_AA)
    ends = [np.rint(middles[0] + across).astype(int).tolist(), np.rint(middles[1] - across).astype(int).tolist()]
    return np.asarray(cv2.line(worn, ends[0], ends[1], (60, 50, 50), 1, cv2.LINE_AA), np.uint8)


def test_glasses_are_seen_and_painted_out(portrait: Portrait) -> None:
    assert not portrait.view.glasses
    bare = view_of(portrait.picture, portrait.mesh)
    worn = put_on_glasses(portrait.picture, portrait)
    dragged = np.abs(view_of(worn, portrait.mesh).rgb.astype(int) - bare.rgb)
    assert view_of(worn, portrait.mesh).glasses
    nose = (slice(int(0.36 * SIDE), int(0.44 * SIDE)), slice(int(0.47 * SIDE), int(0.53 * SIDE)))
    assert dragged[nose].mean() < 25


def test_metal_that_shines_over_a_brow_goes_with_the_glasses(portrait: Portrait) -> None:
    shining = portrait.picture.copy()
    ends = np.rint(portrait.mesh[[46, 52], :2]).astype(int).tolist()
    cv2.line(shining, ends[0], ends[1], (250, 250, 250), 1, cv2.LINE_AA)
    worn = put_on_glasses(shining, portrait)
    views = [view_of(picture, portrait.mesh) for picture in (portrait.picture, shining, worn)]
    assert [view.glasses for view in views] == [False, False, True]
    bare, shown, gone = (view.rgb.mean(axis=2) for view in views)
    (x0, y0), (x1, y1) = ((ATLAS[[46, 52]] * SIDE).round().astype(int)).tolist()
    brow = (slice(min(y0, y1) - 12, max(y0, y1) + 12), slice(x0, x1))
    metal = (shown - bare)[brow] > 20
    assert metal.sum() > 100
    assert np.maximum(gone - bare, 0)[brow][metal].mean() < (shown - bare)[brow][metal].mean() / 5


def test_a_strand_down_to_a_brow_leaves_no_dark_cloud(portrait: Portrait) -> None:
    ends = [np.rint(point).astype(int).tolist() for point in portrait.mesh[[103, 105], :2]]
    strand = portrait.picture.copy()
    cv2.line(strand, ends[0], ends[1], (25, 20, 18), round(0.16 * float(np.ptp(portrait.mesh[:, 0]))), cv2.LINE_AA)
    x, y = (ATLAS[[103, 105]].mean(axis=0) * SIDE).round().astype(int).tolist()
    forehead = (slice(y - 60, y + 40), slice(x - 100, x + 100))
    bare, hung = (
        make_texture([view_of(picture, portrait.mesh)]).mean(axis=2) for picture in (portrait.picture, strand)
    )
    assert np.percentile(cv2.blur(hung / bare.clip(1), (21, 21))[forehead], 10) > 0.9


def test_what_is_behind_the_face_is_no_skin(portrait: Portrait) -> None:
    green = portrait.picture.copy()
    hull = np.rint(cv2.convexHull(portrait.mesh[:, :2].astype(np.float32))).astype(np.int32)
    inside = cv2.fillConvexPoly(np.zeros(green.shape[:2], np.uint8), hull, 1)
    inside = cv2.erode(inside, np.ones((5, 5), np.uint8))
    green[inside == 0] = (0, 200, 0)
    view = view_of(green, portrait.mesh)
    shown = rasterise(ATLAS * SIDE - 0.5, TRIANGLES, SIDE).interpolate(COVER[:, None])[..., 0] > 0.25
    shares = [float((rgb[..., 1] > rgb[..., 0] + 60.0)[shown].mean()) for rgb in (view.rgb, make_texture([view]))]
    assert shares[0] > 0.15
    assert shares[1] < shares[0] / 5


def test_the_tint_of_lenses_goes_with_their_rims(portrait: Portrait) -> None:
    worn = put_on_glasses(portrait.picture, portrait, tint=True)
    view = view_of(worn, portrait.mesh)
    assert view.glasses
    below = ((ATLAS[[111, 117, 118, 119, 346, 347, 348]] * SIDE - 0.5).round().astype(int)).T
    greens = [
        float(np.median(cv2.blur(rgb, (9, 9))[below[1], below[0]].astype(float) @ (-0.5, 1, -0.5)))
        for rgb in (portrait.view.rgb, view_of(worn, portrait.mesh).rgb)
    ]
    assert greens[1] - greens[0] < 6


def test_a_bright_wall_within_the_outline_is_no_cheek(portrait: Portrait) -> None:
    """The mesh is a tenth too wide on one side."""
    wide, middle = portrait.mesh.copy(), float(portrait.mesh[[10, 152], 0].mean())
    out = (wide[:, 0] > middle) & (wide[:, 1] > portrait.mesh[33, 1])
    wide[out, 0] = middle + 1.25 * (wide[out, 0] - middle)
    pale = portrait.picture.copy()
    hull = np.rint(cv2.convexHull(portrait.mesh[:, :2].astype(np.float32))).astype(np.int32)
    pale[cv2.fillConvexPoly(np.zeros(pale.shape[:2], np.uint8), hull, 1) == 0] = (250, 245, 235)
    texture = make_texture([view_of(pale, wide)])
    shown = rasterise(ATLAS * SIDE - 0.5, TRIANGLES, SIDE).interpolate(COVER[:, None])[..., 0] > 0.1
    assert float((texture.min(axis=2) > 205)[shown].mean()) < 0.002


def test_highlights_on_the_nose_are_held_down(portrait: Portrait) -> None:
    shiny = portrait.picture.copy().astype(np.float32)
    ends = np.rint(portrait.mesh[[6, 4], :2]).astype(int)
    width = max(round(0.02 * float(np.ptp(portrait.mesh[:, 0]))), 2)
    strip = cv2.line(np.zeros(shiny.shape[:2], np.float32), ends[0].tolist(), ends[1].tolist(), 1, 2 * width)
    shiny = np.clip(shiny * (1 + 0.5 * cv2.GaussianBlur(strip, (0, 0), width))[..., None], 0, 255)
    nose, cheeks = ((ATLAS[chosen] * SIDE).round().astype(int).T for chosen in ([197, 195, 5], [50, 280, 118, 347]))
    ratios = []
    for picture in (portrait.picture, shiny.astype(np.uint8)):
        grey = cv2.blur(make_texture([view_of(picture, portrait.mesh)]), (15, 15)).mean(axis=2)
        ratios.append(float(grey[nose[1], nose[0]].mean() / grey[cheeks[1], cheeks[0]].mean()))
    assert ratios[1] < 1.12 * ratios[0]


def test_side_light_is_evened_out(portrait: Portrait) -> None:
    width = portrait.picture.shape[1]
    shade = np.linspace(1.0, 0.45, width, dtype=np.float32)[None, :, None]
    lit = (portrait.picture * shade).astype(np.uint8)
    texture = make_texture([view_of(lit, portrait.mesh)]).astype(float)
    rows = slice(int(0.45 * SIDE), int(0.6 * SIDE))
    left, right = (
        texture[rows, int(0.3 * SIDE) : int(0.4 * SIDE)].mean(),
        texture[rows, int(0.6 * SIDE) : int(0.7 * SIDE)].mean(),
    )
    assert max(left, right) / min(left, right) < 1.15


def test_two_photographs_fill_each_others_gaps(portrait: Portrait) -> None:
    half = portrait.view
    x = np.arange(SIDE)[None, :] < SIDE // 2
    marked = [half.rgb.copy(), half.rgb.copy()]
    marked[0][:, SIDE // 2 :] = 0  # what each does not show
    marked[1][:, : SIDE // 2] = 0
    views = [
        type(half)(rgb, np.where(seen, half.seen, 0).astype(np.float32))
        for rgb, seen in zip(marked, (x, ~x), strict=True)
    ]
    both = make_texture(views)[int(0.4 * SIDE) : int(0.6 * SIDE), int(0.3 * SIDE) : int(0.7 * SIDE)]
    assert both.mean(axis=2).min() > 25
