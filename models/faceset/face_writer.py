"""One face on its way to the disk: mask, measures, files, record."""

import hashlib
import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final, Literal, TypeAlias

import cv2
import numpy as np

from models.faceset.folder import Faceset
from models.faceset.frame_sources import FrameOrigin
from models.faceset.masks import MaskChoice, open_masker
from models.faceset.measure import measure
from models.faceset.pose import pose_of
from models.faceset.record import Record
from realtime.finder.face import Face
from realtime.media.affine import apply
from realtime.runtime.arrays import Bytes, Matrix
from realtime.runtime.files import write_whole

__all__ = ["DetectedFace", "FaceWriter", "ImageFormat", "encode_mask"]

ImageFormat: TypeAlias = Literal["png", "jpeg"]

#: PNG: the filter that gains most on faces for its cost, and the fastest compression that is one.
_PNG: Final = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)
#: JPEG 95 with all of its chroma: some 48 dB from the crop, a quarter of the space, an eighth of the time.
_JPEG: Final = (
    cv2.IMWRITE_JPEG_QUALITY, 95, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)  # fmt: skip
_FORMATS: Final[dict[ImageFormat, tuple[str, tuple[int, ...]]]] = {"png": (".png", _PNG), "jpeg": (".jpg", _JPEG)}


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """A face in a frame: the ``number``-th of it, with its time and its crop, uint8 (S, S, 3) RGB."""

    place: FrameOrigin
    number: int
    pts: int | None
    time_base: Fraction | None
    face: Face
    frame_to_crop: Matrix
    crop: Bytes

    @property
    def stem(self) -> str:
        """The file's name without suffix: what it comes from, and where in it."""
        name = re.sub(r"[^\w.-]+", "_", Path(self.place.origin.name).stem)[:40]
        return f"{name}-{self.place.origin.sha256[:8]}-{self.place.number:06d}-{self.number}"


class FaceWriter:
    """Writes faces into ``faceset``; any number of threads may use it at once.

    ``mask`` says how masks are made, ``parser`` is the file of a face parser. Raises ``ModelError`` where it is none
    that we know.
    """

    def __init__(
        self, faceset: Faceset, size: int, image_format: ImageFormat = "png", mask: MaskChoice = "visible",
        parser: Path | None = None, device: str = "auto",
    ) -> None:  # fmt: skip
        self._faceset, self._size, self._kind = faceset, size, mask
        self._suffix, self._options = _FORMATS[image_format]
        self._mask = open_masker(mask, parser, device)

    def write(self, detected: DetectedFace) -> Record:
        """Write picture and mask, and return the face's record. Raises ``OutputError``."""
        landmarks = apply(detected.frame_to_crop, detected.face.landmarks)
        mask = self._mask(detected.crop, landmarks)
        _, encoded = cv2.imencode(self._suffix, cv2.cvtColor(detected.crop, cv2.COLOR_RGB2BGR), self._options)
        picture = encoded.tobytes()
        pose, measures = pose_of(detected.face.landmarks), measure(detected.crop, mask, landmarks)
        rows = [tuple(round(value, 6) for value in row) for row in detected.frame_to_crop.tolist()]
        record = Record(
            file=detected.stem + self._suffix,
            source=detected.place.origin,
            frame=detected.place.number,
            pts=detected.pts,
            time_base=detected.time_base,
            landmarks=[(round(x, 2), round(y, 2)) for x, y in detected.face.landmarks.tolist()],
            matrix=(rows[0], rows[1]),
            size=self._size,
            yaw=round(pose.yaw, 1),
            pitch=round(pose.pitch, 1),
            roll=round(pose.roll, 1),
            misfit=round(pose.misfit, 4),
            sharpness=round(measures.sharpness, 5),
            brightness=round(measures.brightness, 4),
            clipped=round(measures.clipped, 4),
            light=(round(measures.light[0], 4), round(measures.light[1], 4)),
            eyes=round(measures.eyes, 3),
            score=round(detected.face.score, 4),
            track=detected.face.track,
            mask=self._kind,
            sha256=hashlib.sha256(picture).hexdigest(),
            phash=measures.phash,
        )
        # The index names both, so they are there first; the names depend on nothing but footage and settings.
        write_whole(self._faceset.mask(record), encode_mask(mask), sync=False)
        write_whole(self._faceset.picture(record), picture, sync=False)
        return record


def encode_mask(mask: Bytes) -> bytes:
    """A mask, uint8 (S, S), as PNG; one bit a pixel where it is all black and white."""
    plain = not np.any((mask > 0) & (mask < 255))
    _, encoded = cv2.imencode(".png", mask, (cv2.IMWRITE_PNG_BILEVEL, int(plain), cv2.IMWRITE_PNG_COMPRESSION, 1))
    return encoded.tobytes()
