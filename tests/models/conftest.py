"""What the tests of models share."""

from collections.abc import Iterator

import pytest

from tests.export.registry import share_registry


@pytest.fixture(scope="session", autouse=True)
def one_registry() -> Iterator[None]:
    """Exports share what torch knows of ONNX."""
    with pytest.MonkeyPatch.context() as patch:
        share_registry(patch)
        yield
