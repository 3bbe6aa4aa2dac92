"""The loop itself, on pictures small enough for seconds."""

import resource
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models.architectures import LiteConfig
from models.batches import Batches
from models.checkpoint import BEST, FILE, load_network, read_checkpoint
from models.paired import PairBatches
from models.pairs import Pairs
from models.settings import Settings, Stage
from models.train import train
from models.unpaired import SideBatches
from realtime.runtime.errors import InputError, MummerError, OutputError, UsageError
from tests.models.small import TINY, faces, sides


def pairs() -> PairBatches:
    pictures, masks = faces(0).faces, np.zeros((4, 64, 64), np.uint8)
    masks[:, 16:48, 16:48] = 255
    return PairBatches(Pairs(pictures, 255 - pictures, masks))


def settings(iterations: int, **more: object) -> Settings:
    return Settings(iterations=iterations, batch=4, warmup=5, threads=1, device="cpu", **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("config", "batches"),
    [
        (LiteConfig(**TINY, sides=1, skips=3), pairs()),
        (LiteConfig(**TINY, sides=2), sides(2)),
        (LiteConfig(**TINY, sides=3), sides(3)),
    ],
    ids=["pairs", "two sides", "three sides"],
)
def test_learning_lowers_the_loss(tmp_path: Path, config: LiteConfig, batches: Batches) -> None:
    lines: list[str] = []
    done = train(config, batches, tmp_path, settings(36, log_every=12, preview_every=18), log=lines.append)
    first, last = sum(done.losses[:5]) / 5, sum(done.losses[-5:]) / 5
    assert last < 0.7 * first
    assert done.iteration == 36
    assert any("loss" in line and "/s" in line for line in lines)
    preview = cv2.imread(str(tmp_path / "preview.png"))
    assert preview is not None
    assert preview.shape == (7 * 64, 4 * 4 * 64, 3)  # 28 faces of four pictures
    answer = load_network(read_checkpoint(tmp_path))(torch.rand(1, 3, 64, 64), config.sides - 1)
    assert torch.isfinite(answer).all()


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_resumed_run_makes_the_steps_of_an_uninterrupted_one(tmp_path: Path, precision: str) -> None:
    config = LiteConfig(**TINY, sides=1)
    whole = train(config, pairs(), tmp_path / "whole", settings(8, precision=precision), log=_silent)

    class Interrupted(PairBatches):
        drawn = 0

        def draw(self, *what: object):  # type: ignore[no-untyped-def]
            self.drawn += 1
            if self.drawn == 5:
                raise KeyboardInterrupt
            return super().draw(*what)  # type: ignore[arg-type]

    interrupted = Interrupted(pairs()._pairs)
    with pytest.raises(KeyboardInterrupt):
        train(config, interrupted, tmp_path / "parts", settings(8, precision=precision), log=_silent)
    assert read_checkpoint(tmp_path / "parts").iteration == 4
    rest = train(config, pairs(), tmp_path / "parts", settings(8, precision=precision), resume=True, log=_silent)
    assert rest.losses == whole.losses[4:]  # bit for bit
    ours, theirs = (read_checkpoint(tmp_path / name) for name in ("parts", "whole"))
    assert ours.tensors.keys() == theirs.tensors.keys()
    for key, tensor in ours.part("average").items():
        assert torch.equal(tensor, theirs.part("average")[key])


def test_stages_and_checkpoints_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    lines: list[str] = []
    stages = (Stage(name="first", share=1), Stage(name="second", share=1))
    with caplog.at_level("INFO", "models"):
        train(
            LiteConfig(**TINY, sides=1), pairs(), tmp_path, settings(4, save_every=2, stages=stages), log=lines.append
        )
    said = [record.getMessage() for record in caplog.records if record.name == "models.recorder"]
    assert said[0] == "stage 'first' from iteration 0 on"
    assert "stage 'second' from iteration 2 on" in said
    assert any(f"{tmp_path / FILE}: iteration 4" in line for line in said)
    assert not any(line in said for line in lines)  # what is said to the user is not said twice


def test_minutes_end_a_run(tmp_path: Path) -> None:
    done = train(
        LiteConfig(**TINY, sides=1),
        pairs(),
        tmp_path,
        Settings(minutes=0.005, batch=2, threads=1, device="cpu"),
        log=_silent,
    )
    assert 1 <= done.iteration < 1000
    assert done.seconds >= 0.3


