"""The watermark: cannot be seen, outlives what videos go through, and is never found where it is not."""

import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from struct import pack

import av
import cv2
import numpy as np
import pytest

from realtime.demo.portrait import load_portrait
from realtime.jobs.convert import Job, convert
from realtime.marking.watermark import Payload, Watermark, code, payload_of
from realtime.marking.watermark.evidence import chip_sums, evened, judge, lattice_to_tile, sampled, whitened
from realtime.marking.watermark.pattern import COARSE, FINE, PILOT, TILE, chip_roles, chip_signs
from realtime.marking.watermark.read import Reading, brightness_of, read_pictures, read_watermark
from realtime.media.encoding import Encoding, is_lossless
from realtime.media.frame import Frame
from realtime.media.orientation import Turn
from realtime.media.pixel_formats import FORMATS
from realtime.runtime.errors import InputError
from realtime.settings import Look
from tests.realtime.attacks import Attack
from tests.realtime.clips import Clip, make, talk

PAYLOAD = Payload("c0ffee")
SIZES = [(1280, 720), (720, 1280), (641, 359), (480, 480), (320, 240), (1600, 400)]


@cache
def photograph(width: int) -> np.ndarray:
    """Of a person, not to be changed: uint8 (H, width, 3)."""
    photo = load_portrait()
    height = round(width * photo.shape[0] / photo.shape[1])
    return np.asarray(cv2.resize(photo, (width, height), interpolation=cv2.INTER_AREA))


def scene(size: tuple[int, int], shift: int = 0) -> np.ndarray:
    """A photograph of a person, moved a little from picture to picture: uint8 (H, W, 3)."""
    width, height = size
    x, y = shift % 40, shift * 3 % 40
    return photograph(max(size) + 100)[y : y + height, x : x + width].copy()


def frame_of(rgb: np.ndarray, name: str = "yuv420p", turn: Turn | None = None) -> Frame:
    return Frame(av.VideoFrame.from_ndarray(rgb, "rgb24").reformat(format=name), turn=turn)


def paste_face(frame: Frame) -> None:
    """Put a disc into the middle, as a swapped face is."""
    size = 64
    y, x = np.mgrid[0:size, 0:size] / (size - 1) * 2 - 1
    alpha = np.where(x * x + y * y < 0.8, 255, 0).astype(np.uint8)
    rgb = cv2.resize(scene((128, 128)), (size, size))
    step = size / (0.5 * min(frame.width, frame.height))
    middle = frame.width / 2, frame.height / 2
    matrix = np.array([[step, 0, size / 2 - middle[0] * step], [0, step, size / 2 - middle[1] * step]])
    frame.paste(rgb, alpha, matrix)


def marked(rgb: np.ndarray, name: str = "yuv420p", confined: bool = False, turn: Turn | None = None) -> Frame:
    frame = frame_of(rgb, name, turn)
    paste_face(frame)
    Watermark(PAYLOAD, confined).draw(frame)
    return frame


def read(*frames: Frame) -> Reading:
    return read_pictures(iter([brightness_of(frame.picture, frame.kind.turn) for frame in frames]))


# the code and the payload


def test_the_generator_has_the_roots_that_give_its_distance() -> None:
    """BCH: a^1 ... a^12 are zeros, so two codewords of 63 differ in 13 places at least, and one more with parity."""
    power = [1]
    for _ in range(62):
        doubled = power[-1] << 1
        power.append(doubled ^ 0b1000011 if doubled & 64 else doubled)
    word = code.encode(np.eye(1, code.MESSAGE, code.MESSAGE - 1, dtype=np.uint8)[0])[:63][::-1]
    assert np.flatnonzero(word).max() == 33
    for root in range(1, 13):
        value = 0
        for place in np.flatnonzero(word):
            value ^= power[root * int(place) % 63]
        assert value == 0


def test_every_codeword_is_even_and_far_from_the_others() -> None:
    rng = np.random.default_rng(0)
    words = np.array([code.encode(message) for message in rng.integers(0, 2, (300, 30), dtype=np.uint8)])
    assert (words.sum(axis=1) % 2 == 0).all()
    apart = (words[:, None] != words[None]).sum(axis=-1)[~np.eye(300, dtype=bool)]
    assert apart.min() >= 14


@pytest.mark.parametrize("errors", range(4))
def test_three_wrong_bits_are_put_right_however_sure_they_seem(errors: int) -> None:
    rng = np.random.default_rng(errors)
    for _ in range(10):
        payload = Payload(f"{rng.integers(1 << 24):06x}")
        values = 1 - 2.0 * payload.encode().astype(np.float32)
        values *= rng.uniform(0.9, 1.1, 64)
        values[rng.choice(64, errors, replace=False)] *= -1
        assert Payload.decode(values.astype(np.float32))[0] == payload


