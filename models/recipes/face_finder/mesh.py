"""Train the mesh net on what the landmark net sees.

    python -m models.recipes.face_finder.mesh --faces FACES68 --teachers TEACHERS --out RUN --minutes 60

The shipped landmark net stays as it is: the mesh net takes two of its inner maps. It begins as the landmark net's own
last blocks under a linear head fitted by least squares, and learns from there. The teacher is MediaPipe's Face Mesh,
which labels the training faces, and the same faces bent to other expressions. The error is the mean distance in the
picture to the teacher's points on held-out subjects, in outer-eye distances, from the crop of a second look.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import cv2
import numpy as np
import onnx
import torch
import typer
from numpy.random import Generator
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor, nn

from models.recipes.blinks import blink
from models.recipes.command import Faces, Rate, Resume, Threads, run
from models.recipes.crop import turned
from models.recipes.face_finder.data import AnnotatedFaces, crop_as_running, jittered, load_faces, spoil, to_unit
from models.recipes.face_finder.descent import fit_step
from models.recipes.face_finder.expressions import express
from models.recipes.face_finder.landmarks import wing
from models.recipes.face_finder.loop import Pace, begin, clock, fit, save_weights, to_input, told
from models.recipes.face_finder.nets import COARSE, LANDMARK_SIZE, MESH_WEIGHTS, LandmarkNet, MeshNet
from models.recipes.face_mesh import FaceMesh
from realtime.align import TEMPLATES
from realtime.finder.landmarker import ASSET
from realtime.media.affine import apply, invert, scale_of
from realtime.mesh.canonical import VERTICES
from realtime.mesh.vertices import EYES, INNER_LIP_PAIRS, LID_PAIRS, MIRRORED, OUTER_EYE_CORNERS, OUTER_LIPS
from realtime.runtime.arrays import Bytes, Floats, Matrix, Points
from realtime.runtime.errors import InputError
from realtime.runtime.files import make_folder

__all__ = [
    "LabelledCrops",
    "Mishaps",
    "Reservoir",
    "bent_face",
    "evaluate",
    "fit_head",
    "fit_last_step",
    "label",
    "load_shipped",
    "main",
    "mesh_loss",
]

#: Bent pictures of each training face.
BENT: Final = 2
#: Side of the crops that are kept, in pixels, and how many of them a pixel of the net's crop takes: room to turn and
#: shift the net's crop in, and finer than it.
KEPT: Final = 240
FINER: Final = 1.5
#: The teacher looks at a bent face this much larger, so that it sees the bend and not its pixels.
LARGER: Final = 1.5
#: The share of crops whose lids are lowered.
BLINKS: Final = 0.3
#: Inner maps that are kept ready, and how many of a batch are new each step: the frozen part is the dearer one.
READY: Final = 10_000
NEW: Final = 16
#: Pairs of points that part when eyes and mouth open or go wide; see ``landmarks.OPENINGS``.
OPENINGS: Final = torch.tensor(
    [*chain(*LID_PAIRS), *INNER_LIP_PAIRS, (OUTER_LIPS[0], OUTER_LIPS[10]), *((eye[0], eye[8]) for eye in EYES)]
).T
#: The maps float32 (N, 32, 28, 28) and (N, 72, 14, 14), the meshes float32 (N, 468, 3) in crop sides.
Batch: TypeAlias = tuple[Tensor, Tensor, Tensor]


@dataclass(frozen=True, slots=True)
class LabelledCrops:
    """N crops, uint8 (N, 240, 240, 3), and their meshes, float32 (N, 468, 3) in crop pixels."""

    pixels: Bytes
    meshes: Floats


def kept_crop(landmarks: Points) -> Matrix:
    """From picture pixels to those of a kept crop, in whose middle the net's crop lies; float64 (2, 3)."""
    matrix = TEMPLATES["landmarks"].frame_to_crop(landmarks, LANDMARK_SIZE) * FINER
    matrix[:, 2] += (FINER - 1) / 2 + (KEPT - FINER * LANDMARK_SIZE) / 2
    return matrix


def moved(mesh: Floats, matrix: Matrix) -> Floats:
    """A mesh, float32 (468, 3), through a similarity of the plane."""
    return np.column_stack([apply(matrix, mesh[:, :2]), mesh[:, 2] * scale_of(matrix)]).astype(np.float32)


