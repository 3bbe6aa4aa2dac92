"""A face finder that gives up, for jobs that are to stop in the middle."""

from realtime.finder import BuiltinFinder
from realtime.finder.face import Face
from realtime.media.frame import Frame
from realtime.runtime.errors import MummerError


class Failing(BuiltinFinder):
    """Fails at the frame with a number, of all that it is shown."""

    def __init__(self, last: int) -> None:
        super().__init__("cpu")
        self._left = [last]

    def find(self, frame: Frame) -> tuple[Face, ...]:
        self._left[0] -= 1
        if self._left[0] < 0:
            raise MummerError("the lights went out")
        return super().find(frame)
