"""Chinese: the rules of ``normalise``, in order of precedence.

Single digits that count (三天, 一只耳机, 两个) stay words: that is how Chinese, and hence a card, writes them, and
it is where 一起, 一直, 一点 live. Numbers that are no one number (三四百, 十几个, 三到五万, 四分之三) stay words too.
"""

import re
from collections.abc import Callable, Iterator

from nlu.claims import Claim
from nlu.digit_strings import digit_strings, is_labelled
from nlu.money_zh import prices
from nlu.numerals import ZH_NUMBER_BEFORE, zh_cardinal, zh_digits
from nlu.times_zh import dates, times
from nlu.word_lists import phrases

_IDIOMS = phrases("idioms_zh")
_IDIOM = re.compile("|".join(sorted(map(re.escape, _IDIOMS), key=len, reverse=True)))
_ONLY_DIGITS = re.compile(r"[一二三四五六七八九]+")
_MONEY_AFTER = re.compile(r"[多来余]?(?:块|元|万|钱)|十")

_NUM = r"[零〇一二两三四五六七八九十百千万亿\d]+"
_DIGIT = r"[零〇一二三四五六七八九\d]"
_ZH_DIGIT = r"[零〇一二三四五六七八九]"
_PERCENT = re.compile(rf"百分之({_NUM}+)(?:点({_DIGIT}+))?(?!几)")
_PER_MILLE = re.compile(rf"千分之({_NUM}+)(?:点({_DIGIT}+))?(?!几)")
_FRACTION = re.compile(rf"{ZH_NUMBER_BEFORE}{_NUM}分之(?:{_NUM}几?|几)")
_APPROXIMATE = re.compile(
    rf"{ZH_NUMBER_BEFORE}[零一二两三四五六七八九十百千万]*[十百千万]几[十百千万]*"  # 十几, 二十几, 一百几十
    rf"|{ZH_NUMBER_BEFORE}十来(?:二十)?"
    rf"|{ZH_NUMBER_BEFORE}[一二两三四五六七八九][到至][一二两三四五六七八九][百千万亿]+"  # 三到五万
    rf"|{ZH_NUMBER_BEFORE}[一二两三四五六七八]{{2}}[十百千万]+[到至]{_NUM}"  # 一两百到三百
)
_DISCOUNT = re.compile(rf"{ZH_NUMBER_BEFORE}([一二三四五六七八九]{{2}})折")
_GIGA = re.compile(rf"{ZH_NUMBER_BEFORE}(?<!点)([一二三四五六七八九])(?=[Gg](?![A-Za-z]))")
_DECIMAL = re.compile(
    rf"(?<![百千万第])({_NUM})点({_DIGIT}+)(?=个|块|元|万|折|米|厘米|毫米|英寸|寸|公斤|千克|斤|克|兆|倍|度|[GgMmKkTt]|瓦|伏|版|升|%|公里|小时)"
)
_BARE_DECIMAL = re.compile(
    rf"{ZH_NUMBER_BEFORE}(?:(?![零〇\d]+点)({_NUM}+)点({_ZH_DIGIT}{{2,}}+)|([零〇])点({_ZH_DIGIT}++))"
    r"(?![十百千万亿分几个位名多来钟半整刻到至号\d])"
)
_VERSION = re.compile(rf"(?:蓝牙|版本|系统|安卓|鸿蒙|[A-Za-z])(?:号?是)? ?({_NUM}+)点({_DIGIT}++)(?![十分])")
_RUN = re.compile(r"[零〇一二两三四五六七八九十百千万亿\d](?:[零〇一二两三四五六七八九十百千万亿\d]|(?<=\d)[.](?=\d))*")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)")
_CURRENCY = re.compile(r"[多来余]?(?:块|元|毛钱|角钱|美元|港币|人民币)")
_MEASURE = re.compile(
    r"[多来余几]?(?:个|天|年|台|部|件|次|岁|分钟|小时|秒|米|厘米|毫米|英寸|寸|兆|度|名|位|人|张|条|期|周|公里|瓦|只|副|套|份|"
    r"箱|盒|包|斤|公斤|克|倍|折|层|楼|遍|家|款|页|级|成|工作日|[GgTtMm]|%|％)"
)
_RANGE = re.compile(rf"[到至乘]({_NUM}+)")
_ORDINAL_AFTER = re.compile(r"[个次名位章条期届代页层天周季轮]")
_PAID = re.compile(r"(?:花了?|付了?|退了?|扣了?|收了?|便宜|优惠|差价|运费|差|只要|才|等于|抵|减|预算|一共|总共)$")


def idioms(text: str) -> Iterator[Claim]:
    """Set phrases stay as they are; 二百五 too, unless money is meant, and 三一五 unless it is part of a read-out."""
    for found in _IDIOM.finditer(text):
        start, end = found.span()
        before = text[max(0, start - 1) : start]
        if found.group() == "二百五" and _MONEY_AFTER.match(text, end):
            continue
        if found.group() in ("千万", "万一", "二百五") and re.fullmatch(r"[一二两三四五六七八九十百\d]", before):
            continue  # 三千万, 两万一, 一千二百五
        if _ONLY_DIGITS.fullmatch(found.group()):
            beside = before + text[end : end + 1]
            if re.search(r"[零〇一二三四五六七八九幺\d]", beside) or is_labelled(text, start):
                continue
        yield Claim(start, end, None, "idiom")


