"""Train the landmark net.

    python -m models.recipes.face_finder.landmarks --faces FACES68 --teachers TEACHERS --out RUN --minutes 40

Held-out subjects are never trained on, and never seen by the linear map that cleans the annotations. The error is the
mean distance to the annotation over the 68 points, in outer-eye distances, after the second of two looks: the first
at a badly placed crop, the second at the crop which that first answer gives, as the face finder does it.
"""

import math
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from torch import Tensor
from torch.nn import functional as F

from models.recipes.face_finder.data import (
    FLIP,
    FaceSet,
    clouds,
    jittered,
    load_faces,
    spoil,
    to_unit,
    unlike_a_face,
    warp_crop,
)
from models.recipes.face_finder.nets import LANDMARK_SIZE, LandmarkNet
from models.recipes.face_finder.teachers import denoise, face_mesh
from realtime.arrays import Bytes, Floats, Points
from realtime.geometry import TEMPLATES, apply, invert

__all__ = ["evaluate", "main"]

#: Share of a batch that shows no face, for the presence output.
NEGATIVES = 0.2
Batch = tuple[Bytes, Floats, Floats, Floats]


def sample(
    faces: FaceSet, target: Points, mesh: Floats, chosen: int, seed: int, hardness: float
) -> tuple[Bytes, Points, Floats, bool]:
    """One training crop with its landmarks and mesh in the unit square, and whether it shows a face."""
    rng = np.random.default_rng(seed)
    picture, landmarks = faces.pictures[chosen], faces.landmarks[chosen]
    is_face = rng.random() >= NEGATIVES
    place = jittered if is_face else unlike_a_face
    crop = place(landmarks, LANDMARK_SIZE, rng)
    pixels = warp_crop(picture, crop, LANDMARK_SIZE) if is_face or rng.random() < 0.85 else clouds(LANDMARK_SIZE, rng)
    if rng.random() < hardness:
        pixels = spoil(pixels, rng)
    points, dense = to_unit(target[chosen], crop, LANDMARK_SIZE), to_unit(mesh[chosen], crop, LANDMARK_SIZE)
    if rng.random() < 0.5:
        pixels = pixels[:, ::-1]
        points = (np.array([1, 0], np.float32) + points * (-1, 1))[FLIP].astype(np.float32)
        # The mesh has its own mirror order; a crop that is mirrored just goes without it.
        dense = np.full_like(dense, np.nan)
    return np.ascontiguousarray(pixels), points, dense, is_face


def batches(faces: FaceSet, target: Points, mesh: Floats, size: int, hardness: float) -> Iterator[Batch]:
    """Endless batches, the next one prepared beside the running step."""
    training = np.flatnonzero(~faces.held_out)
    rng = np.random.default_rng(0)

    def make(chosen: list[int], seeds: list[int]) -> Batch:
        rows = [sample(faces, target, mesh, i, s, hardness) for i, s in zip(chosen, seeds, strict=True)]
        pixels, points, dense, is_face = zip(*rows, strict=True)
        return np.stack(pixels), np.stack(points), np.stack(dense), np.array(is_face, np.float32)

    def draw() -> Batch:
        return make(rng.choice(training, size).tolist(), rng.integers(1 << 60, size=size).tolist())

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(draw)
        while True:
            ready, coming = coming.result(), pool.submit(draw)
            yield ready


def wing(error: Tensor, width: float = 0.06, curvature: float = 0.012) -> Tensor:
    """Wing loss (Feng et al., 2018): logarithmic near zero, so that small errors keep pulling."""
    offset = width - width * math.log1p(width / curvature)
    size = error.abs()
    return torch.where(size < width, width * torch.log1p(size / curvature), size - offset)


