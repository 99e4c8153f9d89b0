"""Chinese: the rules of ``normalise``, in order of precedence.

Single digits that count (三天, 一只耳机, 两个) stay words: that is how Chinese, and hence a card, writes them, and
it is where 一起, 一直, 一点 live.
"""

import re
from collections.abc import Callable, Iterator

from nlu.claims import Claim
from nlu.digit_strings import digit_strings
from nlu.numerals import zh_cardinal, zh_digits
from nlu.word_lists import phrases

_IDIOMS = phrases("idioms_zh")
_IDIOM = re.compile("|".join(sorted(map(re.escape, _IDIOMS), key=len, reverse=True)))
_MONEY_AFTER = re.compile(r"[多来余]?(?:块|元|万|钱)")

_NUM = r"[零〇一二两三四五六七八九十百千万亿\d]+"
_PERCENT = re.compile(rf"百分之({_NUM})(?:点([零〇一二三四五六七八九\d]+))?")
_SMALL_NUM = r"[一二两三四五六七八九十\d]{1,3}"
_NO_NUM_BEFORE = r"(?<![零〇一二两三四五六七八九十百千万\d第几])"
_MONTH = re.compile(rf"{_NO_NUM_BEFORE}(?<![个上下本每数])({_SMALL_NUM})月(?:({_SMALL_NUM})([号日])?)?(?!饼)")
_DAY = re.compile(rf"{_NO_NUM_BEFORE}({_SMALL_NUM})号")
_MONTH_NAMED = re.compile(r"(?:个月|本月|上月|下月)的?$")
_NOT_A_DAY = re.compile(r"[线楼院门店柜机房口馆仓库码位]")
_SHORT_YEAR = re.compile(rf"{_NO_NUM_BEFORE}([零〇一二][零〇一二三四五六七八九])(?=年{_SMALL_NUM}月)")
_TIME = re.compile(rf"{_NO_NUM_BEFORE}(?<!差)({_SMALL_NUM})点(钟|半|整|一刻|三刻|[零〇]?{_SMALL_NUM}分?)?")
_DAYPART = re.compile(r"(?:上午|下午|早上|早晨|晚上|中午|凌晨|傍晚|夜里|今晚|明晚|明早|今早)[的大概约]?$")
_NOT_ONE_OCLOCK = re.compile(r"儿|都|也|没|不|声|小|点|东西|反应|信号|问题|办法|用")
_DECIMAL = re.compile(
    rf"(?<![百千万第])({_NUM})点([零〇一二三四五六七八九\d]+)(?=个|块|元|万|折|米|厘米|毫米|英寸|寸|公斤|千克|斤|克|兆|倍|度|[GgMmKkTt]|瓦|伏|版|升|%|公里|小时)"
)
_RUN = re.compile(r"[零〇一二两三四五六七八九十百千万亿\d](?:[零〇一二两三四五六七八九十百千万亿\d]|(?<=\d)[.](?=\d))*")
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)")
_CURRENCY = re.compile(r"[多来余]?(?:块|元|毛钱|角钱|美元|港币|人民币)")
_MEASURE = re.compile(
    r"[多来余几]?(?:个|天|年|台|部|件|次|岁|分钟|小时|秒|米|厘米|毫米|英寸|寸|兆|度|名|位|人|张|条|期|周|公里|瓦|只|副|套|份|"
    r"箱|盒|包|斤|公斤|克|倍|折|层|楼|遍|家|款|页|级|成|工作日|[GgTtMm]|%|％)"
)
_PAID = re.compile(r"(?:花了?|付了?|退了?|扣了?|收了?|便宜|优惠|差价|运费|差|只要|才|等于|抵|减|预算|一共|总共)$")


def idioms(text: str) -> Iterator[Claim]:
    """Set phrases stay as they are; 二百五 too, unless money is meant."""
    for found in _IDIOM.finditer(text):
        if found.group() == "二百五" and _MONEY_AFTER.match(text, found.end()):
            continue
        before = text[max(0, found.start() - 1) : found.start()]
        if found.group() in ("千万", "万一", "二百五") and re.fullmatch(r"[一二两三四五六七八九十百\d]", before):
            continue  # 三千万, 两万一, 一千二百五
        yield Claim(found.start(), found.end(), None, "idiom")


def percentages(text: str) -> Iterator[Claim]:
    """百分之五 -> 5%, 百分之零点五 -> 0.5%."""
    for found in _PERCENT.finditer(text):
        whole = zh_cardinal(found.group(1)) or ("0" if found.group(1) in "零〇" else None)
        if whole is None:
            continue
        fraction = f".{zh_digits(found.group(2))}" if found.group(2) else ""
        yield Claim(found.start(), found.end(), f"{whole}{fraction}%", "number")


def _between(text: str, low: int, high: int) -> str | None:
    value = zh_cardinal(text)
    return value if value is not None and "." not in value and low <= int(value) <= high else None


