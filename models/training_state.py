"""What a run consists of between two steps, and what of it a checkpoint holds."""

from typing import TYPE_CHECKING, Final, cast

import torch
from torch import Tensor, nn

from models.architectures import Config, Network
from models.checkpoint import Checkpoint, optimizer_tensors, restore_optimizer
from models.curve import Curve
from models.devices import compiling_pays
from models.discriminator import Discriminator
from models.settings import Settings

if TYPE_CHECKING:
    from lightning_fabric import Fabric

__all__ = ["TrainingState"]

#: AdamW's.
BETAS: Final = (0.9, 0.99)


class AllSides(nn.Module):
    """All sides in one pass: one batch through the shared encoder, and each part through its own decoder.

    One call of one module is also what several processes need to add up their gradients.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, faces: list[Tensor], sides: list[int]) -> list[Tensor]:
        """Answers (B, 4, S, S) to ``faces``, each (B, 3, S, S), decoded as ``sides``."""
        code = self.network.encode(torch.cat(faces).contiguous(memory_format=torch.channels_last))
        lengths = [len(face) for face in faces]
        parts = zip(*(torch.split(part, lengths) for part in code), strict=True)
        return [self.network.decode(part, side) for part, side in zip(parts, sides, strict=True)]


class TrainingState:
    """A run after ``iteration`` steps and ``seconds`` of training.

    ``network`` learns, and ``average`` is the running average of its weights. ``model`` and ``stepper`` are the
    network (as ``AllSides``) and its optimiser as Fabric hands them out, ``discriminator`` is None where no stage has
    one. ``curve`` knows how the loss went, ``facts`` is what the checkpoint remembers besides. While ``stepping`` is
    true, weights and optimiser are between two steps and not worth saving.
    """

    def __init__(
        self,
        fabric: "Fabric",
        config: Config,
        settings: Settings,
        facts: dict[str, object],
        saved: Checkpoint | None = None,
        initial: dict[str, Tensor] | None = None,
    ) -> None:
        """As ``saved`` left it, or with ``initial`` weights, by name; those that it lacks are drawn by the seed."""
        torch.manual_seed(settings.seed)  # the initial weights
        self.config = config
        self.network, self.average = config.build(), config.build()
        self.network.load_state_dict(saved.part("weights") if saved else initial or {}, strict=saved is not None)
        self.average.load_state_dict(saved.part("average") if saved else self.network.state_dict())
        for network in (self.network, self.average):
            network.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        together = AllSides(self.network)
        if settings.compile if settings.compile is not None else compiling_pays(fabric.device):
            together.compile(dynamic=False)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.rate, betas=BETAS, weight_decay=settings.decay, fused=True
        )
        self.model, self.stepper = fabric.setup(together, self.optimizer)
        wanted = any(stage.discriminator for stage in settings.stages)
        self.discriminator = Discriminator(fabric, settings.rate, config.sides) if wanted else None
        if saved:
            restore_optimizer(self.network, self.optimizer, saved.part("optimizer"))
            if self.discriminator:
                self.discriminator.restore(saved.part("discriminator"), saved.part("discriminator_optimizer"))
        self.iteration, self.seconds = (saved.iteration, saved.seconds) if saved else (0, 0.0)
        self.stepping = False
        self.facts = {**(saved.facts if saved else {}), **facts}
        self.curve = Curve(cast(dict[str, float], self.facts.get("curve", {})))

    def set_rate(self, rate: float) -> None:
        """Let the next step have this learning rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    @torch.no_grad()
    def update_average(self, decay: float) -> None:
        """Move the running average towards the weights; a ``decay`` of 1 leaves it where it is."""
        torch._foreach_lerp_(list(self.average.parameters()), list(self.network.parameters()), 1 - decay)

    def checkpoint(self) -> Checkpoint:
        """The state as it stands; its tensors are not copied."""
        tensors = {f"weights.{name}": tensor for name, tensor in self.network.state_dict().items()}
        tensors |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        tensors |= {
            f"optimizer.{name}": tensor for name, tensor in optimizer_tensors(self.network, self.optimizer).items()
        }
        tensors |= self.discriminator.tensors() if self.discriminator else {}
        self.facts["curve"] = self.curve.state
        return Checkpoint(self.config, self.iteration, self.seconds, tensors, self.facts)
