"""A Ray cluster: workers are actors, and the files of segments come back through its object store.

The source, its alignments and the model must lie under the same path on every machine; nothing else is shared. A
cluster of the job's own takes seconds to come up, in which this process makes the first segments itself.
"""

import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from queue import Queue
from typing import Any, Final, cast

from realtime.jobs.segments.engines.crew import Crew, GoneError, Word, work
from realtime.jobs.segments.engines.head_start import HeadStart
from realtime.jobs.segments.engines.watcher import Watcher
from realtime.jobs.segments.key import machine
from realtime.jobs.segments.maker import Order
from realtime.media.file_source import FileSource
from realtime.runtime.cores import Share, spread
from realtime.runtime.errors import MummerError, UsageError
from realtime.runtime.files import scratch_folder, write_whole
from realtime.runtime.threads import guarded_thread
from realtime.swapper import FrameSwapper

__all__ = ["make_on_ray"]

#: What Ray is told where the user's environment does not say otherwise. Nothing phones home; nobody reads statistics of
#: its processes, which take time from ours; the older autoscaler takes a second to end; and workers would give way to
#: whatever else runs, Ray's own processes first, where those of ``--workers`` do not.
LEAN: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_task_events_report_interval_ms": "0",
    "RAY_event_stats": "0",
    "RAY_enable_autoscaler_v2": "1",
    "RAY_worker_niceness": "0",
}
#: Frames that a worker counts before it says so: each word takes a millisecond.
COUNTED: Final = 25
#: Seconds that a worker gets to remove its files before it is ended.
PATIENCE: Final = 2


def make_on_ray(
    order: Order,
    segments: list[int],
    workers: int,
    address: str | None,
    source: FileSource,
    swapper: FrameSwapper,
    watcher: Watcher,
) -> None:
    """Make ``segments`` on the cluster at ``address``, or on one of this machine's own with so many ``workers``.

    Times go into the stages of ``swapper``. Raises what a worker raises, ``UsageError`` without Ray, and
    ``MummerError`` where the cluster is not there, loses workers too often, or has a processor that would give other
    bits.
    """
    if find_spec("ray") is None:
        raise UsageError("--engine ray needs Ray, which is not installed: pip install 'mummer[ray]'")
    ours = 0 if address else len(segments) // (2 * workers)
    with HeadStart(order, segments[:ours], source, swapper, watcher) as start, _connected(address, workers) as ray:
        left = [*start.cut_short(), *segments[ours:]]
        with Crew(order, left, _Cluster(ray, order, own=not address), swapper.stages, start) as crew:
            crew.work(workers)


class _Cluster:
    """The one that ``ray`` is connected to; the job's ``own`` lies on this machine, and does nothing else."""

    def __init__(self, ray: Any, order: Order, own: bool) -> None:
        # The paths are the driver's own; everything else of the order holds on every machine.
        saved = None if order.alignments is None else order.alignments.absolute()
        self._asked = replace(order, source=order.source.absolute(), folder=Path(), alignments=saved)
        self._ray, self._order, self._own = ray, order, own
        self._actor = ray.remote(num_cpus=1, max_concurrency=2)(_Maker)

    def start(self, share: Share) -> "_Actor":
        kept = share if self._own else None
        return _Actor(self._ray, self._actor.remote(self._asked, machine(), kept), self._order)

    def ready(self, links: "Iterable[_Actor]") -> "list[_Actor]":
        at = {link.word: link for link in links}
        ready, _ = self._ray.wait(list(at), num_returns=1)
        return [at[word] for word in ready]


