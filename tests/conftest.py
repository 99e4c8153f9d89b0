"""What every test starts from."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def log_as_at_the_start() -> Iterator[None]:
    """A command sets logging up on the standard error that it has: in a test, one that is soon closed."""
    yield
    structlog.reset_defaults()