def test_a_dozen_are_where_they_are_weak() -> None:
    """Bits in white noise that turns one in eight of them: all but a few words in a hundred come out right."""
    rng = np.random.default_rng(1)
    sent = (1 - 2.0 * PAYLOAD.encode()).astype(np.float32)
    received = (sent + 0.85 * rng.standard_normal((200, 64))).astype(np.float32)
    assert 6 < (received * sent < 0).sum(axis=1).mean() < 9
    assert np.mean([Payload.decode(values)[0] == PAYLOAD for values in received]) > 0.95


def test_a_payload_names_its_model() -> None:
    sha256 = hashlib.sha256(b"a model").hexdigest()
    payload = payload_of(sha256)
    assert payload.fits(sha256) and payload.fits(sha256.upper())
    assert not payload.fits(hashlib.sha256(b"another").hexdigest())
    assert len(payload.hex()) == 16 and int(payload.hex(), 16) >> 34 & 0xFFFFFF == int(sha256[:6], 16)
    with pytest.raises(ValueError, match="hexadecimal"):
        Payload("mummer")


# the pattern


def test_the_pattern_is_the_same_for_ever() -> None:
    """What was marked once must stay readable: a change of this hash is a new version of the format."""
    drawn = chip_signs().astype(np.int8).tobytes() + chip_roles().tobytes()
    assert hashlib.sha256(drawn).hexdigest() == "31e7fc16387cfd190f8d1aa941c0c9184024d4f078b5da7db09a395fcb150bcc"
    assert (COARSE.chips, FINE.chips, PILOT, TILE) == (80, 240, 64, 256)


def test_bits_and_pilots_are_spread_evenly() -> None:
    blocks = chip_roles().reshape(32, 8, 16, 16).swapaxes(1, 2).reshape(-1, 128)
    counts = np.stack([np.bincount(block, minlength=65) for block in blocks])
    assert (counts[:, :64] == 1).all() and (counts[:, 64] == 64).all()
    assert abs(chip_signs().mean()) < 0.02


# drawing


@pytest.mark.parametrize("confined", [False, True])
@pytest.mark.parametrize("name", ["yuv420p", "yuvj420p", "yuv420p10le", "nv12", "p010le", "gbrp", "rgb24", "gray"])
def test_it_cannot_be_seen_and_can_be_read(name: str, confined: bool) -> None:
    rgb = scene((640, 360))
    plain = frame_of(rgb, name)
    paste_face(plain)
    frame = marked(rgb, name, confined)
    before, after = (brightness_of(it.picture) for it in (plain, frame))
    change = np.abs(after - before)
    assert 0 < change.max() < 1.01
    assert 10 * np.log10(255**2 / np.mean(change**2)) > 48
    reading = read(frame)
    assert reading.payload == PAYLOAD and reading.where == ("faces" if confined else "whole")
    assert reading.bits == PAYLOAD.hex() or reading.corrected


@pytest.mark.parametrize("name", FORMATS)
def test_every_pixel_format_takes_it(name: str) -> None:
    """Black and white stay black and white, codes stay in range, colour stays as it is."""
    rgb = np.zeros((96, 128, 3), np.uint8)
    rgb[:, 64:] = 255
    for confined in (False, True):
        plain = frame_of(rgb, name)
        paste_face(plain)
        frame = marked(rgb, name, confined)
        planes, old = frame._planes(), plain._planes()
        for plane in planes:
            assert plane.max() <= frame.kind.coding.top
            assert not (plane & (1 << frame.kind.pixels.shift) - 1).any()
        for plane, was in zip(planes[len(frame.brightness()) :], old[len(frame.brightness()) :], strict=True):
            assert np.array_equal(plane, was)
        assert any(not np.array_equal(plane, was) for plane, was in zip(planes, old, strict=True))


def test_a_frame_without_a_face_stays_as_it_is() -> None:
    frame = frame_of(scene((320, 240)))
    before = frame.picture.to_ndarray()
    Watermark(PAYLOAD).draw(frame)
    assert np.array_equal(frame.picture.to_ndarray(), before)


