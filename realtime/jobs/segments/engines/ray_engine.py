"""A Ray cluster: segments go out as tasks, their files come back through its object store.

The source, its alignments and the model must lie under the same path on every machine; nothing else is shared. A
cluster of the job's own takes seconds to come up, in which this process makes the first segments itself.
"""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from realtime.jobs.segments.engines.head_start import HeadStart
from realtime.jobs.segments.engines.watcher import Watcher
from realtime.jobs.segments.key import machine
from realtime.jobs.segments.maker import Order, make_segments
from realtime.jobs.segments.plan import UncuttableError
from realtime.media.file_source import FileSource
from realtime.runtime.errors import MummerError, UsageError
from realtime.runtime.files import scratch_folder, write_whole
from realtime.runtime.process import tune
from realtime.runtime.stages import Stages
from realtime.swapper import FrameSwapper

__all__ = ["make_on_ray"]

#: Consecutive segments a task: within one, nothing is decoded twice.
STRETCH: Final = 4
#: How often Ray makes a task anew whose worker was lost.
RETRIES: Final = 3


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

    Times go into the stages of ``swapper``. Raises what a task raises, ``UsageError`` without Ray, and ``MummerError``
    where the cluster is not there, loses a task too often, or has a processor that would give other bits.
    """
    ray, ours = _ray(), 0 if address else len(segments) // (2 * workers)
    with HeadStart(order, segments[:ours], source, swapper, watcher) as start, _connected(ray, address, workers):
        left = [*start.cut_short(), *segments[ours:]]
        _share_out(ray, order, left, workers, swapper.stages, start)


def _share_out(ray: Any, order: Order, segments: list[int], workers: int, stages: Stages, watcher: Watcher) -> None:
    """Make ``segments`` on the cluster that ``ray`` is connected to."""
    task = ray.remote(num_cpus=1, max_retries=RETRIES)(_make)
    # The paths are the driver's own; everything else of the order holds on every machine.
    saved = None if order.alignments is None else order.alignments.absolute()
    asked = replace(order, source=order.source.absolute(), folder=Path(), alignments=saved)
    stretches = _stretches(segments, workers)

    def give(part: list[int]) -> Any:
        return task.remote(asked, machine(), part, _found_for(order, part))

    at_work = {give(part): part for part in islice(stretches, 2 * workers)}
    try:
        while at_work:
            (done,), _ = ray.wait(list(at_work), num_returns=1)
            made, times = ray.get(done)
            for number, content in zip(at_work.pop(done), made, strict=True):
                write_whole(order.path(number), content)
                watcher.frames(len(order.plan.span(number)))
                watcher.segment(number)
            stages.add(times)
            for part in islice(stretches, 1):
                at_work[give(part)] = part
    except ray.exceptions.RayTaskError as error:
        if isinstance(error.cause, MummerError | UncuttableError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        raise MummerError(f"{order.target}: Ray cannot do it: {str(error).splitlines()[0]}") from error


def _found_for(order: Order, segments: list[int]) -> dict[str, bytes]:
    """The files, by their names, of what was found in the frames of ``segments``."""
    spans = [order.plan.span(number) for number in segments]
    cells = zip(order.found, order.found_paths, strict=True)
    needed = [path for cell, path in cells if any(span.start < cell.stop and cell.start < span.stop for span in spans)]
    return {path.name: path.read_bytes() for path in needed}


def _make(order: Order, driver: list[str], segments: list[int], found: dict[str, bytes]) -> tuple[list[bytes], Stages]:
    """A task: the files of ``segments``, and the times of their steps."""
    if machine() != driver:
        raise MummerError(
            f"{order.target}: {os.uname().nodename} has another processor than this machine, and would give other bits;"
            " use machines of one kind"
        )
    tune()
    stages = Stages()
    with scratch_folder() as folder, closing(order.open_source(stages)) as source:
        here = replace(order, folder=folder)
        for name, content in found.items():
            (folder / name).write_bytes(content)
        swapper = here.open_swapper(stages)
        make_segments(here, source, swapper, iter(segments), lambda: None, lambda _: None)
        return [here.path(number).read_bytes() for number in segments], stages


def _stretches(segments: list[int], workers: int) -> Iterator[list[int]]:
    """Consecutive segments in lists, the shorter the fewer are left: no worker is long at its last one."""
    stretch: list[int] = []
    for place, segment in enumerate(segments):
        left = len(segments) - place + len(stretch)
        if stretch and (segment != stretch[-1] + 1 or len(stretch) >= min(STRETCH, -(-left // (2 * workers)))):
            yield stretch
            stretch = []
        stretch.append(segment)
    if stretch:
        yield stretch


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing phones home
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UsageError("--engine ray needs Ray, which is not installed: pip install 'mummer[ray]'") from error
    return ray


@contextmanager
def _connected(ray: Any, address: str | None, workers: int) -> Iterator[None]:
    """A block in which ``ray`` has a cluster."""
    paths = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    try:
        if address:
            _connect(ray, address=address, runtime_env={"env_vars": paths})
        else:  # its workers inherit them: an environment of their own would make Ray start them anew
            with _environment(paths):
                _connect(ray, num_cpus=workers, include_dashboard=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise MummerError(f"no Ray cluster at {address or 'this machine'}: {str(error).splitlines()[0]}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _connect(ray: Any, **cluster: Any) -> None:
    ray.init(log_to_driver=False, logging_level=logging.ERROR, **cluster)


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
