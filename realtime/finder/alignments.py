"""Saved faces: what was found in every frame of a video, as a file that people and programs can edit.

JSON Lines: the first line says what the file is of, each further one what is in one frame, in the order of their times.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from realtime.finder.face import Box, Face
from realtime.runtime.arrays import Points
from realtime.runtime.digest import sample_digest
from realtime.runtime.errors import InputError, reason
from realtime.runtime.files import whole_or_nothing, writing
from realtime.settings import first_problem

__all__ = [
    "AlignedFace",
    "AlignedFrame",
    "Alignments",
    "FaceLine",
    "FrameLine",
    "Header",
    "InputFacts",
    "write_alignments",
]

#: What the first line says of the file; another version is another number.
FORMAT: Final = "mummer alignments"
VERSION: Final = 1

#: The landmarks within the face: without the jaw.
INNER: Final = slice(17, 68)

_Coordinate: TypeAlias = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False)]


class _Line(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


_Kind = TypeVar("_Kind", bound=_Line)


class InputFacts(_Line):
    """The video that the faces are of: where it lies, seen from the file's folder, and by what it is known again.

    ``size`` is width and height in pixels, as shown; ``time_base`` is seconds a unit of ``pts``, as a fraction.
    """

    path: str
    sample_sha256: str
    size: tuple[int, int]
    time_base: str

    @classmethod
    def of(cls, path: Path, beside: Path, size: tuple[int, int], time_base: str) -> "InputFacts":
        """The facts of the video ``path``, for a file that lies ``beside``. Raises ``InputError``."""
        try:
            way = os.path.relpath(path.resolve(), beside.resolve().parent)
        except ValueError:  # on another drive
            way = str(path.resolve())
        return cls(path=PurePath(way).as_posix(), sample_sha256=sample_digest(path), size=size, time_base=time_base)


class Header(_Line):
    """The first line; ``made_by`` names the program and the face finder."""

    format: Literal["mummer alignments"] = FORMAT
    version: Literal[1] = VERSION
    made_by: str
    input: InputFacts


class FaceLine(_Line):
    """A face as the file has it.

    ``landmarks`` are 68 points (x, y) in pixels of the picture as shown, in iBUG's order; ``score`` is 0..1; ``box`` is
    x0, y0, x1, y1 for whoever reads the file, and follows from the landmarks. ``placed`` is a face that a person put
    where it is: it is not smoothed.
    """

    track: int = Field(ge=0, le=2**31 - 1)
    score: float = Field(ge=0, le=1)
    placed: bool = False
    box: Box | None = None
    landmarks: list[tuple[_Coordinate, _Coordinate]] = Field(min_length=68, max_length=68)

    @field_validator("landmarks")
    @classmethod
    def _apart(cls, points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Nothing can be aligned to points without extent."""
        across, down = zip(*points[INNER], strict=True)  # numpy would take longer over so few
        if max(across) - min(across) < 1 and max(down) - min(down) < 1:
            raise ValueError("eyes, nose and mouth are all in one place; put them apart, or delete the face")
        return points


class FrameLine(_Line):
    """A frame as the file has it.

    ``frame`` counts from 0, ``pts`` is its presentation time in units of the input's time base and ``time`` the same in
    seconds; of interlaced pictures each ``field`` has a line, the later one with a 1. ``checked`` is a frame that a
    person has found right.
    """

    frame: int = Field(ge=0)
    field: Literal[0, 1] = 0
    pts: int
    time: float
    checked: bool = False
    faces: list[FaceLine]


@dataclass(frozen=True, slots=True)
class AlignedFace:
    """A saved face; ``placed`` is one that a person put where it is."""

    face: Face
    placed: bool = False

    @classmethod
    def read(cls, line: FaceLine) -> "AlignedFace":
        """The face of a line."""
        return cls(Face(np.array(line.landmarks, np.float32), line.score, line.track), line.placed)

    def line(self) -> FaceLine:
        """The line of the face; landmarks are rounded to hundredths of a pixel."""
        face = self.face
        x0, y0, x1, y1 = (round(edge, 2) for edge in face.box)
        points = [(round(x, 2), round(y, 2)) for x, y in face.landmarks.tolist()]
        score = round(min(max(face.score, 0.0), 1.0), 4)
        return FaceLine(track=face.track, score=score, placed=self.placed, box=(x0, y0, x1, y1), landmarks=points)

    @property
    def landmarks(self) -> Points:
        """Float32 (68, 2), in pixels of the frame."""
        return self.face.landmarks


