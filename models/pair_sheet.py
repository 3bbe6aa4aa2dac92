"""Pseudo-pairs to be looked at before hours are spent: a contact sheet over all poses."""

from typing import Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import affine_grid

from models.batches import CPU, to_floats
from models.bent import bent_to
from models.faceset.pose import pose_of
from models.preview import preview_sheet
from models.pseudo import mouth_gaps
from models.side import Side
from models.unpaired import PseudoPairs, SideBatches
from realtime.runtime.arrays import Bytes, Floats

__all__ = ["PAIRS", "pair_sheet"]

#: The sheet's name in a run's folder.
PAIRS: Final = "pairs.png"
#: Of each kind of pairs so many over all turns of the head, and so many with the widest mouths and with shut eyes.
TURNS, MOUTHS, LIDS = 12, 3, 3
#: Pairs in a row, and the height of a line of words, in pixels.
ACROSS: Final = 3
LINE: Final = 22
INK: Final = (200, 200, 200)


def pair_sheet(batches: SideBatches) -> Bytes | None:
    """The pairs of ``batches``, kind by kind, as uint8 (H, W, 3) RGB; None where there are none.

    Of each pair: the face asked for, what the mesh drew over it, if it did, and the nearest true face, bent; below,
    how often each of the two is the target.
    """
    kinds = [
        _kind(pairs, side) for side, kinds in zip(batches.sides, batches.pseudo_pairs, strict=True) for pairs in kinds
    ]
    if not kinds:
        return None
    width = max(kind.shape[1] for kind in kinds)
    return np.concatenate([np.pad(kind, ((0, 0), (0, width - kind.shape[1]), (0, 0))) for kind in kinds])


def _kind(pairs: PseudoPairs, side: Side) -> Bytes:
    """Pairs whose targets are of ``side``."""
    known = pairs.source.landmarked
    assert known is not None  # noqa: S101  # or there were no pairs
    asked = np.arange(len(pairs.source.used)) if pairs.rows is None else pairs.rows
    yaws = np.array([pose_of(points).yaw for points in known.landmarks[asked]])
    chosen = _spread(yaws, mouth_gaps(known.landmarks[asked]), known.eyes[asked])
    rows = asked[chosen]
    face, mask, _ = pairs.source.take(pairs.source.used[rows], CPU)
    columns = [face]
    if pairs.drawn is not None:
        columns.append(to_floats(pairs.drawn.pictures[chosen]))
    as_it_is = affine_grid(torch.eye(2, 3).repeat(len(rows), 1, 1), list(face.shape), align_corners=False)
    columns.append(bent_to(pairs.partners.nearest_of(rows), side, face, mask, as_it_is)[0])
    sheet = preview_sheet(columns)
    tiles = sheet.reshape(len(rows), -1, *sheet.shape[1:])
    words = [_shares(pairs, row) for row in rows]
    cells = [
        np.vstack([tile, _line(f"yaw {yaw:+.0f}  {text}", tile.shape[1])])
        for tile, yaw, text in zip(tiles, yaws[chosen], words, strict=True)
    ]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % ACROSS)
    lines = [np.hstack(cells[start : start + ACROSS]) for start in range(0, len(cells), ACROSS)]
    return np.vstack([_line(pairs.name, lines[0].shape[1]), *lines])


def _shares(pairs: PseudoPairs, row: int) -> str:
    if pairs.drawn is None:
        return "nearest frame"
    times = float(pairs.nearest_counts(np.array([row]))[0])
    return f"drawn {100 / (1 + times):.0f} %, nearest {100 * times / (1 + times):.0f} %"


def _spread(yaws: NDArray[np.float64], gaps: Floats, eyes: Floats) -> NDArray[np.int64]:
    """Indices of faces over all turns of the head, then with the widest mouths, then with the eyes least open."""
    over = np.argsort(yaws)[np.linspace(0, len(yaws) - 1, min(TURNS, len(yaws))).astype(np.int64)]
    return np.concatenate([over, np.argsort(-gaps)[:MOUTHS], np.argsort(eyes)[:LIDS]])


def _line(words: str, width: int) -> Bytes:
    line = np.zeros((LINE, width, 3), np.uint8)
    cv2.putText(line, words, (4, LINE - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42, INK, 1, cv2.LINE_AA)
    return line
