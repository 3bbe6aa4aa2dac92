"""The journal of numbered pictures: a small file beside them, until all are written, that says how they are made.

Each picture is written whole or not at all, so those that stand are finished; the journal tells them from others.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from realtime.jobs.batch.record import State, state_of
from realtime.jobs.convert import Job
from realtime.jobs.segments.key import Key, differences, digest, machine, of_file, versions
from realtime.media.sequence import Pattern
from realtime.runtime.errors import MummerError, OutputError
from realtime.runtime.files import make_folder, write_whole, writing
from realtime.swapper import FrameSwapper

__all__ = ["journal_of", "key_of", "unfinished"]

#: What follows the pictures' name in that of their journal.
UNFINISHED: Final = ".unfinished"
_FORMAT: Final = 1


def journal_of(pattern: Pattern) -> Path:
    """Where the journal of the pictures ``pattern`` is, while there is one."""
    return pattern.path.with_name(pattern.path.name + UNFINISHED)


def key_of(job: Job, numbers: list[int] | None, swapper: FrameSwapper) -> Key:
    """What decides the pictures of ``job``, whose source are the pictures ``numbers``, or a video (None)."""
    look, read = job.look, Pattern.read(job.source)
    files = [path for path in (*look.photo, look.embedder, look.consent) if path is not None]
    given: list[object] = (
        [of_file(job.source)] if read is None else [state_of(read.name(each)) for each in numbers or ()]
    )
    settings = [look.model_dump(mode="json", exclude={"model"}), job.layer, job.deinterlace, job.part.words,
                job.start_number, [of_file(path) for path in files]]  # fmt: skip
    return {
        "the input": digest([numbers, given]),
        "the model": digest([[each.sha256, each.identity, each.morph] for each in swapper.models]),
        "the settings": digest(settings),
        "the program": digest(versions()),
        "the machine": digest(machine()),
    }


@contextmanager
def unfinished(job: Job, pattern: Pattern, key: Key) -> Iterator[frozenset[int]]:
    """A block in which pictures are written; gives the numbers of those that an earlier run has finished.

    The journal goes at its end, and stays after an error. Raises ``OutputError`` where an earlier run's work is in the
    way, or does not fit this job.
    """
    page, there = journal_of(pattern), _states(pattern)
    before = {number: state for number, state in there.items() if job.force}
    finished = frozenset[int]()
    if page.exists() and not (job.force and not job.resume):
        held, before = _read(page)
        finished = _changed(there, before)
        if not job.resume:
            raise OutputError(
                f"{job.target}: an earlier run was stopped; {len(finished):,} pictures are finished and kept: --resume"
                " goes on, and --force starts anew"
            )
        if changed := differences(held, key):
            raise OutputError(
                f"{job.target}: cannot be resumed: {' and '.join(changed)} changed since; --force without --resume"
                " starts anew"
            )
    make_folder(page.parent)
    write_whole(page, json.dumps({"format": _FORMAT, "key": key, "before": list(before.items())}).encode())
    is_whole = False
    try:
        yield finished
        is_whole = True
    except MummerError as error:
        if not (done := len(_changed(_states(pattern), before))):
            raise
        told = f"{error} ({done:,} pictures are finished and kept: the same command with --resume goes on)"
        raise type(error)(told) from error
    finally:
        if is_whole or not _changed(_states(pattern), before):
            with writing(page):
                page.unlink()


def _changed(now: dict[int, State], before: dict[int, State]) -> frozenset[int]:
    """The numbers of those that are not as they were."""
    return frozenset(number for number, state in now.items() if state != before.get(number))


def _states(pattern: Pattern) -> dict[int, State]:
    if not pattern.path.parent.is_dir():
        return {}
    return {number: state_of(pattern.name(number)) for number in pattern.found()}


def _read(page: Path) -> tuple[Key, dict[int, State]]:
    """The key, and how the pictures were that stood there before. Raises ``OutputError`` where it is no such page."""
    try:
        held = json.loads(page.read_text(encoding="utf-8"))
        if held["format"] != _FORMAT:
            raise ValueError
        return held["key"], {int(number): (int(state[0]), int(state[1])) for number, state in held["before"]}
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise OutputError(f"{page}: in the way of these pictures' journal; move it elsewhere") from error
