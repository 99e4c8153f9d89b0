"""A flow's step and an utterance as ``nlu.answers`` sees them: sides of a question, and clauses."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

from callcue.core.cards import Step
from callcue.core.speech import Language
from nlu import answer_words as words
from nlu.folding import is_han
from nlu.quantities import Range, range_of

_CLAUSE = re.compile(r"[^，,。.！!？?；;…\n、]+[，,。.！!？?；;…\n、]*")
_ZH_JOINTS = re.compile(
    r"(?<=[^\s])(?=还是(?!没)|但|可是|不过|就是(?!说)|结果|然后|现在|谢谢)|"
    r"(?<=[好行]了|以了)(?=[^\s啊呀呢吧哦嘛的](?!知道|谢))"
)
_EN_JOINTS = re.compile(
    r"(?<=^yes |^yep )|(?<=^yeah )|(?<=^no )(?=[\w']+ [\w']+ )|(?<=^nope )|(?<=[^\s])(?= but )", re.IGNORECASE
)
"""A recogniser often leaves the commas out."""
_SENTENCES = re.compile(r"[^。.!！?？;；]+[。.!！?？;；]*")
_ZH_DENIED = re.compile(r"(?:还是|仍然?|依然|依旧|还|都|也|全|一直)*(?:不|没有?|未|无)(?P<core>.*)")
_ZH_CANNOT = re.compile(r"(?P<a>.)不(?P<b>.{1,2})")
_ZH_STRIP = re.compile(
    r"^(?:都|全|还是|仍然?|已经|就|会|很|是|能|有|可以)+(?=..)|^(?:都|全|还是|还|仍|已|会|能)+(?=.)|(?:了|的|着|过|吗|啊)+$"
)
# fmt: off
_EN_SMALL = frozenset((
    "a", "an", "the", "it", "is", "it's", "its", "i", "my", "me", "to", "of", "in", "on", "at", "and", "or", "no",
    "not", "yes", "that", "this", "they", "there", "be", "are", "was", "does", "did", "do", "has", "have", "rather",
    "all", "any", "with", "for", "so", "just", "up", "out", "light",
))
# fmt: on


@dataclass(frozen=True, slots=True)
class Clause:
    """A stretch of an utterance between pauses."""

    text: str
    folded: str
    """Lower case, no punctuation, English words parted by single spaces."""
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One answer of a step."""

    answer: str
    parts: tuple[tuple[str, bool], ...]
    """Words that stand for it, each with whether it is denied: (亮, True) for 不亮."""
    polarity: int
    """1: says yes to the question, -1: no, 0: neither."""
    from_answer: bool
    """The words are the answer's own; else they are the question's (能充吗, 能 -> 充)."""
    all_of: int = 0
    """So many of the parts must be heard; 0: any one."""
    allows: Range | None = None
    above: bool = False
    """The range begins after its lower bound."""

    @property
    def core(self) -> str:
        """The first of its words; empty where there are none."""
        return self.parts[0][0] if self.parts else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A step's question and its answers."""

    question: str
    sides: tuple[Side, ...]
    topic: words.Topic
    compound: bool
    """More than one thing is asked, or one of two: a yes or no says little."""

    def side(self, *, yes: bool) -> Side | None:
        """The answer that says yes, or no; None where there is none or several."""
        found = [side for side in self.sides if side.polarity == (1 if yes else -1)]
        return found[0] if len(found) == 1 else None

    def opposite(self, side: Side) -> Side | None:
        """The one answer that says the contrary."""
        return self.side(yes=side.polarity < 0) if side.polarity else None


def clauses(text: str, language: Language) -> list[Clause]:
    """The stretches of ``text``, in order."""
    found = []
    for match in _CLAUSE.finditer(text):
        joints = _ZH_JOINTS if language == "zh" else _EN_JOINTS
        cuts = sorted({0, *(joint.start() for joint in joints.finditer(match.group()))})
        for start, end in pairwise([*cuts, len(match.group())]):
            part = match.group()[start:end]
            at = match.start() + start
            found.append(Clause(part, folded(part), at, at + len(part.rstrip("，,。.！!；;…\n、 "))))
    return found


