"""The embedded card index, and what wraps it, held to the contract of their port."""

import pytest

from callcue.core.ports import CardIndex
from callcue.learning.feedback import Ack, FeedbackConfig, weigh
from callcue.learning.likeness import QuestionVectors
from callcue.learning.ranking import FeedbackIndex
from callcue.testing import HashEmbedder
from kb_index.index import HybridIndex
from tests.contract.card_index import INVOICE, CardIndexContract


class TestHybridIndex(CardIndexContract):
    @pytest.fixture
    def index(self) -> CardIndex:
        return HybridIndex(HashEmbedder(dims=256))


class TestFeedbackIndex(CardIndexContract):
    @pytest.fixture
    def index(self) -> CardIndex:
        """With somebody's word on a card."""
        vectors = QuestionVectors(HashEmbedder(dims=256))
        index = FeedbackIndex(HybridIndex(HashEmbedder(dims=256)), vectors)
        said = [Ack(card_id=INVOICE.id, card_version=1, agent=agent, action="used", at_ms=0) for agent in ("ann", "bo")]
        space = vectors.space([])
        index.learn(weigh(said, now_ms=0, versions={}, config=FeedbackConfig(), space=space))
        return index
