"""How the caller feels, in the words in which a script for such a caller is filed.

Scripts are written from the agent's side (客户情绪激动怎么安抚); an angry caller never says such a sentence, so the
caller's words alone cannot find them.
"""

import re
from functools import cache

from callcue.core.speech import Language
from nlu.folding import is_han
from nlu.word_lists import lines


def moods(text: str, language: Language) -> list[str]:
    """Descriptions of a caller who speaks like this, strongest first; empty for an even temper."""
    return [name for name, pattern in _compiled() if is_han(name[0]) == (language == "zh") and pattern.search(text)]


@cache
def _compiled() -> tuple[tuple[str, re.Pattern[str]], ...]:
    table = []
    for line in lines("moods"):
        name, *patterns = (part.strip() for part in line.split(" | "))
        table.append((name, re.compile("|".join(patterns), re.IGNORECASE)))
    return tuple(table)
