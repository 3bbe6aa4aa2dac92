"""Train the net that tells faces from what looks like one.

    python -m models.recipes.face_finder.faceness --faces FACES68 --teachers TEACHERS --without-faces PICTURES --out RUN

The shipped landmark net stays as it is, and gives two of its inner maps. What is no face is mined: the face finder
itself looks through pictures without people, and what it takes for a face is what has to be learnt. A share of the
pictures is held out, and with it whatever was mined in them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import cv2
import numpy as np
import torch
import typer
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from models.recipes.command import Faces, Rate, Resume, Threads, run
from models.recipes.crop import turned
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
from models.recipes.face_finder.lookalikes import KEPT, mine, patterns, photographs, pictures_in
from models.recipes.face_finder.loop import Pace, begin, clock, fit, prefetched, to_input, told
from models.recipes.face_finder.mesh import load_shipped
from models.recipes.face_finder.nets import FACENESS_WEIGHTS, LANDMARK_SIZE, FacenessNet, LandmarkNet
from models.recipes.face_finder.teachers import YuNet
from realtime.finder.landmarker import ASSET
from realtime.runtime.arrays import Bytes, Floats, Points
from realtime.runtime.files import make_folder

__all__ = ["Batch", "Material", "batches", "evaluate", "faceness_loss", "main"]

#: Of a batch: faces, crops that were mined, and the rest is what else a picture with a face has.
FACES, MINED = 0.5, 0.38
#: Of the faces: bent to another expression, seen from afar, drawn, painted or cast, and partly covered.
EXPRESSIONS, AFAR, STYLED, COVERED = 0.2, 0.25, 0.15, 0.2
#: Of the crops: what cameras do to a picture.
SPOILT: Final = 0.6
#: Views of each picture without people, and the share of these pictures that is held out.
MINED_VIEWS, HELD_OUT = 4, 0.15
#: Generated patterns to one picture.
PATTERNS: Final = 2
#: Pixels uint8 (N, 112, 112, 3), and 1 where there is a face and 0 where not, float32 (N,).
Batch: TypeAlias = tuple[Bytes, Floats]


@dataclass(frozen=True, slots=True)
class Material:
    """Annotated faces, the indices of those to train on, int64 (N,), and crops that show none, uint8 (M, KEPT, ...)."""

    faces: AnnotatedFaces
    chosen: NDArray[np.int64]
    lookalikes: Bytes

    def sample(self, rng: Generator) -> tuple[Bytes, bool]:
        """One training crop, uint8 (112, 112, 3), and whether it shows a face."""
        luck = rng.random()
        if luck < FACES:
            crop = self._face(rng)
        elif luck < FACES + MINED:
            crop = _moved(self.lookalikes[rng.integers(len(self.lookalikes))], rng)
        elif luck < 1 - 0.3 * (1 - FACES - MINED):
            crop = self._elsewhere(rng)
        else:
            crop = clouds(LANDMARK_SIZE, rng)
        if rng.random() < AFAR:
            crop = _from_afar(crop, rng)
        if rng.random() < SPOILT:
            crop = spoil(crop, rng)
        if rng.random() < 0.5:
            crop = crop[:, ::-1]
        return np.ascontiguousarray(crop), luck < FACES

    def _face(self, rng: Generator) -> Bytes:
        i = rng.choice(self.chosen)
        landmarks = self.faces.landmarks[i]
        matrix = jittered(landmarks, LANDMARK_SIZE, rng, rng.uniform(0.1, 1.0))
        crop = crop_as_running(self.faces.pictures[i], matrix, LANDMARK_SIZE)
        points = to_unit(landmarks, matrix, LANDMARK_SIZE)
        if rng.random() < EXPRESSIONS:
            crop, points = express(crop, points, rng)
        if rng.random() < COVERED:
            crop = _covered(crop, (points * LANDMARK_SIZE).astype(np.float32), rng)
        if rng.random() < STYLED:
            crop = _STYLES[rng.integers(len(_STYLES))](crop, rng)
        return crop

    def _elsewhere(self, rng: Generator) -> Bytes:
        """A part of a picture with a face that is none: off it, or its pieces in another order."""
        i = rng.choice(self.chosen)
        if rng.random() < 0.5:
            matrix = unlike_a_face(self.faces.landmarks[i], LANDMARK_SIZE, rng)
            return crop_as_running(self.faces.pictures[i], matrix, LANDMARK_SIZE)
        matrix = jittered(self.faces.landmarks[i], LANDMARK_SIZE, rng, 0.5)
        return _scrambled(crop_as_running(self.faces.pictures[i], matrix, LANDMARK_SIZE), rng)


def _moved(kept: Bytes, rng: Generator) -> Bytes:
    """The middle of a crop that was kept, moved a little."""
    angle, zoom = rng.normal(0, 0.1), np.exp(rng.normal(0, 0.06))
    turn = turned(angle, zoom)
    shift = rng.normal(0, 0.03 * LANDMARK_SIZE, 2) + LANDMARK_SIZE / 2 - 0.5
    matrix = np.column_stack([turn, shift - turn @ np.full(2, KEPT / 2 - 0.5)])
    return crop_as_running(kept, matrix, LANDMARK_SIZE)


def _from_afar(crop: Bytes, rng: Generator) -> Bytes:
    """A crop whose picture had few pixels, as small faces have."""
    side = round(float(np.exp(rng.uniform(np.log(20), np.log(80)))))
    small = cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (LANDMARK_SIZE, LANDMARK_SIZE)), np.uint8)


def _scrambled(crop: Bytes, rng: Generator) -> Bytes:
    """The crop's pieces in another order: all of a face's textures, and no face."""
    pieces = int(rng.integers(2, 5))
    side = LANDMARK_SIZE // pieces
    tiles = [crop[y : y + side, x : x + side] for y in side * np.arange(pieces) for x in side * np.arange(pieces)]
    order = np.roll(rng.permutation(len(tiles)), 1)
    rows = [np.hstack([tiles[k] for k in order[r * pieces : (r + 1) * pieces]]) for r in range(pieces)]
    return np.asarray(cv2.resize(np.vstack(rows), (LANDMARK_SIZE, LANDMARK_SIZE)), np.uint8)


def _covered(crop: Bytes, points: Points, rng: Generator) -> Bytes:
    """A mask over nose and mouth, dark glasses, both, or something in front of one side; ``points`` in crop pixels."""
    how, out = rng.integers(4), crop.copy()
    shapes = []
    if how in (0, 2):
        shapes.append(np.concatenate([points[2:15], points[[28 + int(rng.integers(2))]]]))
    if how in (1, 2):
        eyes = np.concatenate([points[17:27], points[[45, 46, 47, 42, 39, 40, 41, 36]]])
        shapes.append(eyes.mean(axis=0) + (eyes - eyes.mean(axis=0)) * (1.15, rng.uniform(0.9, 1.3)))
    if how == 3:
        corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * (rng.uniform(0.3, 0.5), 1.4)
        middle = points.mean(axis=0) + (rng.choice([-1, 1]) * rng.uniform(0.1, 0.3) * LANDMARK_SIZE, 0)
        shapes.append(middle + (corners - (0.25, 0.7)) * LANDMARK_SIZE)
    for shape in shapes:
        cv2.fillPoly(out, [shape.round().astype(np.int32)], rng.uniform(0, 255, 3).tolist(), cv2.LINE_AA)
    return out


# paintings, drawings and statues have faces, too


def _painted(crop: Bytes, rng: Generator) -> Bytes:
    flat = cv2.bilateralFilter(crop, 0, float(rng.uniform(30, 90)), float(rng.uniform(2, 5)))
    levels = int(rng.integers(5, 12))
    return np.asarray(np.round(flat / 255.0 * levels) / levels * 255, np.uint8)


def _drawn(crop: Bytes, rng: Generator) -> Bytes:
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
    soft = cv2.GaussianBlur(255 - grey, (0, 0), float(rng.uniform(3, 8)))
    lines = cv2.divide(grey, 255 - soft, scale=256)
    return np.asarray(cv2.cvtColor(lines, cv2.COLOR_GRAY2RGB), np.uint8)


def _cast(crop: Bytes, rng: Generator) -> Bytes:
    """As of stone or metal: one colour, from dark to light, and a gloss."""
    grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    gloss = np.clip((grey - 0.5) * rng.uniform(1.0, 2.2) + 0.45, 0, 1)[..., None]
    dark, light = rng.uniform(0, 0.3, 3), rng.uniform(0.5, 1.0, 3)
    return np.asarray((dark + (light - dark) * gloss) * 255, np.uint8)


_STYLES: Final[tuple[Callable[[Bytes, Generator], Bytes], ...]] = (_painted, _drawn, _cast)


def batches(material: Material, size: int) -> Iterator[Batch]:
    """Endless batches of ``size`` crops."""
    rng = np.random.default_rng(0)

    def draw() -> Batch:
        pixels, is_face = zip(*(material.sample(rng) for _ in range(size)), strict=True)
        return np.stack(pixels), np.array(is_face, np.float32)

    return prefetched(draw)


def faceness_loss(net: FacenessNet, fixed: LandmarkNet, batch: Batch) -> Tensor:
    """Cross entropy of a batch; ``fixed`` gives the maps."""
    pixels, is_face = batch
    with torch.no_grad():
        maps = fixed.maps(to_input(pixels))
    return F.binary_cross_entropy_with_logits(net(*maps), torch.from_numpy(is_face))


@torch.no_grad()
def answers(net: FacenessNet, fixed: LandmarkNet, pixels: Bytes) -> Floats:
    """The net's answers in 0..1, float32 (N,), to crops, uint8 (N, 112, 112, 3)."""
    net.eval()
    parts = [net(*fixed.maps(to_input(pixels[i : i + 64]))) for i in range(0, len(pixels), 64)]
    return np.asarray(torch.sigmoid(torch.cat(parts)).numpy(), np.float32)