def bent_face(picture: Bytes, landmarks: Points, rng: Generator) -> tuple[Bytes, Points]:
    """A face with another expression, in a picture ``LARGER`` times a kept crop, and its landmarks in its pixels."""
    crop = kept_crop(landmarks) * LARGER
    crop[:, 2] += (LARGER - 1) / 2
    size = round(KEPT * LARGER)
    other, points = express(crop_as_running(picture, crop, size), to_unit(landmarks, crop, size), rng)
    return other, (points * size - 0.5).astype(np.float32)


def label(faces: AnnotatedFaces, teacher: FaceMesh, chosen: NDArray[np.int64], bent: int) -> LabelledCrops:
    """What the teacher says of the ``chosen`` faces, int64 (N,), and of ``bent`` other expressions of each."""
    rng = np.random.default_rng(0)
    pixels = np.empty(((1 + bent) * len(chosen), KEPT, KEPT, 3), np.uint8)
    meshes = np.empty((len(pixels), VERTICES, 3), np.float32)
    for row, i in enumerate(np.tile(chosen, 1 + bent)):
        picture, landmarks = faces.pictures[i], faces.landmarks[i]
        crop = kept_crop(landmarks)
        if row < len(chosen):
            pixels[row] = crop_as_running(picture, crop, KEPT)
            meshes[row] = moved(teacher.find(picture, landmarks, passes=2), crop)
            continue
        other, points = bent_face(picture, landmarks, rng)
        seen = teacher.find(other, points, passes=2)
        pixels[row] = cv2.resize(other, (KEPT, KEPT), interpolation=cv2.INTER_AREA)
        smaller = np.array([[1, 0, (1 - LARGER) / 2], [0, 1, (1 - LARGER) / 2]]) / LARGER
        meshes[row] = moved(seen, smaller)
    return LabelledCrops(pixels, meshes)


@dataclass(frozen=True, slots=True)
class Mishaps:
    """What befalls crops: up to how much they are misplaced, 1 for a first look, and the share that is spoilt."""

    jitter: float = 1.0
    hardness: float = 0.6


def sample(crops: LabelledCrops, chosen: int, rng: Generator, mishaps: Mishaps) -> tuple[Bytes, Floats]:
    """One training crop, uint8 (112, 112, 3), and its mesh in crop sides, float32 (468, 3)."""
    amount = rng.uniform(0.1, mishaps.jitter)
    angle, zoom = rng.normal(0, 0.22 * amount), np.exp(rng.normal(0, 0.10 * amount)) / FINER
    turn = turned(angle, zoom)
    shift = rng.normal(0, 0.05 * amount * LANDMARK_SIZE, 2) + LANDMARK_SIZE / 2 - 0.5
    matrix = np.column_stack([turn, shift - turn @ np.full(2, KEPT / 2 - 0.5)])
    pixels, mesh = crops.pixels[chosen], crops.meshes[chosen]
    if rng.random() < BLINKS:
        pixels, mesh = blink(pixels, mesh, rng)
    pixels, mesh = crop_as_running(pixels, matrix, LANDMARK_SIZE), moved(mesh, matrix)
    if rng.random() < mishaps.hardness:
        pixels = spoil(pixels, rng)
    if rng.random() < 0.5:
        pixels = np.ascontiguousarray(pixels[:, ::-1])
        mesh = (mesh[MIRRORED] * (-1, 1, 1) + (LANDMARK_SIZE - 1, 0, 0)).astype(np.float32)
    return pixels, in_sides(mesh)


def in_sides(mesh: Floats) -> Floats:
    """A mesh in pixels of the net's crop, float32 (468, 3), in sides of it."""
    return ((mesh + (0.5, 0.5, 0)) / LANDMARK_SIZE).astype(np.float32)