@pytest.mark.parametrize("name", ["yuv420p", "yuv444p10le", "gbrp", "rgb24", "nv12"])
def test_confined_it_stays_where_something_was_pasted(name: str) -> None:
    rgb = scene((320, 240))
    plain = frame_of(rgb, name)
    old = [plane.copy() for plane in plain._planes()]
    frame = marked(rgb, name, confined=True)
    for number, (before, after) in enumerate(zip(old, frame._planes(), strict=True)):
        kept = np.ones(before.shape[:2], bool)
        for patch in frame.pasted:
            if patch.plane == number:
                height, width = patch.touched.shape
                kept[patch.y : patch.y + height, patch.x : patch.x + width] &= patch.touched == 0
        assert kept.any() and np.array_equal(before[kept], after[kept])


def test_it_lies_still() -> None:
    mark = Watermark(PAYLOAD)
    changes = []
    for shift in range(2):
        gray = np.full((240, 320, 3), 90 + 40 * shift, np.uint8)
        frame, plain = frame_of(gray), frame_of(gray)
        paste_face(frame), paste_face(plain)
        mark.draw(frame)
        changes.append(brightness_of(frame.picture) - brightness_of(plain.picture))
    assert np.array_equal(*changes)


@pytest.mark.parametrize("size", SIZES)
def test_size_and_shape_do_not_matter(size: tuple[int, int]) -> None:
    assert read(*(marked(scene(size, shift)) for shift in range(3))).payload == PAYLOAD


@pytest.mark.parametrize("size", [(2, 2), (16, 16), (33, 17), (8, 300), (126, 94)])
def test_tiny_pictures_do_no_harm(size: tuple[int, int]) -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), np.uint8)
    assert read(frame_of(rgb)).payload is None
    for confined in (False, True):
        assert read(marked(rgb, "yuv444p", confined)).payload in (None, PAYLOAD)


TURNS = [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0), (-1, 0, 0, 1), (0, 1, 1, 0)]


@pytest.mark.parametrize("entries", TURNS)
def test_it_is_upright_where_the_picture_is(entries: tuple[int, ...]) -> None:
    """A player, or an encoder that turns the picture for good, sees the same mark as in a picture stored upright."""
    a, b, c, d = (entry << 16 for entry in entries)
    turn = Turn.read(pack("9i", a, b, 0, c, d, 0, 0, 0, 1 << 30))
    frames = [marked(scene((480, 320), shift), turn=turn) for shift in range(3)]
    assert read(*frames).payload == PAYLOAD
    shown = [frame.warp(np.eye(2, 3), (frame.width, frame.height)) for frame in frames]
    assert read(*(frame_of(rgb, "gbrp") for rgb in shown)).payload == PAYLOAD


def test_a_moment_with_a_face_is_found_in_a_long_film() -> None:
    def film() -> Iterator[np.ndarray]:
        for shift in range(60):
            draw = marked if 30 <= shift < 33 else frame_of
            yield brightness_of(draw(scene((480, 270), shift)).picture)

    pictures = film()
    reading = read_pictures(pictures)
    assert reading.payload == PAYLOAD and reading.frames == 36
    assert len(list(pictures)) == 24  # what was not needed was not looked at


# what it is worth


def test_unmarked_pictures_stay_under_the_bound_whatever_the_pattern() -> None:
    """The bound says that t of random signs passes x with a chance of exp(-x^2 / 2) at most: tried 8,000 times."""
    rng = np.random.default_rng(5)
    for size in ((640, 360), (320, 240)):
        total = sum(whitened(sampled(brightness_of(frame_of(scene(size, k)).picture), COARSE)) for k in range(5))
        sums = chip_sums(evened(total), lattice_to_tile(total))
        used = sums[sums != 0]
        signs = rng.integers(0, 2, (4_000, len(used)), dtype=np.int8) * np.float32(2) - 1
        t = signs @ used.astype(np.float32) / np.sqrt((used * used).sum())
        assert 0.97 < t.std() < 1.03
        for x in (1.0, 2.0, 3.0, 4.0):
            assert (t >= x).mean() <= np.exp(-x * x / 2)


def test_the_bound_counts_every_trial() -> None:
    finding = judge(np.zeros(TILE * TILE))
    assert finding.t == 0 and finding.log10_chance(1) == 0.0
    sums = chip_signs().ravel() * (1 - 2.0 * np.append(PAYLOAD.encode(), 0)[chip_roles().ravel()])
    finding = judge(sums)
    assert finding.payload == PAYLOAD and finding.t == pytest.approx(TILE, rel=1e-5) and finding.doubt == 0
    once, often = finding.log10_chance(1), finding.log10_chance(1000)
    assert once == pytest.approx(24 * np.log10(2) - TILE**2 / 2 / np.log(10))
    assert often == pytest.approx(once + 3)


