"""Cards that nothing said brought: by who the customer is, by how the customer feels, and because an agent asks."""

from collections.abc import Sequence

from callcue.calls.patience import append_patiently
from callcue.calls.pushes import CardPusher
from callcue.calls.stages import Stages
from callcue.core.cards import Card, PushKind, PushReason, Suggestion
from callcue.core.customers import CustomerProfile
from callcue.core.errors import NotFound
from callcue.core.events import CustomerKnown
from callcue.core.records import TagSuggestion
from callcue.core.speech import Language, LanguageChoice, Utterance
from nlu.assist import CallAssistant
from nlu.gate import eligible
from nlu.occasions import customer_of, due

MOST = 2
"""Cards that a profile brings in one call; more would be a wall in front of the greeting."""


class Prompter:
    """One call's."""

    def __init__(
        self, *, call_id: str, language: LanguageChoice, stages: Stages, assistant: CallAssistant, pusher: CardPusher
    ) -> None:
        self._call_id = call_id
        self._language = language
        self._stages = stages
        self._assistant = assistant
        self._pusher = pusher
        self._profile = CustomerProfile()
        self._shown: set[str] = set()
        self._by_profile = 0
        self._sentiment = ""
        self._spoken: Language | None = None if language == "auto" else language

    async def know(self, profile: CustomerProfile, by: str, at_ms: int) -> None:
        """Who the customer is: written, told to the gate, and the cards for such a customer shown, each once."""
        event = CustomerKnown(call_id=self._call_id, at_ms=at_ms, profile=profile, by=by)
        await append_patiently(self._stages.log, self._stages.clock, event)
        self._assistant.know(customer_of(profile))
        self._profile = profile
        await self._show(at_ms, None)

    @property
    def profile(self) -> CustomerProfile:
        """What is known of the customer."""
        return self._profile

    async def spoken(self, utterance: Utterance, at_ms: int) -> None:
        """The first words tell the language of a call that was opened for any."""
        if self._spoken is None:
            self._spoken = utterance.language
            await self._show(at_ms, None)

    async def felt(self, found: Sequence[TagSuggestion], utterance: Utterance, at_ms: int) -> None:
        """What the tagger made of the utterance: a sure change of sentiment may bring a script."""
        sure = [tag for tag in found if tag.field == "sentiment" and tag.fills and isinstance(tag.value, str)]
        if sure and sure[-1].value != self._sentiment:
            self._sentiment = str(sure[-1].value)
            await self._show(at_ms, utterance)

    async def show(self, card_id: str, by: str, at_ms: int) -> None:
        """An agent asks for a card by name. Raises NotFound for one that is not published."""
        card = self._stages.knowledge.view().cards.get(card_id)
        if card is None:
            raise NotFound(f"there is no published card {card_id[:128]!r}; search for it, or publish it first")
        self._assistant.shown(card, at_ms)
        await self._pusher.push([_suggestion(card, 1, _reason("request", by, None))], at_ms)

    async def _show(self, at_ms: int, utterance: Utterance | None) -> None:
        if self._spoken is None:
            return
        now = self._stages.clock.now()
        fitting = due(
            self._stages.knowledge.view().cards.values(), self._profile, self._sentiment, now.astimezone().date()
        )
        allowed = eligible(
            (card for card, _ in fitting),
            language=self._language,
            spoken=self._spoken,
            customer=customer_of(self._profile),
            now=now,
        )
        chosen: list[Suggestion] = []
        for card, held in fitting:
            kind: PushKind = "sentiment" if card.when is not None and card.when.sentiment else "profile"
            # A card about feelings waits for them: a profile that arrives later is no reason to come back to it.
            if card.id not in allowed or card.id in self._shown or (kind == "sentiment") != (utterance is not None):
                continue
            if kind == "profile" and self._by_profile >= MOST:
                break
            if not self._assistant.wants(card, at_ms):
                continue
            self._shown.add(card.id)
            self._by_profile += kind == "profile"
            self._assistant.shown(card, at_ms)
            chosen.append(_suggestion(card, len(chosen) + 1, _reason(kind, held, utterance)))
            if kind == "sentiment":
                break
        await self._pusher.push(chosen, at_ms)


def _suggestion(card: Card, rank: int, reason: PushReason) -> Suggestion:
    return Suggestion(card=card, rank=rank, score=1.0, reason=reason)


def _reason(kind: PushKind, matched: str, utterance: Utterance | None) -> PushReason:
    return PushReason(
        kind=kind,
        matched=matched,
        query=utterance.text if utterance else "",
        segment_id=utterance.segment_id if utterance else "",
        channel=utterance.channel if utterance else "caller",
        start=0,
        end=len(utterance.text) if utterance else 0,
        match="exact",
    )
