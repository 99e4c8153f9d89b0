"""Hotwords: names and terms of the trade that finals are to have right, from the settings and from the cards."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from callcue.core.cards import Card
from callcue.core.speech import Language
from nlu.claims import Claim
from nlu.folding import is_han
from nlu.hotwords_en import EnglishHotwords
from nlu.hotwords_zh import ChineseHotwords

_TITLE_PARTS = re.compile(r"[^\u4e00-\u9fff]|[和与及或的]")
_QUESTION = re.compile(r"怎么|什么|[哪谁吗几]")
_TITLE_LEAST = 3
"""Characters; shorter parts of a title are everyday words."""
_LONGEST = 12
_EN_LEAST = 7
"""Letters of a word of a trigger phrase; shorter ones are everyday words."""
_MOST = 20_000
"""Hotwords from cards; with more of them the last ones are left out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HotwordConfig:
    """What does not change while the service runs."""

    given: tuple[str, ...] = ()
    """From the settings: Chinese words of two characters or more, English words."""
    known_english: frozenset[str] = frozenset()
    """Lower-case words that are never taken for a slip; empty: English is not corrected."""


class HotwordCorrector:
    """Finds slips for hotwords in a final. Immutable; safe to share. Building takes about 0.1 ms a word."""

    def __init__(self, config: HotwordConfig, cards: Iterable[Card] = ()) -> None:
        derived = vocabulary(cards)
        given = [word for word in config.given if is_han(word[0])]
        self._chinese = ChineseHotwords(given, (word for word in derived if is_han(word[0])))
        english = [word for word in derived if not is_han(word[0])] + [w for w in config.given if not is_han(w[0])]
        self._english = EnglishHotwords(english, config.known_english)

    def claims(self, text: str, language: Language) -> Iterator[Claim]:
        """What is to be put right, of kind ``hotword``; offsets in characters. English words also in Chinese text."""
        if language == "zh":
            yield from self._chinese.claims(text)
        yield from self._english.claims(text)


def vocabulary(cards: Iterable[Card]) -> Sequence[str]:
    """The words of the cards that are safe to correct to.

    Trigger phrases that may be matched by sound, for somebody wrote them as what customers say; the parts of titles
    between conjunctions and punctuation, from three characters up, where they ask nothing; long words of English
    trigger phrases. Bodies and questions are whole sentences and give nothing.
    """
    words: dict[str, None] = {}
    for card in cards:
        for trigger in card.triggers:
            if trigger.match == "pinyin" and 2 <= len(trigger.phrase) <= _LONGEST and all(map(is_han, trigger.phrase)):
                words[trigger.phrase] = None
            elif trigger.phrase.isascii():
                words.update(dict.fromkeys(re.findall(rf"[a-z]{{{_EN_LEAST},}}", trigger.phrase.lower())))
        for part in _TITLE_PARTS.split(card.title):
            if _TITLE_LEAST <= len(part) <= _LONGEST and not _QUESTION.search(part):
                words[part] = None
    return list(words)[:_MOST]
