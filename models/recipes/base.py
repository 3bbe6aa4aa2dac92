"""Train the network that every run of ``lite`` begins with.

    python -m models.recipes.base --faces FACES68 --out RUN --minutes 60

An autoencoder with one decoder for everybody: it learns what faces have in common and how lids, lips, gaze and light
change them, and a code is too narrow to keep the details of 251 persons. ``--write`` gets the running average of the
weights, in half precision. ``neighbours.png`` in the run's folder shows faces that the decoder makes of codes drawn at
random, and beside each the training faces that are nearest to it.
"""

from pathlib import Path
from typing import Annotated, Final

import numpy as np
import torch
import torch.nn.functional as F
import typer
from numpy.typing import NDArray
from torch import Tensor

from models.architectures import LiteConfig, Network
from models.base import BASE
from models.batches import to_floats
from models.checkpoint import Checkpoint, load_network, read_checkpoint, write_checkpoint
from models.digest import digest
from models.faceset.hull import hull_mask
from models.faceset.reading import AlignedFaces
from models.losses import masked_ssim
from models.preview import preview_sheet, write_preview
from models.recipes.command import Faces, Resume, Threads, run
from models.recipes.crop import crop_still
from models.recipes.face_finder.data import AnnotatedFaces, load_faces
from models.settings import Settings
from models.train import train
from models.unpaired import SideBatches
from realtime.align import TEMPLATES
from realtime.media.affine import apply
from realtime.runtime.files import make_folder

__all__ = ["SIZE", "aligned", "likeness", "main", "neighbours", "write_base"]

TEMPLATE: Final = "whole-face"
#: Side of the crops in pixels: the pictures have no more.
SIZE: Final = 128
#: Faces at a time, where many are looked at.
TOGETHER: Final = 64
#: Faces drawn at random that are shown, and how many training faces beside each.
DRAWN: Final = 12
NEAREST: Final = 3
#: Side of the pictures that tell which are near.
SMALL: Final = 32


def aligned(faces: AnnotatedFaces, chosen: NDArray[np.int64]) -> AlignedFaces:
    """The ``chosen`` faces, int64 (N,), as a side to train on."""
    pictures = np.empty((len(chosen), SIZE, SIZE, 3), np.uint8)
    masks = np.empty((len(chosen), SIZE, SIZE), np.uint8)
    landmarks = np.empty((len(chosen), 68, 2), np.float32)
    for row, i in enumerate(chosen):
        matrix = TEMPLATES[TEMPLATE].frame_to_crop(faces.landmarks[i], SIZE)
        pictures[row] = crop_still(faces.pictures[i], matrix, SIZE)
        landmarks[row] = apply(matrix, faces.landmarks[i])
        masks[row] = hull_mask(landmarks[row], SIZE)
    return AlignedFaces(pictures, masks, landmarks)


@torch.no_grad()
def likeness(network: Network, faces: AlignedFaces) -> float:
    """Mean SSIM inside the masks of ``faces`` and what ``network`` makes of them."""
    found = []
    for first in range(0, len(faces), TOGETHER):
        part = slice(first, first + TOGETHER)
        pictures, masks = to_floats(faces.faces[part]), to_floats(faces.masks[part])
        found.append(masked_ssim(network(pictures, 0)[:, :3].clamp(0, 1), pictures, masks))
    return float(torch.cat(found).mean())


@torch.no_grad()
def neighbours(network: Network, faces: AlignedFaces) -> tuple[list[Tensor], float, float]:
    """Faces of random codes, and the ``NEAREST`` of ``faces`` to each: float (DRAWN, 3, S, S) each.

    Codes are drawn from the normal distribution that those of ``faces`` have; the nearest face has the least mean
    square difference. Beside them mean SSIMs: of the faces drawn and the nearest, and of some of ``faces`` and the
    nearest other one.
    """
    pictures, mask = to_floats(faces.faces), to_floats(np.median(faces.masks, axis=0)[None].astype(np.uint8))
    codes = torch.cat([network.encode(part)[0] for part in torch.split(pictures, TOGETHER)])
    normal = torch.distributions.MultivariateNormal(
        codes.mean(0), covariance_matrix=torch.cov(codes.T) + 1e-4 * torch.eye(codes.shape[1])
    )
    drawn = network.decode((normal.sample(torch.Size([DRAWN])),), 0)[:, :3].clamp(0, 1)

    def shrunk(faces: Tensor) -> Tensor:
        return F.interpolate(faces * mask, (SMALL, SMALL), mode="area")

    small = shrunk(pictures)

    def nearest(face: Tensor, count: int) -> Tensor:
        """Indices of ``pictures``."""
        return (small - shrunk(face[None])).square().mean((1, 2, 3)).topk(count, largest=False).indices

    def alike(faces: Tensor, others: Tensor) -> float:
        return float(masked_ssim(faces, others, mask.expand_as(faces[:, :1])).mean())

    found = torch.stack([nearest(face, NEAREST) for face in drawn])
    own = pictures[:: max(1, len(pictures) // DRAWN)][:DRAWN]
    beside = torch.stack([pictures[int(nearest(face, 2)[1])] for face in own])
    columns = [drawn, *(pictures[found[:, k]] for k in range(NEAREST))]
    return columns, alike(drawn, columns[1]), alike(own, beside)


def write_base(saved: Checkpoint, folder: Path) -> None:
    """Write the average of ``saved`` as what runs begin with. Raises ``OutputError``."""
    weights = {f"average.{name}": weight.half() for name, weight in saved.part("average").items()}
    facts = {name: saved.facts[name] for name in ("template", "sources")}
    make_folder(folder)
    write_checkpoint(folder, Checkpoint(saved.config, saved.iteration, saved.seconds, weights, facts))


def main(
    faces: Faces,
    out: Annotated[Path, typer.Option(help="Folder for checkpoint, previews and the neighbours.")],
    write: Annotated[Path, typer.Option(help="Where what runs begin with is written.")] = BASE,
    minutes: Annotated[float, typer.Option(min=0.01, help="Time to take in all.")] = 60,
    threads: Threads = 2,
    resume: Resume = False,
) -> None:
    """Train the network, compare it on faces of persons that it never saw, and write what runs begin with."""
    annotated = load_faces(faces)
    known = aligned(annotated, np.flatnonzero(~annotated.held_out))
    unseen = aligned(annotated, np.flatnonzero(annotated.held_out))
    facts: dict[str, object] = {"template": TEMPLATE, "sources": {"faces": digest(known.faces, known.masks)}}
    settings = Settings(minutes=minutes, threads=threads)
    train(LiteConfig(size=SIZE, sides=1), SideBatches([known]), out, settings, facts, resume=resume)
    saved = read_checkpoint(out)
    network = load_network(saved)
    columns, drawn, own = neighbours(network, known)
    write_preview(out / "neighbours.png", preview_sheet(columns))
    write_base(saved, write)
    print(f"similarity of what it makes of faces: known persons {likeness(network, known):.3f}, others", end=" ")
    print(f"{likeness(network, unseen):.3f}; random codes to the nearest known face {drawn:.3f}", end=" ")
    print(f"(known faces to the nearest other picture {own:.3f})")


if __name__ == "__main__":
    run(main)
