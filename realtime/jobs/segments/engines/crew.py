"""Workers that ask for segments and say what they have made, wherever they are."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from traceback import format_exc
from typing import Final, Generic, Literal, Protocol, Self, TypeAlias, TypeVar

from realtime.jobs.segments.engines.shares import Shares
from realtime.jobs.segments.engines.watcher import Watcher
from realtime.jobs.segments.maker import Order, make_segments
from realtime.jobs.segments.plan import UncuttableError
from realtime.runtime.cores import Share
from realtime.runtime.errors import MummerError
from realtime.runtime.process import tune
from realtime.runtime.stages import Stages

__all__ = ["Crew", "GoneError", "Link", "Place", "Word", "work"]

#: How often a worker may be lost before the job is given up: something then ends each of them.
LOSSES: Final = 3

#: What a worker says: it asks for the segment after its last, counts frames, has finished a segment, or ends.
Word: TypeAlias = (
    tuple[Literal["next"], int | None]
    | tuple[Literal["frames"], int]
    | tuple[Literal["done"], int]
    | tuple[Literal["end"], Stages]
    | tuple[Literal["failed"], Exception]
)


class GoneError(Exception):
    """A worker has ended, in the way that is said."""


class Link(Protocol):
    """A worker, seen from the process that it works for."""

    def hear(self) -> Word:
        """What it says next; the file of a segment that is done is there. Raises ``GoneError``."""

    def answer(self, segment: int | None) -> None:
        """After it has asked: its next segment, or None where nothing is left."""

    def spread(self) -> None:
        """Others have ended: it may use their cores, too."""

    def part(self) -> None:
        """Wait for the end of one that has said that it ends, or is gone."""

    def stop(self) -> None:
        """End it, whatever it is at."""


L = TypeVar("L", bound=Link)


class Place(Protocol[L]):
    """Where workers are."""

    def start(self, share: Share) -> L:
        """Let one more begin, on its ``share`` of the cores."""

    def ready(self, links: Iterable[L]) -> Iterable[L]:
        """Wait until some of ``links`` have something to say, and return these."""


@dataclass(eq=False, slots=True)
class _Worker(Generic[L]):
    """``number`` is its own; a replacement has the lost one's ``share`` of the cores.

    ``frames`` is how many it has counted that are in no finished segment.
    """

    number: int
    share: Share
    link: L
    frames: int = 0
    has_asked: bool = False


class Crew(Generic[L]):
    """Workers at ``place`` that share ``segments``, and whose times go into ``stages``.

    Leaving its block ends those that are still there.
    """

    def __init__(self, order: Order, segments: list[int], place: Place[L], stages: Stages, watcher: Watcher) -> None:
        self._order, self._place, self._stages, self._watcher = order, place, stages, watcher
        self._shares, self._missing = Shares(segments), set(segments)
        self._workers = list[_Worker[L]]()
        self._started = self._losses = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.link.stop()
        for worker in self._workers:
            worker.link.part()

    def work(self, workers: int) -> None:
        """Let so many workers make all segments.

        Raises what a worker raises, and ``MummerError`` where too many of them end by themselves.
        """
        count = min(workers, len(self._missing))
        for number in range(count):
            self._start(Share(number, count))
        while self._missing or any(worker.has_asked for worker in self._workers):
            ready = set(self._place.ready(worker.link for worker in self._workers))
            for worker in [worker for worker in self._workers if worker.link in ready]:
                try:
                    self._hear(worker, worker.link.hear())
                except GoneError as how:
                    self._lose(worker, how)

    def _start(self, share: Share) -> None:
        self._workers.append(_Worker(self._started, share, self._place.start(share)))
        self._started += 1

    def _hear(self, worker: _Worker[L], word: Word) -> None:
        match word:
            case "next", last:
                worker.has_asked = True
                worker.link.answer(self._shares.next(worker.number, last))
            case "frames", count:
                worker.frames += count
                self._watcher.frames(count)
            case "done", segment:
                worker.frames -= len(self._order.plan.span(segment))
                self._shares.done(worker.number, segment)
                self._missing.discard(segment)
                self._watcher.segment(segment)
            case "end", stages:
                self._stages.add(stages)
                self._part_from(worker)
                for other in self._workers:
                    other.link.spread()
            case "failed", error:
                raise error

    def _lose(self, worker: _Worker[L], how: GoneError) -> None:
        self._part_from(worker)
        self._watcher.frames(-worker.frames)
        self._shares.lost(worker.number)
        self._losses += 1
        if self._losses > LOSSES:
            raise MummerError(
                f"{self._order.target}: its workers end by themselves, the last one {how}; with less memory than they"
                " need, use fewer --workers"
            )
        self._start(worker.share)

    def _part_from(self, worker: _Worker[L]) -> None:
        self._workers.remove(worker)
        worker.link.part()


def work(order: Order, say: Callable[[Word], None], hear: Callable[[], int | None]) -> None:
    """A worker's whole life. ``say`` is called in several threads, ``hear`` for the answer after each "next"."""
    tune()

    def segments() -> Iterator[int]:
        last: int | None = None
        while True:
            say(("next", last))
            last = hear()
            if last is None:
                return
            yield last

    try:
        stages = Stages()
        with closing(order.open_source(stages)) as source:
            swapper = order.open_swapper(stages)
            make_segments(
                order, source, swapper, segments(), lambda: say(("frames", 1)), lambda segment: say(("done", segment))
            )
        say(("end", stages))
    except (MummerError, UncuttableError) as error:
        say(("failed", error))
    except Exception:  # noqa: BLE001  # raised where the job is waited for
        say(("failed", RuntimeError(f"in a worker:\n{format_exc()}")))
