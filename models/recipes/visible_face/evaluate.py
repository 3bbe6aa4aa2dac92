"""Measure the shipped net on held-out persons.

    python -m models.recipes.visible_face.evaluate --faces FACES68 --teachers TEACHERS --out RUN

Faces behind a thing of each kind, uncovered faces, and how much what is left out flickers on a still face.
"""

from pathlib import Path
from typing import Annotated, Final

import numpy as np
import typer
from numpy.typing import NDArray

from models.recipes.command import Faces, run
from models.recipes.visible_face.things import KINDS
from models.recipes.visible_face.train import figures, held_out, known_faces
from realtime.composite.occlusion import Steady, certain
from realtime.composite.visible_net import ASSET
from realtime.inference.onnx_runtime import onnxruntime
from realtime.inference.session import open_session
from realtime.runtime.arrays import Bytes, Floats
from realtime.runtime.files import make_folder

__all__ = ["flicker", "main"]

#: Grey levels of noise on a still picture, and for how many frames it is looked at.
NOISE: Final = 2.0
FRAMES: Final = 12


def flicker(session: onnxruntime.InferenceSession, crop: Bytes) -> float:
    """By how much what covers a still ``crop``, uint8 (128, 128, 3), varies: RMS over time and crop, in grey levels."""
    rng, steady = np.random.default_rng(0), Steady()
    maps = []
    for _ in range(FRAMES):
        noisy = np.clip(crop + rng.normal(0, NOISE, crop.shape), 0, 255).astype(np.uint8)
        maps.append(certain(steady(look_at(session, noisy))))
    return float(np.sqrt(np.var(np.stack(maps).astype(np.float64), axis=0).mean()))


def look_at(session: onnxruntime.InferenceSession, crop: Bytes) -> Floats:
    """What covers one crop, uint8 (128, 128, 3): float32 (128, 128) in 0..1."""
    covered: Floats = session.run(["covered"], {"face": crop[None]})[0][0]
    return covered


def main(
    faces: Faces,
    teachers: Annotated[Path, typer.Option(help="Folder with face_mesh_468.onnx.")],
    out: Annotated[Path, typer.Option(help="Where the prepared faces are kept.")],
    net: Annotated[Path, typer.Option(help="The net's file.")] = ASSET,
) -> None:
    """Print the figures of the model card."""
    make_folder(out)
    _, unseen = known_faces(faces, teachers, out)
    session = open_session(net, "cpu")

    def look(pixels: Bytes) -> NDArray[np.bool_]:
        return np.stack(session.run(["within", "covered"], {"face": pixels}), axis=1) > 0.5

    tests = {"free": held_out(unseen, 0), "one": held_out(unseen, 1), "two": held_out(unseen, 2)}
    tests |= {kind: held_out(unseen[::3], 1, kind=kind) for kind in KINDS}
    for name, samples in tests.items():
        print(f"{name:11}", " ".join(f"{key} {value:.3f}" for key, value in figures(look, samples).items()))
    for name in ("free", "one"):
        told = [certain(look_at(session, each.rgb)) > 127 for each in tests[name]]
        seen = [(each.face > 0.5) & (each.covered < 0.5) & (each.weight > 0.1) for each in tests[name]]
        false = np.mean([(map_ & face).sum() / max(face.sum(), 1) for map_, face in zip(told, seen, strict=True)])
        print(f"left out of what is visible, {name}: {false:.2%}")
        print(f"flicker {name}: {np.mean([flicker(session, each.rgb) for each in tests[name][::8]]):.2f} grey levels")


if __name__ == "__main__":
    run(main)
