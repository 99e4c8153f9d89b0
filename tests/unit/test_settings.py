"""What settings refuse, and how they say so."""

import pytest
from pydantic import ValidationError

from callcue.core.settings import SpeechSettings


def test_hotwords_are_chinese_or_english_words() -> None:
    words = ("星瀚数码", "延保", "AirPods")
    assert SpeechSettings(hotwords=words).hotwords == words


@pytest.mark.parametrize(
    "word", ["", "票", "开 票", "X1", "iPhone15", "发票！", "开发invoice", "a", "字" * 13, "a" * 31]
)
def test_other_hotwords_are_refused_by_name(word: str) -> None:
    with pytest.raises(ValidationError, match="neither 2 to 12 Chinese characters nor an English word"):
        SpeechSettings(hotwords=("延保", word))


def test_hotwords_are_bounded() -> None:
    with pytest.raises(ValidationError, match="at most 5000"):
        SpeechSettings(hotwords=("延保",) * 5001)
