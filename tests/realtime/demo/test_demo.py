"""The sample clip: what its portrait does, what its file holds, and the demo around it."""

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from realtime.demo.animate import Puppet
from realtime.demo.fields import pixels, take, unwarp
from realtime.demo.gesture import Gesture, gesture
from realtime.demo.head import Head
from realtime.demo.picture import write_before_after
from realtime.demo.portrait import LANDMARKS, load_portrait
from realtime.demo.sample import write_sample
from realtime.demo.sound import SAMPLE_RATE, synthesise
from realtime.demo.speech import babble
from realtime.finder import BuiltinFinder
from realtime.media.frame import Frame
from realtime.runtime.errors import InputError, OutputError
from realtime.settings import MODEL
from realtime.swap.library import list_models
from tests.realtime.clips import talk
from tests.realtime.forked import run

SIZE, SECONDS, FPS = (640, 360), 1.0, 30


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return talk(tmp_path_factory.mktemp("demo") / "sample.mp4", SIZE, SECONDS, FPS)


@pytest.fixture(scope="module")
def puppet() -> Puppet:
    return Puppet(load_portrait(), *SIZE)


def test_file_is_what_its_description_says(sample: Path) -> None:
    with av.open(str(sample)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        context = video.codec_context
        assert (context.name, context.pix_fmt, context.width, context.height) == ("h264", "yuv420p", *SIZE)
        assert (context.colorspace, context.color_primaries, context.color_trc, context.color_range) == (
            1,
            1,
            1,
            1,
        )
        assert (audio.codec_context.name, audio.codec_context.sample_rate) == ("aac", 48_000)
        assert audio.duration is not None
        assert audio.time_base is not None
        assert abs(audio.duration * audio.time_base - 1) < Fraction(1, 20)
        times = [frame.time for frame in container.decode(video)]
    assert times == pytest.approx([number / FPS for number in range(30)])
    assert [path.name for path in sample.parent.iterdir()] == ["sample.mp4"]


def test_every_frame_has_the_one_face_where_it_should_be(sample: Path) -> None:
    finder = BuiltinFinder()
    eyes = []
    with av.open(str(sample)) as container:
        for picture in container.decode(video=0):
            (face,) = finder.find(Frame(picture))
            eyes.append(face.eye_distance)
            assert face.track == 0
    assert min(eyes) > 60
    # The head turns, so that the eyes' distance in the picture changes, but is never another face.
    assert 1.01 < max(eyes) / min(eyes) < 1.4


def test_warps_are_inverted() -> None:
    """What the inverse says lies at a pixel is taken to that pixel by the field."""
    target = pixels(512, 200)
    for moment in (
        Gesture(yaw=0.22, pitch=0.1, roll=0.05),
        Gesture(yaw=-0.22, roll=-0.05),
        Gesture(pitch=0.15),
    ):
        field = Head(512).turn(moment)
        source = unwarp(field, target)
        error = np.abs(source + take(field, source) - target)
        assert error.max() < 1
        assert np.percentile(error, 99) < 0.05


def test_at_rest_the_photograph_stands_unmoved(puppet: Puppet) -> None:
    """The whole chain of warps comes to nothing at zero, up to sharpening and resampling."""
    drawn = puppet.draw(Gesture())
    assert drawn.shape == (360, 640, 3)
    scale, (x, y) = 1.22 * 640 / 512, (236.0, 12.0)
    matrix = np.array([[scale, 0, (x + 0.5) * 1.25 - 0.5 - scale * x], [0, scale, (y + 0.5) * 1.25 - 0.5 - scale * y]])
    still = cv2.warpAffine(load_portrait(), matrix, SIZE, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    assert np.abs(drawn.astype(int) - still).mean() < 4


@pytest.mark.parametrize(
    ("moment", "landmark", "moves"),
    [
        (Gesture(yaw=0.2), 30, (1, 0)),
        (Gesture(yaw=-0.2), 30, (-1, 0)),
        (Gesture(pitch=0.12), 30, (0, 1)),
        (Gesture(opening=1.0), 57, (0, 1)),
        (Gesture(brow=1.0), 19, (0, -1)),
        (Gesture(rounding=1.0), 48, (1, 0)),
    ],
)
def test_movements_go_where_they_say(puppet: Puppet, moment: Gesture, landmark: int, moves: tuple[int, int]) -> None:
    """A patch around a landmark is found again to the side that the gesture names."""
    rest, moved = puppet.draw(Gesture()), puppet.draw(moment)
    x, y = np.rint(((LANDMARKS[landmark] - (236, 12)) * 1.22 + (236, 12)) * 1.25).astype(int)
    patch = rest[y - 8 : y + 9, x - 8 : x + 9]
    around = moved[y - 32 : y + 33, x - 32 : x + 33]
    _, _, _, best = cv2.minMaxLoc(cv2.matchTemplate(around, patch, cv2.TM_CCOEFF_NORMED))
    shift = np.array(best) - 24
    assert shift @ moves >= 2


def test_a_closed_eye_hides_the_iris_and_nothing_else(puppet: Puppet) -> None:
    rest, closed = (puppet.draw(Gesture(blink=blink)).astype(int) for blink in (0.0, 1.0))
    changed = np.abs(rest - closed).max(axis=-1) > 12
    rows, columns = np.nonzero(changed)
    eyes = ((LANDMARKS[36:48] - (236, 12)) * 1.22 + (236, 12)) * 1.25
    assert changed.sum() > 300
    assert eyes[:, 0].min() - 8 < columns.min()
    assert columns.max() < eyes[:, 0].max() + 8
    assert eyes[:, 1].min() - 16 < rows.min()
    assert rows.max() < eyes[:, 1].max() + 12
    # The whites are gone.
    x, y = np.rint(eyes[:6].mean(axis=0)).astype(int)
    assert closed[y - 4 : y + 5, x - 10 : x + 11].max() < rest[y - 4 : y + 5, x - 10 : x + 11].max()


def test_a_head_that_turns_leaves_the_background_alone(puppet: Puppet) -> None:
    rest, turned = puppet.draw(Gesture()), puppet.draw(Gesture(yaw=0.2, roll=0.05))
    np.testing.assert_array_equal(rest[:, :60], turned[:, :60])
    np.testing.assert_array_equal(rest[:, 470:], turned[:, 470:])


def test_the_voice_is_heard_while_the_mouth_is_open() -> None:
    speech = babble(7.0)
    sound = synthesise(speech, 7.0)
    assert sound.dtype == np.float32
    assert sound.shape == (7 * SAMPLE_RATE,)
    assert 0.3 < np.abs(sound).max() <= 1
    loudness = np.sqrt((sound.reshape(-1, 480) ** 2).mean(axis=1))  # each 10 ms
    opening = speech.at(speech.opening, np.arange(len(loudness)) / 100 + 0.005)
    assert loudness[opening > 0.5].mean() > 10 * loudness[opening < 0.01].mean()
    assert np.corrcoef(loudness, opening)[0, 1] > 0.6


def test_a_clip_blinks_nods_turns_and_talks() -> None:
    speech = babble(7.0)
    moments = [gesture(number / 30, 7.0, speech) for number in range(210)]
    assert sum(moment.blink > 0.95 for moment in moments) >= 5
    assert np.ptp([moment.yaw for moment in moments]) > np.radians(18)
    assert np.ptp([moment.pitch for moment in moments]) > np.radians(6)
    assert max(moment.opening for moment in moments) > 0.8
    assert max(moment.shut for moment in moments) > 0.9
    for name in ("yaw", "pitch", "roll", "opening", "zoom"):  # nothing jumps
        track = np.array([getattr(moment, name) for moment in moments])
        assert np.abs(np.diff(track)).max() < (0.4 if name == "opening" else 0.03)


def test_before_after_shows_both(sample: Path, tmp_path: Path) -> None:
    other, picture = talk(tmp_path / "other.mp4", SIZE, 0.4, FPS), tmp_path / "both.png"
    picture.write_text("older")
    write_before_after(picture, sample, other)
    sheet = cv2.imread(str(picture))
    assert sheet is not None
    height, width = sheet.shape[:2]
    assert (width, height) == (4 * 360 + 5 * 8, 2 * (360 + 40) + 8)
    assert np.abs(sheet[8:368].astype(int) - sheet[408:768]).mean() > 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["both.png", "other.mp4"]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="nowhere"):
        write_sample(tmp_path / "nowhere" / "sample.mp4", SIZE, 0.2)


def test_without_scikit_image_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(InputError, match=r'pip install "mummer\[demo\]"'):
        load_portrait()


#: The demo's clip in a quarter of its pixels, which the demo is not about.
SMALLER = f"""
from functools import partial
import realtime.demo.sample as sample
sample.write_sample = partial(sample.write_sample, size={SIZE})
from realtime.cli import main
main()
"""


def mummer(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "error", "-c", SMALLER, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_demo_folder_that_cannot_be(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file")
    ran = mummer("demo", "--out", taken)
    assert ran.returncode == 1
    assert ran.stderr.count("\n") == 1
    assert str(taken) in ran.stderr
    assert taken.read_text() == "a file"


@pytest.mark.skipif(MODEL not in {path.stem for path in list_models()}, reason="no built-in model yet")
def test_demo_runs_the_main_job(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "swapped.mp4").write_text("of an earlier run")
    ran = mummer("demo", "--out", out, "--seconds", "1")
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    assert sorted(path.name for path in out.iterdir()) == [
        "before_after.png", "drawing.json", "drawing.png", "puppet.mp4", "sample.mp4", "swapped.mp4"
    ]  # fmt: skip
    assert "frames a second" in ran.stdout
    assert "30 faces swapped in 30 of 30 frames" in ran.stdout
    seen = run(["faces", "--json", str(out / "sample.mp4")])
    assert [len(json.loads(line)["faces"]) for line in seen.stdout.splitlines()] == [1] * 30
