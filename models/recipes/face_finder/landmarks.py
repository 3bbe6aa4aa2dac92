"""Train the landmark net.

    python -m models.recipes.face_finder.landmarks --faces FACES68 --teachers TEACHERS --out RUN --minutes 40

Held-out subjects are never trained on, and never seen by the linear map that cleans the annotations. The error is the
mean distance to the annotation over the 68 points, in outer-eye distances, after the second of two looks: the first
at a badly placed crop, the second at the crop which that first answer gives, as the face finder does it.
"""

import math
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import numpy as np
import torch
import typer
from torch import Tensor
from torch.nn import functional as F

from models.devices import bfloat16_pays
from models.recipes.command import Faces, Rate, Resume, Threads, run
from models.recipes.face_finder.data import (
    AnnotatedFaces,
    clouds,
    crop_as_running,
    jittered,
    load_faces,
    spoil,
    to_unit,
    unlike_a_face,
)
from models.recipes.face_finder.expressions import express
from models.recipes.face_finder.loop import Pace, begin, clock, fit, prefetched, to_input, told
from models.recipes.face_finder.nets import LANDMARK_SIZE, LANDMARK_WEIGHTS, LandmarkNet
from models.recipes.face_finder.teachers import denoise, face_meshes
from realtime.align import TEMPLATES
from realtime.finder.landmarks68 import INNER_LIP_PAIRS, LID_PAIRS, MIRRORED
from realtime.media.affine import apply, invert
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points
from realtime.runtime.files import make_folder

__all__ = ["Batch", "batches", "evaluate", "landmark_loss", "main"]

#: Share of a batch that shows no face, for the presence output.
NEGATIVES: Final = 0.2
#: Share of the faces that are bent to another expression.
EXPRESSIONS: Final = 0.4
#: Pairs of landmarks that part when eyes and mouth open, and when the mouth goes wide. They make up little of the error
#: of all points and most of what a face expresses; left to that error alone the net hardly moves them.
OPENINGS: Final = torch.tensor([*chain(*LID_PAIRS), *INNER_LIP_PAIRS, (51, 57), (48, 54), (60, 64)]).T
#: Pixels uint8 (N, 112, 112, 3); landmarks float32 (N, 68, 2) and mesh float32 (N, 468, 2) in the unit square, the
#: mesh not a number where it is not known; 1 where there is a face and 0 where not, float32 (N,).
Batch: TypeAlias = tuple[Bytes, Floats, Floats, Floats]


def sample(
    faces: AnnotatedFaces, target: Floats, mesh: Floats, chosen: int, seed: int, hardness: float
) -> tuple[Bytes, Points, Floats, bool]:
    """One training crop with its landmarks and mesh in the unit square, and whether it shows a face."""
    rng = np.random.default_rng(seed)
    picture, landmarks = faces.pictures[chosen], faces.landmarks[chosen]
    is_face = rng.random() >= NEGATIVES
    # From a second look's small errors to a first look's large ones.
    crop = (
        jittered(landmarks, LANDMARK_SIZE, rng, rng.uniform(0.2, 1.1))
        if is_face
        else unlike_a_face(landmarks, LANDMARK_SIZE, rng)
    )
    of_picture = is_face or rng.random() < 0.85
    pixels = crop_as_running(picture, crop, LANDMARK_SIZE) if of_picture else clouds(LANDMARK_SIZE, rng)
    points, dense = to_unit(target[chosen], crop, LANDMARK_SIZE), to_unit(mesh[chosen], crop, LANDMARK_SIZE)
    if is_face and rng.random() < EXPRESSIONS:
        pixels, points = express(pixels, points, rng)
        dense = np.full_like(dense, np.nan)
    if rng.random() < hardness:
        pixels = spoil(pixels, rng)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        # The annotations count pixels from 1, so a mirrored point lies two pixels of the picture further on.
        further = np.array([crop[0, 0], -crop[1, 0]]) * (2 / LANDMARK_SIZE)
        points = (np.array([1, 0]) + points * (-1, 1) + further)[MIRRORED].astype(np.float32)
        # The mesh has its own mirror order; a crop that is mirrored just goes without it.
        dense = np.full_like(dense, np.nan)
    return np.ascontiguousarray(pixels), points, dense, is_face


def batches(faces: AnnotatedFaces, target: Floats, mesh: Floats, size: int, hardness: float) -> Iterator[Batch]:
    """Endless batches of the faces that are not held out.

    ``target`` float32 (N, 68, 2) and ``mesh`` float32 (N, 468, 2) are in picture pixels; ``hardness`` is the share
    of the crops that are spoilt.
    """
    training = np.flatnonzero(~faces.held_out)
    rng = np.random.default_rng(0)

    def draw() -> Batch:
        chosen, seeds = rng.choice(training, size).tolist(), rng.integers(1 << 60, size=size).tolist()
        rows = [sample(faces, target, mesh, i, seed, hardness) for i, seed in zip(chosen, seeds, strict=True)]
        pixels, points, dense, is_face = zip(*rows, strict=True)
        return np.stack(pixels), np.stack(points), np.stack(dense), np.array(is_face, np.float32)

    return prefetched(draw)


