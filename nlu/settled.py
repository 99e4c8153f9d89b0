"""What is mentioned only to say that it is not needed, or that it is done: 不需要发票, 上次的发票已经收到了.

A clause is settled when it says so in form and neither asks, complains nor turns round (已经退款了，但是没到账).
Beside the negative phrases of a card, which are about that card alone, this holds for every card.
"""

import re
from collections.abc import Iterator

from callcue.core.speech import Language

_CLAUSE = re.compile(r"[^，,。.！!？?；;…\n]+[，,。.！!？?；;…\n]*")
_SENTENCE_END = "。！!？?；;\n"

_DONE_VERBS = (
    r"(?:收到|拿到|领到|办好|办完|办过|办妥|处理好|处理完|解决|弄好|搞定|还清|还完|结清|付过|付清|交过|交清|填过|填好|填完|开好|开过|"
    r"改好|改过|换好|换过|修好|装好|查过|查到|问过|登记过|报过|取过|取走|用过|申请过|提交过|发过|寄到|送到)"
)
_DONE_ZH = re.compile(rf"(?:已经|早就|早已|早|都|上次|上回|之前|以前|刚才|刚刚|前几天).{{0,14}}?{_DONE_VERBS}.{{0,6}}$")
_DONE_ALONE_ZH = re.compile(
    rf"(?:我)?(?:已经|早就|早已|都|也)+.{{0,4}}{_DONE_VERBS}.{{0,3}}$|(?:就)?(?:不用|不需要|不必)(?:再)?(?:管|了|麻烦).{{0,3}}$"
)
_UNWANTED_ZH = re.compile(
    r"(?:不需要|不用|无需|不必|用不着|不要(?!紧|求)|不想要|没打算|不打算|不考虑|没说要|不是(?:要|想|问|说|来)|(?<![特区级性分个识类])别(?:再|给|让|跟|提|管|问|说))"
    r"(?!了?(?:[，,。.！!\s]|$))(?:(?!我[要想是]|是[要想]|[就也都]).){1,12}$"
)
_DROPS_ZH = re.compile(
    r"(?:这个|那个|它|先)?(?:不用|不必|不|别)(?:再)?(?:管|说|提|谈)(?:了|它|这个)?$|(?:先|暂时)不(?:弄|办|要|看|考虑)"
)
_BEFORE_ZH = re.compile(
    r"(?<!是不是)(?<!能不能)(?<!可不可以)(?<!为什么)(?<!怎么)"
    r"(?:不需要|不用|无需|不必|用不着|不是[要想问来说]|没打算|不打算|没说要|没要|(?<![特区级性分个识类])[别甭](?:再)?[给跟让]?我?|不要(?:再)?[给跟]我?|先不)"
    r"(?:你们|[您你我]|再|[给帮]我?|[去来开办弄做提查看换说谈要走]|推荐|申请|什么|一下){0,4}$"
)
_AFTER_ZH = re.compile(
    rf"(?:的(?:事情?|话)?)?(?:(?:就|先|倒|也)(?:是)?(?:不用|不必|不管|不要管|不说|算了)|不用管|.{{0,4}}?(?:已经|早就|早已|早|都)+[我你您也]?.{{0,2}}?{_DONE_VERBS})"
)
_STILL_ASKED_ZH = re.compile(r"了?(?:可以|行|能|也能|的话)?[吗么?？]|.{0,8}(?:没|但|可是|怎么|为什么|还是)")
_ASKS_ZH = re.compile(
    r"[?？]|[吗么](?:[,，。.!！\s]|$)|怎么|什么|为啥|多久|多少|哪|能不能|可不可以|是不是|凭什么|如何|呢$"
)
_TROUBLE_ZH = re.compile(
    r"没|不(?!用|需要|必|管|要|错|急|过|是(?:要|想|问|说|来))|坏|错|失败|问题|可是|但|还是|又(?!不)|却|结果"
)
_DONE_EN = re.compile(
    r"\b(?:already|i've|i have|was|has been|got|have)\b.{0,30}?\b(?:received|got|sorted|resolved|fixed|paid|done|sent|"
    r"taken care of|filled|cancelled|arrived)\b",
    re.IGNORECASE,
)
_UNWANTED_EN = re.compile(
    r"\b(?:don'?t|do not|didn'?t|no longer|not) (?:need|want|looking for|asking (?:about|for)|calling about|"
    r"worried about)\b|\bno need (?:for|to)\b|\bforget (?:about )?(?:it|the|that)\b|\bnever mind\b",
    re.IGNORECASE,
)
_ASKS_EN = re.compile(r"\?|\b(?:how|why|when|what|can|could|should|is it|do i)\b", re.IGNORECASE)
_TROUBLE_EN = re.compile(
    r"\bbut\b|\bhowever\b|\bstill\b|\bnot\b|n't\b|\bnever\b|\bwrong\b|\bbroken\b|\bexcept\b|\byet\b", re.IGNORECASE
)


def settled_spans(text: str, language: Language) -> tuple[tuple[int, int], ...]:
    """Where in ``text`` (offsets in characters) things are said to be done or not needed, clause by clause."""
    clauses = [(m.start(), m.end(), m.group()) for m in _CLAUSE.finditer(text)]
    found: list[tuple[int, int]] = []
    for place, (start, end, clause) in enumerate(clauses):
        bare = clause.rstrip("，,。.！!？?；;… \n")
        follows = list(_same_sentence(clauses, place))
        if clause.rstrip()[-1:] in ("?", "？"):
            continue
        if _is_settled(bare, follows, language):
            found.append((start, end))
        elif language == "zh" and follows and _DONE_ALONE_ZH.match(follows[0]) and not _ASKS_ZH.search(bare):
            found.append((start, end))  # 上次的发票，已经收到了
    return tuple(found)


def set_aside(text: str, start: int, end: int, language: Language) -> bool:
    """Whether the phrase at ``text[start:end]`` is mentioned only as done or not needed.

    Recognised speech has few commas, so beside the clauses the words right around the phrase are looked at.
    """
    if any(first <= start and end <= last for first, last in settled_spans(text, language)):
        return True
    if language != "zh":
        return False
    before, after = text[max(0, start - 14) : start], text[end : end + 20]
    if _BEFORE_ZH.search(before):
        return not re.match(r"了?(?:可以|行|能|也能)?[吗么?？]", after)
    told = _AFTER_ZH.match(after)
    return told is not None and not _STILL_ASKED_ZH.match(after[told.end() :])


def _same_sentence(clauses: list[tuple[int, int, str]], place: int) -> Iterator[str]:
    """The clauses after this one up to the end of its sentence."""
    for _, _, clause in clauses[place:]:
        if clause is not clauses[place][2]:
            yield clause.rstrip("，,。.！!？?；;… \n")
        if any(mark in clause for mark in _SENTENCE_END):
            return


def _is_settled(clause: str, follows: list[str], language: Language) -> bool:
    if language != "zh":
        return not _ASKS_EN.search(clause) and _settled_en(clause, follows)
    if _ASKS_ZH.search(clause):
        return False
    if _UNWANTED_ZH.search(clause) or _DROPS_ZH.search(clause):
        return True
    done = _DONE_ZH.search(clause)
    if not done or _TROUBLE_ZH.search(clause[done.start() :]):
        return False
    return not any(_TROUBLE_ZH.search(after) or _ASKS_ZH.search(after) for after in follows)


def _settled_en(clause: str, follows: list[str]) -> bool:
    if _UNWANTED_EN.search(clause):
        return True
    return bool(_DONE_EN.search(clause)) and not any(_TROUBLE_EN.search(part) for part in (clause, *follows))