class _Actor:
    """An actor, and the ``word`` that it has been asked for."""

    def __init__(self, ray: Any, actor: Any, order: Order) -> None:
        self._ray, self._actor, self._order = ray, actor, order
        self.word = actor.word.remote()

    def hear(self) -> Word:
        try:
            word, content = self._ray.get(self.word)
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            raise GoneError(f"so: {str(error).splitlines()[0]}") from None
        if word[0] == "done":
            write_whole(self._order.path(word[1]), content)
        if word[0] != "next":
            self.word = self._actor.word.remote()
        return cast(Word, word)

    def answer(self, segment: int | None) -> None:
        self.word = self._actor.word.remote((segment, {} if segment is None else _found_for(self._order, segment)))

    def spread(self) -> None:
        self._actor.spread.remote()

    def part(self) -> None:
        """Nothing: it ends when nobody knows it any more."""

    def stop(self) -> None:
        self._ray.wait([self._actor.clear_up.remote()], timeout=PATIENCE)
        self._ray.kill(self._actor)


def _found_for(order: Order, segment: int) -> dict[str, bytes]:
    """The files, by their names, of what was found in the frames of ``segment``."""
    span = order.plan.span(segment)
    cells = zip(order.found, order.found_paths, strict=True)
    return {path.name: path.read_bytes() for cell, path in cells if span.start < cell.stop and cell.start < span.stop}


class _Maker:
    """The actor: a thread of it makes segments, and what that says waits for who asks for it."""

    def __init__(self, order: Order, driver: list[str], share: Share | None) -> None:
        self._words: Queue[tuple[Word, bytes]] = Queue()
        self._answers: Queue[tuple[int | None, dict[str, bytes]]] = Queue()
        self._frames = 0
        self._held = ExitStack()
        guarded_thread(lambda: self._work(order, driver, share), "segments", self._failed).start()

    def word(self, answer: tuple[int | None, dict[str, bytes]] | None = None) -> tuple[Word, bytes]:
        """What is said next, with the file of a segment that is done, after the ``answer`` to what was said last."""
        if answer is not None:
            self._answers.put(answer)
        return self._words.get()

    def spread(self) -> None:
        """Others have ended: use their cores, too. Where they lie elsewhere, nothing was shared out."""
        spread(os.getpid())

    def clear_up(self) -> None:
        """Leave nothing on the disk, beside ``word``: what comes next is a kill."""
        self._held.close()

    def _work(self, order: Order, driver: list[str], share: Share | None) -> None:
        if share is not None:
            share.take()
        if machine() != driver:
            raise MummerError(
                f"{order.target}: {os.uname().nodename} has another processor than this machine, and would give other"
                " bits; use machines of one kind"
            )
        with self._held:
            folder = self._held.enter_context(scratch_folder())
            here = replace(order, folder=folder)
            work(here, lambda word: self._say(here, word), lambda: self._hear(folder))

    def _say(self, order: Order, word: Word) -> None:
        match word:
            case "frames", count:
                self._frames += count
                if self._frames == COUNTED:
                    self._count()
            case "done", segment:  # by the thread that counts
                self._count()
                self._words.put((word, order.path(segment).read_bytes()))
                order.path(segment).unlink()
            case _:
                self._words.put((word, b""))

    def _count(self) -> None:
        self._words.put((("frames", self._frames), b""))
        self._frames = 0

    def _failed(self, error: BaseException) -> None:
        self._words.put((("failed", cast(Exception, error)), b""))

    def _hear(self, folder: Path) -> int | None:
        segment, found = self._answers.get()
        for name, content in found.items():
            (folder / name).write_bytes(content)
        return segment


@contextmanager
def _connected(address: str | None, workers: int) -> Iterator[Any]:
    """A block in which Ray, the module, has a cluster."""
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    # Workers of a cluster of our own inherit the paths: an environment of their own would make Ray start them anew.
    cluster: dict[str, Any] = {"address": "local", "num_cpus": workers, "include_dashboard": False}
    if address:
        cluster = {"address": address, "runtime_env": {"env_vars": paths}}
    lean = {name: os.environ.get(name, value) for name, value in LEAN.items()}
    with _environment(lean if address else lean | paths):
        import ray  # here, because it takes a second

        try:
            ray.init(log_to_driver=False, logging_level=logging.ERROR, **cluster)
        except Exception as error:  # whatever goes wrong, Ray has no type of its own for it
            where = address or "this machine"
            raise MummerError(f"no Ray cluster at {where}: {str(error).splitlines()[0]}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Within the block processes that are started have these variables."""
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
