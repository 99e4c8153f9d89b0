"""Which sentences of a call go into which part of its summary: signs of what a sentence does, its place, how central
its meaning is, and what the rest of the system made of it (cards that came of it, evidence of the record's fields).

Centrality is the mean cosine of an utterance to the speaker's other ones, as in LexRank (Erkan and Radev 2004) without
the walk.
Redundancy is kept out greedily, as in MMR (Carbonell and Goldstein 1998).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from callcue.core.ports import Embedder
from callcue.core.speech import Channel, Utterance
from tagger import summary_cues as cues
from tagger.aggregate import content_length
from tagger.features import Floats, vectors
from tagger.summary_text import Piece, clauses, piece_of, sentences

LEAST_CONTENT = 4
"""Characters of content below which a sentence says nothing of the matter."""
_LONG = {"zh": 40, "en": 120}
"""Characters above which a sentence is cut to its clauses around what counts."""
_SAME = 0.6
"""Share of common pairs of characters (Dice) from which two sentences say the same."""
_EMBEDDED = 60
"""Utterances of a speaker that are compared in meaning: of more, those at the beginning and at the end. One whose
vector is not known any more costs 20 ms and more, and the end of a call waits for it."""
_ANSWER_WITHIN = 3
"""Utterances in which a question is answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hints:
    """What the rest of the system knows of the sentences, by segment."""

    cards: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    """Segment -> 0..1: a card came of it; 1 where the agent used the card, 0 where it was called wrong."""
    matter: frozenset[str] = frozenset()
    """Evidence of the record's issue type and tags."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A sentence and how well it fits a part."""

    piece: Piece
    score: float
    also: tuple[str, ...] = ()
    """Further segments that show it, as the yes to a proposal."""


