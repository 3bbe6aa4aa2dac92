"""What a run says of itself: a line of the log now and then, and curves and pictures for TensorBoard."""

from collections.abc import Callable, Mapping
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from models.curve import Curve
from models.settings import Settings
from realtime.runtime.arrays import Bytes
from realtime.runtime.files import writing

__all__ = ["RunLogger"]


class RunLogger:
    """The log and the events of a run; ``tensorboard --logdir RUN`` shows these.

    It begins at ``iteration``, ``done`` (0 at the run's start, 1 at its end); what a killed run noted after its last
    checkpoint is not shown again. Every method raises ``OutputError`` where the events cannot be written.
    """

    def __init__(
        self, out: Path, log: Callable[[str], None], settings: Settings, iteration: int, done: float, curve: Curve
    ) -> None:
        self._folder = out / "events"
        self._log = log
        self._settings = settings
        self._curve = curve
        self._begun = done
        self._steps = 0
        self._sums: dict[str, float] = {}
        with writing(self._folder):
            self._writer = SummaryWriter(str(self._folder), purge_step=iteration + 1)

    def say(self, iteration: int, words: str) -> None:
        """A line of the log."""
        self._log(f"{iteration:6d}  {words}")

    def step(
        self, iteration: int, losses: Mapping[str, float], rate: float, pictures: int, seconds: float, done: float
    ) -> None:
        """Note the losses of an iteration; every now and then say their means.

        ``pictures`` is how many an iteration takes, ``seconds`` what this call of the program has taken so far.
        """
        self._steps += 1
        for name, loss in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + loss
        every = self._settings.log_every
        if iteration % every == 0:
            count = min(self._steps, every)
            means = {name: total / count for name, total in self._sums.items()}
            self._sums.clear()
            pace = pictures * self._steps / seconds
            left = _time(seconds * (1 - done) / max(done - self._begun, 1e-9))
            said = "  ".join(f"{name} {mean:.4f}" for name, mean in means.items())
            self.say(iteration, f"{left} left  {pace:4.0f}/s  rolling {self._curve.mean:.4f}  {said}")
            self.scalars("train", {**means, "rolling": self._curve.mean, "rate": rate, "pace": pace}, iteration)
        if words := self._curve.plateau(iteration, self._settings.plateau):
            self.say(iteration, words)

    def scalars(self, group: str, values: Mapping[str, float], iteration: int) -> None:
        """Note numbers by name."""
        with writing(self._folder):
            for name, value in values.items():
                self._writer.add_scalar(f"{group}/{name}", value, iteration)

    def picture(self, name: str, sheet: Bytes, iteration: int) -> None:
        """Note a picture, uint8 (H, W, 3) RGB."""
        with writing(self._folder):
            self._writer.add_image(name, sheet, iteration, dataformats="HWC")

    def close(self) -> None:
        """Write what is still to be written."""
        with writing(self._folder):
            self._writer.close()


def _time(seconds: float) -> str:
    """A time in words."""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.1f} min"
