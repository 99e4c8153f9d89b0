"""Numbers read out digit by digit: phones, orders, codes (幺三六零二五七八八幺四, 1360二五…, 136 0257-8814)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlu.claims import Claim
from nlu.numerals import ZH_UNITS, zh_digits

_ZH = "零〇一二三四五六七八九两幺"
_DIGIT = rf"[{_ZH}\d]"
_RUN = re.compile(rf"{_DIGIT}+(?:[ \-－—,，、]{{1,2}}{_DIGIT}+)*")
_MISHEARD_ONE = re.compile(rf"(?<={_DIGIT}{{2}})[要腰药](?={_DIGIT}{{2}})")
_GROUP = re.compile(rf"{_DIGIT}+")
_LABEL = re.compile(
    r"(?:订单号?|单号|运单|手机号?|电话|号码|尾号|卡号|[账帐]号|编号|工号|验证码|身份证|序列号|取货码|邮编|税号|串号|分机|会员号|密码|"
    r"联系方式|型号)(?:号码|号)?[是为：:，,、。 呢啊哦吧嗯就应该的后四六位这个记一下报给您你]{0,8}$"
)
_ISO_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_PHONE = re.compile(r"1[3-9]\d{9}|[48]00\d{7}|0\d{9,11}")
_BEFORE_COUNT = re.compile(rf"[{ZH_UNITS}点块元个天年台部件次岁分小秒张条只副套份期毛%％]")
_WEEKDAY = re.compile(r"(?:周|星期|礼拜|第|初)$")


@dataclass(frozen=True, slots=True)
class _Group:
    start: int
    end: int
    text: str

    @property
    def digits(self) -> str:
        return zh_digits(self.text)


def digit_strings(text: str) -> Iterator[Claim]:
    """Joins and converts read-out digits.

    Recognisers write 要, 腰 or 药 for the 幺 inside a read-out: taken as 1 where eight digits or more surround it.

    Three digits or more in a row are a read-out; fewer only after a label (尾号, 订单号 …) or beside Arabic digits.
    Groups are joined across spaces and hyphens after a label or in the shape of a phone number, across commas only in
    the shape of a phone number.
    """
    spoken = text
    for run in re.finditer(rf"(?:{_DIGIT}|(?<={_DIGIT}{{2}})[要腰药](?={_DIGIT}{{2}})){{8,}}", text):
        if _MISHEARD_ONE.search(run.group()):
            spoken = spoken[: run.start()] + _MISHEARD_ONE.sub("幺", run.group()) + spoken[run.end() :]
    yield from _read_outs(spoken)


def _read_outs(text: str) -> Iterator[Claim]:
    for run in _RUN.finditer(text):
        labelled = _LABEL.search(text, max(0, run.start() - 24), run.start()) is not None
        groups = [
            _Group(g.start() + run.start(), g.end() + run.start(), g.group()) for g in _GROUP.finditer(run.group())
        ]
        joined = _joined(text, groups, labelled)
        if joined:
            first, last = groups[0], groups[joined - 1]
            written = "".join(g.digits for g in groups[:joined])
            if written != text[first.start : last.end]:
                yield Claim(first.start, last.end, written, "digits")
        for group in groups[joined:]:
            yield from _single(text, group, labelled)


def _joined(text: str, groups: list[_Group], labelled: bool) -> int:
    """How many groups, from the first, are one number; 0 when none are to be joined."""
    if len(groups) < 2 or _ISO_DATE.match(text, groups[0].start):
        return 0
    for count in range(len(groups), 1, -1):
        digits = "".join(g.digits for g in groups[:count])
        if _PHONE.fullmatch(digits) and all(len(g.text) > 1 for g in groups[1:count]):
            return count
    count = len(groups)
    while count > 1 and _BEFORE_COUNT.match(text, groups[count - 1].end):
        count -= 1
    between = text[groups[0].start : groups[count - 1].end]
    if count < 2 or any(c in between for c in ",，、"):
        return 0
    one_by_one = count >= 3 and all(len(g.text) == 1 for g in groups[:count])
    total = sum(len(g.text) for g in groups[:count])
    return count if (labelled or one_by_one) and 3 <= total <= 24 else 0


def _single(text: str, group: _Group, labelled: bool) -> Iterator[Claim]:
    """One unbroken group: is it a read-out?"""
    start, end = group.start, group.end
    if group.text.isascii() or (start and text[start - 1] in ZH_UNITS + "点"):
        return
    if end < len(text) and text[end] in ZH_UNITS + "点" and not group.text[-1].isascii():
        end -= 1  # the last digit begins 三百, 九点
    mixed = any(c.isascii() for c in text[start:end])
    if mixed and not text[end - 1].isascii() and text[end - 2].isascii() and _BEFORE_COUNT.match(text, end):
        end -= 1  # 100一个
    run = text[start:end]
    if not run or run.isascii():
        return
    enough = len(run) >= 3 or (labelled and len(run) == 2) or (mixed and len(run) >= 2)
    counting = "两" in run and len(run) < 5 and not labelled  # 一两三个
    weekday = _WEEKDAY.search(text, max(0, start - 2), start) is not None and len(run) < 5
    if enough and not counting and not weekday:
        yield Claim(start, end, zh_digits(run), "digits")
