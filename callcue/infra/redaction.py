"""What is taken out of a call's text before it is sent to another program: numbers that identify, addresses, names.

Rules, not a model: they take out too much rather than too little. Sums of money, times and counts stay, for a summary
is worth nothing without them.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from callcue.core.speech import Channel

_TOKENS = {
    "zh": {"number": "[号码]", "address": "[地址]", "name": "[姓名]", "email": "[邮箱]"},
    "en": {"number": "[number]", "address": "[address]", "name": "[name]", "email": "[email]"},
}
TOKEN = re.compile(r"\[(?:号码|地址|姓名|邮箱|number|address|name|email)\]")
"""What stands for something that was taken out."""

_SPOKEN = "零〇一二三四五六七八九幺两"
_WORDS = "zero|oh|one|two|three|four|five|six|seven|eight|nine|double|triple"
_MONEY = r"(?!\s?(?:元|块|万|人民币|yuan|dollars?|rmb))"
_DATE = r"(?!\d{4}-\d\d-\d\d(?!\d))"
_GAP = r"[\s\-‐–—,，、.．]{0,2}"
_EMAIL = re.compile(r"[\w.+\-]+\s?@\s?[\w\-]+(?:\s?\.\s?\w+)+")
_LONG = re.compile(
    rf"{_DATE}(?<![\d.])(?:[A-Za-z]{{1,4}}[\-\s]?)?\d(?:{_GAP}\d){{4,}}(?!\d){_MONEY}[A-Za-z]{{0,2}}(?![A-Za-z])"
    rf"|[{_SPOKEN}](?:{_GAP}[{_SPOKEN}\d]){{4,}}"
    rf"|\b(?:{_WORDS}|\d)(?:[\s,\-]{{1,2}}(?:{_WORDS}|\d)){{3,}}\b"
    rf"|(?<![A-Za-z0-9])(?=[A-Za-z\d]*[A-Za-z])(?=(?:[A-Za-z]*\d){{3}})[A-Za-z\d]{{5,}}(?![A-Za-z0-9])"
    rf"|[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Za-z][·\s]?[A-Za-z\d{_SPOKEN}]{{4,6}}",
    re.IGNORECASE,
)
_NAMED = re.compile(
    r"(?P<cue>(?:验证码|密码|尾号|[前后]\w{0,2}位|单号|订单号?码?|卡号|票号|账号|保单|合同号?|工号|"
    r"身份证号?码?|手机号?码?|电话号?码?|车牌号?|"
    r"\b(?:order|tracking|account|card|booking|policy|reference|confirmation|pin|passcode|phone)(?: (?:number|"
    r"code|no\.?))?|"
    r"\b(?:ending|last four)(?: \w+){0,2}))"
    rf"(?P<between>[是为：:,，\s]{{0,4}}(?:is |in |"
    rf"are )?)(?P<number>[A-Za-z\d{_SPOKEN}][A-Za-z\d{_SPOKEN}\s\-]*[A-Za-z\d{_SPOKEN}])",
    re.IGNORECASE,
)
_DAY = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_HAS_DIGIT = re.compile(rf"[\d{_SPOKEN}]|\b(?:{_WORDS})\b", re.IGNORECASE)
_DIGITS = re.compile(
    rf"[A-Za-z]{{0,3}}[\d{_SPOKEN}](?:{_GAP}[A-Za-z\d{_SPOKEN}])+|[\d{_SPOKEN}]{{2,}}|"
    rf"\b(?:{_WORDS})\b(?:[\s,\-]+(?:{_WORDS})\b)+",
    re.IGNORECASE,
)
_PLAIN = re.compile(
    rf"\d{{4}}-\d\d-\d\d(?!\d)|[\d{_SPOKEN}十百千万]+(?:\.\d+)?\s?(?:元|块|万|小时|分钟|天|个|"
    r"月|年|点|yuan|dollars?|hours?|days?)",
    re.IGNORECASE,
)
"""Dates, sums, times and counts."""
_ASKS_NUMBER = re.compile(
    r"号码?|尾号|[前后].{0,2}位|身份证|验证码|密码|编号|\b(?:number|digits|code|reference|pin|account)\b", re.IGNORECASE
)
_ASKS_ADDRESS = re.compile(
    r"地址|住在?哪|哪个小区|门牌|寄到哪|送到哪|\baddress\b|where do you live|postcode|zip code", re.IGNORECASE
)
_PLACE = r"省|市|区|县|镇|乡|街道|路|街|大道|巷|弄|胡同|村|小区|花园|公寓|大厦|家园|新村|苑"
_BEFORE_PLACE = rf"(?:(?!{_PLACE})[\u4e00-\u9fff])"
"""Of a place, before what ends it: else a recogniser's loop (路路路…) could be cut up in endless ways."""
_ADDRESS = re.compile(
    rf"(?:{_BEFORE_PLACE}{{0,8}}(?:{_PLACE})){{1,6}}[\u4e00-\u9fff]{{0,6}}?"
    rf"[\d{_SPOKEN}十百]+(?:号楼?|栋|幢|弄|单元|室|楼|层|座)(?:[\d{_SPOKEN}十百\-之]+(?:号楼?|栋|幢|弄|单元|室|"
    rf"楼|层|座)?)*"
    r"|\b(?:\d+|[A-Z][a-z]+(?:[\- ][a-z]+)?) (?:[A-Z][a-z]+ ){1,3}(?:Street|St|Road|Rd|Lane|Ln|Avenue|Ave|"
    r"Drive|Dr|Court|Boulevard|Way|Place)\b"
    r"(?:,? (?:apartment|apt|unit|suite) \w+)?"
)
_SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏"
    "魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵"
    "万钱严覃武戴莫孔向汤"
)
_NAME = re.compile(
    r"(?P<cue>我姓|免贵姓|贵姓|我叫|名字[叫是]|收件人[是叫]?|联系人[是叫]?|\b(?:my name is|this is|i'm|i am|"
    r"name's)\s)"
    r"(?P<name>[\u4e00-\u9fff]{1,3}?(?=[，。,.、！!？?\s]|$|的|啊|先生|女士)|(?-i:[A-Z][\w']+(?: [A-Z][\w']+)?))"
    rf"|(?P<title>(?:[{_SURNAMES}][\u4e00-\u9fff]{{0,2}}?)(?=先生|女士|小姐|太太|经理|主管|师傅|老师)|"
    rf"(?<=\bMr\. )\w+|(?<=\bMs\. )\w+|(?<=\bMr )\w+|(?<=\bMs )\w+|(?<=\bMrs )\w+)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One segment's text and who said it."""

    channel: Channel
    text: str


def redact(said: Sequence[Said], known: Iterable[str], language: str) -> list[str]:
    """The texts, in order, with what identifies somebody replaced by tokens such as ``[号码]``.

    ``known`` are values that the record holds (a phone, an order number, a name): they go wherever they stand.
    What answers a question for a number or an address goes whole, and so do digits that are read out in portions.
    """
    tokens = _TOKENS["zh" if language == "zh" else "en"]
    held = [pattern for value in known if (pattern := _anywhere(value)) is not None]
    out = []
    asked = 0
    """Utterances of the agent for which a question for a number stands, unless it is answered."""
    answered = False
    asked_address = False
    for one in said:
        text = one.text
        for pattern in held:
            text = pattern.sub(tokens["number"], text)
        if one.channel == "caller" and asked_address and not re.search(r"[？?]$", text):
            text = tokens["address"]
        text = _by_rules(text, tokens)
        if (asked or _mostly_digits(text)) and _HAS_DIGIT.search(text):
            text = _DIGITS.sub(lambda m: m[0] if _PLAIN.match(m.string, m.start()) else tokens["number"], text)
            answered = answered or one.channel == "caller"
        out.append(_in_one_line(text))
        if one.channel == "agent":
            asked = 2 if _ASKS_NUMBER.search(one.text) else 0 if answered else max(0, asked - 1)
            answered = False
            asked_address = bool(_ASKS_ADDRESS.search(one.text))
        else:
            asked_address = False
    return out


def _by_rules(text: str, tokens: dict[str, str]) -> str:
    text = _EMAIL.sub(tokens["email"], text)
    text = _ADDRESS.sub(tokens["address"], text)
    text = _LONG.sub(tokens["number"], text)
    text = _NAMED.sub(
        lambda m: m["cue"] + m["between"] + tokens["number"] if _HAS_DIGIT.search(m["number"]) else m[0], text
    )
    return _NAME.sub(lambda m: (m["cue"] or "") + tokens["name"], text)


def _in_one_line(text: str) -> str:
    """Without what could begin another line or hide something in this one."""
    return "".join(char if char.isprintable() else " " for char in text)


def _anywhere(value: str) -> re.Pattern[str] | None:
    """``value`` with any of the gaps in it that people read numbers with; a day also as it is spoken."""
    kept = [char for char in value if char.isalnum()]
    if len(kept) < 2:
        return None
    pattern = _GAP.join(re.escape(char) for char in kept)
    if day := _DAY.fullmatch(value):
        year, month, day_of = (int(part) for part in day.groups())
        pattern += rf"|(?:{year}年)?0?{month}月0?{day_of}[日号]"
    return re.compile(pattern, re.IGNORECASE)


def _mostly_digits(text: str) -> bool:
    text = _PLAIN.sub("", text)
    digits = re.findall(rf"[\d{_SPOKEN}]", text)
    return len(digits) >= 3 and 2 * len(digits) > len(re.findall(r"\w", text))
