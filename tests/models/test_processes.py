"""Runs in processes of their own: two that share the work, and some that are killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import torch

from models.architectures import LiteConfig
from models.checkpoint import FILE, read_checkpoint
from models.settings import Settings
from models.train import train
from tests.models.small import TINY, sides, train_small
from tests.realtime.forked import preloaded

ROOT = Path(__file__).resolve().parents[2]
ITERATIONS = 72


def begun(*words: object) -> subprocess.Popen[str]:
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.models.small", *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def losses(program: subprocess.Popen[str]) -> list[float]:
    said, errors = program.communicate()
    assert program.returncode == 0, errors
    return [float(loss) for loss in json.loads(said.splitlines()[0])]


def test_two_processes_make_the_steps_of_one_with_twice_the_batch(tmp_path: Path) -> None:
    together = begun(tmp_path / "two", 2, 4, 12)
    settings = Settings(iterations=12, batch=8, precision="fp32", device="cpu", threads=1)
    one = train(LiteConfig(**TINY, sides=2), sides(2), tmp_path / "one", settings, log=lambda line: None).losses
    two = losses(together)
    assert len(one) == len(two) == 12
    assert two == pytest.approx(one, abs=1e-4)
    assert one[-1] < one[0]
    both = [read_checkpoint(tmp_path / name).part("average") for name in ("one", "two")]
    for name, tensor in both[0].items():
        assert (tensor - both[1][name]).abs().max() < 1e-3, name


def test_a_run_killed_at_six_moments_ends_as_if_nothing_had_been(tmp_path: Path) -> None:
    context = preloaded("tests.models.small", "lightning_fabric")
    moments = random.Random(0)

    def start(out: Path) -> tuple[BaseProcess, Connection]:
        """Train, or go on, in another process; returns when it makes its first step."""
        ours, theirs = context.Pipe(duplex=False)
        process = context.Process(target=train_small, args=(out, ITERATIONS, (out / FILE).exists(), theirs))
        process.start()
        theirs.close()
        while "stage" not in ours.recv():
            pass
        return process, ours

    kills, gone_on = 0, set[int]()
    while kills < 6:
        process, said = start(tmp_path / "killed")
        for _ in range(moments.randrange(4)):
            said.recv()
        time.sleep(moments.uniform(0.0, 0.1))
        process.kill()
        process.join()
        kills += process.exitcode == -signal.SIGKILL
        if (tmp_path / "killed" / FILE).exists():
            gone_on.add(read_checkpoint(tmp_path / "killed").iteration)  # whole, or it could not be read
    assert len(gone_on) > 1
    for name in ("killed", "whole"):
        process, said = start(tmp_path / name)
        process.join()
        assert process.exitcode == 0, said.recv()
    assert not [*(tmp_path / "killed").glob(".*")]
    killed, whole = (read_checkpoint(tmp_path / name) for name in ("killed", "whole"))
    assert killed.iteration == whole.iteration == ITERATIONS
    assert all(torch.equal(tensor, whole.tensors[name]) for name, tensor in killed.tensors.items())
