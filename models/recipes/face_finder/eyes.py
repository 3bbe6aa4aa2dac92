"""Train the eyes net on pictures of single eyes.

    python -m models.recipes.face_finder.eyes --faces FACES68 --teachers TEACHERS --out RUN --minutes 30

The teacher is MediaPipe's Face Mesh, asked twice, the second time in a mirror: of a head that is turned it says
something else of the eyes then, and the mean of both follows lids better than either. It labels the training faces and
the same faces bent to other expressions; lids are drawn down over some of the eyes. The error is the mean distance from
the teacher's points on held-out subjects, by their share in the mesh, in outer-eye distances, where the program looks.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import numpy as np
import torch
import typer
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from models.recipes.blinks import blink
from models.recipes.command import Faces, Rate, Resume, Threads, run
from models.recipes.crop import turned
from models.recipes.face_finder.data import AnnotatedFaces, crop_as_running, load_faces, spoil
from models.recipes.face_finder.landmarks import wing
from models.recipes.face_finder.loop import Pace, begin, clock, fit, prefetched, to_input, told
from models.recipes.face_finder.mesh import BENT, bent_face, moved
from models.recipes.face_finder.nets import EYES_WEIGHTS, EyesNet
from models.recipes.face_mesh import FaceMesh
from realtime.finder.eyes_net import SHARE, SIDE, ZONE, Placed, placed
from realtime.finder.landmarker import Landmarker
from realtime.media.affine import apply
from realtime.media.frame import Frame
from realtime.mesh.canonical import VERTICES
from realtime.mesh.vertices import EYES, LID_PAIRS, MIRRORED, OUTER_EYE_CORNERS
from realtime.runtime.arrays import Bytes, Floats, Points
from realtime.runtime.files import make_folder

__all__ = ["EyePictures", "evaluate", "eye_loss", "label", "main", "sample_eye"]

#: Side of the pictures that are kept, at the net's scale: room to turn and shift the net's picture in.
ROOM: Final = 112
#: The shares of pictures whose lids are lowered, that are spoilt, and of these of which something covers a part.
BLINKS, SPOILT, COVERED = 0.4, 0.6, 0.15
#: How the net's picture errs: turned in radians, larger as a logarithm, shifted in pixels.
TURN, ZOOM, SHIFT = 0.08, 0.08, 1.6
#: Pairs of the zone's points that part when the eye opens, and the corners.
_ROWS: Final = {int(vertex): row for row, vertex in enumerate(ZONE)}
OPENINGS: Final = torch.tensor([[_ROWS[a], _ROWS[b]] for a, b in (*LID_PAIRS[1], (EYES[1][0], EYES[1][8]))]).T
#: Pictures uint8 (N, 48, 48, 3), and the places of the zone's points in their sides, float32 (N, K, 2).
Batch: TypeAlias = tuple[Bytes, Points]


@dataclass(frozen=True, slots=True)
class EyePictures:
    """N eyes, all on the picture's right: uint8 (N, 112, 112, 3), and their meshes in its pixels, (N, 468, 3)."""

    pixels: Bytes
    meshes: Floats


def label(faces: AnnotatedFaces, teacher: FaceMesh, chosen: NDArray[np.int64], bent: int) -> EyePictures:
    """What the teacher says of both eyes of the ``chosen`` faces, int64 (N,), and of each bent ``bent`` times."""
    rng = np.random.default_rng(0)
    pixels = np.empty((2 * (1 + bent) * len(chosen), ROOM, ROOM, 3), np.uint8)
    meshes = np.empty((len(pixels), VERTICES, 3), np.float32)
    for row, i in enumerate(np.tile(chosen, 1 + bent)):
        picture, landmarks = faces.pictures[i], faces.landmarks[i]
        if row >= len(chosen):
            picture, landmarks = bent_face(picture, landmarks, rng)
        mesh = teacher.find_both_ways(picture, landmarks)
        for side in (0, 1):
            pixels[2 * row + side], (meshes[2 * row + side],) = eye_of(picture, placed(mesh), side, ROOM, mesh)
    return EyePictures(pixels, meshes)


def eye_of(picture: Bytes, strip: Placed, side: int, size: int, *meshes: Floats) -> tuple[Bytes, list[Floats]]:
    """One eye in the middle of a picture, uint8 (size, size, 3), and ``meshes`` there; the left one (0) in a mirror."""
    matrix = strip.matrix.copy()
    matrix[:, 2] += (size - SIDE) / 2
    matrix[0, 2] -= strip.left[side]
    there, seen = crop_as_running(picture, matrix, size), [moved(mesh, matrix) for mesh in meshes]
    if side == 1:
        return there, seen
    turned_over = [(mesh * (-1, 1, 1) + (size - 1, 0, 0))[MIRRORED].astype(np.float32) for mesh in seen]
    return np.ascontiguousarray(there[:, ::-1]), turned_over