@torch.no_grad()
def evaluate(net: LandmarkNet, faces: FaceSet, looks: int = 2) -> dict[str, float]:
    """Mean error in outer-eye distances on the held-out subjects, and how often presence is right."""
    net.eval()
    rng = np.random.default_rng(1)
    chosen = np.flatnonzero(faces.held_out)
    crops = [jittered(faces.landmarks[i], LANDMARK_SIZE, rng) for i in chosen]
    for _ in range(looks):
        pixels = np.stack([warp_crop(faces.pictures[i], m, LANDMARK_SIZE) for i, m in zip(chosen, crops, strict=True)])
        points, presence, _ = net(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
        found = [apply(invert(m), p * LANDMARK_SIZE - 0.5) for m, p in zip(crops, points.numpy(), strict=True)]
        crops = [TEMPLATES["landmarks"].frame_to_crop(p, LANDMARK_SIZE) for p in found]
    away = [unlike_a_face(faces.landmarks[i], LANDMARK_SIZE, rng) for i in chosen]
    pixels = np.stack([warp_crop(faces.pictures[i], m, LANDMARK_SIZE) for i, m in zip(chosen, away, strict=True)])
    _, absence, _ = net(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
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
    faces: Annotated[Path, typer.Option(help="Folder with images/ and points.npz.")],
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx.")],
    out: Annotated[Path, typer.Option(help="Where landmarks.pt goes.")],
    minutes: float = 40,
    batch: int = 64,
    threads: int = 2,
    rate: Annotated[float, typer.Option(help="Learning rate at its highest; it falls to 1 % of that.")] = 2e-3,
    hardness: Annotated[float, typer.Option(help="Share of the crops that are spoilt; less for a last phase.")] = 1.0,
    resume: Annotated[bool, typer.Option(help="Start from the weights in the run folder.")] = False,
) -> None:
    """Train and report the held-out error as it falls."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    out.mkdir(parents=True, exist_ok=True)
    face_set = load_faces(faces)
    mesh = face_mesh(face_set, teachers / "face_mesh_468.onnx")
    # Half annotation, half what the mesh implies: unbiased against the annotators, with less of their noise.
    target = ((face_set.landmarks + denoise(face_set, mesh, ~face_set.held_out)) / 2).astype(np.float32)
    print(f"{(~face_set.held_out).sum()} faces to train on, {face_set.held_out.sum()} held out", flush=True)

    net = LandmarkNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    if resume:
        net.load_state_dict(torch.load(out / "landmarks.pt", weights_only=True))
    optimizer = torch.optim.AdamW(net.parameters(), lr=rate, weight_decay=0.02)
    start, step, seen = time.monotonic(), 0, 0.0
    for pixels, points, dense, is_face in batches(face_set, target, mesh, batch, hardness):
        progress = (time.monotonic() - start) / (minutes * 60)
        if progress >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))
        x = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)  # (N, 3, 112, 112), channels last
        face = torch.from_numpy(is_face)
        net.train()
        with torch.autocast("cpu", torch.bfloat16):
            found, presence, found_mesh = net(x)
        shown = face > 0
        loss = wing(found.float()[shown] - torch.from_numpy(points)[shown]).mean() * 20
        wanted = torch.from_numpy(dense)[shown]
        known = ~wanted.isnan().any(dim=(1, 2))
        loss = loss + wing(found_mesh.float()[shown][known] - wanted[known]).mean() * 10
        loss = loss + F.binary_cross_entropy_with_logits(presence.float(), face) * 0.3
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        step += 1
        seen = seen * 0.99 + float(loss.detach()) * 0.01
        if step % 500 == 0:
            figures = evaluate(net, face_set)
            words = " ".join(f"{name} {value:.4f}" for name, value in figures.items())
            print(f"step {step} at {progress:.0%}: loss {seen / (1 - 0.99**step):.4f} {words}", flush=True)
            torch.save(net.state_dict(), out / "landmarks.pt")
    figures = evaluate(net, face_set)
    torch.save(net.state_dict(), out / "landmarks.pt")
    print(f"done after {step} steps of {batch}: {figures}", flush=True)


if __name__ == "__main__":
    typer.run(main)
