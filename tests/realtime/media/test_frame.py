"""The two operations on a frame, in every format, and on real encoded video."""

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from realtime.media.frame import Frame
from realtime.media.pixel_formats import FORMATS, Family, PixelFormat, Siting, nearest_known, siting_of
from realtime.media.resample import sample, sample_all
from realtime.runtime.arrays import Bytes, Matrix

# FFmpeg's numbers.
BT601, BT709, BT2020 = 6, 1, 9
LIMITED, FULL = 1, 2
#: Where chroma lies between the luma samples it serves, 0 the first and 1 the last.
SITINGS = {
    Siting.LEFT: (0, 0.5),
    Siting.CENTRE: (0.5, 0.5),
    Siting.TOP_LEFT: (0, 0),
    Siting.TOP: (0.5, 0),
    Siting.BOTTOM_LEFT: (0, 1),
    Siting.BOTTOM: (0.5, 1),
}
SHARES = {BT601: (0.299, 0.114), BT709: (0.2126, 0.0722), BT2020: (0.2627, 0.0593)}

#: One of each kind: planar, semi-planar and packed; subsampled every way; 8 to 16 bits; with alpha.
KINDS = [
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuv440p", "yuv411p", "yuv420p10le",
    "yuv422p10le", "yuv444p12le", "nv12", "nv21", "p010le", "p210le", "yuva420p", "gray", "gray10le",
    "gbrp", "gbrp10le", "gbrap", "rgb24", "bgr24", "rgb48le",
]  # fmt: skip


def crop_matrix(size: int, centre: tuple[float, float], side: float, degrees: float) -> Matrix:
    """Frame to crop: a square of ``side`` frame pixels, turned."""
    s, a = size / side, math.radians(degrees)
    linear = s * np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])
    return np.column_stack([linear, (size - 1) / 2 - linear @ centre])


def disc(size: int, hard: bool = False) -> Bytes:
    """Alpha: a disc in the middle of the crop, with a hard edge or a feathered one."""
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    away = np.hypot(x, y) / (size / 2)
    return np.clip((0.9 - away) * (1e9 if hard else 900), 0, 255).astype(np.uint8)


