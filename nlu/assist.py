"""From finals and partials of one call to the cards that should be shown now."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callcue.core.cards import Card, CardHit, PushReason, Suggestion
from callcue.core.errors import CallCueError
from callcue.core.ports import CardIndex, Clock
from callcue.core.speech import Channel, Language, LanguageChoice, Utterance
from nlu.folding import is_han
from nlu.gate import Customer, Gate, GateConfig, eligible
from nlu.hotwords import HotwordCorrector
from nlu.lookup import look_up
from nlu.merge import Candidate, merge
from nlu.normalise import Normaliser
from nlu.query import FragmentJoiner, Joined
from nlu.triggers import Scan, TriggerHit, TriggerMatcher

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class KnowledgeView:
    """A consistent snapshot of the knowledge base."""

    index: CardIndex
    triggers: TriggerMatcher
    cards: Mapping[str, Card]
    """Published cards by id."""
    hotwords: HotwordCorrector | None = None
    """For finals, with the words of these cards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssistConfig:
    """When a card is shown; the defaults and their meaning are those of the settings' section ``knowledge``."""

    threshold: float = 0.2
    max_cards_per_utterance: int = 2
    max_cards_per_minute: int = 4
    join_gap_ms: int = 1200
    partial_triggers: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What was looked at, for the reasons."""

    segment_id: str
    channel: Channel
    text: str
    offset: int
    """Where the segment begins in ``text``."""
    at_ms: int
    query: str = ""
    span: tuple[int, int] = (0, 0)
    """The need, in the segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """What one final was, stage by stage, for those who ask why (``nlu.explain``)."""

    joined: Joined
    scan: Scan
    triggers: tuple[TriggerHit, ...]
    """Those of this final."""
    hits: tuple[CardHit, ...]
    """What the search found."""
    standing: tuple[Candidate, ...]
    """What has enough evidence, best first."""
    pushed: tuple[Suggestion, ...]


