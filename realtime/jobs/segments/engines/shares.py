"""Which worker makes which segment next."""

from collections.abc import Iterable

__all__ = ["Shares"]


class Shares:
    """The segments that are still to be made.

    A worker goes on with the segment after its last, for which it need not seek, nor decode anything twice. One that
    cannot takes over the second half of what lies before another one.
    """

    def __init__(self, segments: Iterable[int]) -> None:
        self._left = set(segments)
        self._taken: dict[int, set[int]] = {}

    def next(self, worker: int, last: int | None = None) -> int | None:
        """The next segment for ``worker``, whose last one was ``last``; None where nothing is left."""
        if not self._left:
            return None
        segment = last + 1 if last is not None and last + 1 in self._left else self._second_half()
        self._left.remove(segment)
        self._taken.setdefault(worker, set()).add(segment)
        return segment

    def done(self, worker: int, segment: int) -> None:
        """``worker`` has finished ``segment``."""
        self._taken[worker].discard(segment)

    def lost(self, worker: int) -> None:
        """``worker`` is gone: what it was at is to be made by others."""
        self._left |= self._taken.pop(worker, set())

    def _second_half(self) -> int:
        """The middle of the longest stretch, or its beginning where nobody is on the way to it."""
        stretches = list(self._stretches())
        longest = max(stretches, key=len)
        taken = {segment for segments in self._taken.values() for segment in segments}
        return longest[len(longest) // 2] if longest[0] - 1 in taken else longest[0]

    def _stretches(self) -> Iterable[list[int]]:
        stretch: list[int] = []
        for segment in sorted(self._left):
            if stretch and segment != stretch[-1] + 1:
                yield stretch
                stretch = []
            stretch.append(segment)
        yield stretch