def approximations(text: str) -> Iterator[Claim]:
    """十几个, 二十几块, 三到五万: no one number, so words."""
    for found in _APPROXIMATE.finditer(text):
        yield Claim(found.start(), found.end(), None, "number")


def percentages(text: str) -> Iterator[Claim]:
    """百分之五 -> 5%, 百分之零点五 -> 0.5%, 千分之三 -> 3‰; other fractions (四分之三) stay words."""
    for pattern, sign in ((_PERCENT, "%"), (_PER_MILLE, "‰")):
        for found in pattern.finditer(text):
            whole = zh_cardinal(found.group(1)) or ("0" if found.group(1) in "零〇" else None)
            if whole is not None:
                fraction = f".{zh_digits(found.group(2))}" if found.group(2) else ""
                yield Claim(found.start(), found.end(), f"{whole}{fraction}{sign}", "number")
    for found in _FRACTION.finditer(text):
        yield Claim(found.start(), found.end(), None, "number")


def decimals(text: str) -> Iterator[Claim]:
    """三点五折 -> 3.5折: before a unit, in a version (蓝牙五点三), after 零, or with two places and more."""
    for pattern in (_DECIMAL, _VERSION, _BARE_DECIMAL):
        for found in pattern.finditer(text):
            first = 1 if found.group(1) else 3
            whole, places = found.group(first), zh_digits(found.group(first + 1))
            if pattern is _BARE_DECIMAL and first == 1 and places.startswith("0"):
                continue  # 九点零五 is a time
            value = "0" if whole in ("零", "〇") else zh_cardinal(whole)
            if value is not None:
                yield Claim(found.start(first), found.end(first + 1), f"{value}.{places}", "number")


def thousands(text: str) -> Iterator[Claim]:
    """1,299 -> 1299."""
    for found in _THOUSANDS.finditer(text):
        yield Claim(found.start(), found.end(), found.group().replace(",", ""), "number")


def short_forms(text: str) -> Iterator[Claim]:
    """八五折 -> 85折 (but not 七八折, which is either), 五G -> 5G."""
    for found in _DISCOUNT.finditer(text):
        digits = zh_digits(found.group(1))
        if int(digits[1]) != int(digits[0]) + 1:
            yield Claim(*found.span(1), digits, "number")
    for found in _GIGA.finditer(text):
        yield Claim(*found.span(1), zh_digits(found.group(1)), "number")


def cardinals(text: str) -> Iterator[Claim]:
    """Amounts and counts: 一千二百九十九块 -> 1299块, 一万块 -> 10000块, 十五天 -> 15天."""
    for found in _RUN.finditer(text):
        run, start, end = found.group(), found.start(), found.end()
        if run.isascii() or (start and text[start - 1] in "初周几数拜期百分"):
            continue
        value = zh_cardinal(run)
        if value is None:
            continue
        ordinal = text[max(0, start - 1) : start] == "第"
        if _is_ordinal(text, value, end) if ordinal else _is_number(text, run, start, end):
            yield Claim(start, end, value, "number")


def _is_ordinal(text: str, value: str, end: int) -> bool:
    """第十二次; from eleven up, since 第一 and 第三次 are words."""
    return "." not in value and int(value) > 10 and _ORDINAL_AFTER.match(text, end) is not None


def _is_number(text: str, run: str, start: int, end: int) -> bool:
    """Whether the words are meant as a figure."""
    money = _CURRENCY.match(text, end) is not None
    if _begins_range(text, end):
        return True
    if len(run) == 1 and run != "十":
        told = text.startswith("块钱", end)
        paid = _PAID.search(text, max(0, start - 4), start) is not None
        whole_coin = money and not text.startswith("块", end)
        return told or whole_coin or (money and paid)
    if money or any(unit in run for unit in "百千万亿"):
        return True
    if run == "十":
        return _MEASURE.match(text, end) is not None and text[end : end + 1] not in ("几", "成")
    if not run.startswith("十"):
        return True  # 二十, 三十五
    return (
        _MEASURE.match(text, end) is not None or re.search(r"[A-Za-z] ?$", text[max(0, start - 2) : start]) is not None
    )


def _begins_range(text: str, end: int) -> bool:
    """Whether a figure of ten or more follows after 到: 十到十五天, 三到十五天."""
    found = _RANGE.match(text, end)
    if found is None or len(found.group(1)) < 2 or found.group(1).isascii():
        return False
    return zh_cardinal(found.group(1)) is not None and _is_number(text, found.group(1), *found.span(1))


RULES: tuple[Callable[[str], Iterator[Claim]], ...] = (
    idioms,
    percentages,
    approximations,
    thousands,
    prices,
    digit_strings,
    decimals,
    dates,
    times,
    short_forms,
    cardinals,
)
"""In order of precedence."""
