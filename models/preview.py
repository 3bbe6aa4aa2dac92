"""Previews: a grid of faces, each as it is, as the network answers it, swapped, and with the answer's mask."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from models.architectures import Network
from models.batches import Example
from realtime.runtime.arrays import Bytes
from realtime.runtime.files import write_whole

__all__ = ["FACES", "preview_grid", "preview_sheet", "write_preview"]

#: Faces of a preview: seven rows of four.
FACES: Final = 28
ACROSS: Final = 4
#: Side of one picture at most, in pixels.
TILE: Final = 128


@torch.no_grad()
def preview_grid(network: Network, examples: Sequence[Example], across: int = ACROSS) -> Bytes:
    """Four pictures a face, ``across`` faces a row: uint8 (H, W, 3) RGB.

    The face, the network's answer as its own side, as the next side (the swap), and the swap's mask. Where
    there is one side, the faces are pairs: the input, the target, the network's answer and its mask.
    """
    device = next(network.parameters()).device
    sheets = []
    for example in examples:
        face = example.face.to(device)
        own = network(face, example.side)
        if network.sides > 1:
            swap = network(face, (example.side + 1) % network.sides)
            sheets.append(preview_sheet([face, own[:, :3], swap[:, :3], swap[:, 3:]]))
        else:
            sheets.append(preview_sheet([face, example.target, own[:, :3], own[:, 3:]]))
    sheet = np.concatenate(sheets)  # (faces * S, 4 * S, 3)
    rows = sheet.reshape(-1, sheet.shape[1] // 4, *sheet.shape[1:])  # (faces, S, 4 * S, 3)
    across = min(across, len(rows))
    rows = np.concatenate([rows, np.zeros((-len(rows) % across, *rows.shape[1:]), np.uint8)])
    return np.concatenate([np.concatenate(list(part), axis=1) for part in rows.reshape(-1, across, *rows.shape[1:])])


def preview_sheet(columns: Sequence[Tensor]) -> Bytes:
    """A row for each picture of the batch; uint8 (H, W, 3) RGB.

    Columns are float (B, 3 or 1, S, S), shown clipped to 0..1, at ``TILE`` pixels at most.
    """
    shown = torch.cat([column.detach().float().cpu().expand(-1, 3, -1, -1) for column in columns], dim=3)
    if (size := shown.shape[2]) > TILE:
        shown = F.interpolate(shown, (TILE, shown.shape[3] * TILE // size), mode="bilinear", antialias=True)
    sheet = shown.clamp(0, 1).permute(0, 2, 3, 1).flatten(0, 1).numpy()
    return (sheet * 255 + 0.5).astype(np.uint8)


def write_preview(path: Path, sheet: Bytes) -> None:
    """Write the sheet, uint8 (H, W, 3) RGB, as PNG, in one step. Raises ``OutputError``."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    write_whole(path, encoded.tobytes())
