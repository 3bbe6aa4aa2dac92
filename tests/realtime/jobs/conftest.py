"""What the tests of jobs share."""

import sys
from collections.abc import Iterator

import pytest

from realtime.jobs.segments.engines import processes
from tests.realtime.forked import preloaded


@pytest.fixture(scope="session", autouse=True)
def forked_workers() -> Iterator[None]:
    """Workers of a job do without the second that their imports take."""
    with pytest.MonkeyPatch.context() as patch:
        if sys.platform.startswith("linux"):
            context = preloaded("realtime.jobs.convert", processes.__name__)
            patch.setattr(processes, "get_context", lambda method: context)
        yield
