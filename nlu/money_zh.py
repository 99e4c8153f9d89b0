"""Chinese prices in coins: 十二块五, 三块五毛二, 二十块零五毛. The units stay as they were said."""

import re
from collections.abc import Iterator

from nlu.claims import Claim, changed
from nlu.numerals import ZH_NUMBER_BEFORE, zh_cardinal, zh_digits

_NUM = r"[零〇一二两三四五六七八九十百千万亿\d]++"
_DIGIT = r"[一二两三四五六七八九]"
_PRICE = re.compile(
    rf"{ZH_NUMBER_BEFORE}(?P<whole>{_NUM})[块元](?P<zero>[零〇])?(?P<tenth>{_DIGIT})"
    rf"(?:[毛角](?:(?P<cent>{_DIGIT})分?)?|(?P<cents>分))?"
)
_COINS = re.compile(rf"(?<![一二两三四五六七八九十块元])({_DIGIT})[毛角]({_DIGIT})分?")
_PRICE_OVER = re.compile(r"$|[钱，。、,.!?！？；; 的包左吧啊呢了呀吗嘛哦啦就给我你他还能行是这那再运邮买卖有]")
"""What may follow 五块八: after it a measure word or the rest of another word (五块一个, 三块五花肉) is no price."""


def prices(text: str) -> Iterator[Claim]:
    """五块八 -> 5块8, 三块五毛二 -> 3块5毛2, 一百块零八分 -> 100块零8分."""
    for found in _PRICE.finditer(text):
        value = zh_cardinal(found["whole"])
        coined = found.end() > found.end("tenth")
        end = found.end()
        if value is None or (found["zero"] and not coined):
            continue
        if not (coined and found["cent"] is None) and text[end - 1] != "分" and not _PRICE_OVER.match(text, end):
            continue
        yield from changed(text, *found.span("whole"), value, "number")
        if found["zero"]:
            yield Claim(*found.span("zero"), None, "number")
        yield Claim(*found.span("tenth"), zh_digits(found["tenth"]), "number")
        if found["cent"]:
            yield Claim(*found.span("cent"), zh_digits(found["cent"]), "number")
    for found in _COINS.finditer(text):
        if _PRICE_OVER.match(text, found.end()):
            for group in (1, 2):
                yield Claim(*found.span(group), zh_digits(found.group(group)), "number")
    for found in re.finditer(r"(?<=\d)块([零〇])(?=\d[毛角分])", text):
        yield Claim(*found.span(1), None, "number")  # written so already
