"""Is this nothing but greetings, confirmations, thanks and fillers?"""

import re
from functools import cache

from callcue.core.speech import Language
from nlu.word_lists import phrases

_LONGEST = 60
"""Characters; what is longer says something."""
_BETWEEN = re.compile(r"[\s，,、。.！!？?；;…~\-]*")


def is_small_talk(text: str, language: Language) -> bool:
    """Whether ``text`` is a chain of the listed phrases, or empty."""
    start = _BETWEEN.match(text)
    at = start.end() if start else 0
    text = text.lower()
    if at >= len(text):
        return True
    if len(text) > _LONGEST:
        return False
    # Positions that a chain can reach. One regular expression (a|b|ab)+ would need exponential time on 那好那好那好….
    reached = [at]
    seen = {at}
    for position in reached:
        for phrase in _compiled(language):
            found = phrase.match(text, position)
            after = _BETWEEN.match(text, found.end()) if found else None
            if after is None or after.end() in seen:
                continue
            if after.end() == len(text):
                return True
            seen.add(after.end())
            reached.append(after.end())
    return False


@cache
def _compiled(language: Language) -> tuple[re.Pattern[str], ...]:
    """The listed phrases; English ones end where a word ends."""
    tail = "" if language == "zh" else r"(?![\w'])"
    return tuple(re.compile(f"(?:{p.replace('_', ' ')}){tail}") for p in phrases(f"small_talk_{language}"))