def sample_eye(eyes: EyePictures, chosen: int, rng: Generator) -> tuple[Bytes, Points]:
    """One training picture, uint8 (48, 48, 3), and the places of the zone's points in its sides, float32 (K, 2)."""
    pixels, mesh = eyes.pixels[chosen], eyes.meshes[chosen]
    if rng.random() < BLINKS:
        pixels, mesh = blink(pixels, mesh, rng)
    angle, zoom = rng.normal(0, TURN), np.exp(rng.normal(0, ZOOM))
    turn = turned(angle, zoom)
    shift = rng.normal(0, SHIFT, 2) + (SIDE - 1) / 2
    matrix = np.column_stack([turn, shift - turn @ np.full(2, (ROOM - 1) / 2)])
    eye = crop_as_running(pixels, matrix, SIDE)
    if rng.random() < SPOILT:
        eye = spoil(eye, rng, cover=rng.random() < COVERED)
    places = (apply(matrix, mesh[ZONE, :2]) + 0.5) / SIDE
    return eye, places.astype(np.float32)


def eye_loss(net: EyesNet, batch: Batch) -> Tensor:
    """Wing losses of the places, by their share, and of how far lids and corners are apart."""
    pixels, places = batch
    error = net(to_input(pixels)) - torch.from_numpy(places)
    opened, closed = OPENINGS
    share = torch.from_numpy(SHARE)[:, None]
    apart = wing(error[:, opened] - error[:, closed])
    return (wing(error) * share).mean() / share.mean() * 20 + apart.mean() * 30


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Eyes of held-out faces where the program looks, uint8 (N, 48, 48, 3), and the truth, float32 (N, K, 2) in sides.

    ``before`` is what the mesh net says of them, of the same shape; ``scale`` float32 (N,) outer-eye distances a side.
    """

    pixels: Bytes
    places: Points
    before: Points
    scale: Floats


def held_out(faces: AnnotatedFaces, teacher: FaceMesh) -> HeldOut:
    """Look at each held-out face as the face finder does."""
    landmarker = Landmarker("cpu", mesh=True)
    pixels, places, before, scale = [], [], [], []
    for i in np.flatnonzero(faces.held_out):
        picture, landmarks = faces.pictures[i], faces.landmarks[i]
        seen = landmarker.follow(Frame.from_rgb(picture), landmarks).mesh
        if seen is None:
            continue
        truth = teacher.find_both_ways(picture, landmarks)
        strip = placed(seen)
        eye = np.linalg.norm(np.subtract(*truth[list(OUTER_EYE_CORNERS), :2])) * np.linalg.norm(strip.matrix[0, :2])
        for side in (0, 1):
            crop, there = eye_of(picture, strip, side, SIDE, truth, seen)
            pixels.append(crop)
            true, found = (((mesh[ZONE, :2] + 0.5) / SIDE).astype(np.float32) for mesh in there)
            places.append(true)
            before.append(found)
            scale.append(SIDE / eye)
    return HeldOut(np.stack(pixels), np.stack(places), np.stack(before), np.array(scale, np.float32))


@torch.no_grad()
def evaluate(net: EyesNet | None, known: HeldOut) -> dict[str, float]:
    """The error in outer-eye distances, by the points' shares, and how openings correlate; without a net the mesh's."""
    found = known.before
    if net is not None:
        net.eval()
        rows = range(0, len(known.pixels), 128)
        found = np.concatenate([net(to_input(known.pixels[row : row + 128])).numpy() for row in rows])
    error = np.linalg.norm(found - known.places, axis=2) @ SHARE / SHARE.sum() * known.scale
    above, below = OPENINGS[:, :-1].tolist()
    gaps = [
        np.linalg.norm(each[:, above] - each[:, below], axis=2).mean(axis=1) * known.scale
        for each in (found, known.places)
    ]
    pairs = [gap.reshape(-1, 2).mean(axis=1) for gap in gaps]
    (_, both), (_, alone) = np.cov(*pairs)
    return {"error": float(error.mean()), "lids": float(np.corrcoef(*pairs)[0, 1]), "follow": float(both / alone)}


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx.")],
    out: Annotated[Path, typer.Option(help="Where eyes.pt goes.")],
    minutes: Annotated[float, typer.Option(min=0, help="Time to take.")] = 30,
    batch: Annotated[int, typer.Option(min=2, help="Eyes a step.")] = 64,
    threads: Threads = 2,
    rate: Rate = 2e-3,
    resume: Resume = False,
) -> None:
    """Train the eyes net, and report the held-out error as it falls."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    make_folder(out)
    net = EyesNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    begin(net, out / EYES_WEIGHTS, resume)
    known, teacher = load_faces(faces), FaceMesh(teachers / "face_mesh_468.onnx")
    unseen = held_out(known, teacher)
    before = evaluate(None, unseen)
    eyes, rng = label(known, teacher, np.flatnonzero(~known.held_out), BENT), np.random.default_rng(1)
    print(
        f"{len(eyes.pixels)} eyes to train on, {len(unseen.pixels)} held out; mesh alone: {told(before)}",
        flush=True,
    )

    def draw() -> Batch:
        drawn = [sample_eye(eyes, int(i), rng) for i in rng.integers(len(eyes.pixels), size=batch)]
        pixels, places = (np.stack(each) for each in zip(*drawn, strict=True))
        return pixels, places

    fit(
        net,
        prefetched(draw),
        lambda given: eye_loss(net, given),
        clock(minutes),
        Pace(rate, decay=0.02, clip=5.0, report_every=500, average=0.999),
        out / EYES_WEIGHTS,
        lambda: told(evaluate(net, unseen)),
    )


if __name__ == "__main__":
    run(main)