class CallText:
    """The sentences of one call. Blocking where an embedder is given."""

    def __init__(self, heard: Sequence[Utterance], embedder: Embedder | None, hints: Hints) -> None:
        self.heard = sorted((u for u in heard if u.text.strip()), key=lambda u: (u.start_ms, u.end_ms))
        self.hints = hints
        self.pieces = [piece for index, u in enumerate(self.heard) for piece in sentences(u, index)]
        self._central = _centrality(self.pieces, self.heard, embedder)
        spoken = [p for p in self.pieces if p.channel == "caller" and _has_content(p.text)]
        self._order = {id(piece): place for place, piece in enumerate(spoken)}

    def wanted(self) -> list[Scored]:
        """What the customer asks for or complains of."""
        return self._scored("caller", self._wants)

    def done(self) -> list[Scored]:
        """What was done, found out or settled."""
        return self._scored("agent", self._does) + self._scored("caller", self._works)

    def promised(self) -> list[Scored]:
        """Who will do what after the call."""
        return self._scored("agent", self._promises) + self._scored("caller", self._will)

    def next_steps(self) -> list[Scored]:
        """What the customer was told to do, and what was arranged."""
        return self._scored("agent", self._directs)

    def tried(self) -> list[Scored]:
        """What the customer has tried."""
        found = self._scored("caller", lambda p: 1.0 if cues.tried(p.text) else 0.0)
        return [one for one in found if not cues.aside(one.piece.text)]

    def open_questions(self) -> list[Scored]:
        """Questions of the customer that nobody has answered, the newest first."""
        asked = [p for p in self.pieces if p.channel == "caller" and cues.question(p.text) and _has_content(p.text)]
        asked = [p for p in asked if not cues.detail(p.text)]
        return [Scored(piece=p, score=1.0 + p.index) for p in reversed(asked) if not self._answered(p)]

    def piece(self, segment_id: str) -> Piece | None:
        """The sentence of a segment that says most."""
        own = [piece for piece in self.pieces if piece.segment_id == segment_id]
        return max(own, key=lambda piece: content_length(piece.text), default=None)

    def _scored(self, channel: Channel, judge: Callable[[Piece], float]) -> list[Scored]:
        found = []
        for piece in self.pieces:
            if piece.channel != channel or not _has_content(piece.text):
                continue
            score = judge(piece)
            if score > 0.0:
                found.append(Scored(piece=piece, score=score, also=self.agreed(piece)))
        return found

    def _wants(self, piece: Piece) -> float:
        text = piece.text
        place = self._order.get(id(piece), 0)
        sign = 1.2 * min(1.0, cues.request(text)) + 1.2 * cues.problem(text)
        if not sign and place > 1:
            return 0.0  # people state their matter first; later on it takes a sign
        score = sign + 1.1 * (0.75**place) + 0.4 * self._central[id(piece)]
        score += 0.5 * self.hints.cards.get(piece.segment_id, 0.0) + 0.3 * (piece.segment_id in self.hints.matter)
        score -= (
            1.0 * cues.detail(text) + 0.8 * cues.aside(text) + 0.8 * cues.tried(text) + 0.5 * cues.caller_will(text)
        )
        score -= 1.2 * (place > 1 and cues.asks_back(text)) + 0.8 * cues.resolved(text)
        return score - 1.0

    def _does(self, piece: Piece) -> float:
        text = piece.text
        if cues.in_call(text) or (cues.question(text) and text.endswith(("？", "?", "吗", "么", "呢"))):
            return 0.0
        score = cues.completed(text) + 0.7 * self._answers(piece) + 0.3 * self._central[id(piece)]
        score -= 0.8 * cues.courtesy(text) + 0.5 * cues.instruction(text)
        score -= 0.9 * (cues.promise(text) > 1.0 and cues.completed(text) < 1.5)
        return score - 0.55

    def _works(self, piece: Piece) -> float:
        text = piece.text
        beside = cues.question(text) or cues.aside(text) or cues.detail(text)
        return 1.2 if cues.resolved(text) and not beside else 0.0

    def _promises(self, piece: Piece) -> float:
        strength = cues.promise(piece.text)
        if strength <= 0.0 and cues.proposal(piece.text) and cues.timed(piece.text) and self.agreed(piece):
            strength = 0.3
        if strength <= 0.0 or cues.courtesy(piece.text) or self.refused(piece):
            return 0.0
        return strength - 0.5 + 0.2 * bool(self.agreed(piece))

    def _will(self, piece: Piece) -> float:
        if not cues.caller_will(piece.text) or cues.tried(piece.text) or cues.question(piece.text):
            return 0.0
        return 0.6 + 0.4 * cues.timed(piece.text)

    def _directs(self, piece: Piece) -> float:
        text = piece.text
        directs, passes = cues.instruction(text), cues.handoff(text)
        agreed = cues.proposal(text) and cues.timed(text) and bool(self.agreed(piece))
        if not (directs or passes or agreed) or self.refused(piece) or cues.courtesy(text):
            return 0.0
        if cues.question(text) and text.endswith(("？", "?", "吗")) and not (agreed or passes):
            return 0.0
        place = piece.index / max(1, len(self.heard) - 1)
        return 0.5 + 0.5 * directs + 0.5 * passes + 0.5 * agreed + 0.4 * place

    def next_said(self, piece: Piece, channel: Channel) -> list[Utterance]:
        """What the other side says right after, before this one goes on."""
        found = []
        for utterance in self.heard[piece.index + 1 : piece.index + 3]:
            if utterance.channel != channel:
                break
            found.append(utterance)
        return found

    def agreed(self, piece: Piece) -> tuple[str, ...]:
        """The caller's yes to a proposal: its segment, where that is what comes next."""
        if piece.channel != "agent" or not cues.proposal(piece.text):
            return ()
        said = self.next_said(piece, "caller")[:1]
        return tuple(u.segment_id for u in said if cues.agreed(u.text.strip()))

    def refused(self, piece: Piece) -> bool:
        """Whether the other side turns it down right after."""
        return any(cues.refusal(u.text) and not cues.agreed(u.text) for u in self.next_said(piece, "caller")[:1])

    def _answers(self, piece: Piece) -> bool:
        """Whether the customer's question came right before, and this is more than putting it off."""
        before = self.heard[piece.index - 1] if piece.index else None
        asked = before is not None and before.channel == "caller" and cues.question(before.text)
        return asked and not cues.stalls(piece.text)

    def _answered(self, asked: Piece) -> bool:
        later = self.heard[asked.index + 1 : asked.index + 1 + _ANSWER_WITHIN]
        said = [u for u in later if u.channel == "agent"]
        own = [p for u in said for p in self.pieces if p.segment_id == u.segment_id]
        return any(
            not cues.stalls(p.text) and not cues.in_call(p.text) and not cues.courtesy(p.text) and _has_content(p.text)
            and not p.text.endswith(("？", "?", "吗"))
            for p in own
        )  # fmt: skip

    def focused(self, piece: Piece, counts: Callable[[str], bool]) -> Piece:
        """The clauses that count and, in a short sentence, all; never more than a long one may have."""
        utterance = self.heard[piece.index]
        spans = clauses(utterance, piece)
        longest = _LONG[utterance.language]
        told = [place for place, (a, b) in enumerate(spans) if counts(utterance.text[a:b])]
        if len(piece.text) <= longest // 2:
            return piece
        if len(spans) < 2 or not told:
            return self._clipped(piece, longest)
        first, last = told[0], told[-1]
        while first > 0 and spans[last][1] - spans[first - 1][0] <= longest:
            first -= 1
        while last + 1 < len(spans) and spans[last + 1][1] - spans[first][0] <= longest:
            last += 1
        found = piece_of(utterance, piece.index, spans[first][0], spans[last][1])
        return self._clipped(found or piece, longest)

    def _clipped(self, piece: Piece, longest: int) -> Piece:
        """The beginning of a sentence without an end, as in speech without punctuation; at a space if there is one."""
        if len(piece.text) <= longest:
            return piece
        utterance = self.heard[piece.index]
        end = piece.quotes[0].start + longest
        space = utterance.text.rfind(" ", piece.quotes[0].start + longest // 2, end)
        cut = piece_of(utterance, piece.index, piece.quotes[0].start, space if space > 0 else end)
        return cut or piece


def choose(
    found: Iterable[Scored], *, most: int, characters: int, share: float, taken: Sequence[Piece]
) -> list[Scored]:
    """The best sentences, in the order in which they were said.

    At most ``most``, together within ``characters`` (the first always fits), each with at least ``share`` of the best
    score, none that repeats another one or what is in ``taken``.
    """
    ranked = sorted(found, key=lambda one: (-one.score, one.piece.index, one.piece.start))
    chosen: list[Scored] = []
    left = characters
    for one in ranked:
        if len(chosen) == most or (chosen and (one.score < share * chosen[0].score or len(one.piece.text) > left)):
            continue
        if any(same(one.piece, other) for other in (*taken, *(c.piece for c in chosen))):
            continue
        chosen.append(one)
        left -= len(one.piece.text)
    return sorted(chosen, key=lambda one: (one.piece.index, one.piece.start))


def same(left: Piece, right: Piece) -> bool:
    """Whether two sentences overlap in place or in words."""
    if left.segment_id == right.segment_id and left.start < right.end and right.start < left.end:
        return True
    a, b = _pairs(left.text), _pairs(right.text)
    return bool(a and b) and 2 * len(a & b) / (len(a) + len(b)) >= _SAME


def _pairs(text: str) -> set[str]:
    kept = "".join(char for char in text.lower() if char.isalnum())
    return {kept[i : i + 2] for i in range(len(kept) - 1)}


def _has_content(text: str) -> bool:
    return content_length(text) >= LEAST_CONTENT


def _centrality(pieces: Sequence[Piece], heard: Sequence[Utterance], embedder: Embedder | None) -> dict[int, float]:
    """0..1 for each sentence: how near its utterance is in meaning to what the speaker says otherwise;
    0.5 for all without an embedder.

    Whole utterances, since their vectors are known: they were classified when they were heard.
    """
    central = {id(piece): 0.5 for piece in pieces}
    if embedder is None or not pieces:
        return central
    for channel in ("caller", "agent"):
        own = [piece for piece in pieces if piece.channel == channel and _has_content(piece.text)]
        spoken = list(dict.fromkeys(piece.index for piece in own))
        spoken = [*spoken[: _EMBEDDED // 3], *spoken[_EMBEDDED // 3 :][-_EMBEDDED * 2 // 3 :]]
        made = vectors(embedder, [heard[index].text for index in spoken])
        likeness = dict(zip(spoken, mean_likeness(made), strict=True))
        for piece in own:
            central[id(piece)] = likeness.get(piece.index, central[id(piece)])
    return central


def mean_likeness(made: Floats) -> list[float]:
    """Of each row: its mean cosine to the others, stretched to 0..1 over the rows."""
    if len(made) < 3:
        return [0.5] * len(made)
    cosines = made @ made.T
    means = (cosines.sum(axis=1) - np.diag(cosines)) / (len(made) - 1)
    low, high = float(means.min()), float(means.max())
    return [0.5] * len(made) if high - low < 1e-6 else [float(value) for value in (means - low) / (high - low)]
