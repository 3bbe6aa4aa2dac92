"""The accurate face finder as ONNX: face-alignment's S3FD detector and its FAN landmark net.

What the library computes around its nets (colour order, means, boxes from the detector's grids, landmarks from the
heat maps of a face and its mirror image) is inside the graphs. ``realtime.finder.sfd_fan`` runs the two files.

Zhang et al., "S3FD: Single Shot Scale-invariant Face Detector" (ICCV 2017); Bulat and Tzimiropoulos, "How far are
we from solving the 2D & 3D face alignment problem?" (ICCV 2017).
"""

from pathlib import Path
from typing import Final

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from export.checks import check_graph
from export.samples import own_pictures
from models.graph import to_graph
from realtime.finder.landmarks68 import MIRRORED
from realtime.finder.sfd_fan import CROP, DETECTOR, KEY, LANDMARKS, Note
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes
from realtime.runtime.errors import ModelError
from realtime.runtime.files import make_folder, write_whole

__all__ = ["export_face_finder"]

#: Largest difference from the library: of scores and, by their largest value, heat maps; and of boxes, in pixels.
LIMIT, PIXELS = 1e-3, 0.05
#: Boxes with less than this are nothing that anybody looks at.
LEAST: Final = 0.05
#: Heights and widths of pictures to compare on: any will do.
SIZES: Final = ((160, 224), (250, 130))
#: S3FD's means of blue, green and red, and the steps and scales of its box offsets.
MEANS: Final = (104.0, 117.0, 123.0)
STRIDES: Final = (4, 8, 16, 32, 64, 128)
CENTRE_SCALE, SIZE_SCALE = 0.1, 0.2


class DetectorGraph(nn.Module):
    """uint8 (1, H, W, 3) RGB to boxes float32 (K, 4), x0, y0, x1, y1 in pixels, and their scores float32 (K,)."""

    means: Tensor

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("means", torch.tensor(MEANS).view(1, 3, 1, 1))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """See above."""
        grids = self.net(picture.permute(0, 3, 1, 2).to(torch.float32).flip(1) - self.means)
        # All grids' cells in one row, K long: they are computed with once, whichever grid they are of.
        classes, offsets = (torch.cat([grid.flatten(2) for grid in grids[kind::2]], 2)[0] for kind in (0, 1))
        cells = torch.cat([_cells(grid, stride) for grid, stride in zip(grids[::2], STRIDES, strict=True)], 1)
        middle, side = cells[:2], cells[2]
        centre = offsets[:2] * (CENTRE_SCALE * side) + middle
        half = (offsets[2:] * SIZE_SCALE).exp() * (side / 2)
        return torch.cat([centre - half, centre + half]).T, classes.softmax(0)[1]


def _cells(grid: Tensor, stride: int) -> Tensor:
    """Centre x, y, and side of the boxes of a grid (1, C, h, w), in pixels: float32 (3, h * w)."""
    height, width = grid.shape[2:]
    x = ((torch.arange(width) + 0.5) * stride).expand(height, width)
    y = ((torch.arange(height) + 0.5) * stride)[:, None].expand(height, width)
    return torch.stack([x, y, torch.full_like(x, 4 * stride)]).flatten(1)


class LandmarkGraph(nn.Module):
    """uint8 (N, 256, 256, 3) RGB to points float32 (N, 68, 2), 0..1 from edge to edge, and heat (N, 68, 64, 64)."""

    mirrored: Tensor

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        self.register_buffer("mirrored", torch.from_numpy(MIRRORED))

    def forward(self, face: Tensor) -> tuple[Tensor, Tensor]:
        """See above."""
        rgb = face.permute(0, 3, 1, 2).to(torch.float32) * (1 / 255)
        both = _last(self.net(torch.cat([rgb, rgb.flip(3)])))  # (2 * N, 68, 64, 64)
        count = face.shape[0]
        heat = both[:count] + both[count:].index_select(1, self.mirrored).flip(3)
        side = heat.shape[3]
        flat = heat.flatten(2)  # (N, 68, 64 * 64)
        best = flat.argmax(2, keepdim=True)  # (N, 68, 1)
        x, y = best % side, best // side
        # A quarter of a cell towards the warmer neighbour, but not on the edge.
        inside = ((x > 0) & (x < side - 1) & (y > 0) & (y < side - 1)).to(torch.float32)
        points = [
            (at.to(torch.float32) + 0.5 + 0.25 * inside * _slope(flat, best, step)) / side
            for at, step in ((x, 1), (y, side))
        ]
        return torch.cat(points, dim=2), heat


