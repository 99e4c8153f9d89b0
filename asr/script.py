"""Chinese script folding: whatever mixture Whisper writes, simplified characters of mainland use come out.

opencc's ``tw2sp`` also turns Taiwan's words into the mainland's (軟體 to 软件), which ``t2s`` does not. On text that is
simplified already such word lists do harm, so they are used only where a traditional character shows that they apply.
帐 is a legal character of both scripts; mainland use writes money with 账 and keeps 帐 for tents and curtains.
"""

import re
from functools import cache
from typing import Any

_TENT = re.compile(r"(?<![蚊营罗纱床帷幔毡])帐(?![篷幕子蓬幔])")
_EXTRA = str.maketrans({"妳": "你", "祂": "他", "牠": "它", "裏": "里", "喫": "吃"})
_WORDS = (("甚么", "什么"), ("计画", "计划"), ("回覆", "回复"), ("答覆", "答复"), ("想像", "想象"))


@cache
def _converter(config: str) -> Any:
    import opencc

    return opencc.OpenCC(config)


def _has_han(text: str) -> bool:
    return any("\u3400" <= char <= "\u9fff" for char in text)


def to_simplified(text: str) -> str:
    """Fold to simplified characters. Text without Chinese characters comes back as it is."""
    if not _has_han(text):
        return text
    folded: str = _converter("t2s").convert(text)
    if folded != text:
        folded = _converter("tw2sp").convert(text)
    folded = folded.translate(_EXTRA)
    for wrong, right in _WORDS:
        folded = folded.replace(wrong, right)
    return _TENT.sub("账", folded)
