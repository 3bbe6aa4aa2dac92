"""What the tests of models share."""

from collections.abc import Iterator

import pytest

from tests.conftest import EXPORTING
from tests.export.registry import share_registry


@pytest.fixture(scope="session")
def one_registry() -> Iterator[None]:
    """Exports share what torch knows of ONNX."""
    with pytest.MonkeyPatch.context() as patch:
        share_registry(patch)
        yield


@pytest.fixture(scope="module", autouse=True)
def cheap_exports(request: pytest.FixtureRequest) -> None:
    """Only where there are any: torch's exporter takes seconds to load."""
    if request.path.relative_to(request.config.rootpath).as_posix() in EXPORTING:
        request.getfixturevalue("one_registry")
