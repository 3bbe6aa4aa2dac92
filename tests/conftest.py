"""What all tests share. Clips are encoded on the fly; real footage is used where it lies beside the checkout."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with real clips and faces beside the checkout; the test is skipped where there is none."""
    folder = Path(__file__).resolve().parents[2] / "shared"
    if not (folder / "media").is_dir():
        pytest.skip("no folder of real clips beside the checkout")
    return folder