class Reservoir:
    """The landmark net's maps of ``ready`` training crops; ``batches`` renews a few of them with every batch."""

    def __init__(self, crops: LabelledCrops, net: LandmarkNet, ready: int, mishaps: Mishaps, seed: int = 0) -> None:
        self._crops, self._net, self._mishaps = crops, net, mishaps
        self._rng = np.random.default_rng(seed)
        self._fine = torch.empty((ready, 32, 28, 28), dtype=torch.float16)
        self._coarse = torch.empty((ready, 72, 14, 14), dtype=torch.float16)
        self._meshes = torch.empty((ready, VERTICES, 3))
        self._next = 0
        for _ in range(0, ready, NEW):
            self.renew(NEW)

    def renew(self, count: int) -> None:
        """Replace the ``count`` oldest."""
        chosen = self._rng.integers(len(self._crops.pixels), size=count).tolist()
        drawn = [sample(self._crops, i, self._rng, self._mishaps) for i in chosen]
        rows = (self._next + torch.arange(count)) % len(self._meshes)
        with torch.no_grad():
            fine, coarse = self._net.maps(to_input(np.stack([pixels for pixels, _ in drawn])))
        self._fine[rows], self._coarse[rows] = fine.half(), coarse.half()
        self._meshes[rows] = torch.from_numpy(np.stack([mesh for _, mesh in drawn]))
        self._next = (self._next + count) % len(self._meshes)

    def _rows(self, rows: Tensor) -> Batch:
        return self._fine[rows].float(), self._coarse[rows].float(), self._meshes[rows]

    def all(self, size: int = 64) -> Iterator[Batch]:
        """What is ready, once, in batches of ``size``."""
        return (self._rows(rows) for rows in torch.split(torch.arange(len(self._meshes)), size))

    def batches(self, size: int) -> Iterator[Batch]:
        """Endless batches of ``size``, drawn from what is ready."""
        while True:
            self.renew(NEW)
            yield self._rows(torch.from_numpy(self._rng.integers(len(self._meshes), size=size)))


def mesh_loss(net: MeshNet, batch: Batch) -> Tensor:
    """Wing losses of the points in the picture, of their depth, and of openings."""
    fine, coarse, wanted = batch
    error = net(fine, coarse) - wanted
    opened, closed = OPENINGS
    flat = error[..., :2]
    return wing(flat).mean() * 20 + wing(error[..., 2]).mean() * 6 + wing(flat[:, opened] - flat[:, closed]).mean() * 25


def load_shipped(path: Path) -> LandmarkNet:
    """The landmark net out of its ONNX file, frozen. Raises ``InputError`` where it is another file."""
    net = LandmarkNet(norm=False)
    try:
        weights = {w.name: torch.from_numpy(numpy_helper.to_array(w).copy()) for w in onnx.load(path).graph.initializer}
        # The exporter calls the bias that it makes of a batch norm by its filters' name.
        weights |= {name.replace("weight_bias", "bias"): weight for name, weight in weights.items()}
        state = {name: weights[f"net.{name}"] for name in net.state_dict() if not name.startswith("mesh.")}
        net.load_state_dict(state, strict=False)
    except (OSError, KeyError, RuntimeError, onnx.checker.ValidationError) as error:
        raise InputError(f"{path}: not the landmark net that the recipe writes ({error})") from error
    return net.eval().requires_grad_(False)


@torch.no_grad()
def fit_head(net: MeshNet, known: Reservoir) -> None:
    """Give the net the linear head that suits its code best, by least squares over what is ready."""
    seen, wanted = zip(*((net.code(fine, coarse), mesh.flatten(1)) for fine, coarse, mesh in known.all()), strict=True)
    codes, meshes = torch.cat(seen).double(), torch.cat(wanted).double()
    codes = torch.cat([codes, torch.ones(len(codes), 1, dtype=torch.double)], dim=1)
    little = 0.1 * torch.eye(codes.shape[1], dtype=torch.double)  # keeps it solvable
    weights = torch.linalg.solve(codes.T @ codes + little, codes.T @ meshes).float()
    net.mesh.weight.copy_(weights[:-1].T)
    net.mesh.bias.copy_(weights[-1])