def folded(text: str) -> str:
    """As in trigger phrases, but digits stay where they are and apostrophes are kept."""
    kept = re.sub(r"[^\w']+", " ", text.lower()).strip()
    return re.sub(r"(?<=[\u4e00-\u9fff]) | (?=[\u4e00-\u9fff])", "", kept)


@lru_cache(maxsize=512)
def _read(text: str, answers: tuple[str, ...], language: Language) -> Reading:
    sentences = _SENTENCES.findall(text) or [text]
    asking = [s for s in sentences if s.rstrip().endswith(("?", "？"))] or sentences[-1:]
    question = "".join(asking).strip()
    last = asking[-1].strip()
    is_open = bool(words.OPEN_QUESTION[language].search(last.lower())) and not words.POLAR_CUE[language].search(last)
    predicates = () if is_open else _predicates(last, language)
    cues = len(words.POLAR_CUE[language].findall(question))
    compound = cues != 1 or len(predicates) > 1 or len(asking) > 1 or bool(words.ALTERNATIVES[language].search(last))
    sides = _polar([_side(answer, language) for answer in answers], "" if is_open else last, compound, language)
    sides = [replace(side, polarity=0) if is_open else _by_question(side, predicates) for side in sides]
    return Reading(question=question, sides=tuple(sides), topic=_topic(last, language), compound=compound)


def read_step(step: Step, language: Language) -> Reading:
    """The step's question and answers; kept for the steps read last."""
    return _read(step.text, tuple(step.next), language)


def _side(answer: str, language: Language) -> Side:
    if language == "zh" and not any(is_han(char) for char in answer):
        language = "en"
    joint = r"但是?|可是?|而且?|却|,\s*" if language == "zh" else r" but |, "
    pieces = [p for p in re.split(joint, answer) if p.strip()]
    all_of = len(pieces) if len(pieces) > 1 else 0
    if not all_of:
        pieces = [p for p in re.split(r"或者?|/|、" if language == "zh" else r" or |/", answer) if p.strip()]
    parts = tuple(part for piece in pieces if (part := _part(piece, language))[0])
    allows = range_of(answer)
    above = allows is not None and bool(
        re.search(r"超过|多于|大于|高于|不止|more than|over|above|longer", answer, re.I)
    )
    polarity, light = _polarity(answer, language)
    return Side(
        answer=answer,
        parts=() if light or allows else parts,
        polarity=polarity,
        from_answer=True,
        all_of=all_of if len(parts) == all_of and not light and not allows else 0,
        allows=allows,
        above=above,
    )


def _polarity(answer: str, language: Language) -> tuple[int, bool]:
    """Whether an answer says yes (1), no (-1) or neither, and whether it has no words of its own."""
    plain = folded(answer)
    bare = _ZH_STRIP.sub("", plain) if language == "zh" else re.split(r"\W", plain)[0]
    denied = _ZH_DENIED.fullmatch(plain) if language == "zh" else None
    core = _ZH_STRIP.sub("", denied["core"]) if denied else ""
    for sign, light, heavy in (
        (1, words.YES_ANSWERS, words.GOOD_WORDS),
        (-1, words.NO_ANSWERS, words.BAD_WORDS),
    ):
        if {plain, bare} & light[language]:
            return sign, True
        if {plain, bare} & heavy[language]:
            return sign, False
    if denied:
        return -1, core in words.YES_ANSWERS["zh"]
    return 0, False


def _part(piece: str, language: Language) -> tuple[str, bool]:
    """A piece of an answer without its denial, and whether there was one."""
    plain = folded(piece)
    if language == "en":
        tokens = [t for t in plain.split() if t not in _EN_SMALL and t != "still"]
        tokens = tokens or plain.split()
        denied = bool(re.match(r"(?:not|no|isn'?t|doesn'?t|won'?t|didn'?t)\b", plain))
        return " ".join(stem(token) for token in tokens), denied
    cannot = _ZH_CANNOT.fullmatch(_ZH_STRIP.sub("", plain))
    if cannot:
        return cannot["a"] + cannot["b"].rstrip("了的"), True
    denied_zh = _ZH_DENIED.fullmatch(plain)
    if denied_zh:
        return _ZH_STRIP.sub("", denied_zh["core"]), True
    cannot = _ZH_CANNOT.search(plain)
    if cannot and len(plain) <= 5:
        return cannot["a"] + cannot["b"], True
    return _ZH_STRIP.sub("", plain), False


