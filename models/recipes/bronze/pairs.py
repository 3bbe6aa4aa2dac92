"""Make the training pairs: real aligned faces, and the statue with their pose and expression in the same crop.

    python -m models.recipes.bronze.pairs --faces DIR --teachers DIR --out DIR
        [--size 256] [--limit N] [--workers 2]

``--faces`` holds ``points.npz`` (``points`` float32 (N, 68, 2) in pixels, ``subject`` int32 (N,)) and
``images/NNNNN.jpg``; ``--teachers`` holds ``face_mesh_468.onnx`` and ``canonical_face_468.obj``. Written to
``--out``:

- ``input.npy``, ``target.npy`` uint8 (N, S, S, 3) RGB; ``mask.npy`` uint8 (N, S, S);
- ``weight.npy`` uint8 (N, 64, 64): how much a place counts, ``WEIGHT_ONE`` for 1, more at the eyes and the
  mouth;
- ``sample.npy`` float32 (N,): how often to draw a pair, mean 1, more for rare poses and expressions;
- ``subject.npy`` int32 (N,): whose face, for a split by person;
- ``index.json``: the recipe's parameters, and for each pair the picture it came from, whether its lids were lowered,
  and the mesh's disagreement.
"""

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Final

import cv2
import numpy as np
import typer
from numpy.lib.format import open_memmap

from models.pairs import WEIGHT_ONE
from models.recipes.blinks import blink
from models.recipes.bronze.mesh import load_canonical
from models.recipes.bronze.render import render
from models.recipes.bronze.sculpt import Sculptor
from models.recipes.command import Faces, run
from models.recipes.crop import crop_still
from models.recipes.face_mesh import FaceMesh
from models.recipes.faces68 import Faces68
from realtime.align import TEMPLATES
from realtime.media.affine import apply, scale_of
from realtime.mesh.vertices import EYES, INNER_LIPS, OUTER_LIPS
from realtime.runtime.arrays import Bytes, Floats, Points
from realtime.runtime.errors import ModelError
from realtime.runtime.files import make_folder

__all__ = ["disagreement", "lower_lids", "main", "make_pairs", "weight_map"]

#: Side of a weight map.
WEIGHT_SIZE: Final = 64
#: Landmarks (iBUG 68) and the mesh vertices at about the same place.
MATCHED: Final = {
    8: 152, 19: 105, 24: 334, 27: 168, 30: 4, 33: 2, 36: 33, 39: 133, 42: 362, 45: 263,
    37: 160, 40: 153, 43: 385, 46: 373, 48: 61, 51: 0, 54: 291, 57: 17, 62: 13, 66: 14,
}  # fmt: skip
#: Share of the faces, those with the worst meshes, that is left out.
DROPPED: Final = 0.05
#: The landmarks of each eye, in the order of the mesh's eyes: outer corner, upper lid, inner corner, lower lid.
EYE_MARKS: Final = ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46))
#: Height of an open eye's landmarks as a share of their width, the median of the data.
MARKED_OPEN: Final = 0.267
#: Faces that a worker process takes at a time.
JOB: Final = 48
#: One face in so many gives a second pair, with its lids lowered: hardly anybody blinks in these pictures.
BLINKS: Final = 3


def disagreement(meshes: Floats, points: Floats) -> Floats:
    """How far meshes (N, 468, 3) and landmarks (N, 68, 2) are apart, as a share of the outer-eye distance,
    (N,).

    Each landmark is compared with its matched vertex in the whole-face crop, after the median offset between
    the two over all faces, which is a matter of definition, is taken out.
    """
    template = TEMPLATES["whole-face"]
    marks, vertices = list(MATCHED), list(MATCHED.values())
    apart = np.zeros((len(meshes), len(marks), 2), np.float32)
    eyes = np.zeros(len(meshes), np.float32)
    for i, (mesh, landmarks) in enumerate(zip(meshes, points, strict=True)):
        to_crop = template.frame_to_crop(landmarks, 1)
        apart[i] = apply(to_crop, mesh[vertices, :2]) - apply(to_crop, landmarks[marks])
        eyes[i] = np.linalg.norm(landmarks[36] - landmarks[45]) * scale_of(to_crop)
    apart -= np.median(apart, axis=0)
    return np.asarray(np.linalg.norm(apart, axis=2).mean(axis=1) / eyes, np.float32)