def _slope(flat: Tensor, best: Tensor, step: int) -> Tensor:
    """-1, 0 or 1: on which side of ``best`` it is warmer."""
    last = flat.shape[2] - 1
    after = flat.gather(2, (best + step).clamp(0, last))
    return (after - flat.gather(2, (best - step).clamp(0, last))).sign()


def export_face_finder(detector: nn.Module, landmarks: nn.Module, folder: Path) -> None:
    """Write S3FD and FAN, as the library builds them, into ``folder``, checked against the library's own answers.

    Raises ``ModelError`` where the files would answer otherwise, ``OutputError`` where they cannot be written.
    """
    files = {DETECTOR: _detector(detector), LANDMARKS: _landmarks(landmarks)}
    make_folder(folder)
    for file, data in files.items():
        write_whole(folder / file, data)


def _detector(net: nn.Module) -> bytes:
    """The detector's file, compared with the library's ``detect`` on pictures of several sizes."""
    from face_alignment.detection.sfd.detect import detect

    graph = DetectorGraph(net)
    pictures = [_picture(*size) for size in SIZES]
    free = {1: torch.export.Dim.DYNAMIC, 2: torch.export.Dim.DYNAMIC}
    model = to_graph(graph, torch.from_numpy(pictures[0][None]), free, "picture", ["boxes", "scores"])
    data = _finished(model, Note(net="detector"))
    session = open_session(data, "cpu")
    for picture in pictures:
        boxes, scores = session.run(None, {"picture": picture[None]})
        kept = scores > LEAST
        ours = np.concatenate([boxes[kept], scores[kept, None]], axis=1)
        theirs = np.asarray(detect(net, picture, "cpu")).reshape(-1, 5)
        if ours.shape != theirs.shape:
            raise ModelError(f"the exported detector finds {len(ours)} boxes where the library finds {len(theirs)}")
        difference = np.abs(ours - theirs).max(axis=0, initial=0)
        if not (difference[:4].max() <= PIXELS and difference[4] <= LIMIT):
            raise ModelError(f"the exported detector's boxes are {difference[:4].max():.2g} px away from the library's")
    return data


def _landmarks(net: nn.Module) -> bytes:
    """The landmark net's file, compared with the library's heat maps and with torch's points."""
    from face_alignment.utils import flip, get_preds_fromhm

    graph = LandmarkGraph(net).eval()
    faces = torch.from_numpy(own_pictures(CROP)[:2].copy())
    model = to_graph(graph, faces, {0: torch.export.Dim("batch")}, "face", ["points", "heat"])
    with torch.inference_mode():
        rgb = faces.permute(0, 3, 1, 2).to(torch.float32) / 255
        theirs = (_last(net(rgb)) + flip(_last(net(flip(rgb))), is_label=True)).numpy()
    points, heat = open_session(model.SerializeToString(), "cpu").run(None, {"face": faces.numpy()})
    if not np.abs(heat - theirs).max() <= LIMIT * np.abs(theirs).max():
        raise ModelError("the exported landmark net's heat maps are not the library's")
    expected = get_preds_fromhm(heat)[0] / heat.shape[-1]
    if not np.abs(points - expected).max() <= LIMIT:
        raise ModelError("the exported landmark net reads other points off its heat maps than the library")
    model.graph.output.pop()  # the file has no use for the heat maps
    return _finished(model, Note(net="landmarks"))


def _last(heat: Tensor | list[Tensor]) -> Tensor:
    """What the last of a stack of nets says."""
    return heat[-1] if isinstance(heat, list) else heat


def _finished(model: onnx.ModelProto, note: Note) -> bytes:
    """The file's bytes, with its note, checked."""
    onnx.helper.set_model_props(model, {KEY: note.model_dump_json()})
    check_graph(model)
    data: bytes = model.SerializeToString()
    return data


def _picture(height: int, width: int) -> Bytes:
    """A picture to compare on, uint8 (height, width, 3) RGB."""
    size = max(height, width)
    return np.ascontiguousarray(own_pictures(size)[0][:height, :width])