@torch.no_grad()
def fit_last_step(net: MeshNet, known: Reservoir) -> None:
    """Give the net the step that suits its head best, over what is ready."""
    codes = ((fine, net.code(fine, coarse), mesh) for fine, coarse, mesh in known.all())
    fit_step(net.step, ((fine, code, net.first(code), mesh) for fine, code, mesh in codes))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The maps of second looks at held-out faces, and their true meshes, float32 (N, 468, 3) in crop sides."""

    fine: Tensor
    coarse: Tensor
    meshes: Floats


def held_out(faces: AnnotatedFaces, teacher: FaceMesh, net: LandmarkNet) -> HeldOut:
    """Look twice at each held-out face, as the face finder does, the first time at a badly placed crop."""
    rng = np.random.default_rng(7)
    pixels, meshes = [], []
    for i in np.flatnonzero(faces.held_out):
        picture, landmarks = faces.pictures[i], faces.landmarks[i]
        crop = jittered(landmarks, LANDMARK_SIZE, rng)
        with torch.no_grad():
            points, *_ = net(to_input(crop_as_running(picture, crop, LANDMARK_SIZE)[None]))
        found = apply(invert(crop), points[0].numpy() * LANDMARK_SIZE - 0.5)
        crop = TEMPLATES["landmarks"].frame_to_crop(found, LANDMARK_SIZE)
        pixels.append(crop_as_running(picture, crop, LANDMARK_SIZE))
        meshes.append(in_sides(moved(teacher.find(picture, landmarks, passes=2), crop)))
    with torch.no_grad():
        maps = [net.maps(to_input(np.stack(pixels[i : i + 64]))) for i in range(0, len(pixels), 64)]
    fine, coarse = (torch.cat(each) for each in zip(*maps, strict=True))
    return HeldOut(fine, coarse, np.stack(meshes))


@torch.no_grad()
def evaluate(net: MeshNet, known: HeldOut) -> dict[str, float]:
    """Errors in outer-eye distances: of all points in the picture, of depth, and how lids and lips correlate."""
    net.eval()
    parts = [net(known.fine[i : i + 64], known.coarse[i : i + 64]) for i in range(0, len(known.fine), 64)]
    found, true = torch.cat(parts).numpy(), known.meshes
    first, second = OUTER_EYE_CORNERS
    eye = np.linalg.norm(true[:, first, :2] - true[:, second, :2], axis=1)
    error = np.linalg.norm((found - true)[..., :2], axis=2).mean(axis=1) / eye
    depth = np.abs((found - true)[..., 2] - (found - true)[..., 2].mean(axis=1, keepdims=True)).mean(axis=1) / eye

    def follow(pairs: tuple[tuple[int, int], ...]) -> float:
        above, below = zip(*pairs, strict=True)
        gaps = [np.linalg.norm((m[:, above] - m[:, below])[..., :2], axis=2).mean(axis=1) / eye for m in (found, true)]
        return float(np.corrcoef(*gaps)[0, 1])

    return {
        "error": float(error.mean()),
        "median": float(np.median(error)),
        "p95": float(np.percentile(error, 95)),
        "depth": float(depth.mean()),
        "lids": follow(tuple(chain(*LID_PAIRS))),
        "lips": follow(INNER_LIP_PAIRS),
    }


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx.")],
    out: Annotated[Path, typer.Option(help="Where mesh.pt goes.")],
    landmarks: Annotated[Path, typer.Option(help="The landmark net's file.")] = ASSET,
    minutes: Annotated[float, typer.Option(min=0, help="Time to take.")] = 60,
    batch: Annotated[int, typer.Option(min=2, help="Crops a step.")] = 64,
    threads: Threads = 2,
    rate: Rate = 1e-3,
    resume: Resume = False,
) -> None:
    """Train the mesh net, and report the held-out error as it falls."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    make_folder(out)
    net, fixed = MeshNet(), load_shipped(landmarks)
    begin(net, out / MESH_WEIGHTS, resume)
    known, teacher = load_faces(faces), FaceMesh(teachers / "face_mesh_468.onnx")
    crops = label(known, teacher, np.flatnonzero(~known.held_out), BENT)
    unseen = held_out(known, teacher, fixed)
    drawn = Reservoir(crops, fixed, READY, Mishaps())
    if not resume:
        net.blocks.load_state_dict(nn.Sequential(*list(fixed.features)[COARSE:]).state_dict())
        fit_head(net, drawn)

    def figures() -> str:
        return told(evaluate(net, unseen))

    print(f"{len(crops.pixels)} crops to train on, {len(unseen.meshes)} held out; at first {figures()}", flush=True)
    fit(
        net,
        drawn.batches(batch),
        lambda given: mesh_loss(net, given),
        clock(minutes),
        Pace(rate, decay=0.02, clip=5.0, report_every=100),
        out / MESH_WEIGHTS,
        figures,
    )
    # Head and last step are fitted to crops as second looks place them, and hardly spoilt: so the program sees faces.
    usual = Reservoir(crops, fixed, READY, Mishaps(jitter=0.5, hardness=0.15), seed=1)
    fit_head(net, usual)
    fit_last_step(net, usual)
    save_weights(net, out / MESH_WEIGHTS)
    print(f"with its last head and step: {figures()}", flush=True)


if __name__ == "__main__":
    run(main)
