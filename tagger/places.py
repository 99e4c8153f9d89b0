"""Addresses as they are spoken. Taken as said, not looked up anywhere."""

import re
from collections.abc import Iterator

from tagger.fact import ADDRESS, Fact

_PLACE = r"[\u4e00-\u9fff]{2,8}?"
_N = r"[\dA-Za-z零一二三四五六七八九十百]{1,6}"
_REGION = rf"(?:{_PLACE}(?:省|自治区|市|自治州|区|县|镇|乡|街道))"
_ROAD = r"[\u4e00-\u9fff\d]{2,8}?(?:路|街|大道|巷|弄|胡同|大街)(?:[一二三四五六东南西北中]段)?"
_BUILDING = r"[\u4e00-\u9fffA-Za-z]{2,10}?(?:小区|花园|大厦|广场|公寓|家园|苑|城|村|中心)"
_UNIT = rf"(?:{_N}(?:号楼|号院|号|弄|栋|幢|座|单元|层|楼|室|户|门))"
_ADDRESS = re.compile(
    rf"{_REGION}{{0,4}}(?:{_ROAD}(?:{_UNIT})+(?:{_BUILDING})?|{_BUILDING})(?:[，, ]?{_UNIT})*(?:[，, ]?\d{{3,4}})?"
)
_CUE = re.compile(
    r"(?:地址(?:就)?(?:是|在|写|改成|改到|换成|为|填)?|住在?|(?:寄|送|发|配送|上门)(?:到|去|往|给)|搬[到去]|"
    r"收货地(?:址)?是?|家在)[:：,， ]*(?:我家|我们家)?$"
)
_STRIP = re.compile(r"^(?:我家在|我家|我住在?|住在|我在|在|是|到|就在|你|您|我们|寄到|送到|发到)+")
_EN_ADDRESS = re.compile(
    r"\b\d{1,5}[A-Z]? (?:(?:North|South|East|West|N|S|E|W)\.? )?(?:[A-Z0-9][A-Za-z0-9']* ){1,3}?"
    r"(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Boulevard|Blvd|Court|Ct|Way|Place|Square|Close|Terrace)\b\.?"
    r"(?:,? (?:Apartment|Apt|Unit|Suite|Flat|Floor|#) ?\w+)?(?:,? [A-Z][a-z]+(?: [A-Z][a-z]+)?)?",
    re.IGNORECASE,
)
_LEAST = 5
_STORE = re.compile(r"门店|专卖店|营业厅|分店|服务点|维修点")


def address_facts(text: str) -> Iterator[Fact]:
    """Addresses with a road and a number, or with a named building; surer after 地址是, 寄到."""
    for found in _ADDRESS.finditer(text):
        value, start = found[0], found.start()
        lead = _STRIP.match(value)
        if lead:
            value, start = value[lead.end() :], start + lead.end()
        cue = re.search(r"(?:地址(?:就)?(?:是|在|写|改成|改到|换成|为|填)?|住在|[寄送发](?:到|去|往)|搬到|家在)", value)
        if cue and cue.end() < len(value):
            value, start = value[cue.end() :], start + cue.end()
        value = value.strip("，, ")
        cued = bool(cue or lead or _CUE.search(text[max(0, start - 14) : start]))
        numbered = bool(re.search(rf"{_UNIT}", value))
        if len(value) < _LEAST or not (cued or numbered) or _STORE.search(text[found.end() : found.end() + 4]):
            continue
        if not numbered and not cued:
            continue
        sure = 0.8 if cued and numbered else 0.65 if numbered else 0.5
        yield Fact(field=ADDRESS, value=value, start=start, end=start + len(value), probability=sure, weight=2 + cued)
    for found in _EN_ADDRESS.finditer(text):
        yield Fact(
            field=ADDRESS, value=found[0].strip(), start=found.start(), end=found.end(), probability=0.8, weight=2
        )
