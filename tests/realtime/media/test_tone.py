"""HDR crops: shown as SDR, and put back as the light that they were."""

import av
import numpy as np
import pytest

from realtime.media.frame import Frame
from realtime.media.tone import from_sdr, to_sdr

PQ, HLG = 16, 18


@pytest.mark.parametrize(("transfer", "white"), [(PQ, 0.5807), (HLG, 0.75)])
def test_reference_white_is_bright_and_highlights_are_told_from_it(transfer: int, white: float) -> None:
    """203 cd/m2, by ITU-R BT.2408: 58 % of PQ and 75 % of HLG."""
    curve = to_sdr(transfer).astype(int)
    assert (np.diff(curve) >= 0).all()
    assert 0.8 < curve[round(white * 255)] / 255 < 0.9
    assert curve[round((white + 0.1) * 255)] > curve[round(white * 255)] + 5
    back = from_sdr(transfer) / 256
    assert np.abs(np.interp(back, np.arange(256), curve) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_what_is_taken_out_and_put_back_is_what_it_was(transfer: int) -> None:
    x, y = np.meshgrid(np.arange(160), np.arange(120))
    picture = av.VideoFrame(160, 120, "yuv420p10le")
    for plane, values in zip(
        picture.planes, (200 + 2 * x + y, 512 + 0 * x[::2, ::2], 520 + 0 * x[::2, ::2]), strict=True
    ):
        rows = np.frombuffer(plane, np.uint16).reshape(plane.height, -1)
        rows[:, : values.shape[1]] = values
    picture.colorspace, picture.color_range, picture.color_primaries, picture.color_trc = 9, 1, 9, transfer
    frame = Frame(picture)
    before = [plane.astype(int) for plane in map(np.copy, frame._planes())]
    straight = np.array([[1.0, 0.0, -40.0], [0.0, 1.0, -30.0]])
    crop = frame.warp(straight, 64)
    frame.paste(crop, np.full((64, 64), 255, np.uint8), straight)
    for was, now in zip(before, frame._planes(), strict=True):
        assert np.abs(was - now).max() <= 6  # of 1023: a step and a half of the crop's 8 bits
    assert crop.mean() > 0
    picture.color_trc = 1
    assert np.abs(Frame(picture).warp(straight, 64).astype(int) - crop).max() > 10
