"""What may be wrong with a face: each flaw is one function over a set, by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from models.faceset.record import Record
from models.faceset.similarity import duplicates

__all__ = ["FLAWS", "Flaw"]

_Flags: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Flaw:
    """``find`` says of every face of a set whether it has the flaw; ``words`` say it to people."""

    words: str
    find: Callable[[Sequence[Record]], _Flags]


def _values(records: Sequence[Record], name: str) -> NDArray[np.float64]:
    return np.array([getattr(record, name) for record in records], np.float64)


def _duplicated(records: Sequence[Record]) -> _Flags:
    flags = np.zeros(len(records), bool)
    flags[list(duplicates(records))] = True
    return flags


#: Landmarks this far from those of any face (``Record.misfit``): 1 in 1000 of 3,616 true ones is.
MISFIT: Final = 0.06
#: ... or this far and this many deviations out of the set's own.
ODD, DEVIATIONS = 0.045, 6.0
#: A head that is turned or bowed further than this cannot be read off 68 points.
BEYOND: Final = 80.0
#: A face that the landmark net itself doubts.
DOUBTED: Final = 0.5


def _misaligned(records: Sequence[Record]) -> _Flags:
    misfit = _values(records, "misfit")
    middle = np.median(misfit)
    spread = max(float(np.median(np.abs(misfit - middle))) * 1.4826, 1e-3)
    odd = (misfit > ODD) & (misfit > middle + DEVIATIONS * spread)
    beyond = np.maximum(np.abs(_values(records, "yaw")), np.abs(_values(records, "pitch"))) > BEYOND
    return (misfit > MISFIT) | odd | beyond | (_values(records, "score") < DOUBTED)


#: How sharp a face is depends on camera and distance, so it is compared with its source: less than this share of the
#: median there is blurred by movement or out of focus.
BLURRED: Final = 0.5


def _blurred(records: Sequence[Record]) -> _Flags:
    sharpness = _values(records, "sharpness")
    sources = np.array([record.source.sha256 for record in records])
    medians = {source: np.median(sharpness[sources == source]) for source in set(sources.tolist())}
    return sharpness < BLURRED * np.array([medians[source] for source in sources.tolist()])


#: Mean luma that leaves nothing to see, and the share of black or blown-out pixels that does.
DARK, BRIGHT, CLIPPED = 0.12, 0.88, 0.4


def _dark(records: Sequence[Record]) -> _Flags:
    return _values(records, "brightness") < DARK


def _bright(records: Sequence[Record]) -> _Flags:
    brightness = _values(records, "brightness")
    return (brightness > BRIGHT) | ((_values(records, "clipped") > CLIPPED) & (brightness >= DARK))


#: The flaws by the name that the index keeps of them.
FLAWS: Final = {
    "misaligned": Flaw("landmarks that are not those of a face", _misaligned),
    "blurred": Flaw("less than half as sharp as the rest of their source", _blurred),
    "dark": Flaw("too dark to see", _dark),
    "bright": Flaw("blown out", _bright),
    "duplicate": Flaw("nearly the same as a sharper one", _duplicated),
}