@dataclass(frozen=True, slots=True)
class AlignedFrame:
    """The saved faces of one frame; the rest is as in ``FrameLine``."""

    frame: int
    field: int
    pts: int
    time: float
    faces: tuple[AlignedFace, ...]
    checked: bool = False

    @classmethod
    def read(cls, line: FrameLine) -> "AlignedFrame":
        """The frame of a line."""
        faces = tuple(AlignedFace.read(face) for face in line.faces)
        return cls(line.frame, line.field, line.pts, line.time, faces, line.checked)

    def line(self) -> FrameLine:
        """The line of the frame."""
        faces = [face.line() for face in self.faces]
        return FrameLine(
            frame=self.frame,
            field=1 if self.field else 0,
            pts=self.pts,
            time=round(self.time, 6),
            checked=self.checked,
            faces=faces,
        )

    def face(self, track: int) -> AlignedFace | None:
        """The face with that number; None where it is not seen."""
        return next((each for each in self.faces if each.face.track == track), None)


@dataclass(slots=True)
class Alignments:
    """A file of saved faces in memory: its ``frames`` in the order of their times."""

    header: Header
    frames: list[AlignedFrame]

    @classmethod
    def read(cls, path: Path) -> "Alignments":
        """The file ``path``. Raises ``InputError`` that names the line and what is wrong with it."""
        lines = _lines(path)
        number, text = next(lines, (1, ""))
        header = _header(path, text)
        frames: list[AlignedFrame] = []
        for number, text in lines:
            frame = AlignedFrame.read(_parsed(FrameLine, path, number, text))
            tracks = {each.face.track for each in frame.faces}
            if len(tracks) < len(frame.faces):
                raise InputError(f"{path}: line {number}: two faces of one frame have the same track; number them anew")
            if frames and (frame.pts, frame.field) <= (frames[-1].pts, frames[-1].field):
                raise InputError(f"{path}: line {number}: comes before the line above by its pts; put them in order")
            frames.append(frame)
        if not frames:
            raise InputError(f"{path}: holds no frames; make it with `mummer faces INPUT --save {path}`")
        return cls(header, frames)

    def write(self, path: Path, replace: bool = True) -> None:
        """Write the whole file, or nothing. Raises ``OutputError``."""
        write_alignments(path, self.header, self.frames, replace)

    def input_of(self, path: Path) -> Path:
        """Where the video lies, for a file that was read from ``path``."""
        return path.resolve().parent / self.header.input.path

    def check_input(self, path: Path, source: Path) -> None:
        """Raise ``InputError`` unless ``source`` is the video that the file, read from ``path``, is of."""
        if sample_digest(source) != self.header.input.sample_sha256:
            raise InputError(
                f"{path}: was made of another file than {source}, or that has changed since; make it anew with"
                f" `mummer faces {source} --save`"
            )


def write_alignments(path: Path, header: Header, frames: Iterable[AlignedFrame], replace: bool = True) -> None:
    """Write a file of saved faces, frame by frame as they come. Raises ``OutputError``."""
    with whole_or_nothing(path, replace=replace) as part, writing(path), part.open("w", encoding="utf-8") as file:
        # Escaped JSON holds file names too that are no UTF-8.
        file.write(json.dumps(header.model_dump()) + "\n")
        for frame in frames:
            line = frame.line().model_dump(exclude_defaults=True)
            file.write(json.dumps(line, separators=(",", ":")) + "\n")


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a file that are not empty, each with its number. Raises ``InputError``."""
    try:
        if path.exists() and not path.is_file():
            raise InputError(f"{path}: not a regular file")
        with path.open(encoding="utf-8") as file:
            yield from ((number, line) for number, line in enumerate(file, 1) if line.strip())
    except UnicodeError as error:
        raise InputError(f"{path}: not a file of saved faces; make one with `mummer faces INPUT --save`") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {reason(error)}") from error


def _header(path: Path, text: str) -> Header:
    try:
        said = json.loads(text)
    except ValueError:
        said = None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise InputError(f"{path}: not a file of saved faces; make one with `mummer faces INPUT --save`")
    if said.get("version") != VERSION:
        raise InputError(f"{path}: of version {said.get('version')}, and this program knows {VERSION}; make it anew")
    return _parsed(Header, path, 1, text)


def _parsed(kind: type[_Kind], path: Path, number: int, text: str) -> _Kind:
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"{path}: line {number}: {first_problem(error)}") from error
