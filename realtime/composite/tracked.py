"""What is known of each face from earlier frames, by its track."""

import copy
from collections import OrderedDict
from collections.abc import Callable
from typing import Final, Generic, TypeVar

__all__ = ["Tracks"]

#: Tracks that are remembered; the one that was not seen for longest goes first.
MOST_TRACKS: Final = 64

_State = TypeVar("_State")


class Tracks(Generic[_State]):
    """One state a track; made by ``make`` when a face is new."""

    def __init__(self, make: Callable[[], _State]) -> None:
        self._make = make
        self._states: OrderedDict[int, _State] = OrderedDict()

    def __getitem__(self, track: int) -> _State:
        state = self._states.pop(track, None)
        self._states[track] = state = self._make() if state is None else state
        if len(self._states) > MOST_TRACKS:
            self._states.popitem(last=False)
        return state

    def bookmark(self, track: int) -> Callable[[], None]:
        """What brings the state of ``track`` back to what it is now."""
        known = copy.deepcopy(self._states.get(track))

        def back() -> None:
            if known is None:
                self._states.pop(track, None)
            else:
                self._states[track] = known

        return back

    def clear(self) -> None:
        """Forget all."""
        self._states.clear()
