"""What lies on the desk while saved faces are corrected: the file's frames, what is doubtful, and the way back."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from threading import Lock

from realtime.finder.alignments import AlignedFrame, Alignments
from realtime.finder.doubts import REACH, FaceDoubt, doubts_of
from realtime.runtime.errors import InputError, OutputError, UsageError
from realtime.runtime.files import writing

__all__ = ["Desk"]


class Desk:
    """The frames of a file, to be changed one or several at a time; any thread may ask."""

    def __init__(self, path: Path) -> None:
        """Read the file ``path``. Raises ``InputError``."""
        self.path = path
        self._held = Alignments.read(path)
        self._state = _state(path)
        self._lock = Lock()
        self._undo: list[dict[int, AlignedFrame]] = []
        self._saved = 0  # how many changes there were when it was saved last; -1 where that is undone
        found = ((at, doubts_of(self._held.frames, at)) for at in range(len(self._held.frames)))
        self._doubts = {at: doubts for at, doubts in found if doubts}

    @property
    def held(self) -> Alignments:
        """The file in memory."""
        return self._held

    @property
    def doubts(self) -> dict[int, list[FaceDoubt]]:
        """What is doubtful, by the number of the frame, in order."""
        with self._lock:
            return dict(sorted(self._doubts.items()))

    @property
    def is_saved(self) -> bool:
        """Whether the file is as what lies here."""
        return self._saved == len(self._undo)

    @property
    def changes(self) -> int:
        """How many there are that can be undone."""
        return len(self._undo)

    def frame(self, at: int) -> AlignedFrame:
        """The frame number ``at``, from 0. Raises ``InputError`` where there is none."""
        if not 0 <= at < len(self._held.frames):
            raise InputError(f"frame {at}: there is none; the last one is {len(self._held.frames) - 1}")
        return self._held.frames[at]

    def change(self, frames: Mapping[int, AlignedFrame]) -> None:
        """Put ``frames``, by their numbers, in the place of those that are there."""
        with self._lock:
            if self._saved > len(self._undo):
                self._saved = -1
            self._undo.append(self._put(frames))

    def delete_track(self, track: int) -> None:
        """Take a track out of all frames. Raises ``UsageError`` where no frame has it."""
        without = {
            at: replace(frame, faces=tuple(each for each in frame.faces if each.face.track != track))
            for at, frame in enumerate(self._held.frames)
            if frame.face(track) is not None
        }
        if not without:
            raise UsageError(f"track {track}: no frame has it")
        self.change(without)

    def undo(self) -> int:
        """Take the last change back; returns the number of its first frame. Raises ``UsageError`` without any."""
        with self._lock:
            if not self._undo:
                raise UsageError("there is nothing to undo")
            before = self._undo.pop()
            self._put(before)
            return min(before)

    def save(self) -> None:
        """Write the whole file. Raises ``OutputError``, also where somebody else has written it meanwhile."""
        with self._lock:
            if _state(self.path) not in (None, self._state):
                raise OutputError(
                    f"{self.path}: was written by somebody else since it was opened here; move that elsewhere, and save"
                    " again"
                )
            self._held.write(self.path)
            self._state, self._saved = _state(self.path), len(self._undo)

    def rescue(self) -> Path | None:
        """Write what was not saved beside the file; returns where, None where all was saved. Raises ``OutputError``."""
        if self.is_saved:
            return None
        beside = self.path.with_stem(f"{self.path.stem}-unsaved")
        self._held.write(beside)
        return beside

    def _put(self, frames: Mapping[int, AlignedFrame]) -> dict[int, AlignedFrame]:
        """Exchange ``frames``; returns those that were there."""
        before = {at: self._held.frames[at] for at in frames}
        for at, frame in frames.items():
            self._held.frames[at] = frame
        near = {other for at in frames for other in range(at - REACH, at + REACH + 1)}
        for at in near & set(range(len(self._held.frames))):
            self._doubts.pop(at, None)
            if doubts := doubts_of(self._held.frames, at):
                self._doubts[at] = doubts
        return before


def _state(path: Path) -> tuple[int, int] | None:
    """By what a file is known to be as it was; None where it is gone, and may be written again."""
    with writing(path):
        if not path.exists():
            return None
        state = path.stat()
        return state.st_size, state.st_mtime_ns
