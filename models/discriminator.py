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

    Both are shown and judged inside the mask only, and each side has logits of its own, so that nobody gets another's
    texture. Faces are true frames alone: what was bent or drawn is softer. Logits and the losses of a plain,
    non-saturating game (Goodfellow et al. 2014).
    """

    def __init__(self, fabric: "Fabric", rate: float, sides: int) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(CHANNELS):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
        self._network = nn.Sequential(*layers, nn.Conv2d(CHANNELS[-1], sides, 3, padding=1))
        self._optimizer = torch.optim.Adam(self._network.parameters(), rate, BETAS)
        self._fabric = fabric
        self._model, self._stepper = fabric.setup(self._network, self._optimizer)

    def fool(self, answers: Sequence[Tensor], examples: Sequence[Example]) -> Tensor:
        """The loss of a network whose ``answers`` (B, 4, S, S) should pass for faces."""
        self._network.requires_grad_(False)
        logits, where = self._judged(answers, examples)
        loss = (F.softplus(-logits) * where).mean()
        self._network.requires_grad_(True)
        return loss

    def learn(self, answers: Sequence[Tensor], examples: Sequence[Example]) -> None:
        """A step on the same pictures: faces are faces, answers are not."""
        answers = [answer.detach() for answer in answers]
        targets = [example.target for example in examples]
        logits, where = self._judged([*answers, *targets], [*examples, *examples])
        true = torch.cat([each.true for each in examples])
        (fakes, faces), (where_fakes, where_faces) = logits.chunk(2), where.chunk(2)
        loss = (F.softplus(fakes) * where_fakes).mean() + (F.softplus(-faces) * where_faces)[true].mean()
        self._fabric.backward(loss)
        self._stepper.step()
        self._stepper.zero_grad(set_to_none=True)

    def _judged(self, pictures: Sequence[Tensor], examples: Sequence[Example]) -> tuple[Tensor, Tensor]:
        """Logits of pictures (B, 3 or 4, S, S), each by its example's side, and how much each patch counts.

        float (len(pictures) * B, n, n) both; of the second, each picture's mean is 1.
        """
        shown = [picture[:, :3] * each.mask for picture, each in zip(pictures, examples, strict=True)]
        logits = torch.split(self._model(torch.cat(shown)), [len(each) for each in shown])
        own = torch.cat([part[:, each.side] for part, each in zip(logits, examples, strict=True)])
        masks = torch.cat([each.mask for each in examples])
        where = F.adaptive_avg_pool2d(masks, (own.shape[1], own.shape[2])).squeeze(1)
        return own, where / (where.mean((1, 2), keepdim=True) + 1e-6)

    def tensors(self) -> dict[str, Tensor]:
        """Weights and the optimiser's state, for a checkpoint."""
        weights = {f"discriminator.{name}": tensor for name, tensor in self._network.state_dict().items()}
        state = optimizer_tensors(self._network, self._optimizer)
        return weights | {f"discriminator_optimizer.{name}": tensor for name, tensor in state.items()}

    def restore(self, weights: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        """The reverse of ``tensors``; a checkpoint without one, or with an older one, leaves it as it is."""
        if weights and all(weights[name].shape == own.shape for name, own in self._network.state_dict().items()):
            self._network.load_state_dict(weights)
            restore_optimizer(self._network, self._optimizer, state)
