"""What is done to a text before it is kept as a question: a phone, card or order number is nobody's question."""

import re

MASK = "###"
_LONG = re.compile(r"\d(?:[ \-]?\d){4,}")


def masked(text: str) -> str:
    """``text`` with every number of five digits and more replaced; single spaces and hyphens may lie in between."""
    return _LONG.sub(MASK, text)


def language_of(text: str) -> str:
    """``zh`` where there is a Chinese character, else ``en``: a call that mixes both is filed by what was said."""
    return "zh" if any("\u4e00" <= char <= "\u9fff" for char in text) else "en"