def lower_lids(mesh: Floats, landmarks: Points) -> Floats:
    """A mesh (468, 3) whose lids close further where the landmarks (68, 2) say so; both see only some of the
    blinks.
    """
    mesh = mesh.copy()
    for eye, (outer, a, b, inner, c, d) in zip(EYES, EYE_MARKS, strict=True):
        width = max(float(np.linalg.norm(landmarks[outer] - landmarks[inner])), 1e-6)
        height = np.linalg.norm(landmarks[[a, b]] - landmarks[[d, c]], axis=1).mean()
        share = float(np.clip(height / width / MARKED_OPEN, 0.3, 1.25)) ** 0.6
        lower, upper = list(eye[1:8]), list(eye[:8:-1])
        middle = 0.75 * mesh[lower] + 0.25 * mesh[upper]
        mesh[lower] = middle + (mesh[lower] - middle) * share
        mesh[upper] = middle + (mesh[upper] - middle) * share
    return mesh


def weight_map(mesh: Floats, size: int, unit: float) -> Bytes:
    """Where the loss should look, uint8 (64, 64): soft hills over eyes and mouth of a mesh in crop pixels.

    ``WEIGHT_ONE`` is 1; the eyes and the mouth reach about 3.
    """
    scale = WEIGHT_SIZE / size
    rings = [(EYES[0], 2.0, 0.45), (EYES[1], 2.0, 0.45), (OUTER_LIPS, 2.0, 0.45), (INNER_LIPS, 0.0, 0.45)]
    weight = np.ones((WEIGHT_SIZE, WEIGHT_SIZE), np.float32)
    for ring, gain, reach in rings:
        inside = np.zeros_like(weight)
        corners = (mesh[list(ring), :2] + 0.5) * scale - 0.5
        cv2.fillPoly(inside, [np.round(corners * 16).astype(np.int32)], 1.0, cv2.LINE_8, 4)
        inside = np.asarray(cv2.dilate(inside, np.ones((3, 3), np.uint8)), np.float32)
        weight += gain * np.asarray(cv2.GaussianBlur(inside, (0, 0), reach * unit * scale + 0.3), np.float32)
    return np.asarray(np.clip(weight * WEIGHT_ONE + 0.5, 0, 255), np.uint8)


def _rarity(meshes: Floats, sculptor: Sculptor) -> Floats:
    """Sampling weights, float32 (N,) of mean 1: rare mouths, lids, turns and nods come more often.

    For each of these the range is cut into sixteen bins, and a face counts by the fourth root of its bin's
    rarity.
    """
    poses = [sculptor.pose(mesh) for mesh in meshes]
    shapes = np.stack([pose.undo(mesh) for pose, mesh in zip(poses, meshes, strict=True)])
    lids = [np.linalg.norm(shapes[:, eye[12]] - shapes[:, eye[4]], axis=1) for eye in EYES]
    traits = (
        np.linalg.norm(shapes[:, 13] - shapes[:, 14], axis=1),  # mouth open
        np.linalg.norm(shapes[:, 61] - shapes[:, 291], axis=1),  # mouth wide or pouting
        (lids[0] + lids[1]) / 2,
        np.abs([pose.yaw for pose in poses]),
        np.array([pose.pitch for pose in poses]),
    )
    rarity = np.ones(len(meshes))
    for trait in traits:
        low, high = np.quantile(trait, (0.005, 0.995))
        bins = np.clip((trait - low) / max(high - low, 1e-6) * 16, 0, 15).astype(np.int64)
        share = np.bincount(bins, minlength=16)[bins] / len(meshes)
        rarity *= share**-0.25
    rarity = np.clip(rarity / np.median(rarity), 0.5, 6)
    return np.asarray(rarity / rarity.mean(), np.float32)


@dataclass(frozen=True, slots=True)
class _Pair:
    crop: Bytes
    target: Bytes
    mask: Bytes
    weight: Bytes
    mesh: Floats


@dataclass(frozen=True, slots=True)
class _Job:
    """Some of the faces, by index, with what is needed to work on them; travels to a worker process."""

    faces: Faces68
    indices: tuple[int, ...]


def _find_meshes(job: _Job, network: Path) -> Floats:
    """The meshes of a job's faces, float32 (n, 468, 3)."""
    cv2.setNumThreads(1)
    teacher = FaceMesh(network)
    return np.stack([teacher.find_both_ways(job.faces.picture(i), job.faces.points[i]) for i in job.indices])


def _make(job: _Job, meshes: Floats, sculptor: Sculptor, size: int) -> list[_Pair]:
    """The pairs of a job's faces, whose meshes are given, float32 (n, 468, 3); after some of them one that blinks."""
    cv2.setNumThreads(1)
    pairs = []
    for index, mesh in zip(job.indices, meshes, strict=True):
        to_crop = TEMPLATES["whole-face"].frame_to_crop(job.faces.points[index], size)
        placed = np.column_stack([apply(to_crop, mesh[:, :2]), mesh[:, 2] * scale_of(to_crop)])
        crop = crop_still(job.faces.picture(index), to_crop, size)
        for lowered in _lids(index):
            shown, there = blink(crop, placed, np.random.default_rng(index)) if lowered else (crop, placed)
            pairs.append(_pair(shown, there, sculptor))
    return pairs


