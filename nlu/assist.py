"""From finals and partials of one call to the cards that should be shown now."""

import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from callcue.core.cards import Card, CardHit, Suggestion
from callcue.core.errors import CallCueError
from callcue.core.ports import CardIndex, Clock
from callcue.core.speech import Channel, Language, LanguageChoice, Utterance
from nlu.context import CallContext, Situation
from nlu.decision import Decision, Heard, Judged, Verdict, reason
from nlu.evidence import hints, hints_otherwise, in_situation
from nlu.folding import is_han
from nlu.gate import Customer, Gate, GateConfig, eligible
from nlu.hotwords import HotwordCorrector
from nlu.lookup import Hint, best_of, look_up
from nlu.merge import SURE, TELLING, Candidate, merge, weight
from nlu.missed import MissTracker
from nlu.normalise import Normaliser
from nlu.query import FragmentJoiner, Joined
from nlu.settled import set_aside
from nlu.triggers import TriggerHit, TriggerMatcher

_log = logging.getLogger(__name__)

_FOLLOWED = 6
"""Characters after a short phrase that show what is made of it."""


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
    threshold_en: float = 0.4
    max_cards_per_utterance: int = 2
    max_cards_per_minute: int = 6
    join_gap_ms: int = 1200
    partial_triggers: bool = True

    def least_score(self, language: Language) -> float:
        """What a search result in this language needs."""
        return self.threshold_en if language == "en" else self.threshold


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
    ) -> None:
        self._config = config
        self._knowledge = knowledge
        self._clock = clock
        self._language = language
        self._customer = customer or Customer()
        self._gate = Gate(GateConfig(max_cards_per_minute=config.max_cards_per_minute))
        self._joiner = FragmentJoiner(config.join_gap_ms)
        self._context = CallContext()
        self._normaliser = Normaliser()
        self.missed = MissTracker()
        """What was looked up and brought no card."""

    async def on_final(self, u: Utterance) -> list[Suggestion]:
        """The cards that this final brings, best first."""
        return list((await self.decide(u)).pushed)

    async def decide(self, u: Utterance) -> Decision:
        """The same with everything that was considered.

        The caller's need is looked up; what the agent says only fires triggers, which the search may support.
        """
        view = self._knowledge()
        joined = self._joiner.add(u)
        situation = self._follow(u, joined)
        scan = view.triggers.read(joined.text, u.channel)
        fresh = [t for t in scan.hits if t.end > joined.offset]  # those before were dealt with when they were said
        aside = {t.card_id for t in fresh if set_aside(joined.text, t.start, t.end, u.language)}
        triggers = [t for t in fresh if t.card_id not in aside]
        asked = joined.query if situation else u.text if triggers else ""
        beside = hints(joined.query, u.text, situation, u.language) if situation else []
        hits = await self._search(view, _as_meant(asked, joined, triggers), beside, u)
        if situation and not any(hit.score >= SURE for hit in hits):
            otherwise = hints_otherwise(u, joined, situation)
            hits = best_of(hits, await self._search(view, "", otherwise, u))
            beside += otherwise
        if situation:
            hits = in_situation(hits, situation, u.confidence)
        need = joined.need
        heard = Heard(
            segment_id=u.segment_id,
            channel=u.channel,
            text=joined.text,
            offset=joined.offset,
            at_ms=u.end_ms,
            query=joined.query,
            span=(need.start, need.end) if need else (0, len(u.text)),
        )
        candidates = merge(
            [*triggers, *(t for t in fresh if t.card_id in aside)],
            hits,
            view.cards,
            self._config.least_score(u.language),
        )
        judged, pushed = self._judge(candidates, heard, u.language, negated=scan.negated, aside=aside)
        if pushed:
            self._joiner.answered(u.channel)
        known = any(
            not item.candidate.lack and item.candidate.card.id not in aside and item.verdict != "not for this call"
            for item in judged
        )
        met = bool(pushed) if u.channel == "agent" else known
        self.missed.note(u, joined, hits, met=met, has_cards=bool(view.cards))
        beside_texts = tuple(hint.text for hint in beside)
        return Decision(
            text=joined.text,
            triggers=tuple(fresh),
            query=asked,
            hints=beside_texts,
            situation=situation,
            judged=judged,
            pushed=pushed,
        )

    def _follow(self, u: Utterance, joined: Joined) -> Situation | None:
        if u.channel == "caller":
            return self._context.caller_said(u, joined.query)
        self._context.agent_said(u)
        return None

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
        settled = [h for h in sure if not set_aside(text, h.start, h.end, spoken) and _sounds_finished(h, text)]
        heard = Heard(segment_id=segment_id, channel=channel, text=text, offset=0, at_ms=at_ms)
        candidates = merge(settled, (), view.cards, self._config.least_score(spoken))
        return list(self._judge(candidates, heard, spoken)[1])

    def on_ack(self, card_id: str, action: str) -> None:
        """What the agent did with a card: dismissed and wrong ones do not come back, pinned ones are already there."""
        if action in ("dismissed", "wrong", "pinned"):
            self._gate.refuse(card_id)

    def know(self, customer: Customer) -> None:
        """Who the customer is, from now on."""
        self._customer = customer

    def wants(self, card: Card, at_ms: int) -> bool:
        """Whether this call's past allows a card that nothing said brought."""
        return self._gate.objection(card, "", at_ms) is None

    def shown(self, card: Card, at_ms: int) -> None:
        """Such a card was shown."""
        self._gate.shown(card, at_ms)

    def _spoken(self, text: str) -> Language:
        if self._language != "auto":
            return self._language
        return "zh" if any(is_han(c) for c in text) else "en"

    async def _search(self, view: KnowledgeView, text: str, beside: list[Hint], u: Utterance) -> list[CardHit]:
        if not text and not beside:
            return []
        lang = u.language if self._language == "auto" else self._language
        try:
            audience = self._customer.audience(u.language)
            return await look_up(view.index, text, lang, beside, valid_at=self._clock.now(), audience=audience)
        except CallCueError as error:
            _log.warning("card search failed (%s); triggers still work", error.code)
            return []

    def _judge(
        self,
        candidates: list[Candidate],
        heard: Heard,
        spoken: Language,
        *,
        negated: Collection[str] = (),
        aside: Collection[str] = (),
    ) -> tuple[tuple[Judged, ...], tuple[Suggestion, ...]]:
        """Hold the candidates against the gate; remember what passes."""
        allowed = eligible(
            (c.card for c in candidates),
            language=self._language,
            spoken=spoken,
            customer=self._customer,
            now=self._clock.now(),
        )
        judged: list[Judged] = []
        pushed: list[Suggestion] = []
        places = self._config.max_cards_per_utterance
        for candidate in candidates:
            verdict = _unworthy(candidate, heard, allowed, negated, aside)
            if verdict is None:
                # The best few are chosen first: when they are on the screen, the next best is no better for that.
                verdict = self._held_back(candidate, heard) if places > 0 else "others are better"
                places -= 1
            judged.append(Judged(candidate=candidate, verdict=verdict))
            if verdict == "pushed":
                self._gate.pushed(candidate.card, heard.segment_id, heard.at_ms)
                self._context.shown(candidate.card, heard.at_ms)
                why = reason(candidate, heard)
                pushed.append(Suggestion(card=candidate.card, rank=len(pushed) + 1, score=candidate.score, reason=why))
        return tuple(judged), tuple(pushed)

    def _held_back(self, candidate: Candidate, heard: Heard) -> Verdict:
        objection = self._gate.objection(candidate.card, heard.segment_id, heard.at_ms)
        if objection is not None:
            return objection
        sure = candidate.trigger is not None or candidate.score >= SURE
        room = self._gate.has_room(heard.at_ms, sure=sure)
        return "pushed" if room else "no room in this minute"


def _unworthy(
    candidate: Candidate, heard: Heard, allowed: Collection[str], negated: Collection[str], aside: Collection[str]
) -> Verdict | None:
    """What rules a candidate out whatever else the call has shown."""
    card_id = candidate.card.id
    if card_id in negated:
        return "negative phrase"
    if card_id in aside:
        return "said to be done or not needed"
    if heard.channel == "agent" and candidate.trigger is None:
        return "only the caller is searched for"
    if candidate.lack:
        return "below the threshold" if candidate.lack == "threshold" else "phrase without support"
    return None if card_id in allowed else "not for this call"


def _sounds_finished(hit: TriggerHit, text: str) -> bool:
    """Whether a phrase in unfinished speech can be taken at once: a short one may yet be done with (发票…已经收到)."""
    return weight(hit) >= TELLING or len(text) - hit.end >= _FOLLOWED


def _as_meant(text: str, joined: Joined, triggers: list[TriggerHit]) -> str:
    """The query with misheard phrases as the cards write them (发飘 as 发票), so that the search knows them."""
    for trigger in triggers:
        heard = joined.text[trigger.start : trigger.end]
        if trigger.match == "pinyin" and not trigger.doubtful:
            text = text.replace(heard, trigger.phrase)
    return text
