"""What all tests share. Clips are encoded on the fly; real footage is used where it lies beside the checkout."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from realtime.runtime.thread_priority import schedule_as_usual


@pytest.fixture(scope="session", autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder for keys and models of the tests' own, in place of the user's."""
    folder = tmp_path_factory.mktemp("home")
    os.environ["MUMMER_HOME"] = str(folder)
    yield folder
    del os.environ["MUMMER_HOME"]


@pytest.fixture(autouse=True)
def usual_scheduling() -> Iterator[None]:
    """A test that encodes AV1 as root leaves no real-time thread behind: it would starve the programs of others."""
    yield
    schedule_as_usual()


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real clips and faces beside the checkout; the test is skipped where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "media").is_dir():
        pytest.skip("no folder of real clips beside the checkout")
    return folder
