"""Train the face detector.

    python -m models.recipes.face_finder.detector --faces FACES68 --teachers TEACHERS --out RUN --minutes 25

The pictures show one face each, in the middle and of middling size. Frames are not like that, so the recipe composes
canvases: pictures at random sizes laid over each other, faces from 10 pixels to larger than the canvas. YuNet's boxes
are the truth; where it is unsure nothing is learnt.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.devices import bfloat16_pays
from models.recipes.command import Faces, Rate, Resume, Threads, run
from models.recipes.face_finder.data import AnnotatedFaces, load_faces, spoil
from models.recipes.face_finder.loop import Pace, begin, clock, fit, prefetched, to_input
from models.recipes.face_finder.nets import DETECTOR_STRIDE, DETECTOR_WEIGHTS, DetectorNet
from models.recipes.face_finder.teachers import YuNet
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.files import make_folder

__all__ = ["CANVAS", "Batch", "batches", "compose", "detector_loss", "main", "targets"]

#: Side of a canvas in pixels.
CANVAS: Final = 320
#: Teacher scores from ``SURE`` up are faces; down to ``UNSURE`` nothing is learnt; below is background.
SURE, UNSURE = 0.6, 0.3
#: The score of a face that is hidden too much to be asked for, and too little to be forbidden.
DOUBTFUL: Final = (SURE + UNSURE) / 2
#: Faces smaller than this (pixels of the canvas) are neither demanded nor forbidden.
SMALLEST: Final = 9.0
#: Canvases uint8 (N, 320, 320, 3) with the grids of ``targets``, float32 (N, G, G) and (N, 4, G, G).
Batch: TypeAlias = tuple[Bytes, Floats, Floats]


def lay(canvas: Bytes, boxes: list[Floats], picture: Bytes, found: Floats, zoom: float, at: tuple[int, int]) -> None:
    """Put ``picture``, scaled by ``zoom``, with its corner at ``at`` and its boxes on top of what is there."""
    how = cv2.INTER_AREA if zoom < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=how)
    x, y = at
    x0, y0 = max(x, 0), max(y, 0)
    x1, y1 = min(x + scaled.shape[1], CANVAS), min(y + scaled.shape[0], CANVAS)
    if x1 <= x0 or y1 <= y0:
        return
    canvas[y0:y1, x0:x1] = scaled[y0 - y : y1 - y, x0 - x : x1 - x]
    for i, old in enumerate(boxes):  # what lies underneath is hidden, or partly hidden and thus unsure
        if len(old):
            w = np.clip(np.minimum(old[:, 2], x1) - np.maximum(old[:, 0], x0), 0, None)
            h = np.clip(np.minimum(old[:, 3], y1) - np.maximum(old[:, 1], y0), 0, None)
            hidden = w * h / np.maximum((old[:, 2] - old[:, 0]) * (old[:, 3] - old[:, 1]), 1)
            old[(hidden > 0.15) & (old[:, 4] >= SURE), 4] = DOUBTFUL
            boxes[i] = old[hidden < 0.6]
    new = found.copy()
    new[:, :4] = new[:, :4] * zoom + np.array([x, y, x, y], np.float32)
    boxes.append(new)


def compose(faces: AnnotatedFaces, found: list[Floats], pool: NDArray[np.int64], seed: int) -> tuple[Bytes, Floats]:
    """A canvas uint8 (320, 320, 3) and its boxes float32 (K, 5), x0, y0, x1, y1 in canvas pixels and the score.

    ``found`` has the teacher's boxes of every face's picture, ``pool`` the indices of the faces to draw from.
    """
    rng = np.random.default_rng(seed)
    canvas = np.full((CANVAS, CANVAS, 3), rng.integers(0, 256, 3), np.uint8)
    boxes: list[Floats] = []
    if rng.random() < 0.8:  # a backdrop: the surroundings of somebody, enlarged, without the face
        i = int(rng.choice(pool))
        picture, box, w = faces.pictures[i], found[i], faces.pictures[i].shape[1]
        side = int(np.clip(box[0, 0] if rng.random() < 0.5 else w - box[0, 2], 8, w))
        strip = picture[:, :side] if rng.random() < 0.5 else picture[:, w - side :]
        if rng.random() < 0.3:
            strip = picture[: max(int(box[0, 1]), 8)]
        canvas = np.asarray(cv2.resize(strip, (CANVAS, CANVAS)), np.uint8)
    for _ in range(int(rng.choice([1, 1, 1, 2, 2, 3, 5, 8]))):
        i = int(rng.choice(pool))
        picture, box = faces.pictures[i], found[i]
        if rng.random() < 0.5:
            picture = picture[:, ::-1]
            box = box.copy()
            box[:, [0, 2]] = picture.shape[1] - 1 - box[:, [2, 0]]
        if rng.random() < 0.25:  # heads tilt
            picture, box = tilt(picture, box, float(rng.normal(0, 18)))
        x0, y0, x1, y1, _ = box[int(np.argmax(box[:, 4]))].tolist()
        wanted = math.exp(rng.uniform(math.log(10), math.log(260 if rng.random() < 0.9 else 420)))
        zoom = wanted / max(y1 - y0, 4.0)
        zoom = min(zoom, 900 / max(picture.shape[:2]))
        centre = rng.uniform(0.02, 0.98, 2) * CANVAS
        if wanted > 160:
            centre = rng.uniform(0.3, 0.7, 2) * CANVAS
        at = round(centre[0] - zoom * (x0 + x1) / 2), round(centre[1] - zoom * (y0 + y1) / 2)
        lay(canvas, boxes, np.ascontiguousarray(picture), box, zoom, at)
    rows = np.concatenate(boxes) if boxes else np.zeros((0, 5), np.float32)
    if len(rows):  # a face that the canvas cuts off is a face while most of it is there
        size = (rows[:, 2] - rows[:, 0]) * (rows[:, 3] - rows[:, 1])
        inside = np.clip(rows[:, :4], 0, CANVAS)
        shown = (inside[:, 2] - inside[:, 0]) * (inside[:, 3] - inside[:, 1]) / np.maximum(size, 1)
        rows[(shown < 0.65) & (rows[:, 4] >= SURE), 4] = DOUBTFUL
        rows = rows[shown > 0.15]
    return spoil(canvas, rng, cover=False), rows


def tilt(picture: Bytes, boxes: Floats, degrees: float) -> tuple[Bytes, Floats]:
    """Turn the picture about its middle; an upright box keeps its size and moves with its centre."""
    h, w = picture.shape[:2]
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), degrees, 1.0)
    centres = np.stack([boxes[:, [0, 2]].mean(axis=1), boxes[:, [1, 3]].mean(axis=1)], axis=1)
    half = (boxes[:, 2:4] - boxes[:, :2]) / 2
    moved = centres @ turn[:, :2].T + turn[:, 2]
    out = np.concatenate([moved - half, moved + half, boxes[:, 4:]], axis=1).astype(np.float32)
    return np.asarray(cv2.warpAffine(picture, turn, (w, h), borderMode=cv2.BORDER_REFLECT), np.uint8), out


def targets(rows: Floats) -> tuple[Floats, Floats]:
    """What the net should answer to a canvas with the boxes ``rows``, float32 (K, 5), for a grid of G = 40 cells.

    ``face`` float32 (G, G) is 1 at a face, 0 where there is none and -1 where nothing is asked; ``box`` float32
    (4, G, G) is how far left, top, right and bottom of the face are from the cell's centre, in pixels.
    """
    grid = CANVAS // DETECTOR_STRIDE
    centre = (np.arange(grid, dtype=np.float32) + 0.5) * DETECTOR_STRIDE - 0.5
    face = np.zeros((grid, grid), np.float32)
    box = np.ones((4, grid, grid), np.float32)
    order = np.argsort(rows[:, 4])  # the surest is written last
    for x0, y0, x1, y1, score in rows[order]:
        cx, cy, w, h = (x0 + x1) / 2, (y0 + y1) / 2, x1 - x0, y1 - y0
        sure = score >= SURE and max(w, h) >= SMALLEST
        over = (np.abs(centre - cx) < w * 0.4)[None, :] & (np.abs(centre - cy) < h * 0.4)[:, None]
        face[over & (face == 0)] = -1
        if not sure:
            face[over] = -1
            continue
        reach = max(0.18 * min(w, h), DETECTOR_STRIDE * 0.55)
        near = (np.abs(centre - cx) < reach)[None, :] & (np.abs(centre - cy) < reach)[:, None]
        face[near] = 1
        for k, d in enumerate((centre[None, :] - x0, centre[:, None] - y0, x1 - centre[None, :], y1 - centre[:, None])):
            box[k][near] = np.broadcast_to(d, (grid, grid))[near]
    return face, box


def detector_loss(net: DetectorNet, batch: Batch) -> Tensor:
    """Focal loss on the logit (Lin et al., 2017), log-distance L1 and IoU loss where there is a face."""
    pixels, truth, distances = batch
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_pays(torch.device("cpu"))):
        out = net(to_input(pixels))
    out, face, box = out.float(), torch.from_numpy(truth), torch.from_numpy(distances)
    logit, asked, is_face = out[:, 0], face >= 0, face > 0
    p = torch.sigmoid(logit)
    wrong = torch.where(is_face, 1 - p, p)
    focal = wrong**2 * F.binary_cross_entropy_with_logits(logit, is_face.float(), reduction="none")
    count = is_face.sum().clamp(min=1)
    found = out[:, 1:].permute(0, 2, 3, 1)[is_face]  # (K, 4)
    wanted = box.permute(0, 2, 3, 1)[is_face].clamp(min=1)  # (K, 4)
    distance = F.smooth_l1_loss(found, (wanted / DETECTOR_STRIDE).log(), beta=0.1, reduction="sum") / count
    reach = found.clamp(-4, 5).exp() * DETECTOR_STRIDE
    inner = torch.minimum(reach, wanted)
    overlap = _area(inner) / (_area(reach) + _area(wanted) - _area(inner)).clamp(min=1)
    return (focal * asked).sum() / count + distance * 0.3 + (1 - overlap).sum() / count


def _area(reach: Tensor) -> Tensor:
    """Of boxes given as distances (K, 4) from a point inside them."""
    return (reach[:, 0] + reach[:, 2]) * (reach[:, 1] + reach[:, 3])


def batches(faces: AnnotatedFaces, found: list[Floats], size: int) -> Iterator[Batch]:
    """Endless batches of canvases, of the faces that are not held out and of which the teacher is sure."""
    sure = np.array([bool((boxes[:, 4] >= SURE).any()) for boxes in found])
    pool = np.flatnonzero(~faces.held_out & sure)
    rng = np.random.default_rng(0)

    def draw() -> Batch:
        drawn = [compose(faces, found, pool, seed) for seed in rng.integers(1 << 60, size=size).tolist()]
        grids = [targets(rows) for _, rows in drawn]
        return (
            np.stack([canvas for canvas, _ in drawn]),
            np.stack([face for face, _ in grids]),
            np.stack([box for _, box in grids]),
        )

    return prefetched(draw)


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with yunet_n_dynamic.onnx.")],
    out: Annotated[Path, typer.Option(help="Where detector.pt goes.")],
    minutes: Annotated[float, typer.Option(min=0.01, help="Time to take.")] = 25,
    batch: Annotated[int, typer.Option(min=1, help="Canvases a step.")] = 12,
    threads: Threads = 2,
    rate: Rate = 2e-3,
    resume: Resume = False,
) -> None:
    """Train the detector on composed canvases."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    make_folder(out)
    net = DetectorNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    begin(net, out / DETECTOR_WEIGHTS, resume)
    teacher = YuNet(teachers / "yunet_n_dynamic.onnx", UNSURE)
    known = load_faces(faces)
    found = [teacher.boxes(picture) for picture in known.pictures]
    fit(
        net,
        batches(known, found, batch),
        lambda drawn: detector_loss(net, drawn),
        clock(minutes),
        Pace(rate, decay=0.01, clip=10.0, report_every=200),
        out / DETECTOR_WEIGHTS,
    )


if __name__ == "__main__":
    run(main)