def _lids(index: int) -> tuple[bool, ...]:
    """For each pair that a face gives, whether its lids are lowered."""
    return (False, True) if index % BLINKS == 0 else (False,)


def _pair(crop: Bytes, mesh: Floats, sculptor: Sculptor) -> _Pair:
    """A face and the statue in its place; ``mesh`` is float32 (468, 3) in the crop's pixels."""
    size = len(crop)
    model = sculptor.carve(mesh)
    statue = render(model, size)
    return _Pair(crop, statue.rgb, statue.mask, weight_map(mesh, size, model.unit), mesh)


def _jobs(faces: Faces68, indices: list[int]) -> list[_Job]:
    return [_Job(faces, tuple(indices[start : start + JOB])) for start in range(0, len(indices), JOB)]


def make_pairs(
    faces: Faces68, teachers: Path, out: Path, size: int = 256, limit: int | None = None, workers: int = 2
) -> int:
    """Write the pairs of a folder of faces (its first ``limit`` pictures) to ``out``; returns how many there
    are.
    """
    make_folder(out)
    canonical = load_canonical(teachers / "canonical_face_468.obj")
    count = min(limit or len(faces.files), len(faces.files))
    network = teachers / "face_mesh_468.onnx"
    if not network.is_file():
        raise ModelError(f"{network}: no such file; the folder of teachers must hold it")
    fresh = get_context("spawn")  # a fork would inherit the locks of libraries that have threads
    with ProcessPoolExecutor(workers, fresh) as pool:
        meshes = np.concatenate(list(pool.map(_find_meshes, _jobs(faces, list(range(count))), repeat(network))))
    error = disagreement(meshes, faces.points[:count])
    kept = np.flatnonzero(error <= np.quantile(error, 1 - DROPPED)).tolist()
    meshes = np.stack([lower_lids(mesh, marks) for mesh, marks in zip(meshes, faces.points, strict=False)])
    sculptor = Sculptor.fit(canonical, meshes[kept], faces.subject[kept])

    shapes = {
        "input": (size, size, 3), "target": (size, size, 3), "mask": (size, size),
        "weight": (WEIGHT_SIZE, WEIGHT_SIZE),
    }  # fmt: skip
    pictures = [index for index in kept for _ in _lids(index)]
    arrays = {
        name: open_memmap(out / f"{name}.npy", "w+", np.uint8, (len(pictures), *shape))
        for name, shape in shapes.items()
    }
    jobs = _jobs(faces, kept)
    placed = np.empty((len(pictures), *meshes.shape[1:]), np.float32)
    with ProcessPoolExecutor(workers, fresh) as pool:
        done = pool.map(_make, jobs, (meshes[list(job.indices)] for job in jobs), repeat(sculptor), repeat(size))
        for i, pair in enumerate(chain.from_iterable(done)):
            arrays["input"][i], arrays["target"][i] = pair.crop, pair.target
            arrays["mask"][i], arrays["weight"][i] = pair.mask, pair.weight
            placed[i] = pair.mesh
    for array in arrays.values():
        array.flush()
    np.save(out / "sample.npy", _rarity(placed, sculptor))
    np.save(out / "subject.npy", faces.subject[pictures])
    index = {
        "template": "whole-face",
        "size": size,
        "weight_one": WEIGHT_ONE,
        "faces": count,
        "pairs": len(pictures),
        "pictures": [faces.files[i].name for i in pictures],
        "blinks": [lowered for index in kept for lowered in _lids(index)],
        "disagreement": [round(float(error[i]), 4) for i in pictures],
    }
    (out / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return len(pictures)


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx and canonical_face_468.obj.")],
    out: Annotated[Path, typer.Option(help="Folder for the pairs.")],
    size: Annotated[int, typer.Option(min=64, help="Side of the crop in pixels.")] = 256,
    limit: Annotated[int | None, typer.Option(min=2, help="Take only the first pictures.")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 2,
) -> None:
    """Make the training pairs of the bronze statue."""
    material = Faces68.open(faces)
    count = make_pairs(material, teachers, out, size, limit, workers)
    print(f"{out}: {count} pairs from {len(material.files)} pictures")


if __name__ == "__main__":
    run(main)
