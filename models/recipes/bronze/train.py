"""Train the built-in swap model on the pairs that ``models.recipes.bronze.pairs`` made.

    python -m models.recipes.bronze.train --pairs PAIRS --out RUN --minutes 75

What comes out is a run's folder as of ``mummer train``, which ``mummer export`` turns into the model file.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from models.architectures import LiteConfig
from models.augment import Geometry
from models.base import base_digest, base_weights
from models.digest import digest
from models.paired import PairBatches
from models.pairs import read_pairs
from models.recipes.command import run
from models.settings import Settings, Stage
from models.train import train

__all__ = ["main"]

#: The statue's key light comes from its upper left: a mirrored pair would have it from the right.
GEOMETRY = Geometry(warp=0.006, flip=0.0)
#: How faces are aligned; side of the crop in pixels, and decoder levels that see the encoder's pictures: pairs leak no
#: identity.
TEMPLATE, SIZE, SKIPS = "whole-face", 256, 3
#: Small batches make more steps of the same hour on a CPU.
BATCH = 8
#: Pairs need no stages: the rate falls from the beginning to the end.
STAGES = (Stage(name="pairs", share=1, rate=0.01),)


def main(
    pairs: Annotated[Path, typer.Option(help="Folder that models.recipes.bronze.pairs wrote.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoint and previews.")],
    minutes: Annotated[float, typer.Option(min=0.01, help="Time to take in all.")] = 75,
    threads: Annotated[int, typer.Option(min=0, help="0: as many as torch takes.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on where the run folder stands.")] = False,
) -> None:
    """Train the encoder and the statue's decoder."""
    material = read_pairs(pairs)
    network = LiteConfig(size=SIZE, sides=1, skips=SKIPS)
    train(
        network,
        PairBatches(material, geometry=GEOMETRY),
        out,
        Settings(minutes=minutes, threads=threads, batch=BATCH, stages=STAGES),
        {
            "template": TEMPLATE,
            "sources": {
                "pairs": digest(material.inputs, material.targets, material.masks),
                "base": base_digest(),
            },
        },
        resume=resume,
        # All but the skips, which begin fresh.
        initial=base_weights(replace(network, skips=0), TEMPLATE),
    )


if __name__ == "__main__":
    run(main)
