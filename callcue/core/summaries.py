"""What a summary of a call is: sentences in parts, each with the segments that say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from callcue.core.speech import Channel

Moment = Literal["running", "transfer", "end"]
"""``running``: so far, on request. ``transfer``: for the colleague who takes over. ``end``: of the whole call."""
Part = Literal["wanted", "done", "promised", "next", "tried", "open", "mood"]
PARTS: tuple[Part, ...] = ("wanted", "done", "promised", "next")
"""Of every summary, in the order in which they are shown."""
TRANSFER_PARTS: tuple[Part, ...] = (*PARTS, "tried", "open", "mood")
Method = Literal["extractive", "endpoint"]
"""``extractive``: every sentence is a quotation. ``endpoint``: a language model wrote it, and each sentence was held
against the segments that it names."""
Missing = Literal["", "not_said", "as_promised"]
"""Why a part is empty: nothing of the kind was said; or (``next``) what comes next is what was promised."""

SYSTEM = "callcue"
"""``by`` of the summary at the end of a call, which nobody asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A stretch of what was said."""

    segment_id: str
    start: int
    """Offsets in characters into the segment's normalised text."""
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SummarySentence:
    """One sentence of a summary."""

    text: str
    segments: tuple[str, ...]
    """Ids of the segments that show it, the one that says it first; empty only for a step ticked off by hand."""
    quotes: tuple[Quote, ...] = ()
    """Where the text was said, in order: put together they are ``text``. Empty where a language model wrote it, and for
    the steps of a flow, whose words are the card's."""
    by: Channel | None = None
    """Who said it; of a promise: who gave it."""
    due: str | None = None
    """Until when, ISO 8601: a day, or a moment with offset; None: no time was said, or none that can be resolved."""
    due_words: str = ""
    """The words that say until when."""
    card_id: str | None = None
    """The flow card whose step this is."""
    unsure: bool = False
    """The recogniser doubted the words; quoted only because nothing surer says what the part is about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryPart:
    """One heading of a summary."""

    part: Part
    sentences: tuple[SummarySentence, ...] = ()
    missing: Missing = ""
    value: str = ""
    """Of ``mood``: the record's sentiment; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A summary, before it is numbered and written."""

    moment: Moment
    parts: tuple[SummaryPart, ...]
    method: Method
    model: str
    """Name and version of what made it."""
    note: str = ""
    """Why it is not what was asked for, as when an endpoint was late; empty: nothing happened."""
    dropped: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    """Sentences of a language model that were not shown, by why not."""


LABELS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "zh": {
            "wanted": "诉求", "done": "处理", "promised": "承诺", "next": "下一步", "tried": "已尝试", "open": "待解答",
            "mood": "情绪", "caller": "客户", "agent": "坐席", "not_said": "未提及", "as_promised": "按承诺跟进",
            "due": "截至", "unsure": "识别不清",
        },
        "en": {
            "wanted": "Wanted", "done": "Done", "promised": "Promised", "next": "Next", "tried": "Tried",
            "open": "Open", "mood": "Mood", "caller": "caller", "agent": "agent", "not_said": "nothing was said",
            "as_promised": "as promised", "due": "by",
            "unsure": "unclear",
        },
    }
)  # fmt: skip


def written_out(parts: tuple[SummaryPart, ...], language: str) -> str:
    """The summary as text, a line per part. Headings, who promised and until when in brackets are ours; the sentences
    are as they stand in ``parts``.
    """
    words = LABELS["zh" if language == "zh" else "en"]
    return "\n".join(_line(part, words) for part in parts)


def _line(part: SummaryPart, words: Mapping[str, str]) -> str:
    colon, mark, stop = ("：", "；", "，") if words is LABELS["zh"] else (": ", "; ", ", ")
    said = [_sentence(sentence, part.part, words, stop) for sentence in part.sentences]
    held = mark.join(([part.value] if part.value else []) + said)
    return f"{words[part.part]}{colon}{held or words[part.missing or 'not_said']}"


def _sentence(sentence: SummarySentence, part: Part, words: Mapping[str, str], stop: str) -> str:
    about = [words["unsure"]] if sentence.unsure else []
    if part == "promised" and sentence.by is not None:
        about.append(words[sentence.by])
    if sentence.due is not None:
        about.append(f"{words['due']} {sentence.due[:16].replace('T', ' ')}")
    return f"{sentence.text} [{stop.join(about)}]" if about else sentence.text
