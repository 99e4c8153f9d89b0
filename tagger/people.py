"""Names on a call: the customer's, as far as it was said, and the agent's name or staff number."""

import re
from collections.abc import Iterator

from callcue.core.speech import Channel
from tagger.fact import NAME, STAFF, Fact
from tagger.numerals import digit_runs

_TWO = "欧阳|司马|上官|诸葛|东方|皇甫|尉迟|公孙|慕容|令狐|司徒|夏侯|端木|南宫"
_ONE = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董潘袁蔡蒋余于杜叶程魏苏吕丁任卢"
    "姚沈钟姜崔谭陆范汪廖石金韦贾夏付方邹熊白孟秦邱侯江尹薛闫段雷龙黎史陶贺毛郝顾龚邵万覃武钱戴严莫孔向常"
    "汤康易乔赖文施洪辛柯庄温牛樊葛邢安齐伍庞颜倪庾聂章鲁岳翟申焦耿关兰俞左柳甘祝包宁尚符舒阮纪梅童凌毕单"
    "裴霍成苗谷盛曲翁冉骆蓝路游靳管柴蒙鲍华喻祁蒲房滕屈饶牟艾尤阳时穆司卓古吉缪简车项连芦麦褚娄窦戚岑景党"
    "宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝季"
)
_SURNAME = rf"(?:{_TWO}|[{_ONE}])"
_GIVEN_END = r"(?=[，,。.！!？?、；;的吧啊呀呢和在是 ]|先生|女士|电话|手机|收$|收[，。]|$)"
_FAMILY = re.compile(rf"(?:免贵)?姓(?P<name>{_SURNAME})(?!名)")
_CALLED = re.compile(
    rf"(?:我(?:的名字)?叫|名字(?:是|叫|就是)|姓名(?:是|叫)?|收[货件]人(?:是|叫|写)?|联系人(?:是|叫|写)?|本人(?:是|叫)?|"
    rf"登记的?(?:是|名字是)|下单(?:的|人)(?:名字)?(?:是|叫)|机主(?:是|叫)?)[:：,， ]*"
    rf"(?P<name>{_SURNAME}[\u4e00-\u9fff]{{1,2}}?){_GIVEN_END}"
)
_ADDRESSED = re.compile(rf"(?P<name>{_SURNAME})(?P<title>先生|女士|小姐|太太|老师|阿姨|大姐|总)")
_STAFF_NUMBER = re.compile(
    r"(?:工号|坐席号?|客服编号|员工号|客服号|(?:agent|employee|staff) (?:number|id)|badge(?: number)?)"
    r"(?:是|为|叫|is|[ :：,，])*",
    re.IGNORECASE,
)
_STAFF_NAME = re.compile(
    rf"(?:我是|我叫|这里是|客服专员|客服|专员|顾问|经理)(?:客服|专员|顾问|售后)?(?P<name>小{_SURNAME}|{_SURNAME}[\u4e00-\u9fff]{{1,2}}?)"
    rf"(?=[，,。.！!？? ]|为您|很高兴|$)"
)
_EN_NAME = r"[A-Z][a-z]+(?:[ -][A-Z][a-z']+){0,2}"
_EN_CALLED = re.compile(
    rf"(?i:my (?:full )?name(?: is|'s)|(?:the )?name(?:'s| is| on the (?:order|account) is)|under the name(?: of)?|"
    rf"i am called|it's under|this is)[ ,:]+(?P<name>{_EN_NAME})(?! (?i:support|service|speaking from))"
)
_EN_FAMILY = re.compile(
    rf"(?i:last name(?: is|'s)|surname(?: is|'s)?)[ ,:]+(?P<name>{_EN_NAME}|(?:[A-Z][- ,]+){{2,}}[A-Z]\b)"
)
_EN_STAFF = re.compile(rf"(?i:my name is|this is|i'm|you're speaking (?:with|to))[ ,]+(?P<name>{_EN_NAME})")
_SPELLED = re.compile(r"(?:[A-Z][- ,]+){2,}[A-Z]\b")
_NOT_NAMES = frozenset(
    {"Calling", "Sorry", "Just", "Not", "The", "My", "Order", "About", "Regarding", "Ridiculous", "Very"}
)


def people_facts(text: str, speaker: Channel) -> Iterator[Fact]:
    """Who is who. A customer's full name outweighs a surname, and what the customer says what the agent says."""
    yield from _staff(text, speaker)
    yield from _customer(text, speaker)


def _customer(text: str, speaker: Channel) -> Iterator[Fact]:
    if speaker == "agent":
        for found in _ADDRESSED.finditer(text):
            yield _fact(NAME, found["name"] + found["title"], found, probability=0.75, weight=1, role="customer")
        return
    full = [*_CALLED.finditer(text), *_EN_CALLED.finditer(text)]
    for found in full:
        if found["name"].split(" ")[0] not in _NOT_NAMES:
            yield _fact(NAME, found["name"], found, probability=0.85, weight=4, role="customer")
    if full:
        return
    for found in (*_FAMILY.finditer(text), *_EN_FAMILY.finditer(text)):
        yield _fact(NAME, _unspelled(found["name"]), found, probability=0.85, weight=3, role="customer")


def _unspelled(name: str) -> str:
    """S-M-I-T-H as Smith."""
    return "".join(c for c in name if c.isalpha()).capitalize() if _SPELLED.fullmatch(name) else name


def _staff(text: str, speaker: Channel) -> Iterator[Fact]:
    for cue in _STAFF_NUMBER.finditer(text):
        run = next((run for run in digit_runs(text[cue.end() :], least=2) if run.start <= 2), None)
        if run is not None and len(run.pieces[0]) <= 8:
            start = cue.end() + run.start
            yield Fact(field=STAFF, value=run.pieces[0], start=start, end=start + len(run.pieces[0]),
                probability=0.88, weight=3 if speaker == "agent" else 2, role="agent")  # fmt: skip
    if speaker == "agent":
        for found in (*_STAFF_NAME.finditer(text), *_EN_STAFF.finditer(text)):
            if found["name"].split(" ")[0] not in _NOT_NAMES:
                yield _fact(STAFF, found["name"], found, probability=0.75, weight=1, role="agent")


def _fact(field: str, value: str, found: re.Match[str], *, probability: float, weight: int, role: str) -> Fact:
    return Fact(
        field=field,
        value=value,
        start=found.start("name"),
        end=found.end("name"),
        probability=probability,
        weight=weight,
        role=role,
    )
