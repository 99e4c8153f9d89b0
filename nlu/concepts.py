"""How callers put it -> how cards name it (慢慢付 -> 分期付款), from ``phrases/concepts_zh.txt``.

A small embedding model does not know that 钱一分都没看到 is about a refund. The list says it for general service words;
what it names is looked up beside the caller's own words.
"""

import re
from functools import cache

from callcue.core.speech import Language
from nlu.word_lists import lines

MOST = 3
"""Names that one utterance is looked up by."""


def concepts(text: str, language: Language) -> list[str]:
    """Names of what the text speaks of, in order of their first mention; only Chinese has a list."""
    if language != "zh":
        return []
    found = [(min(m.start() for m in hits), name) for name, pattern in _compiled() if (hits := _hits(pattern, text))]
    return [name for _, name in sorted(found)[:MOST]]


def _hits(pattern: re.Pattern[str], text: str) -> list[re.Match[str]]:
    return list(pattern.finditer(text))


@cache
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    table = []
    for line in lines("concepts_zh"):
        name, *patterns = (part.strip() for part in line.split(" | "))
        table.append((name, re.compile("|".join(patterns))))
    return tuple(table)
