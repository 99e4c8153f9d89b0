"""Terms and BM25."""

import numpy as np
import pytest

from kb_index.folding import count_terms, fold, simplify, term_weight
from kb_index.lexical import LexicalIndex, Vocabulary, postings_of

DOCS = ("账单在哪里看", "怎么开发票 电子发票", "iPhone手机屏幕碎了", "refund for two cards")


def index(*documents: str) -> LexicalIndex:
    vocabulary = Vocabulary()
    return LexicalIndex(vocabulary, postings_of(vocabulary, [vocabulary.vector(d) for d in documents or DOCS]))


def test_traditional_full_width_and_capitals_fold_together() -> None:
    assert fold("ＡＰＰ裡的賬單") == "app里的账单"
    assert simplify("Apple Pay") == "Apple Pay"


def test_terms_are_pairs_characters_and_words() -> None:
    assert set(count_terms("看账单 Apple手机, don't")) == {
        *("看", "账", "单", "看账", "账单"),
        *("apple", "手", "机", "手机", "don't"),
    }
    assert count_terms("，。!?") == {}
    assert term_weight("账") < term_weight("账单") == term_weight("a")


@pytest.mark.parametrize(("query", "best"), [("账单", 0), ("我要开發票", 1), ("IPHONE 坏了", 2), ("card refunds", 3)])
def test_the_document_that_shares_most_comes_first(query: str, best: int) -> None:
    assert int(index().search(query).argmax()) == best


def test_nothing_shared_is_zero() -> None:
    assert not index().search("天气 weather").any()
    assert not index().coverage("天气 weather").any()


def test_coverage_is_the_share_of_the_query_that_is_held() -> None:
    whole = index().coverage("账单在哪里看")
    half = index().coverage("账单在哪里看 天气预报如何")
    assert whole[0] == pytest.approx(1.0)
    assert 0.2 < half[0] < 0.7
    assert index().coverage("").tolist() == [0.0] * 4


def test_a_rare_term_counts_more_than_a_common_one() -> None:
    scores = index("发票 退货", "发票 积分", "发票 保修").search("发票 积分")
    assert scores[1] > 1.5 * scores[0]


def test_bm25_by_hand() -> None:
    scores = index("aa bb", "aa cc").search("bb")
    rarity = np.log1p((2 - 1 + 0.5) / (1 + 0.5))
    assert scores.tolist() == pytest.approx([rarity * 2.2 / (1 + 1.2), 0.0])


def test_a_vocabulary_that_grew_does_not_disturb_an_older_index() -> None:
    vocabulary = Vocabulary()
    old = LexicalIndex(vocabulary, postings_of(vocabulary, [vocabulary.vector("账单")]))
    new = LexicalIndex(vocabulary, postings_of(vocabulary, [vocabulary.vector("账单"), vocabulary.vector("发票")]))
    assert not old.search("发票").any()
    assert new.search("发票")[1] > 0
