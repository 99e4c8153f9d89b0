"""Numbers read out digit by digit: phones, orders, codes (幺三六零二五七八八幺四, 136 0257-8814, A三五B七七二)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from nlu.claims import Claim
from nlu.misheard import repaired
from nlu.numerals import ZH_UNITS, zh_digits

_ZH = "零〇一二三四五六七八九两幺"
_DIGIT = rf"[{_ZH}\d]"
_RUN = re.compile(rf"{_DIGIT}+(?:[ \-－—,，、]{{1,2}}{_DIGIT}+)*")
_GROUP = re.compile(rf"{_DIGIT}+")
_LABEL = re.compile(
    r"(?:订单号?|单号|运单|快递号?|工单|流水号?|手机号?|电话|座机|热线|区号|号码|尾号|尾数|[后前][三四五六]位|卡号|[账帐]号|编号|工号|"
    r"验证码|身份证|序列号|取货码|取件码|提货码|邮编|税号|串号|分机|会员号|保单号?|房间号|房号|车牌号?|密码|联系方式|型号|SN)"
    r"(?:号码|号)?[是为：:，,、 呢啊哦吧嗯就应该的后四六位这个记一下报给您你]{0,8}$"
)
_ISO_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_PHONE = re.compile(r"1[3-9]\d{9}|[48]00\d{7}|0\d{9,11}")
_PHONE_LONGEST = 12
_BEFORE_COUNT = re.compile(rf"[{ZH_UNITS}点块元个天年台部件次岁分小秒张条只副套份期毛%％]")
_WEEKDAY = re.compile(r"(?:周|星期|礼拜|第|初)$")
_LETTERS = r"(?<![A-Za-z])[A-Za-z]{1,4}(?![A-Za-z])"
_CODE = re.compile(rf"(?:{_LETTERS}|{_DIGIT}+)(?:[ \-]?(?:{_LETTERS}|{_DIGIT}+))+")
_DASHED = re.compile(rf"{_DIGIT}+(?:杠{_DIGIT}+)+")
_REPEATED = re.compile(r"([两二三四五])个([零一二三四五六七八九\d])(?![个十百千万一二三四五六七八九零\d样起直点些下])")
_COUNTING = "一二三四五六七八九"


@dataclass(frozen=True, slots=True)
class _Group:
    start: int
    end: int
    text: str

    @property
    def digits(self) -> str:
        return zh_digits(self.text)


def is_labelled(text: str, start: int) -> bool:
    """Whether what begins at ``start`` was announced as a number (订单号是 …)."""
    return _LABEL.search(text, max(0, start - 24), start) is not None


def digit_strings(text: str) -> Iterator[Claim]:
    """Joins and converts read-out digits, and what recognisers write for them (see ``misheard``).

    Three digits or more in a row are a read-out; fewer only after a label (尾号, 订单号 …) or beside Arabic digits.
    Groups are joined across spaces after a label or in the shape of a phone number, across commas and dashes only in
    the shape of a phone number (dashes between Chinese digits are pauses, too).
    Letters belong to a number only after a label.
    """
    spoken = repaired(text)
    for claim in (*_dashed(spoken), *_codes(spoken), *_repeated(spoken), *_read_outs(spoken)):
        if claim.text != text[claim.start : claim.end]:
            yield claim


def _codes(text: str) -> Iterator[Claim]:
    """Letters and digits after a label: A 三五 B 七七二 -> A35B772."""
    for run in _CODE.finditer(text):
        code, end = run.group(), run.end()
        if not is_labelled(text, run.start()) or (not code[-1].isascii() and _BEFORE_COUNT.match(text, end)):
            continue
        written = re.sub(r"[ \-]", "", zh_digits(code))
        if sum(c.isdigit() for c in written) >= 3 and any(c.isalpha() for c in written):
            yield Claim(run.start(), end, written, "digits")


def _dashed(text: str) -> Iterator[Claim]:
    """取件码五杠二杠三零一七 -> 5-2-3017, with a label or two dashes."""
    for run in _DASHED.finditer(text):
        if is_labelled(text, run.start()) or run.group().count("杠") > 1:
            yield Claim(run.start(), run.end(), zh_digits(run.group()).replace("杠", "-"), "digits")


def _repeated(text: str) -> Iterator[Claim]:
    """尾号四个八 -> 尾号8888: only right after a label, elsewhere 三个六 are things."""
    for found in _REPEATED.finditer(text):
        if is_labelled(text, found.start()):
            written = zh_digits(found.group(2)) * int(zh_digits(found.group(1)))
            yield Claim(found.start(), found.end(), written, "digits")


def _read_outs(text: str) -> Iterator[Claim]:
    for run in _RUN.finditer(text):
        labelled = is_labelled(text, run.start())
        groups = [
            _Group(g.start() + run.start(), g.end() + run.start(), g.group()) for g in _GROUP.finditer(run.group())
        ]
        joined = _joined(text, groups, labelled)
        if joined:
            first, last = groups[0], groups[joined - 1]
            yield Claim(first.start, last.end, "".join(g.digits for g in groups[:joined]), "digits")
        for group in groups[joined:]:
            yield from _single(text, group, labelled)


def _joined(text: str, groups: list[_Group], labelled: bool) -> int:
    """How many groups, from the first, are one number; 0 when none are to be joined."""
    if len(groups) < 2 or _ISO_DATE.match(text, groups[0].start):
        return 0
    for count in range(min(len(groups), _PHONE_LONGEST), 1, -1):
        digits = "".join(g.digits for g in groups[:count])
        if _PHONE.fullmatch(digits) and all(len(g.text) > 1 for g in groups[1:count]):
            return count
    count = len(groups)
    while count > 1 and _BEFORE_COUNT.match(text, groups[count - 1].end):
        count -= 1
    between = text[groups[0].start : groups[count - 1].end]
    written = "-" in between and between.isascii()  # 5-2-3017: whoever wrote it meant the dashes
    if count < 2 or written or any(c in between for c in ",，、"):
        return 0
    one_by_one = count >= 3 and all(len(g.text) == 1 for g in groups[:count])
    total = sum(len(g.text) for g in groups[:count])
    return count if (labelled or one_by_one) and 3 <= total <= 24 else 0


def _single(text: str, group: _Group, labelled: bool) -> Iterator[Claim]:
    """One unbroken group: is it a read-out?"""
    start, end = group.start, group.end
    if group.text.isascii() or (start and text[start - 1] in ZH_UNITS + "点杠"):
        return
    if end < len(text) and text[end] in ZH_UNITS + "点" and not group.text[-1].isascii():
        end -= 1  # the last digit begins 三百, 九点
    mixed = any(c.isascii() for c in text[start:end])
    if mixed and not text[end - 1].isascii() and text[end - 2].isascii() and _BEFORE_COUNT.match(text, end):
        end -= 1  # 100一个
    if mixed and not labelled and text[end - 1] == "一" and text[end - 2].isascii() and text[end : end + 1].isalpha():
        end -= 1  # 380一晚
    run = text[start:end]
    if not run or run.isascii():
        return
    enough = len(run) >= 3 or (labelled and len(run) == 2) or (mixed and len(run) >= 2)
    if enough and (labelled or not _counts(run)) and not _names_days(text, start, run):
        yield Claim(start, end, zh_digits(run), "digits")


def _counts(run: str) -> bool:
    """一两三个, 三四五个, 一二三: about so many, or counting, not a read-out."""
    return ("两" in run and len(run) < 5) or (len(run) == 3 and run in _COUNTING)


def _names_days(text: str, start: int, run: str) -> bool:
    """周一三五, 初一二三."""
    return _WEEKDAY.search(text, max(0, start - 2), start) is not None and len(run) < 5