def stem(token: str) -> str:
    """An English word without its usual endings: squeaks and squeaking are one."""
    return re.sub(r"(?:ing|ed|es|s|y)$", "", token) if len(token) > 4 else token


def _predicates(question: str, language: Language) -> tuple[str, ...]:
    """What is asked about: 充 of 能充吗, 堵塞 of 出音孔有无堵塞, shak and smell of "Any shaking or smell?"."""
    plain = question.rstrip("?？ ")
    if language == "en":
        found = re.search(r"\bany (?P<list>.+)$", plain, re.IGNORECASE)
        return tuple(core for p in re.split(r", | or ", found["list"]) if (core := _part(p, "en")[0])) if found else ()
    tail = re.split(r"[，,。:：「」]", plain)[-1]
    found = re.search(r"(?:是否|有没有|有无|是不是|能不能|能否)(?:还|已经|曾)?(?P<core>[\u4e00-\u9fff]{1,6})$", tail)
    if found:
        return (_ZH_STRIP.sub("", found["core"]),)
    asked = re.search(r"(?P<core>.+?)(?:了|过|的)*(?:吗|没有|没)$", tail)
    if not asked:
        return ()
    cores = (re.split(r"能够?|可以|会|有|都|还|才|是|得", p)[-1] for p in re.split(r"[、或]", asked["core"]))
    return tuple(_last_word(core) for core in cores if core)


def _last_word(core: str) -> str:
    """亮 of 指示灯亮: in front of 吗 stands what is asked about, and before it who does it."""
    import rjieba

    found: list[str] = rjieba.cut(core)
    return found[-1] if found else core


def _polar(sides: list[Side], question: str, compound: bool, language: Language) -> list[Side]:
    """Give every answer its polarity: a word of the question affirms it, and of two answers the other one denies."""
    named = [_named(side, question, language) for side in sides]
    if len(named) != 2 or not question:
        return named
    signs = [side.polarity for side in named]
    for at, side in enumerate(named):
        other = 1 - at
        only = words.ONLY[language].search(named[other].answer)
        if (signs[at] and not signs[other] and not compound and not only) or (
            side is not sides[at] and signs[at] == signs[other] and named[other] is sides[other]
        ):
            named[other] = replace(named[other], polarity=-signs[at])
            break
    return named


def _by_question(side: Side, predicates: tuple[str, ...]) -> Side:
    """An answer without words of its own takes those of the question."""
    if not side.polarity or side.parts or side.allows is not None:
        return side
    own = tuple((core, side.polarity < 0) for core in predicates if core not in words.YES_ANSWERS["zh"])
    return replace(side, parts=own, from_answer=False)


def _named(side: Side, question: str, language: Language) -> Side:
    """An answer whose word stands in the question affirms it, or denies it."""
    if not question or len(side.parts) != 1:
        return side
    core, denied = side.parts[0]
    asked = folded(question)
    if language == "en":
        tokens = {stem(t) for t in asked.split()}
        inside = all(token in tokens for token in core.split())
        denied = denied or folded(side.answer).startswith("still ")
    else:
        inside = core in asked
    return replace(side, polarity=-1 if denied else 1) if inside else side


_TOPICS: dict[Language, tuple[tuple[words.Topic, "re.Pattern[str]"], ...]] = {
    "zh": (
        ("done", re.compile(r"过了?(?:吗|没)")),
        ("outcome", re.compile(r"(?:好|行|成功|解决|恢复|稳定|响|亮|正常|出来|开)了?(?:吗|没有)")),
        ("can", re.compile(r"能|可以|会")),
        ("have", re.compile(r"有|剩")),
    ),
    "en": (
        ("done", re.compile(r"\b(?:tried|try|have you|did you)\b")),
        ("outcome", re.compile(r"\b(?:off now|did it|work\w*|fixed|start\w*|gone|any better|off after)\b")),
        ("can", re.compile(r"\bcan\b")),
        ("have", re.compile(r"\bany\b")),
    ),
}


def _topic(question: str, language: Language) -> words.Topic:
    """What a question is about, as a plain answer sees it."""
    found = (topic for topic, pattern in _TOPICS[language] if pattern.search(question.lower()))
    return next(found, "any")
