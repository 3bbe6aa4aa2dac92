"""What the tests of live share: clips with a face that moves."""

from pathlib import Path

import pytest

from realtime.demo.sample import write_sample


@pytest.fixture(scope="session")
def face_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the animated portrait, 640x360 at 30 frames a second, with sound."""
    path = tmp_path_factory.mktemp("live") / "face.mp4"
    write_sample(path, size=(640, 360), seconds=2.0, fps=30)
    return path
