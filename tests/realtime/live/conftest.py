"""What the tests of live share: clips with a face that moves."""

from pathlib import Path

import pytest

from tests.realtime.clips import talking


@pytest.fixture(scope="session")
def face_clip() -> Path:
    """Two seconds of the animated portrait, 640x360 at 30 frames a second, with sound."""
    return talking((640, 360), 2.0, 30)
