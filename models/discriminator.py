"""A small patch discriminator, for a last phase that asks for texture; off unless a stage gives it weight."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from models.batches import Example
from models.checkpoint import optimizer_tensors, restore_optimizer

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["Discriminator"]

CHANNELS: Final = (3, 32, 64, 128)
SLOPE: Final = 0.2
BETAS: Final = (0.5, 0.99)


class Discriminator:
    """Tells faces from the network's answers, patch by patch of about 30 pixels (Isola et al. 2017), and learns to.

    Both are shown inside the mask only. Logits and the losses of a plain, non-saturating game (Goodfellow et al. 2014).
    """

    def __init__(self, fabric: "Fabric", rate: float) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(CHANNELS):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        self._network = nn.Sequential(*layers, nn.Conv2d(CHANNELS[-1], 1, 3, padding=1))
        self._optimizer = torch.optim.Adam(self._network.parameters(), rate, BETAS)
        self._fabric = fabric
        self._model, self._stepper = fabric.setup(self._network, self._optimizer)

    def fool(self, answers: Sequence[Tensor], examples: Sequence[Example]) -> Tensor:
        """The loss of a network whose ``answers`` (B, 4, S, S) should pass for faces."""
        self._network.requires_grad_(False)
        loss = F.softplus(-self._model(_shown(answers, examples))).mean()
        self._network.requires_grad_(True)
        return loss

    def learn(self, answers: Sequence[Tensor], examples: Sequence[Example]) -> None:
        """A step on the same pictures: faces are faces, answers are not."""
        answers = [answer.detach() for answer in answers]
        targets = [example.target for example in examples]
        fakes, faces = self._model(torch.cat([_shown(answers, examples), _shown(targets, examples)])).chunk(2)
        self._fabric.backward((F.softplus(fakes) + F.softplus(-faces)).mean())
        self._stepper.step()
        self._stepper.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """Weights and the optimiser's state, for a checkpoint."""
        weights = {f"discriminator.{name}": tensor for name, tensor in self._network.state_dict().items()}
        state = optimizer_tensors(self._network, self._optimizer)
        return weights | {f"discriminator_optimizer.{name}": tensor for name, tensor in state.items()}

    def restore(self, weights: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        """The reverse of ``tensors``; a checkpoint of a run that had no discriminator yet leaves it as it is."""
        if weights:
            self._network.load_state_dict(weights)
            restore_optimizer(self._network, self._optimizer, state)


def _shown(pictures: Sequence[Tensor], examples: Sequence[Example]) -> Tensor:
    """What the discriminator sees of pictures (B, 3 or 4, S, S) of all sides: float (sides * B, 3, S, S)."""
    return torch.cat([picture[:, :3] * each.mask for picture, each in zip(pictures, examples, strict=True)])
