"""Make the training pairs: real aligned faces, and the statue with the same pose and expression in the same
crop.

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
- ``index.json``: the recipe's parameters, and for each pair the picture it came from and the mesh's
  disagreement.
"""

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain, repeat
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from models.recipes.bronze.mesh import EYES, INNER_LIPS, OUTER_LIPS, OVAL, VERTICES, load_canonical
from models.recipes.bronze.render import render
from models.recipes.bronze.sculpt import Sculptor
from realtime.arrays import Bytes, Floats, Matrix, Points
from realtime.errors import InputError, ModelError
from realtime.geometry import TEMPLATES, apply, invert, scale_of

__all__ = [
    "WEIGHT_ONE",
    "Faces",
    "MeshTeacher",
    "disagreement",
    "lower_lids",
    "make_pairs",
    "warp_crop",
    "weight_map",
]

#: The value of ``weight.npy`` that stands for a weight of 1.
WEIGHT_ONE: Final = 64
#: Side of a weight map.
WEIGHT_SIZE: Final = 64
#: Landmarks (iBUG 68) and the mesh vertices at about the same place.
MATCHED: Final = {
    8: 152, 19: 105, 24: 334, 27: 168, 30: 4, 33: 2, 36: 33, 39: 133, 42: 362, 45: 263,
    37: 160, 40: 153, 43: 385, 46: 373, 48: 61, 51: 0, 54: 291, 57: 17, 62: 13, 66: 14,
}  # fmt: skip
#: Share of the faces, those with the worst meshes, that is left out.
DROPPED: Final = 0.05
#: The landmarks of each eye: outer corner, upper lid, inner corner, lower lid, in the order of the mesh's
#: eyes.
EYE_MARKS: Final = ((36, 37, 38, 39, 40, 41), (45, 44, 43, 42, 47, 46))
#: Height of an open eye's landmarks as a share of their width, the median of the data.
MARKED_OPEN: Final = 0.267
#: Faces that a worker process takes at a time.
JOB: Final = 48
#: Side of the mesh teacher's input.
TEACHER_SIZE: Final = 192


