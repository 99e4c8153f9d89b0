"""The plainest baseline: scikit-learn's TF-IDF over 1 to 3 characters; a card is as near as its nearest text."""

from collections.abc import Sequence

import numpy as np

from callcue.core.cards import Card
from kb_index.folding import fold


class CharTfidf:
    """Cosine over character n-grams, nothing of the product's but the folding of characters."""

    def __init__(self, cards: Sequence[Card]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        texts = [list(dict.fromkeys((card.title, *card.questions))) for card in cards]
        self._cards = [card.id for card in cards]
        self._starts = np.cumsum([0, *(len(own) for own in texts)])[:-1]
        self._vectoriser = TfidfVectorizer(
            analyzer="char", ngram_range=(1, 3), sublinear_tf=True, preprocessor=fold, dtype=np.float32
        )
        self._matrix = self._vectoriser.fit_transform([text for own in texts for text in own]).T.tocsr()

    def search(self, text: str, k: int) -> list[str]:
        """Card ids, best first; cards that share nothing are left out."""
        query = self._vectoriser.transform([text])
        scores = np.zeros(self._matrix.shape[1], dtype=np.float32)
        for term, weight in zip(query.indices.tolist(), query.data.tolist(), strict=True):
            span = slice(self._matrix.indptr[term], self._matrix.indptr[term + 1])
            scores[self._matrix.indices[span]] += weight * self._matrix.data[span]
        best = np.maximum.reduceat(scores, self._starts)
        order = np.argsort(-best, kind="stable")[:k]
        return [self._cards[card] for card in order.tolist() if best[card] > 0]
