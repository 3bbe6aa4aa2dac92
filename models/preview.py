"""Previews: a sheet of what the network is shown, should answer, and answers."""

from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from models.files import write_whole
from realtime.arrays import Bytes

__all__ = ["preview_sheet", "write_preview"]


def preview_sheet(columns: list[Tensor]) -> Bytes:
    """A row for each picture of the batch; uint8 (H, W, 3) RGB.

    Columns are float (B, 3 or 1, S, S), shown clipped to 0..1.
    """
    shown = [column.detach().float().cpu().clamp(0, 1).expand(-1, 3, -1, -1) for column in columns]
    rows = [np.concatenate([column[i].permute(1, 2, 0).numpy() for column in shown], 1) for i in range(len(shown[0]))]
    return (np.concatenate(rows, 0) * 255 + 0.5).astype(np.uint8)


def write_preview(path: Path, sheet: Bytes) -> None:
    """Write the sheet, uint8 (H, W, 3) RGB, as PNG, in one step. Raises ``OutputError``."""
    _, encoded = cv2.imencode(".png", cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR))
    write_whole(path, encoded.tobytes())