@dataclass(frozen=True, slots=True)
class Faces:
    """A folder of faces: ``points`` float32 (N, 68, 2), ``subject`` int32 (N,), ``files`` the N pictures."""

    points: Floats
    subject: NDArray[np.int32]
    files: tuple[Path, ...]

    @classmethod
    def open(cls, folder: Path) -> "Faces":
        """Read a folder's index. Raises ``InputError`` where it is not one."""
        try:
            with np.load(folder / "points.npz") as archive:
                points, subject = archive["points"], archive["subject"]
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{folder}: no readable points.npz with points and subject ({error})") from error
        files = tuple(sorted((folder / "images").glob("*.jpg")))
        if points.shape[1:] != (68, 2) or not len(points) == len(subject) == len(files):
            raise InputError(f"{folder}: {len(points)} sets of 68 landmarks do not fit {len(files)} pictures")
        return cls(points.astype(np.float32), subject.astype(np.int32), files)

    def picture(self, index: int) -> Bytes:
        """One picture, uint8 (H, W, 3) RGB."""
        picture = cv2.imread(str(self.files[index]), cv2.IMREAD_COLOR)
        if picture is None:
            raise InputError(f"{self.files[index]}: cannot read the picture")
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def warp_crop(picture: Bytes, frame_to_crop: Matrix, size: int) -> Bytes:
    """A crop of a picture, uint8 (S, S, 3), blurred first where it shrinks and with its edges replicated."""
    scale = scale_of(frame_to_crop)
    if scale < 1:
        sigma = 0.5 * np.sqrt(1 / scale**2 - 1) + 1e-3
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_LINEAR
    crop = cv2.warpAffine(picture, frame_to_crop, (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(crop, np.uint8)


class MeshTeacher:
    """MediaPipe Face Mesh, 468 vertices."""

    def __init__(self, path: Path) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def mesh(self, picture: Bytes, landmarks: Points) -> Floats:
        """The mesh of one face, float32 (468, 3) in the picture's pixels, smaller z nearer.

        The first look is at the landmarks' square; two more are at the mesh's own, turned upright by its
        eyes.
        """
        mesh = self._look(picture, _upright(landmarks, landmarks[36:42], landmarks[42:48], rise=0.04))
        for _ in range(2):
            outline = mesh[list(OVAL), :2]
            mesh = self._look(picture, _upright(outline, mesh[list(EYES[0]), :2], mesh[list(EYES[1]), :2], 0))
        return mesh

    def _look(self, picture: Bytes, frame_to_crop: Matrix) -> Floats:
        crop = warp_crop(picture, frame_to_crop, TEACHER_SIZE).astype(np.float32)[None] / 255
        outputs = self._session.run(None, {self._input: crop})
        (raw,) = (output for output in outputs if output.size == VERTICES * 3)
        seen = np.asarray(raw, np.float32).reshape(VERTICES, 3)
        back = invert(frame_to_crop)
        return np.column_stack([apply(back, seen[:, :2]), seen[:, 2] * scale_of(back)]).astype(np.float32)


def _upright(extent: Points, left: Points, right: Points, rise: float) -> Matrix:
    """The square 1.5 times as large as ``extent`` seen with level eyes, as the teacher's crop."""
    along = right.mean(axis=0) - left.mean(axis=0)
    x, y = along / max(float(np.linalg.norm(along)), 1e-6)
    turn = np.array([[x, y], [-y, x]], np.float64)
    turned = extent @ turn.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = float((high - low).max()) * 1.5
    centre = (low + high) / 2 - (0, rise * side)
    scale = TEACHER_SIZE / side
    return np.column_stack([scale * turn, TEACHER_SIZE / 2 - 0.5 - scale * centre])


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


@dataclass(frozen=True, slots=True)
class _Job:
    """Some of the faces, by index, with what is needed to work on them; travels to a worker process."""

    faces: Faces
    indices: tuple[int, ...]


def _find_meshes(job: _Job, network: Path) -> Floats:
    """The meshes of a job's faces, float32 (n, 468, 3)."""
    cv2.setNumThreads(1)
    teacher = MeshTeacher(network)
    return np.stack([teacher.mesh(job.faces.picture(i), job.faces.points[i]) for i in job.indices])


def _make(job: _Job, meshes: Floats, sculptor: Sculptor, size: int) -> list[_Pair]:
    """The pairs of a job's faces, whose meshes are given, float32 (n, 468, 3)."""
    cv2.setNumThreads(1)
    pairs = []
    for index, mesh in zip(job.indices, meshes, strict=True):
        to_crop = TEMPLATES["whole-face"].frame_to_crop(job.faces.points[index], size)
        placed = np.column_stack([apply(to_crop, mesh[:, :2]), mesh[:, 2] * scale_of(to_crop)])
        model = sculptor.carve(placed)
        statue = render(model, size)
        crop = warp_crop(job.faces.picture(index), to_crop, size)
        pairs.append(_Pair(crop, statue.rgb, statue.mask, weight_map(placed, size, model.unit)))
    return pairs


def _jobs(faces: Faces, indices: list[int]) -> list[_Job]:
    return [_Job(faces, tuple(indices[start : start + JOB])) for start in range(0, len(indices), JOB)]


def make_pairs(
    faces: Faces, teachers: Path, out: Path, size: int = 256, limit: int | None = None, workers: int = 2
) -> int:
    """Write the pairs of a folder of faces (its first ``limit`` pictures) to ``out``; returns how many there
    are.
    """
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

    out.mkdir(parents=True, exist_ok=True)
    shapes = {
        "input": (size, size, 3), "target": (size, size, 3), "mask": (size, size),
        "weight": (WEIGHT_SIZE, WEIGHT_SIZE),
    }  # fmt: skip
    arrays = {
        name: open_memmap(out / f"{name}.npy", "w+", np.uint8, (len(kept), *shape)) for name, shape in shapes.items()
    }
    jobs = _jobs(faces, kept)
    with ProcessPoolExecutor(workers, fresh) as pool:
        done = pool.map(_make, jobs, (meshes[list(job.indices)] for job in jobs), repeat(sculptor), repeat(size))
        for i, pair in enumerate(chain.from_iterable(done)):
            arrays["input"][i], arrays["target"][i] = pair.crop, pair.target
            arrays["mask"][i], arrays["weight"][i] = pair.mask, pair.weight
    for array in arrays.values():
        array.flush()
    np.save(out / "sample.npy", _rarity(meshes[kept], sculptor))
    np.save(out / "subject.npy", faces.subject[kept])
    index = {
        "template": "whole-face",
        "size": size,
        "weight_one": WEIGHT_ONE,
        "faces": count,
        "pairs": len(kept),
        "pictures": [faces.files[i].name for i in kept],
        "disagreement": [round(float(error[i]), 4) for i in kept],
    }
    (out / "index.json").write_text(json.dumps(index, indent=1) + "\n", encoding="utf-8")
    return len(kept)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--faces", type=Path, required=True)
    parser.add_argument("--teachers", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args(arguments)
    faces = Faces.open(given.faces)
    count = make_pairs(faces, given.teachers, given.out, given.size, given.limit, given.workers)
    print(f"{given.out}: {count} pairs from {len(faces.files)} pictures")


if __name__ == "__main__":
    main()
