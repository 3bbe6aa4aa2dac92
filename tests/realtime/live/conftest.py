"""What the tests of live share: clips with a face that moves."""

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def face_clip(drawn: Callable[..., Path]) -> Path:
    """Two seconds of the animated portrait, 640x360 at 30 frames a second, with sound."""
    return drawn((640, 360), 2.0, 30)
