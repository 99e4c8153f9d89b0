"""What was said -> what to look up, or nothing: greetings, confirmations and read-out numbers are no need."""

import re
from dataclasses import dataclass

from callcue.core.speech import Channel, Language, Utterance
from nlu.folding import is_han
from nlu.settled import settled_spans
from nlu.small_talk import is_small_talk

_ZH_OPENERS = re.compile(
    r"(?:(?:喂|哎呀?|诶|嗯|呃|哦|啊|那个|你好|您好|请问(?:一下)?|麻烦问一下|不好意思啊?|对了|是这样的?|就是说?|"
    r"我?想要?(?:问问|问一下|咨询一下|了解一下|请教一下)|打扰[你您]?一下|好的|好吧|没错|我知道了|"
    r"谢谢[你您]?[啊了]?)[\s，,、。.！!？?]*)+"
)
_EN_OPENERS = re.compile(
    r"(?:(?:um+|uh|oh|okay|ok|yeah|yes|hi|hello|hey|well|so|good (?:morning|afternoon|evening)|thanks|thank you|"
    r"i (?:just )?(?:wanted|want|would like) to (?:ask|know))\b[\s,.!]*)+",
    re.IGNORECASE,
)
_ZH_LABELS = (
    r"(?:我的|您的|你的|这个|手机|电话|联系方式|订单|运单|快递|单号|号码|尾号|卡号|账号|编号|验证码|身份证|号|就是|应该是|是|为|"
    r"你|您|记一下|报给你|先|的)"
)
_READ_OUT = re.compile(rf"{_ZH_LABELS}*+[：:，,\s]*+\d(?:[ \-]?\d){{3,}}+(?!\s*(?:块|元|年|毛|%))")
_PARTICLES = re.compile(r"[\W_的了吗呢吧啊呀嘛哈是这那我你您]")
_SPELLED = re.compile(r"\d")

_EN_READ_OUT = re.compile(
    r"(?:(?:my|the|it'?s|its|is|phone|order|account|card|number|zip|code)\s+)*+"
    r"\(?\d(?:[ ()\-]{0,2}\d){3,}+(?!\s*(?:dollars|bucks|percent|%))",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[^，,。.！!？?；;…\n]+[，,。.！!？?；;…\n]*")
_MIN_CONTENT = 2
_MAX_QUERY = 120
"""Characters; beyond that the oldest fragments are left out. A need is a sentence, not a story."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What in one fragment is worth looking up."""

    text: str
    """Without openers, small talk and read-out numbers."""
    start: int
    end: int
    """Where it lies in the fragment (offsets in characters)."""


def find_need(text: str, language: Language) -> Need | None:
    """The part of ``text`` that may need an answer; None for small talk, confirmations, numbers being read out, and
    what is said to be done or not needed."""
    done = settled_spans(text, language)
    read_out = _READ_OUT if language == "zh" else _EN_READ_OUT
    kept: list[str] = []
    start, end = -1, 0
    for clause in _CLAUSE.finditer(text):
        if any(first <= clause.start() < last for first, last in done):
            continue
        body = _without_openers(clause.group(), language)
        if is_small_talk(body, language):
            continue
        body = read_out.sub(" ", body)
        if _content(body, language) < _MIN_CONTENT:
            continue
        kept.append(body.strip())
        start = clause.start() if start < 0 else start
        end = clause.end()
    query = "".join(kept) if language == "zh" else " ".join(kept)
    query = re.sub(r"\s+", " ", query).strip(" ，,、")
    if _content(query, language) < _MIN_CONTENT:
        return None
    return Need(text=query, start=start, end=len(text[:end].rstrip()))


def _without_openers(clause: str, language: Language) -> str:
    opener = (_ZH_OPENERS if language == "zh" else _EN_OPENERS).match(clause)
    return clause[opener.end() :] if opener else clause


def _content(text: str, language: Language) -> int:
    """Characters (English: words) left without particles, pronouns, digits and punctuation."""
    if language == "zh":
        return len(_SPELLED.sub("", _PARTICLES.sub("", text)))
    return len(re.findall(r"[a-z]{2,}", text.lower()))


def clauses(query: str, limit: int = 3) -> list[str]:
    """The last clauses of a query that could stand alone: four characters, three English words; none for just one."""
    parts = [c.group().strip(" ，,、。.！!？?；;…") for c in _CLAUSE.finditer(query)]
    if len(parts) < 2:
        return []
    return [p for p in parts if (len(p) >= 4 if any(is_han(c) for c in p) else len(p.split()) >= 3)][-limit:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A fragment together with those of the same speaker just before it."""

    text: str
    offset: int
    """Where the newest fragment begins in ``text``."""
    need: Need | None
    """What the newest fragment asks for; its offsets are in that fragment."""
    query: str
    """The need of the newest fragment, after those before it that brought nothing yet; empty without a need."""


@dataclass(slots=True)
class _Part:
    text: str
    need: str
    end_ms: int
    answered: bool = False


class FragmentJoiner:
    """Joins the finals of one call. A speaker who pauses is still in the same utterance."""

    def __init__(self, join_gap_ms: int) -> None:
        self._gap = join_gap_ms
        self._open: dict[Channel, list[_Part]] = {}

    def add(self, utterance: Utterance) -> Joined:
        """Join the newest final to what it continues."""
        parts = self._open.setdefault(utterance.channel, [])
        if parts and utterance.start_ms - parts[-1].end_ms > self._gap:
            parts.clear()
        need = find_need(utterance.text, utterance.language)
        parts.append(_Part(utterance.text, need.text if need else "", utterance.end_ms))
        while len(parts) > 1 and sum(len(p.text) for p in parts) > _MAX_QUERY:
            parts.pop(0)
        glue = "，" if utterance.language == "zh" else " "
        before = "".join(_ended(p.text, glue) for p in parts[:-1])
        open_needs = [p.need for p in parts if p.need and not p.answered]
        query = "".join(_ended(n, glue) for n in open_needs[:-1]) + open_needs[-1] if need else ""
        return Joined(text=before + utterance.text, offset=len(before), need=need, query=query)

    def answered(self, channel: Channel) -> None:
        """The utterance so far has brought a card: what follows is looked up without it."""
        for part in self._open.get(channel, ()):
            part.answered = True


def _ended(text: str, glue: str) -> str:
    return text if not text or text[-1] in "，,。.！!？?；;… " else text + glue