def wing(error: Tensor, width: float = 0.06, curvature: float = 0.012) -> Tensor:
    """Wing loss (Feng et al., 2018): logarithmic near zero, so that small errors keep pulling."""
    offset = width - width * math.log1p(width / curvature)
    size = error.abs()
    return torch.where(size < width, width * torch.log1p(size / curvature), size - offset)


def landmark_loss(net: LandmarkNet, batch: Batch) -> Tensor:
    """Wing losses of landmarks, openings and mesh where there is a face, and cross entropy of presence everywhere."""
    pixels, points, dense, is_face = batch
    face = torch.from_numpy(is_face)
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16_pays(torch.device("cpu"))):
        found, presence, found_mesh = net(to_input(pixels))
    shown = face > 0
    error = found.float()[shown] - torch.from_numpy(points)[shown]
    opened, closed = OPENINGS
    loss = wing(error).mean() * 20 + wing(error[:, opened] - error[:, closed]).mean() * 20
    wanted = torch.from_numpy(dense)[shown]
    known = ~wanted.isnan().any(dim=(1, 2))
    if known.any():  # the mean over no mesh at all is no number
        loss = loss + wing(found_mesh.float()[shown][known] - wanted[known]).mean() * 10
    return loss + F.binary_cross_entropy_with_logits(presence.float(), face) * 0.3


@torch.no_grad()
def evaluate(net: LandmarkNet, faces: AnnotatedFaces, passes: int = 2) -> dict[str, float]:
    """Mean error in outer-eye distances on the held-out subjects, and how often presence is right."""
    net.eval()
    rng = np.random.default_rng(1)
    chosen = np.flatnonzero(faces.held_out)
    crops = [jittered(faces.landmarks[i], LANDMARK_SIZE, rng) for i in chosen]

    def cut(crops: list[Matrix]) -> Tensor:
        seen = zip(chosen, crops, strict=True)
        return to_input(np.stack([crop_as_running(faces.pictures[i], crop, LANDMARK_SIZE) for i, crop in seen]))

    for _ in range(passes):
        points, presence, _ = net(cut(crops))
        found = [apply(invert(m), p * LANDMARK_SIZE - 0.5) for m, p in zip(crops, points.numpy(), strict=True)]
        crops = [TEMPLATES["landmarks"].frame_to_crop(p, LANDMARK_SIZE) for p in found]
    away = [unlike_a_face(faces.landmarks[i], LANDMARK_SIZE, rng) for i in chosen]
    _, absence, _ = net(cut(away))
    truth = faces.landmarks[chosen]
    eye = np.linalg.norm(truth[:, 36] - truth[:, 45], axis=1)
    error = np.linalg.norm(np.stack(found) - truth, axis=2).mean(axis=1) / eye
    return {
        "error": float(error.mean()),
        "median": float(np.median(error)),
        "p95": float(np.percentile(error, 95)),
        "present": float((presence > 0).float().mean()),
        "absent": float((absence < 0).float().mean()),
    }


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx.")],
    out: Annotated[Path, typer.Option(help="Where landmarks.pt goes.")],
    minutes: Annotated[float, typer.Option(min=0.01, help="Time to take.")] = 40,
    batch: Annotated[int, typer.Option(min=2, help="Crops a step.")] = 64,
    threads: Threads = 2,
    rate: Rate = 2e-3,
    hardness: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the crops that are spoilt; less for a last phase.")
    ] = 1.0,
    resume: Resume = False,
) -> None:
    """Train the landmark net, and report the held-out error as it falls."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    make_folder(out)
    net = LandmarkNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    begin(net, out / LANDMARK_WEIGHTS, resume)
    known = load_faces(faces)
    mesh = face_meshes(known, teachers / "face_mesh_468.onnx")
    # Half annotation, half what the mesh implies: unbiased against the annotators, with less of their noise.
    target = ((known.landmarks + denoise(known.landmarks, mesh, ~known.held_out)) / 2).astype(np.float32)
    print(f"{(~known.held_out).sum()} faces to train on, {known.held_out.sum()} held out", flush=True)

    def figures() -> str:
        return told(evaluate(net, known))

    fit(
        net,
        batches(known, target, mesh, batch, hardness),
        lambda drawn: landmark_loss(net, drawn),
        clock(minutes),
        Pace(rate, decay=0.02, clip=math.inf, report_every=500),
        out / LANDMARK_WEIGHTS,
        figures,
    )


if __name__ == "__main__":
    run(main)
