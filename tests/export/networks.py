"""Small networks of every architecture, whose answers go through the whole range."""

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from export.record import ModelCard
from export.samples import Faces, own_pictures
from models.architectures import Config, Network, configure, original
from models.checkpoint import Checkpoint, write_checkpoint
from realtime.swap.consent import Identity
from tests.realtime.tiny import CONSENT

SMALL: dict[str, dict[str, object]] = {
    "lite": {"size": 64, "encoder": (16,) * 4, "decoder": (16,) * 4, "neck": 16, "code": 16, "residuals": (0, 1, 0, 0)},
    "df": {"size": 64, "inter": 16, "encoder": 8, "decoder": 8, "masker": 4},
    "liae": {"size": 64, "inter": 16, "encoder": 8, "decoder": 8, "masker": 4},
}
PEOPLE = tuple(
    Identity(id=name.lower(), name=name, kind="synthetic", consent=CONSENT) for name in ("Ada", "Bob", "Cyd")
)


def small(name: str, **fields: object) -> Config:
    return configure(name, **{**SMALL.get(name, {}), **fields})


def narrow_original(patch: pytest.MonkeyPatch) -> None:
    """Make ``original`` a few megabytes in place of three hundred, with the same ratios between its layers."""
    patch.setattr(original, "DOWN", (3, 8, 16, 32, 64))
    patch.setattr(original, "COLORS", (32, 16, 8, 4))
    patch.setattr(original, "MASK", (32, 8, 8, 8))
    patch.setattr(original, "CODE", 64)


class Plain(Network):
    """One convolution, and one more for each side: exported in a fraction of the time of an architecture's."""

    def __init__(self, sides: int) -> None:
        super().__init__(sides)
        self.down = nn.Conv2d(3, 8, 3, padding=1)
        self.out = nn.ModuleList(nn.Conv2d(8, 4, 3, padding=1) for _ in range(sides))

    def encode(self, face: Tensor) -> tuple[Tensor, ...]:
        return (F.leaky_relu(self.down(face)),)

    def decode(self, code: tuple[Tensor, ...], side: int) -> Tensor:
        answer: Tensor = self.out[side](code[0])
        return answer


def plain() -> Network:
    """Two sides, for what a file does whatever network is in it: 64 x 64, and answers as those of ``shaken``."""
    torch.manual_seed(0)
    return _shake(Plain(2), 64)


def shaken(config: Config) -> Network:
    """A network whose last layer is set so that it answers in black, white and what lies between."""
    torch.manual_seed(0)
    return _shake(config.build(), config.size)


def _shake(network: Network, size: int) -> Network:
    network.eval()
    faces = torch.from_numpy(own_pictures(size)).permute(0, 3, 1, 2) / 255
    with torch.inference_mode():
        scale = 0.4 / max(float(network(faces, side).std()) for side in range(network.sides))
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim == 4 and any(last in name for last in ("head.", "out.")):
                parameter.mul_(scale)
    return network


def card(*sides: int) -> ModelCard:
    return ModelCard(tuple(PEOPLE[side] for side in sides), "MIT", counts=(4, 5), iterations=7)


def faces(size: int) -> Faces:
    pictures = own_pictures(size)
    return Faces(pictures, pictures)


def expected(network: Network, side: int, pictures: np.ndarray) -> np.ndarray:
    """What torch says, float (N, S, S, 4) in 0..255."""
    with torch.inference_mode():
        answer = network(torch.from_numpy(pictures).permute(0, 3, 1, 2) / 255, side)
    return answer.clamp(0, 1).permute(0, 2, 3, 1).numpy() * 255


def write_run(folder: Path, config: Config, identities: list[Identity | None]) -> Path:
    """A run's folder with the checkpoint of a shaken network."""
    folder.mkdir(parents=True)
    weights = shaken(config).state_dict()
    tensors = {f"{part}.{key}": value.clone() for part in ("weights", "average") for key, value in weights.items()}
    facts: dict[str, object] = {
        "template": "whole-face",
        "counts": [3] * config.sides,
        "identities": [who and who.model_dump(mode="json") for who in identities],
    }
    write_checkpoint(folder, Checkpoint(config, 12, 3.0, tensors, facts))
    return folder