def evaluate(net: FacenessNet, fixed: LandmarkNet, faces: Bytes, lookalikes: Bytes) -> dict[str, float]:
    """Shares of held-out crops: faces that are taken for such, and lookalikes that are not, at one half and lower."""
    real, false = answers(net, fixed, faces), answers(net, fixed, lookalikes)
    return {
        f"{name} at {at}": float(share)
        for at in (0.5, 0.2)
        for name, share in (("faces", (real >= at).mean()), ("refused", (false < at).mean()))
    }


def held_out(faces: AnnotatedFaces) -> Bytes:
    """A crop of each held-out face as a second look has it, uint8 (N, 112, 112, 3)."""
    rng = np.random.default_rng(7)
    chosen = np.flatnonzero(faces.held_out)
    crops = (jittered(faces.landmarks[i], LANDMARK_SIZE, rng, 0.4) for i in chosen)
    return np.stack(
        [crop_as_running(faces.pictures[i], crop, LANDMARK_SIZE) for i, crop in zip(chosen, crops, strict=True)]
    )


def middle(kept: Bytes) -> Bytes:
    """The landmark net's crops in crops that were kept: uint8 (N, 112, 112, 3)."""
    edge = (KEPT - LANDMARK_SIZE) // 2
    return np.ascontiguousarray(kept[:, edge:-edge, edge:-edge])


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with yunet_n_dynamic.onnx.")],
    without_faces: Annotated[Path, typer.Option(help="Folder with pictures without people, the more the better.")],
    out: Annotated[Path, typer.Option(help="Where faceness.pt goes.")],
    landmarks: Annotated[Path, typer.Option(help="The landmark net's file.")] = ASSET,
    minutes: Annotated[float, typer.Option(min=0, help="Time to take, once the pictures were looked through.")] = 30,
    batch: Annotated[int, typer.Option(min=2, help="Crops a step.")] = 64,
    threads: Threads = 2,
    rate: Rate = 2e-3,
    resume: Resume = False,
) -> None:
    """Look through the pictures, train, and report figures on what was held out."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    make_folder(out)
    net, fixed = FacenessNet(), load_shipped(landmarks)
    begin(net, out / FACENESS_WEIGHTS, resume)
    rng = np.random.default_rng(0)
    paths = pictures_in(without_faces)
    rng.shuffle(paths)
    teacher = YuNet(teachers / "yunet_n_dynamic.onnx", 0.5)
    kept = round(len(paths) * HELD_OUT)

    def has_face(picture: Bytes) -> bool:
        return len(teacher.boxes(picture)) > 0

    unseen, seen = (
        np.stack(list(mine(chain(photographs(part, has_face), patterns(PATTERNS * len(part), rng)), MINED_VIEWS, rng)))
        for part in (paths[:kept], paths[kept:])
    )
    known = load_faces(faces)
    material = Material(known, np.flatnonzero(~known.held_out), seen)
    real, false = held_out(known), middle(unseen)
    print(f"{len(seen)} lookalikes to train on, {len(unseen)} held out", flush=True)

    def figures() -> str:
        return told(evaluate(net, fixed, real, false))

    fit(
        net,
        batches(material, batch),
        lambda drawn: faceness_loss(net, fixed, drawn),
        clock(minutes),
        Pace(rate, decay=0.02, clip=5.0, report_every=200),
        out / FACENESS_WEIGHTS,
        figures,
    )


if __name__ == "__main__":
    run(main)
