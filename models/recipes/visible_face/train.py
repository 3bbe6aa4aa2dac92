"""Train the net that says what of a face is visible.

    python -m models.recipes.visible_face.train --faces FACES68 --teachers TEACHERS --out RUN --minutes 40

Things are drawn in front of the training faces; the outline of what is behind them is the mesh's, and hair in the
forehead is what the colours of the picture cut off. The figures are of held-out persons.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import cv2
import numpy as np
import torch
import typer
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from models.recipes.command import Faces, Rate, Resume, Threads, run
from models.recipes.face_finder.data import load_faces
from models.recipes.face_finder.loop import Pace, begin, clock, fit, prefetched, to_input
from models.recipes.face_mesh import FaceMesh
from models.recipes.visible_face.data import Face, Pool, Sample, covered_face, keep, kept, prepare
from models.recipes.visible_face.net import WEIGHTS, VisibleNet
from realtime.runtime.arrays import Bytes
from realtime.runtime.files import make_folder

__all__ = ["Look", "figures", "held_out", "known_faces", "main", "visible_loss"]

#: From crops, uint8 (N, 128, 128, 3), to where a face is, and where it is covered: bool (N, 2, 128, 128).
Look: TypeAlias = Callable[[Bytes], NDArray[np.bool_]]

#: Samples that are kept ready, at first and at most, and the share of a batch that is new.
FIRST: Final = 500
READY: Final = 12_000
NEW: Final = 0.2
#: Neighbours among the pictures are of the same shot: every so manieth is taken.
EVERY: Final = 2


def visible_loss(net: nn.Module, batch: list[Sample]) -> Tensor:
    """Cross entropy of both maps, and the overlap (soft IoU) of what is visible of the face."""
    face, covered, weight = (
        torch.from_numpy(np.stack([getattr(each, name) for each in batch])) for name in ("face", "covered", "weight")
    )
    logits = net(to_input(np.stack([each.rgb for each in batch])))
    within, hidden = logits[:, 0], logits[:, 1]
    loss = F.binary_cross_entropy_with_logits(within, face)
    loss = loss + 2 * F.binary_cross_entropy_with_logits(hidden, covered, weight)
    known = weight * face
    wanted, found = known * (1 - covered), known * torch.sigmoid(-hidden)
    both = (wanted * found).sum((1, 2))
    either = (wanted + found - wanted * found).sum((1, 2))
    return loss + 0.5 * (1 - (both + 1) / (either + 1)).mean()


def held_out(faces: list[Face], things: int, kind: str | None = None) -> list[Sample]:
    """Each of the faces once, behind so many ``things`` of a ``kind``, or of any; always the same."""
    rng = np.random.default_rng(7)
    return [covered_face(face, faces[(i * 7 + 3) % len(faces)].rgb, rng, things, kind) for i, face in enumerate(faces)]


def figures(look: Look, samples: list[Sample]) -> dict[str, float]:
    """Mean IoUs over samples: of the visible face, of the same within the true outline, and the area falsely covered.

    The last is a share of what is visible. Where nobody knows whether it is hair, nothing is counted.
    """
    overlap, inner, false = [], [], []
    for start in range(0, len(samples), 64):
        part = samples[start : start + 64]
        found = look(np.stack([each.rgb for each in part]))
        for each, (within, hidden) in zip(part, found, strict=True):
            known = (each.face <= 0.5) | (each.weight > 0.1)
            truth = (each.face > 0.5) & (each.covered < 0.5) & known
            seen = within & ~hidden & known
            overlap.append((truth & seen).sum() / max((truth | seen).sum(), 1))
            seen = (each.face > 0.5) & ~hidden & known
            inner.append((truth & seen).sum() / max((truth | seen).sum(), 1))
            false.append((truth & hidden).sum() / max(truth.sum(), 1))
    return {
        "iou": float(np.mean(overlap)),
        "inner": float(np.mean(inner)),
        "inner_p5": float(np.percentile(inner, 5)),
        "false": float(np.mean(false)),
    }


@torch.no_grad()
def _look(net: nn.Module, pixels: Bytes) -> NDArray[np.bool_]:
    """What the net says, as of ``Look``."""
    net.eval()
    return np.asarray(net(to_input(pixels)).numpy() > 0)


def known_faces(folder: Path, teachers: Path, out: Path) -> tuple[list[Face], list[Face]]:
    """The faces to learn from, and those of held-out persons; prepared once, and kept in ``out``."""
    places = out / "learnt.npz", out / "unseen.npz"
    if not all(place.exists() for place in places):
        known, teacher = load_faces(folder), FaceMesh(teachers / "face_mesh_468.onnx")
        for place, chosen in zip(places, (~known.held_out, known.held_out), strict=True):
            keep(prepare(known, teacher, np.flatnonzero(chosen)[::EVERY]), place)
    return kept(places[0]), kept(places[1])


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx.")],
    out: Annotated[Path, typer.Option(help="Where visible.pt goes.")],
    minutes: Annotated[float, typer.Option(min=0, help="Time to take.")] = 40,
    batch: Annotated[int, typer.Option(min=2, help="Crops a step.")] = 32,
    threads: Threads = 1,
    rate: Rate = 3e-3,
    resume: Resume = False,
) -> None:
    """Train the net, and report the held-out figures as they rise."""
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    cv2.setNumThreads(threads)
    make_folder(out)
    net = VisibleNet().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    begin(net, out / WEIGHTS, resume)
    learnt, unseen = known_faces(faces, teachers, out)
    tests = {"covered": held_out(unseen, 1), "free": held_out(unseen, 0)}
    print(f"{len(learnt)} faces to train on, {len(unseen)} to judge by", flush=True)
    pool = Pool(learnt, FIRST, READY, seed=int(resume))

    def report() -> str:
        lines = {name: figures(partial(_look, net), samples) for name, samples in tests.items()}
        return " ".join(f"{name} {key} {value:.4f}" for name, line in lines.items() for key, value in line.items())

    fit(
        net,
        prefetched(lambda: pool.batch(batch, round(NEW * batch))),
        lambda given: visible_loss(net, given),
        clock(minutes),
        Pace(rate, decay=0.01, clip=5.0, report_every=250, warmup=40 if resume else 200, average=0.998),
        out / WEIGHTS,
        report,
    )


if __name__ == "__main__":
    run(main)
