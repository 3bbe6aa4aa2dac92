"""What a run leaves in its folder: checkpoints, previews, curves and lines of the log."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from string import ascii_uppercase
from typing import Final, cast

import torch

from models.architectures import Network
from models.batches import Batches, Example
from models.checkpoint import keep_best, sweep, write_checkpoint
from models.losses import masked_ssim
from models.preview import FACES, preview_grid, write_preview
from models.run_logger import RunLogger
from models.settings import FILE as SETTINGS
from models.settings import Settings, Stage, to_toml
from models.training_state import TrainingState
from realtime.runtime.files import make_folder, write_whole

__all__ = ["Recorder", "held_out_similarity"]

PREVIEW: Final = "preview.png"
#: Held-out faces of each side that are compared at every save.
HELD_OUT: Final = 64

logger = logging.getLogger(__name__)


class Recorder:
    """Writes what is to be kept of ``state`` into the folder ``out``; of several processes only the first has one.

    Every method raises ``OutputError`` where something cannot be written.
    """

    def __init__(
        self, out: Path, state: TrainingState, settings: Settings, batches: Batches, log: Callable[[str], None]
    ) -> None:
        make_folder(out)
        sweep(out)
        write_whole(out / SETTINGS, to_toml(settings).encode())
        self._out, self._state, self._settings, self._log = out, state, settings, log
        self._held, self._shown = batches.held(HELD_OUT), batches.shown(FACES)
        self._stage: Stage | None = None
        #: Iteration and seconds of the last save; -1 before the first.
        self._saved, self._saved_at = -1, state.seconds
        done = settings.done(state.iteration, state.seconds)
        self._run_log = RunLogger(out, log, settings, state.iteration, done, state.curve)

    def stage(self, stage: Stage) -> None:
        """Say which stage of the run it is, where that is another than before."""
        if stage is not self._stage:
            self._stage = stage
            self._run_log.say(self._state.iteration, f"stage {stage.name!r}")
            logger.info("stage %r from iteration %d on", stage.name, self._state.iteration)

    def step(self, means: Mapping[str, float], rate: float, pictures: int, seconds: float, done: float) -> None:
        """Note an iteration (see ``RunLogger.step``), then save and show where it is time to."""
        state, settings = self._state, self._settings
        self._run_log.step(state.iteration, means, rate, pictures, seconds, done)
        overdue = state.seconds - self._saved_at > 60 * settings.save_minutes
        if state.iteration % settings.save_every == 0 or overdue:
            self.save()
        if state.iteration % settings.preview_every == 0:
            self.show()

    def save(self) -> None:
        """Compare the held-out faces and write a checkpoint; the best one so far gets its name."""
        state = self._state
        if self._saved == state.iteration:
            return
        state.facts["held_out"] = similarity = held_out_similarity(state.average, self._held)
        if similarity:
            words = "  ".join(f"{name} {value:.4f}" for name, value in similarity.items())
            self._run_log.say(state.iteration, f"similarity of held-out faces  {words}")
            self._run_log.scalars("held out", similarity, state.iteration)
        merit = min(similarity.values(), default=-state.curve.mean)
        best = merit > cast(float, state.facts.get("merit", -math.inf))
        if best:
            state.facts["merit"] = merit
        path = write_checkpoint(self._out, state.checkpoint(), self._settings.keep)
        if best:
            keep_best(self._out)
        self._saved, self._saved_at = state.iteration, state.seconds
        logger.info("%s: iteration %d%s", path, state.iteration, ", the best so far" if best else "")

    def show(self) -> None:
        """Write the preview."""
        sheet = preview_grid(self._state.average, self._shown)
        write_preview(self._out / PREVIEW, sheet)
        self._run_log.picture("preview", sheet, self._state.iteration)
        logger.debug("%s: iteration %d", self._out / PREVIEW, self._state.iteration)

    def stop(self) -> None:
        """Save what an interrupted run has reached, and say so."""
        if not self._state.stepping:  # half a step is not a state to go on from
            self.save()
        self._log(f"stopped at iteration {self._state.iteration}; the checkpoint stands at {self._saved}")
        logger.info("stopped at iteration %d", self._state.iteration)

    def close(self) -> None:
        """Write what is still to be written."""
        self._run_log.close()


@torch.no_grad()
def held_out_similarity(network: Network, held: Sequence[Example]) -> dict[str, float]:
    """Mean SSIM inside the mask of held-out faces and the network's answers, by the letter of their side."""
    device = next(network.parameters()).device
    similarity: dict[str, float] = {}
    for example in held:
        found = []
        for start in range(0, len(example.face), 8):  # a few at a time: what is compared takes much memory
            part = example.part(slice(start, start + 8))
            answer = network(part.face.to(device), example.side)[:, :3].float().clamp(0, 1).cpu()
            found.append(masked_ssim(answer, part.target, part.mask))
        similarity[ascii_uppercase[example.side]] = float(torch.cat(found).mean())
    return similarity
