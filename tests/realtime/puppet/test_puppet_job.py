"""``mummer puppet``, end to end: times, sound, size, marks, what it refuses."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from realtime.cli import build_app
from realtime.finder import BuiltinFinder
from realtime.jobs.puppet import PuppetJob, puppet
from realtime.jobs.report import Report
from realtime.jobs.rest import find_rest, read_rest
from realtime.live.sources.portrait import Portrait, Pose
from realtime.marking.provenance.verify import verify
from realtime.media.encoding import Encoding
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from realtime.mesh.canonical import POINTS
from realtime.mesh.pose import pose_of
from realtime.puppet.motion import mouth_opening
from realtime.puppet.puppet import Puppet
from realtime.puppet.sitter import read_sitter
from realtime.runtime.errors import ConsentError, InputError, OutputError, UsageError
from realtime.swap.consent import Consent, Identity
from tests.realtime.clips import decoded, payloads, times
from tests.realtime.puppet.drawn import film, swing

FRAMES = 30


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("puppet")


@pytest.fixture(scope="module")
def consent(folder: Path) -> Path:
    record = Consent(by="A", date="2026-01-01", scope="tests", statement="I agree.")  # type: ignore[arg-type]
    path = folder / "consent.json"
    path.write_text(Identity(id="drawn", name="Drawn", kind="synthetic", consent=record).model_dump_json())
    return path


@pytest.fixture(scope="module")
def photo(folder: Path) -> Path:
    """Odd sides, so that one row and one column are to go."""
    path = folder / "photo.png"
    cv2.imwrite(str(path), cv2.cvtColor(Portrait(241, 301).draw(Pose(yaw=0.1)), cv2.COLOR_RGB2BGR))
    return path


@pytest.fixture(scope="module")
def driver(folder: Path) -> Path:
    turning = swing(FRAMES, lambda t: Pose(yaw=0.35 * np.sin(6.3 * t), mouth=max(0.0, float(np.sin(15 * t)))))
    return film(folder / "driver.mp4", turning)


@pytest.fixture(scope="module")
def made(folder: Path, photo: Path, driver: Path, consent: Path) -> tuple[Path, Report]:
    out = folder / "out.mkv"
    job = PuppetJob(photo, driver, out, consent, encoding=Encoding("ffv1"), report=folder / "report.json")
    return out, puppet(job)


def test_size_is_the_photos_times_and_sound_are_the_drivers(made: tuple[Path, Report], driver: Path) -> None:
    out, report = made
    assert report.output.size == (240, 300)
    assert report.frames_in == report.frames_out == report.frames_swapped == FRAMES
    assert times(out) == pytest.approx([float(time) for time in times(driver)], abs=1e-3)
    assert payloads(out) == payloads(driver)


def test_the_background_is_the_same_in_every_frame(made: tuple[Path, Report], photo: Path, consent: Path) -> None:
    sitter = read_sitter(photo, consent)
    moving = Puppet(sitter.picture, sitter.mesh)
    alpha = np.zeros((300, 240), np.uint8)
    alpha[moving.part.here] = moving.alpha
    still = cv2.dilate(alpha, np.ones((3, 3), np.uint8)) == 0
    lumas = [np.frombuffer(planes[: 240 * 300], np.uint8).reshape(300, 240) for _, planes in decoded(made[0])]
    assert still.mean() > 0.05
    assert all(np.array_equal(luma[still], lumas[0][still]) for luma in lumas)
    assert any(not np.array_equal(luma, lumas[0]) for luma in lumas)


def test_the_photo_does_what_the_driver_does(made: tuple[Path, Report], driver: Path) -> None:
    (yaws, mouths), (their_yaws, their_mouths) = _measured(made[0]), _measured(driver)
    assert np.corrcoef(yaws, their_yaws)[0, 1] > 0.95
    assert np.corrcoef(mouths, their_mouths)[0, 1] > 0.75
    assert np.ptp(yaws) == pytest.approx(np.ptp(their_yaws), rel=0.3)


def _measured(path: Path) -> tuple[list[float], list[float]]:
    finder = BuiltinFinder("cpu", mesh=True)
    yaws, mouths = [], []
    for frame in FileSource(path):
        if isinstance(frame, Frame):
            (face, *_) = finder.find(frame)
            assert face.mesh is not None
            yaws.append(pose_of(face.mesh, POINTS).yaw)
            mouths.append(mouth_opening(face.mesh))
    return yaws, mouths


def test_it_says_what_it_is(made: tuple[Path, Report]) -> None:
    out, report = made
    assert report.model.name == "one picture"
    assert report.model.identity[0].name == "Drawn"
    assert report.provenance.manifest == "sidecar"
    assert report.provenance.watermark
    found = verify(out)
    assert "one picture" in str(found)
    assert "Drawn" in str(found)


def test_frames_without_a_performer_are_kept(folder: Path, photo: Path, consent: Path) -> None:
    gone = film(folder / "gone.mp4", [*[Pose(yaw=0.3)] * 6, *[None] * 8])
    report = puppet(PuppetJob(photo, gone, folder / "gone_out.mp4", consent))
    assert report.frames_out == 14
    assert report.frames_swapped == 6
    assert any("8 frames" in warning for warning in report.warnings)


def test_rest_is_a_word_or_a_frame(driver: Path) -> None:
    assert read_rest("auto") is None
    assert read_rest("first") == 0
    yaws = [find_rest(driver, rest).pose.yaw for rest in (None, 7)]
    assert abs(yaws[0]) < 6
    assert abs(yaws[1]) > 12
    with pytest.raises(UsageError, match="auto, first, or the number"):
        read_rest("soon")
    with pytest.raises(InputError, match="no face found from frame 99 on"):
        find_rest(driver, 99)


def test_refusals_are_one_line(folder: Path, photo: Path, driver: Path, consent: Path) -> None:
    def write(name: str, picture: np.ndarray) -> Path:  # type: ignore[type-arg]
        path = folder / name
        cv2.imwrite(str(path), picture[..., ::-1])
        return path

    one = Portrait(240, 300).draw(Pose())
    empty, two = write("empty.png", np.full_like(one, 80)), write("two.png", np.hstack([one, one]))
    small = write("small.png", cv2.resize(one, (96, 120), interpolation=cv2.INTER_AREA))
    out = folder / "refused.mp4"
    for picture, record, error, words in (
        (photo, None, UsageError, "must have agreed"),
        (photo, driver, ConsentError, "not a consent record"),
        (empty, consent, InputError, "no face found"),
        (two, consent, InputError, "2 faces in this photograph; say which with --face"),
        (small, consent, InputError, "64 are needed"),
        (driver, consent, InputError, "not a picture"),
        (folder / "none.png", consent, InputError, "none.png"),
    ):
        with pytest.raises(error, match=words) as raised:
            puppet(PuppetJob(picture, driver, out, record))
        assert "\n" not in str(raised.value)
    assert read_sitter(two, consent, "cpu", "right").mesh[:, 0].min() > 240
    with pytest.raises(OutputError, match="the output is the input"):
        puppet(PuppetJob(photo, driver, driver, consent, force=True))
    assert not out.exists()


def test_the_command(folder: Path, photo: Path, driver: Path, consent: Path) -> None:
    out = folder / "cli.mp4"
    line = ["puppet", str(photo), str(driver), str(out), "--consent", str(consent), "--rest", "first"]
    done = CliRunner().invoke(build_app("puppet"), line)
    assert done.exit_code == 0, done.output
    assert f"Drawn moves in {FRAMES} of {FRAMES} frames" in done.output
    again = CliRunner().invoke(build_app("puppet"), line)
    assert isinstance(again.exception, OutputError)
