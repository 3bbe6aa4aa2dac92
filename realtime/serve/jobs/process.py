"""One file job in a process of its own: the order comes on standard input, what becomes of it goes to standard output.

A model that crashes, never ends or takes all memory takes this process along, and not the daemon with its session.
"""

import os
import sys
from time import monotonic
from traceback import format_exc
from typing import Annotated, Final, Literal, TextIO

from pydantic import BaseModel, Field

from realtime.runtime import stop_signals
from realtime.runtime.errors import MummerError
from realtime.runtime.process import tune
from realtime.serve.jobs.job import JobRequest

__all__ = ["Broken", "Done", "Failed", "Frames", "Word", "main"]

#: The job gets what the session leaves: at this niceness a tenth of a core that both want.
NICENESS: Final = 10
#: Seconds between two words about frames.
EVERY: Final = 0.25


class Frames(BaseModel, frozen=True):
    """How many frames are done, and how many there are (0: nobody knows)."""

    what: Literal["frames"] = "frames"
    done: int
    expected: int


class Done(BaseModel, frozen=True):
    """The output is there."""

    what: Literal["done"] = "done"
    faces: int
    swapped: int
    warnings: tuple[str, ...]


class Failed(BaseModel, frozen=True):
    """What a user can mend."""

    what: Literal["failed"] = "failed"
    why: str


class Broken(BaseModel, frozen=True):
    """A bug of ours, with its traceback."""

    what: Literal["broken"] = "broken"
    trace: str


class Word(BaseModel, frozen=True):
    """A line of standard output."""

    said: Annotated[Frames | Done | Failed | Broken, Field(discriminator="what")]


def main() -> None:
    """The process's life: exit code 0 where the last word says what became of the job."""
    stop_signals.listen()
    try:
        _serve()
    except BaseException:
        if stop_signals.was_stopped():  # whatever became of the signal on its way here
            stop_signals.leave()
        raise


def _serve() -> None:
    # The words have the stream for themselves: whatever else is printed goes where the daemon's errors go.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as words:
        os.dup2(2, 1)
        if sys.platform != "win32":
            os.nice(NICENESS)
        _say(words, _outcome(JobRequest.model_validate_json(sys.stdin.read()), words))


def _outcome(request: JobRequest, words: TextIO) -> "Done | Failed | Broken":
    from realtime.jobs.one_file import convert_one

    last = 0.0

    def on_frame(done: int, expected: int) -> None:
        nonlocal last
        if (now := monotonic()) - last >= EVERY:
            last = now
            _say(words, Frames(done=done, expected=expected))

    try:
        tune()
        report = convert_one(request.job, on_frame)
    except MummerError as error:
        return Failed(why=str(error))
    except MemoryError:
        return Failed(why=f"{request.input}: there is not enough memory for it")
    except Exception:  # noqa: BLE001  # told to the daemon, which logs it
        return Broken(trace=format_exc())
    return Done(faces=report.faces, swapped=report.frames_swapped, warnings=tuple(report.warnings))


def _say(words: TextIO, word: "Frames | Done | Failed | Broken") -> None:
    words.write(Word(said=word).model_dump_json() + "\n")
    words.flush()


if __name__ == "__main__":
    main()
