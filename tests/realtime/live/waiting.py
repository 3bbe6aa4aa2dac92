"""Waiting for an engine."""

from collections.abc import Callable
from time import monotonic

from realtime.live.engine import Engine
from realtime.live.status import Status

__all__ = ["LONG", "until"]

LONG = 20.0  # seconds that nothing takes


def until(engine: Engine, true: Callable[[Status], bool]) -> Status:
    """Wait until something is true of the engine's status, and return that."""
    end = monotonic() + LONG
    while not true(status := engine.status()):
        assert monotonic() < end, f"never came true; last: {status}"
        engine.wait(0.02)
    return status
