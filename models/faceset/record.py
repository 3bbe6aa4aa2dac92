"""What a faceset remembers: one record a face, one a source; each is a line of JSON in its index."""

from fractions import Fraction
from typing import Annotated, Final, Literal

import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, PlainValidator

from realtime.media.color_tags import matrix_name, primaries_name, transfer_name
from realtime.media.colorspace import ColorMatrix
from realtime.runtime.arrays import Matrix, Points

__all__ = ["Colors", "MaskKind", "Origin", "Record", "SourceRecord"]

#: How a mask was made: by the built-in net; from the landmarks' hull, in sets that were begun before there was one with
#: hair cut out of it by its colours; by a face parser; or taken over from another program's file.
MaskKind = Literal["visible", "hull", "parser", "file"]

#: A fraction as JSON: ``"1/12800"``.
_Fraction = Annotated[Fraction, PlainValidator(lambda text: Fraction(text)), PlainSerializer(str)]
#: 256 bits.
_Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
#: A file's name alone: an index from somebody else must not lead out of its folder.
_Name = Annotated[str, Field(pattern=r"^[^/\\\x00.][^/\\\x00]*$")]
#: Earlier facesets spell the names of colours as Python does (``arib_std_b67``, ``unspecified``).
_OLD_MATRICES: Final = {code.name.lower(): matrix_name(code) for code in ColorMatrix}
_OLD_PRIMARIES: Final = {code.name.lower(): primaries_name(code) for code in ColorPrimaries}
_OLD_TRANSFERS: Final = {code.name.lower(): transfer_name(code) for code in ColorTrc}
_Points = Annotated[list[tuple[float, float]], Field(min_length=68, max_length=68)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True)


class Origin(_Line):
    """The file that a face comes from: its name, and the sha256 of its bytes."""

    name: str
    sha256: _Digest


class Record(_Line):
    """One face.

    ``file`` is the picture's name in the folders ``faces`` and ``masks`` (or ``pruned`` while ``pruned`` says why
    it is set aside). ``landmarks`` are 68 points (x, y) in pixels of the frame, ``matrix`` the two rows of
    ``frame_to_crop``, ``size`` the crop's side. Angles are degrees: ``yaw`` grows towards the picture's right,
    ``pitch`` upwards, ``roll`` clockwise. See ``models.faceset.measure`` for the other measures.
    """

    file: _Name
    source: Origin
    frame: int
    pts: int | None
    time_base: _Fraction | None
    landmarks: _Points
    matrix: tuple[tuple[float, float, float], tuple[float, float, float]]
    size: int
    yaw: float
    pitch: float
    roll: float
    misfit: float
    sharpness: float
    brightness: float
    clipped: float
    light: tuple[float, float]
    eyes: float | None = None
    score: float
    track: int
    mask: MaskKind
    sha256: _Digest
    phash: _Digest
    pruned: str | None = None

    @property
    def frame_to_crop(self) -> Matrix:
        """float64 (2, 3)."""
        return np.array(self.matrix, np.float64)

    @property
    def points(self) -> Points:
        """float32 (68, 2) in frame pixels."""
        return np.array(self.landmarks, np.float32)

    @property
    def seconds(self) -> float | None:
        """Presentation time, for people to read."""
        return None if self.pts is None or self.time_base is None else float(self.pts * self.time_base)


class Colors(_Line):
    """How a source's colours are coded, by FFmpeg's names, and what was noticed about them."""

    matrix: Annotated[str, BeforeValidator(lambda name: _OLD_MATRICES.get(name, name))]
    primaries: Annotated[str, BeforeValidator(lambda name: _OLD_PRIMARIES.get(name, name))]
    transfer: Annotated[str, BeforeValidator(lambda name: _OLD_TRANSFERS.get(name, name))]
    looks_log: bool = False


class SourceRecord(_Line):
    """One file that was read to its end: with which ``settings``, and how many of its faces the set then held."""

    source: Origin
    settings: str
    frames: int
    faces: int
    size: tuple[int, int]
    colors: Colors | None = None
    tone_mapped: bool = False
