"""The journal of a job: the folder beside the output in which finished segments wait until all are there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from realtime.finder.found import read_found
from realtime.jobs.segments.key import Key, differences
from realtime.jobs.segments.maker import FOUND, NAMED, PART, SUFFIX, Order
from realtime.jobs.segments.plan import UncuttableError
from realtime.jobs.segments.segment_file import DamagedError, open_segment
from realtime.runtime.disk_space import check_space
from realtime.runtime.errors import InputError, MummerError, OutputError
from realtime.runtime.files import NameTakenError, remove_partial, sole_user, write_whole, writing
from realtime.runtime.stop_signals import unwinding

__all__ = ["Journal", "folder_of", "open_journal", "progress_of", "was_made"]

#: What follows the output's name in that of its journal.
UNFINISHED: Final = ".unfinished"
_PAGE: Final = "job.json"
_LOCK: Final = "lock"
_OUTPUT: Final = "output.json"
_FORMAT: Final = 1


def folder_of(target: Path) -> Path:
    """Where the journal of ``target`` is, while there is one; a link's is beside the real file."""
    real = target.resolve()
    return real.with_name(real.name + UNFINISHED)


@dataclass(frozen=True, slots=True)
class Journal:
    """The finished segments of one output; ``order`` says which there are in all."""

    order: Order

    def missing(self) -> list[int]:
        """The numbers of the segments that are still to be made; those that are damaged go, and are among them."""
        numbers = range(self.order.plan.segments)
        return [number for number in numbers if not _is_whole(self.order.path(number))]

    def paths(self) -> list[Path]:
        """The files of all segments, in order."""
        return [self.order.path(number) for number in range(self.order.plan.segments)]

    def note_output(self, part: Path) -> None:
        """``part`` is the whole output and gets its name now: a run that is killed after that has nothing to repeat."""
        with writing(part):
            state = part.stat()
        write_whole(self.order.folder / _OUTPUT, json.dumps([state.st_dev, state.st_ino]).encode())

    def check_room(self) -> None:
        """Raise ``OutputError`` where the disk cannot hold, beside what is finished, the output made of it."""
        done = sum(path.stat().st_size for path in _finished(self.order.folder))
        check_space(self.order.target, done + self.order.plan.beside)


@contextmanager
def open_journal(order: Order, key: Key, resume: bool, force: bool) -> Iterator[Journal]:
    """The journal of ``order``, with what an earlier run left in it where ``resume`` says so.

    It is this process's alone within the block, and removed at its end; after an error it stays if any segment is
    finished, and the error says so. Raises ``OutputError`` where an earlier run's work would be lost without ``force``,
    or does not fit this job.
    """
    folder, target = order.folder, order.target
    with unwinding(), _made(folder, target):
        refusal = f"{target}: another job is at work on it; wait for its end, or give another name"
        with sole_user(folder / _LOCK, refusal):
            remove_partial(folder)
            _check_old(folder, target, key, resume, force)
            page = {"format": _FORMAT, "key": key, "input": str(order.source), "frames": order.plan.frames,
                    "segments": order.plan.segments * (1 + order.finds)}  # fmt: skip
            write_whole(folder / _PAGE, (json.dumps(page, indent=2) + "\n").encode())
            keeps = True
            try:
                yield Journal(order)
                keeps = False
            except (InputError, UncuttableError, NameTakenError):
                keeps = False  # it would be the same again, or all is done
                raise
            except MummerError as error:
                if not any(_finished(folder)):
                    raise
                raise type(error)(f"{error} ({hint(folder)})") from error
            finally:
                if not keeps or not any(_finished(folder)):
                    _clear(folder)


@contextmanager
def _made(folder: Path, target: Path) -> Iterator[None]:
    """A folder that goes with the block if nothing is left in it."""
    with writing(target):
        folder.mkdir(exist_ok=True)
    try:
        yield
    finally:
        with suppress(OSError):
            folder.rmdir()


def was_made(target: Path) -> bool:
    """Whether ``target`` is the whole output of a run that was killed before it had removed its journal."""
    try:
        made = json.loads((folder_of(target) / _OUTPUT).read_text(encoding="utf-8"))
        state = target.stat()
    except (OSError, ValueError):
        return False
    return bool(made == [state.st_dev, state.st_ino])


def progress_of(target: Path) -> str | None:
    """What there is to go on with of an output that was not finished, in words; None where there is nothing."""
    folder = folder_of(target)
    return f"{target}: {hint(folder)}" if any(_finished(folder)) else None


def hint(folder: Path) -> str:
    """How much is finished, and how to go on."""
    done = len(_finished(folder))
    with suppress(OSError, ValueError, KeyError, TypeError, ZeroDivisionError):
        done = min(100 * done // json.loads((folder / _PAGE).read_text(encoding="utf-8"))["segments"], 100)
        return f"{done} % of it is finished and kept: the same command with --resume goes on"
    return "what is finished is kept: the same command with --resume goes on"


def _check_old(folder: Path, target: Path, key: Key, resume: bool, force: bool) -> None:
    """See to what an earlier run left in ``folder``: it stays to be used, goes, or is in the way."""
    page = _read(folder / _PAGE)
    if page is None and any(path.name != _LOCK for path in folder.iterdir()):
        raise OutputError(f"{folder}: in the way of this output's journal; move it elsewhere")
    if page is None or not any(_finished(folder)):
        return _clear(folder)
    changed = differences(page, key)
    if resume and not changed:
        return None
    if force and not resume:
        return _clear(folder)
    if not resume:
        raise OutputError(f"{target}: an earlier run was stopped; {hint(folder)}, and --force starts anew")
    raise OutputError(
        f"{target}: cannot be resumed: {' and '.join(changed)} changed since; --force without --resume starts anew"
    )


def _read(page: Path) -> Key | None:
    """The key in a journal's page; None where that is no such page."""
    try:
        held = json.loads(page.read_text(encoding="utf-8"))
        return {str(name): str(digest) for name, digest in held["key"].items()} if held["format"] == _FORMAT else {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _is_whole(path: Path) -> bool:
    try:
        if path.suffix == FOUND:
            read_found(path)
        else:
            open_segment(path)
        return True
    except FileNotFoundError:
        return False
    except (DamagedError, ValueError, OSError):
        pass
    with writing(path):
        path.unlink()
    return False


def _finished(folder: Path) -> list[Path]:
    return [*folder.glob(f"*{SUFFIX}"), *folder.glob(f"*{FOUND}")]


def _clear(folder: Path) -> None:
    """Remove what is ours but the lock, and nothing else."""
    derived = (*folder.glob(f"*{NAMED}"), *folder.glob(f"*{PART}"))
    for path in (*_finished(folder), *derived, folder / _PAGE, folder / _OUTPUT):
        with suppress(OSError):
            path.unlink()
