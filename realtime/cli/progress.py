"""The progress bar of commands that work through frames."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING

from realtime.cli.console import harmless

if TYPE_CHECKING:
    from rich.progress import Progress

    from realtime.jobs.convert import OnFrame

__all__ = ["Bar", "progress", "progress_bar"]


class Bar:
    """A bar with frames a second and the time left, for one file after the other."""

    def __init__(self, shown: "Progress", name: str) -> None:
        self._shown = shown
        self.begin(name)

    def begin(self, name: str) -> None:
        """From now on it is about this file."""
        for task in self._shown.task_ids:
            self._shown.remove_task(task)
        self._task = self._shown.add_task(harmless(name), total=None, fps=0.0)
        self._began, self._before = perf_counter(), -1

    def on_frame(self, done: int, expected: int) -> None:
        """So many frames are done, of so many."""
        if self._before < 0:  # what an earlier run did has no part in the speed
            self._began, self._before = perf_counter(), done
        fps = (done - self._before) / max(perf_counter() - self._began, 0.001)
        self._shown.update(self._task, completed=done, total=max(done, expected), fps=fps)


@contextmanager
def progress_bar(name: str, show: bool) -> "Iterator[Bar | None]":
    """A bar on stderr, where there is a terminal to show it."""
    if not show or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from realtime.runtime.stop_signals import unwinding

    columns = (
        TextColumn("{task.description}", markup=False),  # a name may look like markup
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeRemainingColumn(),
    )
    with unwinding(), Progress(*columns, console=Console(stderr=True), transient=True) as shown:  # it hides the cursor
        yield Bar(shown, name)


@contextmanager
def progress(name: str, show: bool) -> "Iterator[OnFrame | None]":
    """The same for one file."""
    with progress_bar(name, show) as bar:
        yield None if bar is None else bar.on_frame