class CallAssistant:
    """One call's assistant. All methods run in the event loop; only ``on_final`` waits, for the search."""

    def __init__(
        self,
        *,
        config: AssistConfig,
        knowledge: Callable[[], KnowledgeView],
        clock: Clock,
        language: LanguageChoice,
        customer: Customer | None = None,
        watch: Callable[[Considered], None] | None = None,
    ) -> None:
        """``watch`` is told how each final was judged."""
        self._watch = watch
        self._config = config
        self._knowledge = knowledge
        self._clock = clock
        self._language = language
        self._customer = customer or Customer()
        self.gate = Gate(GateConfig(max_cards_per_minute=config.max_cards_per_minute))
        self._joiner = FragmentJoiner(config.join_gap_ms)
        self._normaliser = Normaliser()

    async def on_final(self, u: Utterance) -> list[Suggestion]:
        """The cards that this final brings, best first.

        The caller's need is looked up; what the agent says only fires triggers, which the search may support.
        """
        view = self._knowledge()
        joined = self._joiner.add(u)
        scan = view.triggers.read(joined.text, u.channel)
        triggers = [t for t in scan.hits if t.end > joined.offset]  # those before were dealt with when they were said
        hits = await self._search(view, joined, triggers, u)
        standing = candidates = merge(triggers, hits, view.cards, self._config.threshold)
        if u.channel == "agent":
            candidates = [c for c in candidates if c.trigger is not None]
        candidates = [c for c in candidates if c.card.id not in scan.negated]
        need = joined.need
        heard = _Heard(
            segment_id=u.segment_id,
            channel=u.channel,
            text=joined.text,
            offset=joined.offset,
            at_ms=u.end_ms,
            query=joined.query,
            span=(need.start, need.end) if need else (0, len(u.text)),
        )
        pushed = self._push(candidates, heard, u.language)
        if pushed:
            self._joiner.answered(u.channel)
        if self._watch is not None:
            self._watch(
                Considered(
                    joined=joined,
                    scan=scan,
                    triggers=tuple(triggers),
                    hits=tuple(hits),
                    standing=tuple(standing),
                    pushed=tuple(pushed),
                )
            )
        return pushed

    def on_partial(self, channel: Channel, segment_id: str, stable: str, at_ms: int) -> list[Suggestion]:
        """Written triggers in the stable text of a segment that is still being spoken.

        Homophones wait for the final, where the search can support them, and so do cards with negative phrases: a
        negation may still follow (发票…已经收到了).
        """
        if not self._config.partial_triggers or not stable:
            return []
        view = self._knowledge()
        spoken = self._spoken(stable)
        text = self._normaliser.normalise(stable, spoken).text
        hits = view.triggers.read(text, channel).hits
        sure = [
            h for h in hits if h.match == "exact" and h.card_id in view.cards and not view.cards[h.card_id].negative
        ]
        heard = _Heard(segment_id=segment_id, channel=channel, text=text, offset=0, at_ms=at_ms)
        return self._push(merge(sure, (), view.cards, self._config.threshold), heard, spoken)

    def on_ack(self, card_id: str, action: str) -> None:
        """What the agent did with a card: dismissed and wrong ones do not come back, pinned ones are already there."""
        if action in ("dismissed", "wrong", "pinned"):
            self.gate.refuse(card_id)

    def _spoken(self, text: str) -> Language:
        if self._language != "auto":
            return self._language
        return "zh" if any(is_han(c) for c in text) else "en"

    async def _search(
        self, view: KnowledgeView, joined: Joined, triggers: list[TriggerHit], u: Utterance
    ) -> list[CardHit]:
        """Search results for the need; for the agent only where they can support a trigger."""
        text = joined.query if u.channel == "caller" else u.text if triggers else ""
        if not text:
            return []
        lang = u.language if self._language == "auto" else self._language
        try:
            return await look_up(view.index, _as_meant(text, joined, triggers), lang)
        except CallCueError as error:
            _log.warning("card search failed (%s); triggers still work", error.code)
            return []

    def _push(self, candidates: list[Candidate], heard: _Heard, spoken: Language) -> list[Suggestion]:
        """Hold the candidates against the gate; remember what passes."""
        allowed = eligible(
            (c.card for c in candidates),
            language=self._language,
            spoken=spoken,
            customer=self._customer,
            now=self._clock.now(),
        )
        worthy = [c for c in candidates if c.card.id in allowed]
        out: list[Suggestion] = []
        # The best few are chosen first: when they are on the screen already, the next best is no better for that.
        for candidate in worthy[: self._config.max_cards_per_utterance]:
            card, named = candidate.card, candidate.trigger is not None
            if self.gate.passes(card, heard.segment_id, heard.at_ms) and self.gate.has_room(heard.at_ms, named=named):
                self.gate.pushed(card, heard.segment_id, heard.at_ms)
                reason = _reason(candidate, heard)
                out.append(Suggestion(card=card, rank=len(out) + 1, score=candidate.score, reason=reason))
        return out


def _as_meant(text: str, joined: Joined, triggers: list[TriggerHit]) -> str:
    """The query with misheard phrases as the cards write them (发飘 as 发票), so that the search knows them."""
    for trigger in triggers:
        heard = joined.text[trigger.start : trigger.end]
        if trigger.match == "pinyin" and not trigger.doubtful:
            text = text.replace(heard, trigger.phrase)
    return text


def _reason(candidate: Candidate, heard: _Heard) -> PushReason:
    trigger = candidate.trigger
    if trigger is not None:
        return PushReason(
            kind="trigger",
            matched=trigger.phrase,
            query=heard.text,
            segment_id=heard.segment_id,
            channel=heard.channel,
            start=max(0, trigger.start - heard.offset),
            end=trigger.end - heard.offset,
            match=trigger.match,
        )
    return PushReason(
        kind="search",
        matched=candidate.hit.matched if candidate.hit else "",
        query=heard.query,
        segment_id=heard.segment_id,
        channel=heard.channel,
        start=heard.span[0],
        end=heard.span[1],
    )
