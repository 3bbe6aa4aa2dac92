"""A short film with one face, and the set that is collected from it."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.faceset.extract import Extraction, extract
from models.faceset.folder import Faceset
from realtime.align import TEMPLATES
from realtime.media.file_source import FileSource
from realtime.media.frame import Frame
from tests.realtime.clips import talk

FRAMES = 24


@pytest.fixture(scope="session")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The animated portrait, 24 frames."""
    return talk(tmp_path_factory.mktemp("film") / "take one.mp4", (480, 270), FRAMES / 20, 20)


@pytest.fixture(scope="session")
def whole(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Faceset:
    """All of its faces; not to be changed."""
    folder = tmp_path_factory.mktemp("set") / "faces"
    extract(Extraction((str(film),), folder, size=128))
    return Faceset.open(folder)


@pytest.fixture(scope="session")
def small_whole(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all of its faces, small; not to be changed."""
    folder = tmp_path_factory.mktemp("set") / "mine"
    extract(Extraction((str(film),), folder, size=64, format="jpeg"))
    return folder


@pytest.fixture
def faceset(small_whole: Path, tmp_path: Path) -> Faceset:
    """The same, to be changed."""
    shutil.copytree(small_whole, tmp_path / "mine")
    return Faceset.open(tmp_path / "mine")


@pytest.fixture
def book(film: Path, whole: Faceset, tmp_path: Path) -> Path:
    """What the book's extraction writes of three frames; of the last one its alignments say nothing."""
    folder = tmp_path / "face_images"
    folder.mkdir()
    frames = [item for item in FileSource(film) if isinstance(item, Frame)]
    alignments = {}
    for record in whole.records()[:3]:
        matrix = TEMPLATES["mean-face"].frame_to_crop(record.points, 256)
        rgb = frames[record.frame].warp(matrix, 256)
        stem = f"frame{record.frame:02}"
        cv2.imwrite(str(folder / f"face_aligned_{stem}_0.png"), cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        cv2.imwrite(str(folder / f"face_mask_{stem}_0.png"), np.full((256, 256), 99, np.uint8))
        if record.frame < 2:
            arrays = {"landmark": [_tricks(record.points)], "warp_matrix": _tricks(np.vstack([matrix, [0, 0, 1]]))}
            alignments[f"{stem}.jpg"] = {"faces": [arrays]}
    (folder / "face_alignments.json").write_text(json.dumps(alignments))
    return folder


def _tricks(array: np.ndarray) -> dict[str, object]:
    """An array as json_tricks writes it."""
    return {"__ndarray__": array.tolist(), "dtype": str(array.dtype), "shape": list(array.shape)}
