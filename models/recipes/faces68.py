"""A folder of annotated faces: ``images/NNNNN.jpg`` and ``points.npz`` with ``points`` and ``subject``."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.errors import InputError

__all__ = ["Faces68"]


@dataclass(frozen=True, slots=True)
class Faces68:
    """Landmarks, persons and files of N faces; pictures are read when they are asked for.

    ``points`` is float32 (N, 68, 2) in iBUG order and picture pixels, ``subject`` int32 (N,) says whose face
    it is, ``files`` are the N pictures.
    """

    points: Floats
    subject: NDArray[np.int32]
    files: tuple[Path, ...]

    @classmethod
    def open(cls, folder: Path) -> "Faces68":
        """Read a folder's index. Raises ``InputError`` where it is not one."""
        try:
            with (folder / "points.npz").open("rb") as file, np.load(file) as archive:
                points, subject = archive["points"], archive["subject"]
        except (OSError, EOFError, KeyError, ValueError, BadZipFile) as error:
            raise InputError(f"{folder}: no readable points.npz with points and subject ({error})") from error
        files = tuple(sorted((folder / "images").glob("*.jpg")))
        if points.shape[1:] != (68, 2) or not 0 < len(points) == len(subject) == len(files):
            raise InputError(f"{folder}: {len(points)} sets of 68 landmarks do not fit {len(files)} pictures")
        return cls(points.astype(np.float32), subject.astype(np.int32), files)

    def picture(self, index: int) -> Bytes:
        """One picture, uint8 (H, W, 3) RGB. Raises ``InputError`` where it cannot be read."""
        picture = cv2.imread(str(self.files[index]), cv2.IMREAD_COLOR_RGB)
        if picture is None:
            raise InputError(f"{self.files[index]}: cannot read the picture")
        return np.asarray(picture, np.uint8)
