"""Who is who: the tracks of a set grouped by person.

A track is one person, and two faces in one frame are two persons; that much is known. Beyond it faces are compared:
by an ArcFace embedding where the user brings one (an ONNX file), otherwise by their pictures, small and grey, which
tells apart different people in one film but may divide one person in two lights.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import cv2
import numpy as np

from models.faceset.folder import Faceset
from models.faceset.join import copy_faces, new_folder
from models.faceset.record import Record
from realtime.inference.arcface import ArcFace, unit_vector
from realtime.media.affine import apply
from realtime.media.picture import read_picture
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["Embedder", "GreyPicture", "Measure", "group_people", "split"]

#: Faces of a track that are compared, the most frontal ones.
ENOUGH: Final = 12


class Measure(Protocol):
    """What tells people apart: a unit vector a face; faces of one person have a product above ``threshold``."""

    threshold: float

    def __call__(self, picture: Bytes, record: Record) -> Floats:
        """The vector, float32 (D,), of a face's aligned picture, uint8 (S, S, 3) RGB."""
        ...


class GreyPicture:
    """The middle of the face, 32 pixels square, without colour and without its slow gradients of light.

    Of 150 people in video, halves of whose pictures were compared: 73 % above ``threshold``, and 1 % of the strangers.
    """

    threshold = 0.72

    def __call__(self, picture: Bytes, record: Record) -> Floats:
        """See ``Measure``."""
        side = picture.shape[0]
        middle = picture[side // 5 : side * 7 // 8, side // 6 : side * 5 // 6]
        grey = cv2.cvtColor(cv2.resize(middle, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
        luma = np.asarray(grey, np.float32)
        return unit_vector(luma - np.asarray(cv2.GaussianBlur(luma, (0, 0), 8), np.float32))


class Embedder:
    """An ArcFace network of the user's, see ``realtime.inference.arcface``. Raises ``ModelError`` as that does."""

    threshold = 0.35

    def __init__(self, path: Path, device: str = "auto") -> None:
        self._embed = ArcFace(path, device)

    def __call__(self, picture: Bytes, record: Record) -> Floats:
        """See ``Measure``."""
        scale = picture.shape[0] / record.size
        points = apply(record.frame_to_crop, record.points) * np.float32(scale)
        matrix, size = self._embed.frame_to_crop(points), (self._embed.size, self._embed.size)
        crop = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR)
        return unit_vector(self._embed(np.asarray(crop, np.uint8)))


@dataclass(slots=True)
class _Person:
    vector: Floats
    frames: set[tuple[str, int]] = field(default_factory=set)
    records: list[Record] = field(default_factory=list)


def split(faceset: Faceset, out: Path, measure: Measure) -> list[tuple[Path, int]]:
    """Divide a set by person into facesets ``out``/person-1, person-2, ...; returns them with their numbers of faces.

    The set itself stays as it is. An identity record is not handed on: nobody knows yet whose faces are which.
    """
    people = group_people(faceset, faceset.faces(), measure)
    names = [f"person-{number}" for number in range(1, len(people) + 1)]
    with new_folder(out) as part:
        for name, records in zip(names, people, strict=True):
            copy_faces(part / name, [faceset], ((faceset, record) for record in records))
    return [(out / name, len(records)) for name, records in zip(names, people, strict=True)]


def group_people(faceset: Faceset, records: Sequence[Record], measure: Measure) -> list[list[Record]]:
    """The faces of every person, the most frequent first, each in the order of ``records``."""
    tracks = defaultdict[tuple[str, int], list[Record]](list)
    for record in records:
        tracks[record.source.sha256, record.track].append(record)
    people: list[_Person] = []
    # Long tracks first: what they show is sure.
    for track in sorted(tracks.values(), key=len, reverse=True):
        vector = unit_vector(np.mean(list(_vectors(faceset, track, measure)), axis=0, dtype=np.float32))
        frames = {(record.source.sha256, record.frame) for record in track}
        others = [person for person in people if frames.isdisjoint(person.frames)]
        best = max(others, key=lambda person: float(unit_vector(person.vector) @ vector), default=None)
        if best is None or float(unit_vector(best.vector) @ vector) < measure.threshold:
            best = _Person(np.zeros_like(vector))
            people.append(best)
        best.vector = best.vector + vector * np.float32(len(track))
        best.frames |= frames
        best.records += track
    place = {record.file: index for index, record in enumerate(records)}
    people.sort(key=lambda person: -len(person.records))
    return [sorted(person.records, key=lambda record: place[record.file]) for person in people]


def _vectors(faceset: Faceset, track: Sequence[Record], measure: Measure) -> Iterator[Floats]:
    for record in sorted(track, key=lambda record: abs(record.yaw) + abs(record.pitch))[:ENOUGH]:
        yield measure(read_picture(faceset.picture(record)), record)
