"""How footage codes its colours, and what of that a model would trip over."""

from collections.abc import Iterable
from typing import Final

import numpy as np

from models.faceset.record import Colors, SourceRecord
from realtime.media.color_tags import matrix_name, primaries_name, transfer_name
from realtime.media.frame import Frame

__all__ = ["color_notes", "colors_of"]

#: A log curve lifts black to here (share of the range) and leaves white and saturation short of there.
LOG_BLACK, LOG_WHITE, LOG_SATURATION = 0.06, 0.80, 0.22
#: Side of the small picture that is looked at.
SIDE: Final = 64


def colors_of(frame: Frame) -> Colors:
    """What a frame's tags say about its colours, and whether it looks as if filmed in log."""
    picture = frame.picture
    transfer = transfer_name(picture.color_trc)
    return Colors(
        matrix=matrix_name(frame.kind.matrix),
        primaries=primaries_name(picture.color_primaries),
        transfer=transfer,
        looks_log=transfer in _LOG or (transfer not in _HDR and _looks_log(frame)),
    )


def color_notes(sources: Iterable[SourceRecord]) -> list[str]:
    """What is to be said of the colours of footage: HDR, log, and several kinds in one set."""
    notes: list[str] = []
    kinds: dict[str, str] = {}
    for source in sources:
        colors, name = source.colors, source.source.name
        if colors is None:
            continue
        hdr = None if source.tone_mapped else _HDR.get(colors.transfer)
        if hdr is not None:
            notes.append(
                f"{name} is HDR ({hdr}): its faces look flat and dull beside others; collect them in a new faceset with"
                " --tone-map, or film in SDR"
            )
        elif colors.looks_log:
            notes.append(
                f"{name} looks as if filmed in log, its faces are grey: grade it to plain video (BT.709) first"
            )
        gamut = "BT.709" if source.tone_mapped else _WIDE.get(colors.primaries, "BT.709")
        kinds.setdefault(f"{hdr or ('log' if colors.looks_log else 'SDR')} in {gamut}", name)
    if len(kinds) > 1:
        listed = ", ".join(f"{name} is {kind}" for kind, name in kinds.items())
        notes.append(f"the footage mixes {len(kinds)} colour spaces: {listed}; a set of one kind trains best")
    return list(dict.fromkeys(notes))


_HDR: Final = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_LOG: Final = frozenset({"log100", "log316"})
_WIDE: Final = {"bt2020": "BT.2020", "smpte431": "P3", "smpte432": "P3"}


def _looks_log(frame: Frame) -> bool:
    """Ten bits and more, no black, no white and hardly a colour: cameras tag their log curves as plain video."""
    if frame.kind.pixels.depth < 10:
        return False
    zoom = SIDE / max(frame.width, frame.height)
    size = (max(round(frame.width * zoom), 1), max(round(frame.height * zoom), 1))
    small = frame.warp(np.array([[zoom, 0.0, 0.0], [0.0, zoom, 0.0]]), size).astype(np.float32) / 255
    low, high = np.percentile(small.mean(axis=2), (0.5, 99.5)).tolist()
    spread = (small.max(axis=2) - small.min(axis=2)) / np.maximum(small.max(axis=2), 1 / 255)
    return bool(low > LOG_BLACK and high < LOG_WHITE and np.percentile(spread, 90) < LOG_SATURATION)
