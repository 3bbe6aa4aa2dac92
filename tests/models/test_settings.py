"""Settings from TOML and the command line, the schedule, and what a run says of its loss."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.checkpoint import read_checkpoint
from models.curve import WINDOW, Curve
from models.schedule import stage_at
from models.settings import FILE, STAGES, LossWeights, Plan, Stage, read_toml, to_toml, validate
from realtime.runtime.errors import InputError, UsageError
from tests.models.command import call


def faceset(folder: Path, count: int = 3, size: int = 64) -> Path:
    folder.mkdir()
    random = np.random.default_rng(count)
    for index in range(count):
        picture = cv2.resize(random.integers(0, 256, (4, 4, 3), np.uint8), (size, size))
        cv2.imwrite(str(folder / f"{index}.png"), picture)
    return folder


def test_settings_survive_toml(tmp_path: Path) -> None:
    plan = Plan(
        a=tmp_path / 'a "b"', c=(tmp_path / "c",), iterations=3, loss=LossWeights(ms_ssim=0.5),
        stages=(Stage(name="one", share=1, discriminator=0.1),),
    )  # fmt: skip
    (tmp_path / "plan.toml").write_text(to_toml(plan))
    assert validate(read_toml(tmp_path / "plan.toml"), "plan.toml") == plan


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("sise = 64", r"plan\.toml: there is no setting 'sise'"),
        ("[loss]\ncolour = 1", r"'loss\.colour'"),
        ("[[stages]]\nname = 'x'", r"stages\.0\.share"),
        ("batch = 0", "batch: .* greater than or equal to 1"),
        ("precision = 'fp8'", "precision"),
        ("batch =", "not TOML"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "plan.toml").write_text(text)
    with pytest.raises((UsageError, InputError), match=says) as refusal:
        call("--config", tmp_path / "plan.toml", "--out", tmp_path / "run")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_the_command_line_wins_over_the_file_and_the_run_remembers(tmp_path: Path) -> None:
    a, b = faceset(tmp_path / "a"), faceset(tmp_path / "b", 4)
    text = f'a = "{a}"\nsize = 64\nbatch = 4\nhold_out = 0.0\niterations = 9\nflip = "b"\n'
    (tmp_path / "plan.toml").write_text(text)
    run = tmp_path / "run"
    call("--config", tmp_path / "plan.toml", "--b", b, "--batch", 2, "--minutes", 0.01, "--out", run, "--threads", 1)
    kept = validate(read_toml(run / FILE), "")
    assert (kept.a, kept.b, kept.batch, kept.flip) == (a, b, 2, "b")
    assert (kept.iterations, kept.minutes) == (None, 0.01)  # another end takes the old one's place
    begun = read_checkpoint(run)
    said = call("--out", run, "--resume", "--iterations", begun.iteration + 2)
    assert "lite 64 px" in said
    after = read_checkpoint(run)
    assert after.iteration == begun.iteration + 2
    assert after.facts["counts"] == [3, 4]
    assert after.facts["identities"] == [None, None]
    assert sorted(after.facts["sources"]) == ["A", "B", "base"]  # type: ignore[call-overload]
    with pytest.raises(UsageError, match="name lite, not original"):
        call("--out", run, "--resume", "--arch", "original", "--size", 64, "--iterations", 99)


def test_what_cannot_be_trained_on_is_one_line(tmp_path: Path) -> None:
    many, one, empty = faceset(tmp_path / "many", 25), faceset(tmp_path / "one", 1), tmp_path / "empty"
    empty.mkdir()
    common = ("--out", tmp_path / "run", "--size", 64, "--batch", 2, "--iterations", 1, "--threads", 1)
    for folder, says in ((one, "one face only"), (empty, "empty"), (tmp_path / "none", "none")):
        with pytest.raises(InputError, match=says):
            call("--a", many, "--b", folder, *common)
    with pytest.raises(UsageError, match="--flip"):
        call("--a", many, "--b", many, "--flip", "c", *common)
    with pytest.raises(UsageError, match="fp16"):
        call("--a", many, "--b", many, "--precision", "fp16", "--device", "cpu", *common)
    assert not (tmp_path / "run").exists()
    few = faceset(tmp_path / "few", 2, 100)  # of another size, which is no mistake
    said = call("--a", many, "--b", few, *common)
    assert "side B has 2 faces, another 25" in said
    assert "names no identity" in said


def test_stages_follow_one_another() -> None:
    stages = (Stage(name="a", share=3), Stage(name="b", share=1, rate=0.2))
    assert [stage_at(stages, done)[0].name for done in (0, 0.74, 0.76, 1.0, 1.1)] == ["a", "a", "b", "b", "b"]
    rates = [stage_at(stages, done)[1] for done in (0, 0.5, 0.75, 0.875, 1.0)]
    assert rates == pytest.approx([1, 1, 1, 0.6, 0.2])
    assert stage_at(STAGES, 1.0)[1] == pytest.approx(STAGES[-1].rate)


def test_a_plateau_is_said_once_in_words() -> None:
    curve = Curve()
    for iteration in range(1, 2 * WINDOW):
        curve.add(iteration, 1.0 / iteration)
    assert curve.plateau(2 * WINDOW, 300) is None
    said = []
    for iteration in range(2 * WINDOW, 6 * WINDOW):
        curve.add(iteration, 0.002)
        said.append(curve.plateau(iteration, 1000))
    assert len([words for words in said if words]) in (1, 2)
    assert any("no gain in the last 1,000 iterations" in words for words in said if words)
    again = Curve(curve.state)
    assert (again.best, again.gained) == (curve.best, curve.gained)


def test_a_loss_that_runs_away_is_noticed() -> None:
    curve = Curve()
    for iteration in range(WINDOW):
        curve.add(iteration, 0.1)
    assert not curve.diverged()
    for iteration in range(WINDOW):
        curve.add(iteration, 0.5)
    assert curve.diverged()
