"""A served edge with tokens, and one without."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.api.edge import Edge, serve


@pytest.fixture
async def edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """With a token for each role."""
    async with serve(tmp_path) as served:
        yield served


@pytest.fixture
async def open_edge(tmp_path: Path) -> AsyncIterator[Edge]:
    """Without tokens: everybody on this machine is admin."""
    async with serve(tmp_path, with_tokens=False) as served:
        yield served
