"""The record of a batch: which output was made of what, so that a later run makes only what is missing or changed."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, TypeAlias

from realtime.jobs.convert import Job
from realtime.jobs.segments.key import digest, of_file, versions
from realtime.marking.provenance.sign import embeds, sidecar_of
from realtime.runtime.files import writing
from realtime.swap.library import find_model

__all__ = ["Entry", "Record", "key_of", "state_of"]

#: Size and time of change (nanoseconds) of a file; None where there is none.
State: TypeAlias = tuple[int, int] | None

#: What of a job does not decide what is in its output.
_BESIDE: Final = frozenset({"source", "target", "look", "report", "force", "resume", "workers", "engine", "address"})


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one output: the ``key`` that its job had, and how the file was ``before`` and when ``made``.

    ``made`` is None while it is being made, or where that came to nothing; ``old`` is then the key of what is there
    since an earlier run.
    """

    key: str
    before: State
    old: str | None = None
    made: State = None

    def key_now(self, now: State) -> str | None:
        """The key with which a file that is so ``now`` was made; None where there is none, or it is somebody else's."""
        if now is None:
            return None
        if self.made is not None:
            return self.key if now == self.made else None
        # Where the run was killed before it could note the end, the file had its name, so it is whole.
        return self.old if now == self.before else self.key


class Record:
    """The entries of all outputs that were ever begun, by path; read once, then lines are added to the file."""

    def __init__(self, page: Path) -> None:
        self._page = page
        self._entries = dict(_read(page))

    def __getitem__(self, target: Path) -> Entry | None:
        return self._entries.get(str(target.resolve()))

    def was_made(self, target: Path, key: str) -> bool:
        """Whether ``target`` is there, whole, as a job with this ``key`` makes it."""
        return self._key_now(target) == key and (embeds(target) or sidecar_of(target).exists())

    def is_ours(self, target: Path) -> bool:
        """Whether ``target`` is what an earlier run made, of whatever."""
        return self._key_now(target) is not None

    def _key_now(self, target: Path) -> str | None:
        entry = self[target]
        return None if entry is None else entry.key_now(state_of(target))

    @contextmanager
    def making(self, target: Path, key: str) -> Iterator[None]:
        """A block in which ``target`` is made. Raises ``OutputError`` where that cannot be written down."""
        before, old = state_of(target), self._key_now(target)
        self._note(target, Entry(key, before, old))
        yield
        self._note(target, Entry(key, before, old, state_of(target)))

    def _note(self, target: Path, entry: Entry) -> None:
        name = str(target.resolve())
        self._entries[name] = entry
        line = {"output": name, "key": entry.key, "before": entry.before, "old": entry.old, "made": entry.made}
        with writing(self._page), self._page.open("a", encoding="utf-8") as page:
            page.write(json.dumps(line) + "\n")
            page.flush()
            os.fsync(page.fileno())


def state_of(path: Path) -> State:
    """How the file is now."""
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_size, state.st_mtime_ns


def key_of(job: Job) -> str:
    """A digest of all that decides what ``job`` makes. Raises a ``MummerError`` for a file that cannot be read."""
    look = job.look
    files = [job.source, *map(find_model, look.models), *look.photo]
    files += [path for path in (look.embedder, look.consent) if path is not None]
    choices = {each.name: getattr(job, each.name) for each in fields(job) if each.name not in _BESIDE}
    files += [value for value in choices.values() if isinstance(value, Path)]
    return digest([look.model_dump(mode="json"), repr(choices), [of_file(path) for path in files], versions()])


def _read(page: Path) -> Iterator[tuple[str, Entry]]:
    """What was noted; a line that was cut short by the end of its process counts for nothing."""
    try:
        lines = page.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        with suppress(ValueError, KeyError, TypeError):
            told = json.loads(line)
            yield str(told["output"]), Entry(told["key"], _state(told["before"]), told["old"], _state(told["made"]))


def _state(told: list[int] | None) -> State:
    if told is None:
        return None
    size, time = told
    return int(size), int(time)