def test_another_payload_is_read_as_that() -> None:
    frame = frame_of(scene((640, 360)))
    paste_face(frame)
    Watermark(Payload("0badf0")).draw(frame)
    assert read(frame).payload == Payload("0badf0")


# videos


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talk(tmp_path_factory.mktemp("sample") / "sample.mp4", (640, 360), 4 / 3, 30)


@pytest.fixture(scope="module")
def swapped(sample: Path) -> Path:
    """Through the whole job, with the label."""
    target = sample.with_name("swapped.mp4")
    report = convert(Job(sample, target))
    assert report.frames_swapped == 40 and "watermark" in report.stages_ms
    return target


def model_of(reading: Reading) -> str | None:
    return reading.payload.model if reading.payload else None


def bronze() -> str:
    from realtime.swap.library import find_model

    return hashlib.sha256(find_model("bronze").read_bytes()).hexdigest()


ATTACKS = [
    Attack("CRF 18", 18),
    Attack("CRF 30", 30),
    Attack("half size", 20, half=True),
    Attack("25 to 30 fps", 23, fps=True),
    Attack("5 % cropped", 23, crop=0.05),
]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_it_outlives(attack: Attack, swapped: Path, tmp_path: Path) -> None:
    reading = read_watermark(attack.run(swapped, tmp_path / "again.mp4"))
    assert reading.payload == payload_of(bronze())
    assert reading.log10_chance < -20 and reading.doubt < 1e-6
    assert reading.where == ("cropped" if attack.crop else "whole")


def test_what_was_not_swapped_is_not_marked(sample: Path, tmp_path: Path) -> None:
    for path in (sample, Attack("CRF 26", 26).run(sample, tmp_path / "again.mp4")):
        reading = read_watermark(path)
        assert not reading.found and reading.payload is None and reading.log10_chance > -4


def test_without_faces_nothing_is_marked(tmp_path: Path) -> None:
    source, target = make(tmp_path / "in.mp4", Clip(frames=12)), tmp_path / "out.mp4"
    assert convert(Job(source, target)).frames_swapped == 0
    assert not read_watermark(target).found


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_one_picture_is_enough(suffix: str, swapped: Path, tmp_path: Path) -> None:
    with av.open(str(swapped)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="bgr24")
    path = tmp_path / f"still{suffix}"
    cv2.imwrite(str(path), picture)
    assert model_of(read_watermark(path)) == bronze()[:6]


def test_a_lossless_output_has_it_in_the_faces_alone(sample: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mkv"
    convert(Job(sample, target, Look(label=None), Encoding("ffv1")))
    reading = read_watermark(target)
    assert model_of(reading) == bronze()[:6] and reading.where == "faces"
    for before, after in zip(lumas(sample), lumas(target), strict=True):
        assert (before == after).mean() > 0.6
        assert np.array_equal(before[:, :60], after[:, :60]) and np.array_equal(before[-20:], after[-20:])
    again = Attack("CRF 18", 18).run(target, tmp_path / "again.mp4")
    assert model_of(read_watermark(again)) == bronze()[:6]


def lumas(path: Path) -> Iterator[np.ndarray]:
    with av.open(str(path)) as container:
        for picture in container.decode(video=0):
            yield picture.to_ndarray()[: picture.height]


def test_damage_is_passed_over(swapped: Path, tmp_path: Path) -> None:
    data = bytearray(swapped.read_bytes())
    middle = data.index(b"mdat") + len(data) // 2
    data[middle : middle + 3000] = bytes(3000)
    broken = tmp_path / "broken.mp4"
    broken.write_bytes(data)
    assert model_of(read_watermark(broken)) == bronze()[:6]


def test_what_holds_no_picture_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "words.mp4"
    text.write_text("no video")
    with pytest.raises(InputError, match=r"words\.mp4"):
        read_watermark(text)
    with pytest.raises(InputError, match="no such file"):
        read_watermark(tmp_path / "nothing.mp4")
    picture = tmp_path / "broken.png"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(InputError, match=r"broken\.png: not a "):
        read_watermark(picture)


@pytest.mark.parametrize(
    ("name", "crf", "lossless"),
    [("ffv1", None, True), ("png", None, True), ("libx264", None, False), ("libx264", 0, True), ("mjpeg", None, False)],
)
def test_what_is_lossless(name: str, crf: float | None, lossless: bool) -> None:
    assert is_lossless(Encoding(name, crf)) is lossless


@pytest.mark.shared
@pytest.mark.parametrize("clip", ["d0", "d9", "s18"])
def test_unmarked_footage_is_not_marked(clip: str, shared: Path) -> None:
    assert not read_watermark(shared / "media" / f"{clip}.mp4").found
