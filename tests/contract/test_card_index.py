"""The embedded card index, held to the contract of its port."""

import pytest

from callcue.core.ports import CardIndex
from callcue.testing import HashEmbedder
from kb_index.index import HybridIndex
from tests.contract.card_index import CardIndexContract


class TestHybridIndex(CardIndexContract):
    @pytest.fixture
    def index(self) -> CardIndex:
        return HybridIndex(HashEmbedder(dims=256))
