"""English words in Mandarin stay what they are when the text is normalised."""

import pytest

from nlu.normalise import Normaliser


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ("帮我查一下 iPhone 15 Pro Max 的保修", ["iPhone 15 Pro Max"]),
        ("我的 order number 是 A B 一二三", ["order number", "A", "B"]),
        ("这个 app 的 Wi-Fi 连不上", ["app", "Wi-Fi"]),
        ("我要的是 two in one 的那款", ["two in one"]),
        ("我的 VIP 到期了", ["VIP"]),
    ],
)
def test_they_survive(raw: str, words: list[str]) -> None:
    normalised = Normaliser().normalise(raw, "zh")
    at = 0
    for word in words:
        at = normalised.text.find(word, at)
        assert at >= 0, f"{word!r} is lost"
        at += len(word)
    for span in normalised.spans:
        assert not any(char.isascii() and char.isalpha() for char in raw[span.raw_start : span.raw_end])
