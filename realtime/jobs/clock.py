"""The clock of a file job: frames for the progress bar, seconds for the report."""

from time import perf_counter

from realtime.jobs.job import OnFrame

__all__ = ["Clock"]


class Clock:
    """Counts frames for the progress bar, and seconds since it was made for the report."""

    def __init__(self, on_frame: OnFrame | None) -> None:
        self._on_frame = on_frame
        self._expected = self._done = self._before = 0
        self._made = self._ended = perf_counter()
        self._started: float | None = None
        self._first: float | None = None
        self._to_look_at = self._looked_at = 0

    def look(self, frames: int) -> None:
        """What begins next only looks at so many frames; they come a second time to be written, and count twice."""
        self._to_look_at = frames

    def looked(self) -> None:
        """The frames were looked at, and come again."""
        self._looked_at, self._to_look_at = self._to_look_at, 0

    def start(self, expected: int, before: int = 0) -> None:
        """Frames begin to come, ``expected`` in all (0 where nobody knows), and ``before`` of them came already."""
        self._expected = expected + self._to_look_at + self._looked_at
        self._done = self._before = before + self._looked_at
        self._started = self._started or perf_counter()

    def tick(self, count: int = 1) -> None:
        """So many frames were written; fewer than 0 where they have to be written once more."""
        self._done += count
        if self._first is None and not self._to_look_at:
            self._first = perf_counter()
        if self._on_frame is not None:
            self._on_frame(self._done, self._expected)

    def stop(self) -> None:
        """The last frame was written."""
        self._ended = perf_counter()

    @property
    def fps(self) -> float:
        """Frames a second, from start to stop."""
        return round((self._done - self._before) / (self._ended - (self._started or self._made)), 3)

    @property
    def first_s(self) -> float:
        """Seconds until the first frame was written."""
        return round((self._first or self._ended) - self._made, 3)

    @property
    def now_s(self) -> float:
        """Seconds until now."""
        return round(perf_counter() - self._made, 3)