def test_the_same_folder_is_not_overwritten(tmp_path: Path) -> None:
    config = LiteConfig(**TINY, sides=1)
    train(config, pairs(), tmp_path, settings(1), log=_silent)
    with pytest.raises(UsageError, match="resume"):
        train(config, pairs(), tmp_path, settings(2), log=_silent)
    with pytest.raises(UsageError, match="begun"):
        train(LiteConfig(**TINY, sides=2), pairs(), tmp_path, settings(2), resume=True, log=_silent)


def test_a_run_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="end"):
        train(LiteConfig(**TINY), sides(2), tmp_path, Settings(), log=_silent)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    config = LiteConfig(**TINY, sides=1)
    train(config, pairs(), tmp_path, settings(2), log=_silent)
    before = (tmp_path / "checkpoint.safetensors").read_bytes()
    with pytest.raises(MummerError, match="loss"):
        train(config, pairs(), tmp_path, settings(9, rate=1e30), resume=True, log=_silent)
    assert (tmp_path / "checkpoint.safetensors").read_bytes() == before


def test_a_full_disk_is_one_line_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    config = LiteConfig(**TINY, sides=1)
    train(config, pairs(), tmp_path, settings(2), log=_silent)
    before = (tmp_path / FILE).read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"checkpoint\.safetensors: cannot be written"):
            train(config, pairs(), tmp_path, settings(4), resume=True, log=_silent)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / FILE).read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_the_last_ones_and_the_best_are_kept(tmp_path: Path) -> None:
    config = LiteConfig(**TINY, sides=2)
    lines: list[str] = []
    train(config, sides(2, 60), tmp_path, settings(12, save_every=3, keep=3), log=lines.append)
    last = read_checkpoint(tmp_path)
    assert last.iteration == 12
    earlier = sorted(read_checkpoint(path).iteration for path in (tmp_path / "earlier").iterdir())
    assert earlier == [6, 9]
    judged = [line for line in lines if "held-out" in line]
    assert len(judged) == 4
    best = read_checkpoint(tmp_path / BEST)
    worst = [min(float(word) for word in line.split() if "." in word) for line in judged]
    assert best.iteration == 3 * (1 + worst.index(max(worst)))
    assert sorted(last.facts["held_out"]) == ["A", "B"]  # type: ignore[call-overload]


def test_a_discriminator_joins_in_the_last_stage_and_is_resumed(tmp_path: Path) -> None:
    config = LiteConfig(**TINY, sides=2)
    stages = (Stage(name="plain", share=1), Stage(name="texture", share=1, discriminator=0.1))
    whole = train(config, sides(2), tmp_path / "whole", settings(8, stages=stages), log=_silent)
    alone = train(config, sides(2), tmp_path / "alone", settings(8, stages=stages[:1]), log=_silent)
    assert whole.losses[:5] == alone.losses[:5]
    assert whole.losses[5:] != alone.losses[5:]

    class Stopped(SideBatches):
        drawn = 0

        def draw(self, *what: object):  # type: ignore[no-untyped-def]
            self.drawn += 1
            if self.drawn == 7:
                raise KeyboardInterrupt
            return super().draw(*what)  # type: ignore[arg-type]

    with pytest.raises(KeyboardInterrupt):
        train(config, Stopped([faces(0), faces(1)]), tmp_path / "parts", settings(8, stages=stages), log=_silent)
    rest = train(config, sides(2), tmp_path / "parts", settings(8, stages=stages), resume=True, log=_silent)
    assert rest.losses == whole.losses[6:]
    assert any(name.startswith("discriminator_optimizer.") for name in read_checkpoint(tmp_path / "parts").tensors)


def test_curves_and_previews_are_there_for_tensorboard(tmp_path: Path) -> None:
    train(LiteConfig(**TINY, sides=2), sides(2, 60), tmp_path, settings(10, log_every=5), log=_silent)
    events = EventAccumulator(str(tmp_path / "events")).Reload()
    assert {"train/loss", "train/rolling", "train/pace", "train/rate", "held out/A"} <= set(events.Tags()["scalars"])
    assert [event.step for event in events.Scalars("train/loss")] == [5, 10]
    assert events.Tags()["images"] == ["preview"]


@pytest.mark.parametrize("content", [None, b"", b"random bytes that are no checkpoint"])
def test_bad_checkpoints_are_refused_by_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "checkpoint.safetensors").write_bytes(content)
    with pytest.raises(InputError, match="checkpoint"):
        read_checkpoint(tmp_path)


def _silent(line: str) -> None:
    pass