def dates(text: str) -> Iterator[Claim]:
    """九月十二号 -> 9月12号; a day alone from ten up (十二号), a smaller one only after a month (上个月三号)."""
    for found in _MONTH.finditer(text):
        month = _between(found.group(1), 1, 12)
        if month is None:
            continue
        yield from _changed(text, found.start(1), found.end(1), month, "date")
        day = _between(found.group(2) or "", 1, 31)
        if day is not None and (found.group(3) or len(found.group(2)) > 1):
            yield from _changed(text, found.start(2), found.end(2), day, "date")
    for found in _DAY.finditer(text):
        value = _between(found.group(1), 1, 31)
        if value is None or _NOT_A_DAY.match(text, found.end()):
            continue
        if int(value) >= 10 or _MONTH_NAMED.search(text, max(0, found.start() - 4), found.start()):
            yield from _changed(text, found.start(1), found.end(1), value, "date")
    for found in _SHORT_YEAR.finditer(text):
        yield Claim(found.start(1), found.end(1), zh_digits(found.group(1)), "date")


def times(text: str) -> Iterator[Claim]:
    """十一点 -> 11点, 九点半 -> 9点半. 一点 is a time only after a part of the day or before 钟, 半, 分 …"""
    for found in _TIME.finditer(text):
        hour = _between(found.group(1), 1, 24)
        if hour is None:
            continue
        tail = found.group(2)
        minutes = None if tail is None else re.fullmatch(rf"([零〇]?)({_SMALL_NUM})(分?)", tail)
        minute = None if minutes is None else _between(minutes.group(2), 1, 59)
        certain = tail in ("钟", "半", "整", "一刻", "三刻")
        certain = certain or (
            minutes is not None and minute is not None and (bool(minutes.group(3)) or int(minute) >= 10)
        )
        if not certain and int(hour) < 10:
            if not _DAYPART.search(text, max(0, found.start() - 6), found.start()):
                continue
            if hour == "1" and _NOT_ONE_OCLOCK.match(text, found.end(1) + 1):
                continue
        yield from _changed(text, found.start(1), found.end(1), hour, "date")
        if minutes is not None and minute is not None and certain:
            written = minute if len(minute) > 1 or not minutes.group(1) else f"0{minute}"
            start = found.start(2)
            yield from _changed(text, start, start + len(minutes.group(1)) + len(minutes.group(2)), written, "date")


def decimals(text: str) -> Iterator[Claim]:
    """三点五折 -> 3.5折: only before a unit."""
    for found in _DECIMAL.finditer(text):
        whole = "0" if found.group(1) in ("零", "〇") else zh_cardinal(found.group(1))
        if whole is not None:
            yield Claim(found.start(), found.end(), f"{whole}.{zh_digits(found.group(2))}", "number")


def thousands(text: str) -> Iterator[Claim]:
    """1,299 -> 1299."""
    for found in _THOUSANDS.finditer(text):
        yield Claim(found.start(), found.end(), found.group().replace(",", ""), "number")


def cardinals(text: str) -> Iterator[Claim]:
    """Amounts and counts: 一千二百九十九块 -> 1299块, 一万块 -> 10000块, 十五天 -> 15天, 五块八 -> 5块8."""
    for found in _RUN.finditer(text):
        run, start, end = found.group(), found.start(), found.end()
        if run.isascii() or (start and text[start - 1] in "第初周几数拜期百分"):
            continue
        value = zh_cardinal(run)
        if value is None or not _is_number(text, run, start, end):
            continue
        yield Claim(start, end, value, "number")
    for found in re.finditer(r"块([一二三四五六七八九])(?=[毛角钱，。,.!?！？ ]|$)", text):
        if re.match(_NUM, text[max(0, found.start() - 1) : found.start()]):
            yield Claim(found.start(1), found.end(1), zh_digits(found.group(1)), "number")


def _is_number(text: str, run: str, start: int, end: int) -> bool:
    """Whether the words are meant as a figure."""
    money = _CURRENCY.match(text, end) is not None
    if len(run) == 1 and run != "十":
        after = text[end : end + 2]
        told = after[1:] in ("钱", *"一二三四五六七八九") if after.startswith("块") and len(after) == 2 else False
        paid = _PAID.search(text, max(0, start - 4), start) is not None
        whole_coin = money and not after.startswith("块")
        return told or whole_coin or (money and paid)
    if money or any(unit in run for unit in "百千万亿"):
        return True
    if run == "十":
        return _MEASURE.match(text, end) is not None and text[end : end + 1] not in ("几", "成")
    if not run.startswith("十"):
        return True  # 二十, 三十五
    return _MEASURE.match(text, end) is not None


def _changed(text: str, start: int, end: int, written: str, kind: str) -> Iterator[Claim]:
    if text[start:end] != written:
        yield Claim(start, end, written, kind)


RULES: tuple[Callable[[str], Iterator[Claim]], ...] = (
    idioms,
    percentages,
    thousands,
    digit_strings,
    decimals,
    dates,
    times,
    cardinals,
)
"""In order of precedence."""
