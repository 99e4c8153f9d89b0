"""A call summed up in its own words: what was wanted, done and promised, and what comes next.

Extractive: every sentence is a stretch of one segment, with fillers and false starts left out. A part of which nothing
was said says so.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from callcue.core.ports import Embedder
from callcue.core.speech import QUOTABLE, Utterance
from callcue.core.summaries import PARTS, Missing, Moment, Part, Summary, SummaryPart, SummarySentence
from tagger import summary_cues as cues
from tagger.deadlines import Deadline, deadline
from tagger.summary_select import CallText, Hints, Scored, choose
from tagger.summary_text import Piece

NAME = "extractive/1"
"""Name and version, as written beside what it makes."""
_WIDER = {"zh": 1.0, "en": 3.0}
"""English takes about three times the characters for the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of a part is shown."""

    most: int
    """Sentences."""
    characters: int
    """Of Chinese."""
    share: float
    """Of the best sentence's score, below which another one is left out."""


ALL_CHARACTERS = 200
"""Of Chinese, of the four parts together. The first sentence of a part is shown in any case; it has at most 40, and the
limits below leave that many for the last part to be filled."""
LIMITS: dict[Part, Limits] = {
    "wanted": Limits(most=3, characters=64, share=0.3),
    "done": Limits(most=3, characters=72, share=0.25),
    "promised": Limits(most=3, characters=52, share=0.2),
    "next": Limits(most=2, characters=40, share=0.55),
    "tried": Limits(most=3, characters=60, share=0.0),
    "open": Limits(most=2, characters=50, share=0.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedStep:
    """A step of a troubleshooting flow that was ticked off, in the card's words."""

    text: str
    segments: tuple[str, ...]
    """What the customer said that answered it; empty where somebody ticked it off by hand."""
    card_id: str


_NO_HINTS = Hints()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a summary takes from the rest of the call."""

    hints: Hints = _NO_HINTS
    sentiment: str = ""
    sentiment_shown: tuple[str, ...] = ()
    """Segments that show it."""
    steps: tuple[TriedStep, ...] = ()


def summarise(
    heard: Sequence[Utterance],
    *,
    moment: Moment,
    started_at: datetime,
    embedder: Embedder | None = None,
    known: Known | None = None,
) -> Summary:
    """The summary of what was ``heard``. ``started_at`` is the call's beginning in the local time zone. Blocking."""
    known = known or Known()
    call = CallText(heard, embedder, known.hints)
    maker = _Maker(call, started_at)
    parts = [
        maker.part("wanted", call.wanted(), lambda text: cues.request(text) + cues.problem(text) > 0),
        maker.part("promised", call.promised(), lambda text: cues.promise(text) > 0 or cues.caller_will(text)),
        maker.part("next", call.next_steps(), lambda text: cues.instruction(text) or cues.handoff(text)),
        maker.part("done", call.done(), lambda text: cues.completed(text) > 0),
    ]
    wanted, promised, following, done = parts
    if not following.sentences and promised.sentences:
        following = SummaryPart(part="next", missing="as_promised")
    parts = [wanted, done, promised, following]
    if moment == "transfer":
        parts += [maker.tried(known.steps), maker.part("open", call.open_questions(), cues.question), maker.mood(known)]
    return Summary(moment=moment, parts=tuple(parts), method="extractive", model=NAME)


class _Maker:
    """Makes the parts one after the other; a sentence stands in one of them only."""

    def __init__(self, call: CallText, started_at: datetime) -> None:
        self._call = call
        self._started_at = started_at
        self._taken: list[Piece] = []
        self._left = float(ALL_CHARACTERS)

    def part(self, name: Part, found: list[Scored], counts: Callable[[str], bool]) -> SummaryPart:
        limits = LIMITS[name]
        language = self._call.heard[0].language if self._call.heard else "zh"
        focused = [Scored(piece=self._call.focused(one.piece, counts), score=one.score, also=one.also) for one in found]
        pick = partial(
            choose,
            characters=round(min(limits.characters, self._left) * _WIDER[language]),
            share=limits.share,
            taken=self._taken if name in ("done", "next", "promised") else (),
        )
        chosen = pick([one for one in focused if not self._unsure(one.piece)], most=limits.most)
        if not chosen:  # better a doubtful word that says so than nothing
            chosen = pick([one for one in focused if self._unsure(one.piece)], most=1)
        self._taken += [one.piece for one in chosen]
        if name in PARTS:
            self._left -= sum(len(one.piece.text) for one in chosen) / _WIDER[language]
        return _part(name, [self._sentence(name, one.piece, one.also) for one in chosen])

    def tried(self, steps: Sequence[TriedStep]) -> SummaryPart:
        """Steps of flows first, in the card's words; then what the customer said."""
        ticked = [SummarySentence(text=step.text, segments=step.segments, card_id=step.card_id) for step in steps]
        said = self.part("tried", self._call.tried(), cues.tried)
        known = {segment for step in ticked for segment in step.segments}
        return _part("tried", [*ticked, *(one for one in said.sentences if not known & set(one.segments))])

    def mood(self, known: Known) -> SummaryPart:
        """The record's sentiment with the words that show it most."""
        shown = [piece for segment in known.sentiment_shown if (piece := self._call.piece(segment)) is not None][:1]
        made = [self._sentence("mood", piece, ()) for piece in shown]
        missing: Missing = "" if known.sentiment or made else "not_said"
        return SummaryPart(part="mood", sentences=tuple(made), value=known.sentiment, missing=missing)

    def _unsure(self, piece: Piece) -> bool:
        return self._call.heard[piece.index].confidence < QUOTABLE

    def _sentence(self, part: Part, piece: Piece, also: Sequence[str]) -> SummarySentence:
        segments = tuple(dict.fromkeys((piece.segment_id, *also)))
        due = None
        if part in ("promised", "next"):
            said_at = self._started_at + timedelta(milliseconds=self._call.heard[piece.index].end_ms)
            due = _due(piece.text, said_at)
        return SummarySentence(
            text=piece.text,
            segments=segments,
            quotes=piece.quotes,
            by=piece.channel,
            due=due.value if due else None,
            due_words=piece.text[due.start : due.end] if due else "",
            unsure=self._unsure(piece),
        )


def _due(text: str, said_at: datetime) -> Deadline | None:
    """The time in the clause that promises (人民广场店晚上9点打烊，我帮您约周六), else the first one."""
    for clause in re.finditer(r"[^，,]+", text):
        if cues.promise(clause[0]) > 0.0 and (found := deadline(clause[0], said_at)) is not None:
            return replace(found, start=found.start + clause.start(), end=found.end + clause.start())
    return deadline(text, said_at)


def _part(name: Part, sentences: Sequence[SummarySentence]) -> SummaryPart:
    return SummaryPart(part=name, sentences=tuple(sentences), missing="" if sentences else "not_said")