def scene(width: int, height: int, seed: int = 0) -> Bytes:
    """A smooth colourful picture, uint8 (H, W, 3)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / 40.0
    waves = [np.sin(x * a + y * b + c) for a, b, c in rng.uniform(-1, 1, (9, 3)) * (2, 2, 3)]
    return np.stack([128 + 28 * sum(waves[i::3]) for i in range(3)], axis=-1).astype(np.uint8)


def picture(name: str, width: int, height: int, colorspace: int = BT709, full: int = 0) -> av.VideoFrame:
    made = av.VideoFrame(width, height, name)
    made.colorspace, made.color_range = colorspace, full
    made.pts, made.time_base = 4711, Fraction(1, 90000)
    return made


def bits(shown: av.VideoFrame) -> list[np.ndarray]:
    """All samples of all planes, alpha too, without the padding of the lines; copies."""
    planes = []
    for index, plane in enumerate(shown.planes):
        component = next(c for c in shown.format.components if c.plane == index)
        inside = sum(c.plane == index for c in shown.format.components)
        wide = 2 if component.bits > 8 else 1
        raw = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        row = plane.width * inside * wide
        samples = np.ascontiguousarray(raw[:, :row]).view(np.uint16 if wide == 2 else np.uint8)
        planes.append(samples.reshape(plane.height, plane.width, inside).copy())
    return planes


def grid(pixels: PixelFormat, plane: int, shape: tuple[int, ...], siting: tuple[float, float]) -> np.ndarray:
    """Where the samples of a plane lie in the frame, float64 (h, w, 2), written out anew."""
    layout = pixels.planes[plane]
    y, x = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    return np.stack(
        [
            x * layout.step_x + siting[0] * (layout.step_x - 1),
            y * layout.step_y + siting[1] * (layout.step_y - 1),
        ],
        axis=-1,
    )


def codes_of(pixels: PixelFormat, rgb: np.ndarray, colorspace: int, full: bool) -> np.ndarray:
    """RGB in 0..255 to codes, float64, by the formulas of the standards."""
    red, blue = SHARES[colorspace]
    r, g, b = np.moveaxis(rgb / 255, -1, 0)
    peak, unit = 2**pixels.depth - 1, 2 ** (pixels.depth - 8)
    if pixels.family is Family.RGB:
        return np.stack([r, g, b], axis=-1) * peak
    y = red * r + (1 - red - blue) * g + blue * b
    cb, cr = (b - y) / (2 - 2 * blue), (r - y) / (2 - 2 * red)
    if full:
        coded = np.stack([y * peak, cb * peak + 128 * unit, cr * peak + 128 * unit], axis=-1)
    else:
        coded = np.stack([y * 219 + 16, cb * 224 + 128, cr * 224 + 128], axis=-1) * unit
    return coded * 2**pixels.shift


def slope(points: np.ndarray) -> np.ndarray:
    """A picture whose colours are linear in place, which bilinear sampling keeps: RGB in 0..255."""
    x, y = points[..., 0], points[..., 1]
    return np.stack([20 + 1.6 * x, 30 + 0.7 * x + 1.1 * y, 230 - 0.6 * x - 1.9 * y], axis=-1)


def sloped(name: str, siting: tuple[float, float], colorspace: int, full: int) -> av.VideoFrame:
    """A picture of 100 x 80 pixels with that slope, written sample by sample."""
    shown = picture(name, 100, 80, colorspace, full)
    pixels = FORMATS[name]
    is_full = pixels.family is Family.RGB or pixels.full_range or full == FULL
    for index, layout in enumerate(pixels.planes):
        plane = shown.planes[index]
        where = grid(pixels, index, (plane.height, plane.width), siting)
        codes = codes_of(pixels, slope(where), colorspace, is_full)[..., list(layout.components)]
        raw = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)
        lines = np.rint(codes / 2**pixels.shift).astype(np.uint16) << pixels.shift
        packed = lines.astype(pixels.dtype).reshape(plane.height, -1).view(np.uint8)
        raw[:, : packed.shape[1]] = packed
    return shown


def custom(name: str, colorspace: int) -> tuple[float, float]:
    """The siting of streams that say nothing: BT.2020 top left, JPEG in the middle, all others left."""
    return (0, 0) if colorspace == BT2020 else (0.5, 0.5) if name.startswith("yuvj") else (0, 0.5)


# ---- formats


@pytest.mark.parametrize("row", FORMATS.values(), ids=FORMATS)
def test_the_table_agrees_with_ffmpeg(row: PixelFormat) -> None:
    said = av.VideoFormat(row.name, 64, 64)
    colours = [component for component in said.components if not component.is_alpha]
    assert row.alpha == (len(colours) < len(said.components))
    assert row.family.components == len(colours)
    for index, layout in enumerate(row.planes):
        assert sorted(layout.components) == [n for n, c in enumerate(colours) if c.plane == index]
        for component in layout.components:
            assert colours[component].bits == row.depth
            if row.family is Family.YCC:
                assert layout.size(64, 64) == (colours[component].width, colours[component].height)
    assert not said.is_big_endian


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("yuyv422", "yuv422p"), ("uyvy422", "yuv422p"), ("pal8", "gbrap"), ("rgba", "gbrap"),
        ("bgr0", "gbrp"), ("yuv420p10be", "yuv420p10le"), ("gray10be", "gray10le"), ("monow", "gray"),
        ("rgb565le", "gbrp"), ("x2rgb10le", "gbrp10le"), ("rgb48be", "gbrp16le"), ("y210le", "yuv422p10le"),
        ("uyyvyy411", "yuv411p"), ("vuya", "yuva444p"), ("nv12", "nv12"),
    ],
)  # fmt: skip
def test_other_formats_have_a_nearest_one(name: str, known: str) -> None:
    assert nearest_known(name) == known


def test_every_format_of_ffmpeg_has_a_nearest_one_that_holds_it() -> None:
    for name in av.video.format.names:
        asked = av.VideoFormat(name, 16, 16)
        if asked.components and not name.startswith(("xyz", "bayer")):
            row = FORMATS[nearest_known(name)]
            bits_asked = max(c.bits for c in asked.components)
            assert row.depth >= min(16, bits_asked), name
            assert (row.family is Family.RGB) == (asked.is_rgb or asked.has_palette), name


def test_an_unknown_format_says_what_to_convert_to() -> None:
    with pytest.raises(ValueError, match=r"yuyv422 must be converted to yuv422p"):
        Frame(av.VideoFrame(64, 48, "yuyv422"))


# ---- warp


@pytest.mark.parametrize("name", [n for n in KINDS if not n.startswith("gray")])
@pytest.mark.parametrize(("colorspace", "full"), [(BT601, LIMITED), (BT709, FULL), (BT2020, LIMITED)])
def test_warp_shows_the_right_colour_at_the_right_place(name: str, colorspace: int, full: int) -> None:
    pixels = FORMATS[name]
    frame = Frame(sloped(name, custom(name, colorspace), colorspace, full))
    for side, degrees in ((40, 20), (24, -100), (60, 3)):
        matrix = crop_matrix(48, (49.3, 38.6), side, degrees)
        linear = np.linalg.inv(matrix[:, :2])
        at = np.moveaxis(np.mgrid[:48, :48][::-1].astype(np.float64), 0, -1)
        expected = slope((at - matrix[:, 2]) @ linear.T)
        error = np.abs(frame.warp(matrix, 48) - expected)
        # Blue takes two levels a step of eight-bit Cb, which is rounded twice.
        assert error.max() < (3.6 if pixels.depth == 8 else 1.4)
        # Chroma half a pixel off would shift blue by 0.7 or more all over.
        assert np.abs((frame.warp(matrix, 48) - expected).mean(axis=(0, 1))).max() < 0.35


@pytest.mark.parametrize("siting", Siting)
def test_a_siting_that_the_source_knows_is_used(siting: Siting) -> None:
    frame = Frame(sloped("yuv420p12le", SITINGS[siting], BT709, LIMITED), siting=siting)
    got = frame.warp(np.eye(2, 3), (100, 80))[10:-10, 10:-10]
    expected = slope(np.moveaxis(np.mgrid[:80, :100][::-1].astype(np.float64), 0, -1))[10:-10, 10:-10]
    assert np.abs(got - expected).max() < 0.7


def test_codecs_have_their_sitings() -> None:
    assert siting_of("mjpeg") is Siting.CENTRE
    assert siting_of("h264") is Siting.LEFT
    assert siting_of("ffv1") is None
    # What stands in the stream itself goes first: BT.2020 is sited top left in HEVC too.
    assert Frame(picture("yuv420p10le", 64, 48, BT2020), siting=siting_of("hevc")).kind.siting is Siting.TOP_LEFT
    assert Frame(picture("yuvj420p", 64, 48), siting=siting_of("h264")).kind.siting is Siting.LEFT


@pytest.mark.parametrize("name", KINDS)
def test_shrinking_does_not_alias(name: str) -> None:
    """Stripes one pixel wide become their mean, and not whichever line happens to be hit."""
    rgb = np.zeros((96, 128, 3), np.uint8)
    rgb[:, ::2] = 200
    shown = Frame.from_rgb(rgb).picture.reformat(format=name, dst_colorspace="itu709")
    shown.colorspace = BT709
    small = Frame(shown).warp(np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]]), (32, 24))
    assert small.shape == (24, 32, 3) and np.abs(small.astype(int) - 100).max() <= 4
    turned = Frame(shown).warp(crop_matrix(20, (63, 47), 80, 15), 20)
    assert np.abs(turned.astype(int) - 100).max() <= 16


def test_reduction_by_a_whole_factor_is_the_mean_of_blocks() -> None:
    rng = np.random.default_rng(3)
    plane = rng.integers(0, 1024, (90, 122)).astype(np.uint16)
    got = sample(plane, np.array([[0.25, 0, -0.375], [0, 0.25, -0.375]]), (30, 22))
    means = plane[:88, :120].reshape(22, 4, 30, 4).mean(axis=(1, 3))
    assert np.abs(got - means).max() <= 1


@pytest.mark.parametrize("name", KINDS)
def test_beyond_the_picture_its_edge_goes_on(name: str) -> None:
    frame = Frame(Frame.from_rgb(scene(90, 70)).picture.reformat(format=name))
    whole = frame.warp(np.eye(2, 3), (90, 70)).astype(int)
    shifted = frame.warp(np.array([[1.0, 0, 40], [0, 1, 30]]), (170, 130)).astype(int)
    assert np.abs(shifted[30:100, 40:130] - whole).max() <= 1
    assert np.abs(shifted[:30, :40] - whole[0, 0]).max() <= 1
    assert np.abs(shifted[100:, 130:] - whole[-1, -1]).max() <= 1
    for far in (5000.0, -5000.0):
        assert np.ptp(frame.warp(np.array([[1.0, 0, far], [0, 1, far]]), 16).reshape(-1, 3), axis=0).max() == 0
        tiny = frame.warp(np.array([[0.01, 0, far], [0, 0.01, far]]), 16)
        assert np.ptp(tiny.reshape(-1, 3), axis=0).max() == 0


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (3, 5), (17, 9), (641, 359)])
@pytest.mark.parametrize("name", ["yuv420p", "yuv411p", "nv12", "gbrp"])
def test_pictures_of_any_size_work(name: str, size: tuple[int, int]) -> None:
    shown = av.VideoFrame(*size, name)
    frame = Frame(shown)
    frame.paste(np.full((40, 40, 3), 90, np.uint8), np.full((40, 40), 255, np.uint8), crop_matrix(40, (1, 1), 3000, 7))
    assert np.abs(frame.warp(np.eye(2, 3), size).astype(int) - 90).max() <= 2
    assert frame.warp(np.array([[0.1, 0, 0], [0, 0.1, 0]]), 8).shape == (8, 8, 3)


@pytest.mark.parametrize("channels", [(1, 1), (1, 1, 1), (2,), (3,), (4,), (1, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [1.0, 0.4, 1.7])
def test_channels_that_are_read_together_are_read_as_each_alone(
    channels: tuple[int, ...], dtype: type[np.uint8] | type[np.uint16], scale: float
) -> None:
    rng = np.random.default_rng(3)
    planes = [rng.integers(0, np.iinfo(dtype).max, (61, 83), dtype) for _ in range(sum(channels))]
    pictures, rest = [], list(planes)
    for count in channels:
        pictures.append(rest[0] if count == 1 else np.dstack(rest[:count]))
        del rest[:count]
    matrix = np.array([[scale, -0.1, -3.3], [0.1, scale, 2.1]])
    got = sample_all(pictures, matrix, (40, 50))
    assert [each.shape for each in got] == [(50, 40) if count == 1 else (50, 40, count) for count in channels]
    alone = np.dstack([sample(plane, matrix, (40, 50)) for plane in planes])
    halved = int(scale < 0.5)  # means of two channels are rounded otherwise than those of one
    assert np.abs(np.dstack(got).astype(int) - alone).max() <= halved


def test_warp_gives_memory_of_its_own() -> None:
    rgb = scene(64, 48)
    for name in KINDS:
        frame = Frame(Frame.from_rgb(rgb).picture.reformat(format=name))
        before = bits(frame.picture)
        frame.warp(np.eye(2, 3), (64, 48))[:] = 0
        assert all(np.array_equal(a, b) for a, b in zip(before, bits(frame.picture), strict=True))


def test_an_image_keeps_its_exact_values() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (37, 53, 3), dtype=np.uint8)
    assert np.array_equal(Frame.from_rgb(rgb).warp(np.eye(2, 3), (53, 37)), rgb)


def test_a_picture_stored_upside_down_is_read_upright() -> None:
    graph = av.filter.Graph()
    shown = Frame.from_rgb(scene(64, 48)).picture.reformat(format="bgr24")
    source = graph.add_buffer(width=64, height=48, format=shown.format, time_base=Fraction(1, 25))
    source.link_to(flip := graph.add("vflip"))
    flip.link_to(sink := graph.add("buffersink"))
    graph.configure()
    source.push(shown)
    flipped = sink.pull()
    assert isinstance(flipped, av.VideoFrame) and flipped.planes[0].line_size < 0
    flipped.pts, flipped.time_base = 4711, Fraction(1, 90000)
    frame = Frame(flipped)
    assert np.array_equal(frame.warp(np.eye(2, 3), (64, 48)), scene(64, 48)[::-1])
    assert (frame.pts, frame.time_base) == (4711, Fraction(1, 90000))


# ---- paste


def touched(shown: av.VideoFrame, alpha: Bytes, matrix: Matrix, siting: Siting) -> list[np.ndarray]:
    """Per plane, the samples that alpha can have a share in: a crop pixel's or a sample's width around."""
    pixels = FORMATS[shown.format.name]
    rows, columns = np.nonzero(alpha)
    reach = 1.5 + 2.2 * np.sqrt(abs(np.linalg.det(matrix[:, :2]))) * max(p.step_x for p in pixels.planes)
    masks = []
    for index, plane in enumerate(shown.planes[: len(pixels.planes)]):
        where = grid(pixels, index, (plane.height, plane.width), SITINGS[siting])
        x, y = np.moveaxis(where @ matrix[:, :2].T + matrix[:, 2], -1, 0)
        # The alphas here are discs: centre and radius say it all.
        centre = (columns.min() + columns.max()) / 2, (rows.min() + rows.max()) / 2
        radius = (columns.max() - columns.min()) / 2
        masks.append(np.hypot(x - centre[0], y - centre[1]) <= radius + reach)
    return masks


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("side", [25, 60, 110])
def test_a_pasted_colour_is_that_colour(name: str, side: int) -> None:
    """Enlarged and shrunk; limited and full range; inside to two levels, outside to the bit."""
    for colorspace, full in ((BT601, LIMITED), (BT709, FULL)):
        rgb = scene(160, 128)
        shown = Frame.from_rgb(rgb).picture.reformat(format=name)
        shown.colorspace, shown.color_range = colorspace, full
        frame = Frame(shown)
        before = bits(frame.picture)
        colour = (120, 120, 120) if name.startswith("gray") else (190, 120, 70)
        matrix = crop_matrix(64, (77.3, 61.8), side, 25)
        alpha = disc(64)
        frame.paste(np.full((64, 64, 3), colour, np.uint8), alpha, matrix)
        inner = frame.warp(matrix, 64)[26:38, 26:38]
        assert np.abs(inner.astype(int) - colour).max() <= 2
        masks = touched(frame.picture, alpha, matrix, frame.kind.siting)
        after = bits(frame.picture)
        for old, new, mask in zip(before, after, masks, strict=False):
            assert np.array_equal(old[~mask], new[~mask])
            assert not np.array_equal(old[mask], new[mask])
        for old, new in zip(before[len(masks) :], after[len(masks) :], strict=True):
            assert np.array_equal(old, new)  # the plane of alpha


@pytest.mark.parametrize("side", [21, 33, 60, 150])
@pytest.mark.parametrize("name", [n for n in KINDS if not n.startswith("gray")])
def test_paste_puts_the_right_colour_in_the_right_place(name: str, side: int) -> None:
    """A crop of the slope, pasted, gives the codes that the slope has in the frame; doubled or halved too."""
    pixels = FORMATS[name]
    for colorspace in (BT601, BT2020):
        frame = Frame(picture(name, 100, 80, colorspace, LIMITED))
        matrix = crop_matrix(64, (50, 40), side, 12)
        at = np.moveaxis(np.mgrid[:64, :64][::-1].astype(np.float64), 0, -1)
        colours = slope((at - matrix[:, 2]) @ np.linalg.inv(matrix[:, :2]).T)
        crop = np.rint(colours.clip(0, 255)).astype(np.uint8)
        frame.paste(crop, disc(64), matrix)
        full = pixels.family is Family.RGB or pixels.full_range
        for index, (layout, got) in enumerate(zip(pixels.planes, bits(frame.picture), strict=False)):
            where = grid(pixels, index, got.shape[:2], custom(name, colorspace))
            expected = codes_of(pixels, slope(where), colorspace, full)[..., list(layout.components)]
            # Well inside the disc, and where the slope is within its range.
            inside = np.hypot(*np.moveaxis(where @ matrix[:, :2].T + matrix[:, 2] - 31.5, -1, 0)) < 14
            inside &= ((slope(where) > 8) & (slope(where) < 247)).all(axis=-1)
            error = (got - expected)[inside] / (2 ** (pixels.depth - 8 + pixels.shift))
            # Half a pixel to the side would be 0.33 and more.
            assert inside.sum() > 4
            assert np.abs(error.mean(axis=0)).max() < (0.3 if pixels.depth == 8 else 0.12)
            assert np.abs(error).max() < 1.6


@pytest.mark.parametrize("name", ["gray", "gray10le"])
@pytest.mark.parametrize("degrees", [0, 30])
def test_an_enlarged_edge_is_never_cut_hard(name: str, degrees: int) -> None:
    frame = Frame(Frame.from_rgb(np.zeros((160, 160, 3), np.uint8)).picture.reformat(format=name))
    side = 4 * 32
    white = np.full((32, 32, 3), 255, np.uint8)
    frame.paste(white, disc(32, hard=True), crop_matrix(32, (80, 80), side, degrees))
    shown = frame.warp(np.eye(2, 3), 160)[..., 0].astype(int)
    assert shown.max() == 255
    # One pixel of the crop is four of the frame.
    assert max(np.abs(np.diff(shown, axis=axis)).max() for axis in (0, 1)) < 0.6 * 255


@pytest.mark.parametrize("name", KINDS)
def test_warp_and_paste_undo_each_other(name: str) -> None:
    frame = Frame(Frame.from_rgb(scene(320, 240)).picture.reformat(format=name))
    before = frame.warp(np.eye(2, 3), (320, 240))
    matrix = crop_matrix(128, (160, 120), 150, 10)
    frame.paste(frame.warp(matrix, 128), disc(128), matrix)
    after = frame.warp(np.eye(2, 3), (320, 240))
    assert not np.array_equal(before, after)
    error = np.mean((before.astype(float) - after)[70:170, 110:210] ** 2)
    assert 10 * np.log10(255**2 / error) > 42


@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "p010le", "rgb24"])
def test_where_alpha_is_nought_nothing_changes(name: str) -> None:
    shown = Frame.from_rgb(scene(160, 128)).picture.reformat(format=name)
    frame = Frame(shown)
    before, where = bits(shown), [plane.buffer_ptr for plane in shown.planes]
    crop = np.full((64, 64, 3), 255, np.uint8)
    frame.paste(crop, np.zeros((64, 64), np.uint8), crop_matrix(64, (80, 60), 90, 0))
    frame.paste(crop, np.full((64, 64), 255, np.uint8), crop_matrix(64, (-400, 60), 90, 0))
    assert all(np.array_equal(a, b) for a, b in zip(before, bits(frame.picture), strict=True))
    assert [plane.buffer_ptr for plane in frame.picture.planes] == where  # and nothing was copied


@pytest.mark.parametrize(
    ("name", "top"), [("yuv420p10le", 1023), ("yuv444p12le", 4095), ("gbrp10le", 1023), ("p010le", 65472)]
)
def test_codes_stay_within_their_bits(name: str, top: int) -> None:
    """White on white, under every alpha: where two roundings add up, the sum must not run over."""
    for seed in range(8):
        shown = Frame.from_rgb(np.full((96, 96, 3), 255, np.uint8)).picture.reformat(format=name)
        for plane in shown.planes:
            np.frombuffer(memoryview(plane), np.uint16)[:] = top
        shown.color_range = FULL
        frame = Frame(shown)
        alpha = np.random.default_rng(seed).integers(0, 256, (64, 64)).astype(np.uint8)
        frame.paste(np.full((64, 64, 3), 255, np.uint8), alpha, crop_matrix(64, (48, 48), 20 + 9 * seed, 7 * seed))
        for plane_bits in bits(frame.picture):
            assert plane_bits.max() <= top
            if name == "p010le":
                assert not (plane_bits & 63).any()


@pytest.mark.parametrize("name", ["yuv420p", "p010le", "gbrp"])
@pytest.mark.parametrize("corner", [(30, 21), (-20, 100), (135, -9)])
def test_a_crop_whose_pixels_fall_on_pixels_is_pasted_as_any_other(name: str, corner: tuple[int, int]) -> None:
    x, y = corner
    crop = scene(40, 40, seed=1)
    pasted = []
    for off in (0.0, 1e-9):  # laid on the pixels, and warped
        frame = Frame(Frame.from_rgb(scene(160, 128)).picture.reformat(format=name))
        frame.paste(crop, disc(40), np.array([[1, 0, off - x], [0, 1, off - y]]))
        pasted.append(bits(frame.picture))
    for laid, warped in zip(*pasted, strict=True):
        np.testing.assert_array_equal(laid, warped)


def test_half_alpha_is_half_of_each() -> None:
    frame = Frame.from_rgb(np.full((64, 64, 3), 40, np.uint8))
    frame.paste(
        np.full((32, 32, 3), 200, np.uint8),
        np.full((32, 32), 128, np.uint8),
        crop_matrix(32, (31, 31), 40, 0),
    )
    assert np.abs(frame.warp(np.eye(2, 3), 64)[20:40, 20:40].astype(int) - 120).max() <= 1


def test_what_belongs_to_the_frame_stays_with_it() -> None:
    shown = picture("yuv420p10le", 64, 48, BT2020, LIMITED)
    shown.color_trc, shown.color_primaries = 16, 9
    frame = Frame(shown, captured_ns=99)
    shared_with = av.VideoFrame.from_ndarray(shown.to_ndarray(), "yuv420p10le")
    frame.paste(np.full((32, 32, 3), 9, np.uint8), disc(32), crop_matrix(32, (30, 20), 30, 0))
    out = frame.picture
    assert (frame.width, frame.height, frame.pts, frame.time_base) == (64, 48, 4711, Fraction(1, 90000))
    assert (out.pts, out.time_base, out.colorspace, out.color_range) == (
        4711,
        Fraction(1, 90000),
        BT2020,
        LIMITED,
    )
    assert (out.color_trc, out.color_primaries, out.format.name, frame.captured_ns) == (
        16,
        9,
        "yuv420p10le",
        99,
    )
    assert shared_with.format.name == out.format.name


# ---- encoded video


def encode(
    path: Path, codec: str, name: str, colorspace: int, pictures: Iterator[av.VideoFrame], **options: str
) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, 25, options=options)
        stream.pix_fmt, stream.width, stream.height = name, 192, 144
        stream.codec_context.colorspace, stream.codec_context.color_range = colorspace, LIMITED
        for shown in pictures:
            container.mux(stream.encode(shown))
        container.mux(stream.encode())


def moving(name: str, count: int, colorspace: int) -> Iterator[av.VideoFrame]:
    for index in range(count):
        rgb = np.roll(scene(192, 144, 5), (2 * index, 3 * index), axis=(0, 1))
        shown = Frame.from_rgb(rgb).picture.reformat(format=name)
        shown.pts, shown.time_base = index, Fraction(1, 25)
        shown.colorspace, shown.color_range = colorspace, LIMITED
        yield shown


def decode(path: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        yield from container.decode(video=0)


@pytest.mark.parametrize("colorspace", [BT601, BT709])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le"])
def test_a_lossless_encode_proves_the_rest_untouched(tmp_path: Path, name: str, colorspace: int) -> None:
    """From H.264, pasted on, through FFV1 and back: every sample off the face is what the decoder gave."""
    given, result = tmp_path / "given.mp4", tmp_path / "result.mkv"
    encode(given, "libx264", name, colorspace, moving(name, 8, colorspace), preset="ultrafast", crf="18")
    alpha, crop = disc(64, hard=True), np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    matrices = [crop_matrix(64, (60 + 9 * i, 70), 45 + 8 * i, 12 * i) for i in range(8)]

    def pasted() -> Iterator[av.VideoFrame]:
        for shown, matrix in zip(decode(given), matrices, strict=True):
            frame = Frame(shown)
            frame.paste(crop, alpha, matrix)
            assert frame.kind.matrix == colorspace
            yield frame.picture

    encode(result, "ffv1", name, colorspace, pasted())
    # The decoder predicts from its own pictures: had they been painted on, later frames would show it.
    for clean, seen, matrix in zip(decode(given), decode(result), matrices, strict=True):
        assert seen.format.name == name
        masks = touched(clean, alpha, matrix, Siting.LEFT)
        for old, new, mask in zip(bits(clean), bits(seen), masks, strict=True):
            assert np.array_equal(old[~mask], new[~mask])
            assert (old[mask] != new[mask]).mean() > 0.5


def test_the_decoders_pictures_are_not_painted_on(tmp_path: Path) -> None:
    """All frames are painted white as they come; the decoder goes on predicting from what it decoded."""
    given = tmp_path / "given.mp4"
    encode(given, "libx264", "yuv420p", BT709, moving("yuv420p", 12, BT709), preset="medium", bf="2", refs="3")
    clean = [bits(shown) for shown in decode(given)]
    white, everywhere = np.full((32, 32, 3), 255, np.uint8), np.full((32, 32), 255, np.uint8)
    for index, shown in enumerate(decode(given)):
        assert all(np.array_equal(a, b) for a, b in zip(bits(shown), clean[index], strict=True))
        frame = Frame(shown)
        frame.paste(white, everywhere, crop_matrix(32, (96, 72), 400, 0))
        assert frame.warp(np.eye(2, 3), (192, 144)).min() >= 253


@pytest.mark.shared
def test_real_footage_survives_a_paste_of_itself(shared: Path) -> None:
    shown = next(decode(shared / "media" / "s18.mp4"))
    frame = Frame(shown)
    before = bits(shown)
    matrix = crop_matrix(256, (770, 245), 420, 5)
    frame.paste(frame.warp(matrix, 256), disc(256), matrix)
    for old, new, mask in zip(before, bits(frame.picture), touched(shown, disc(256), matrix, Siting.LEFT), strict=True):
        assert np.array_equal(old[~mask], new[~mask])
        assert np.sqrt(np.mean((old[mask].astype(float) - new[mask]) ** 2)) < 2.5
