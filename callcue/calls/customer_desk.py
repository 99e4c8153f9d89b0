"""What is known of a call's customer from elsewhere: derived tags while it runs, predictive ones at its end."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog

from callcue.calls.records import RecordKeeper
from callcue.core.customer_events import Customer, CustomerEvent, checked_event, plain_phone
from callcue.core.errors import CallCueError
from callcue.core.events import SentimentSummary, TagUpdate
from callcue.core.ports import Clock
from callcue.core.records import CallRecord, TagSuggestion
from callcue.infra.customer_events import CustomerEventStore, Intake, Keys
from callcue.infra.event_log import EventLog
from callcue.learning.forecasts import Forecaster
from tagger.event_rules import EVENT_EVIDENCE, EVENT_RULES_NAME, DerivedTag, EventRule, apply_rules, fired_since
from tagger.forecast_features import CallFacts
from tagger.rules import RuleSet

_log = structlog.get_logger(__name__)


Hearer = Callable[[Sequence[CustomerEvent], int], Awaitable[None]]
"""Is told a customer's events, newest first, and the call time."""


@dataclass(slots=True)
class _Followed:
    customer: Customer
    keys: Keys
    said: list[DerivedTag] = field(default_factory=list)
    hearer: Hearer | None = None
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


class CustomerDesk:
    """Takes customer events in and keeps the tags of live calls up to date with them."""

    def __init__(
        self,
        *,
        rules: Sequence[EventRule],
        vocabulary: RuleSet,
        events: CustomerEventStore,
        forecaster: Forecaster,
        records: RecordKeeper,
        log: EventLog,
        clock: Clock,
        fill_threshold: float,
    ) -> None:
        self.rules = rules
        self.vocabulary = vocabulary
        self.events = events
        self.forecaster = forecaster
        self.records = records
        self._events_log = log
        self._clock = clock
        self._threshold = fill_threshold
        self._live: dict[str, _Followed] = {}

    @property
    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return int(self._clock.now().timestamp() * 1000)

    async def began(
        self,
        call_id: str,
        caller: str | None,
        customer_id: str = "",
        at_ms: int = 0,
        *,
        hearer: Hearer | None = None,
    ) -> None:
        """A call began, or its customer became known: the derived tags of what the customer did before. ``hearer`` is
        told all the customer's events now, and again whenever one comes while the call runs."""
        held = self._live.get(call_id)
        phone = plain_phone(caller or "") or (held.customer.phone if held else "")
        customer = Customer(phone=phone, customer_id=customer_id or (held.customer.customer_id if held else ""))
        if customer.known and (held is None or held.customer != customer):
            await self._follow(call_id, customer, at_ms, hearer)

    async def corrected(self, call_id: str, customer_id: str, at_ms: int, *, hearer: Hearer | None = None) -> None:
        """A person says whose call it is, or with an empty id that it is not the one that was thought. What the wrong
        customer did elsewhere leaves the record. ``hearer``: as when the call began, for one that was anonymous."""
        held = self._live.get(call_id)
        phone = held.customer.phone if held else ""
        if held is not None or customer_id:
            await self._follow(call_id, Customer(phone=phone, customer_id=customer_id), at_ms, hearer)

    async def corrected_after(self, call_id: str, caller: str | None, customer_id: str, at_ms: int) -> None:
        """The same when the call is over: tags that rest on others' events go, and so do forecasts about others. New
        ones are not made, for they would say what is known by now."""
        customer = Customer(phone=plain_phone(caller or ""), customer_id=customer_id)
        keys = await self.events.keys(customer)
        updates = [u for u in await self._events_log.read_type(call_id, "TagUpdate") if isinstance(u, TagUpdate)]
        derived = [u for u in updates if u.model == EVENT_RULES_NAME]
        names = {one.removeprefix(EVENT_EVIDENCE) for u in derived for one in u.evidence}
        own = {event.event_id for event in await self.events.named(sorted(names)) if keys.match(event)}
        right = {str(u.value) for u in derived if {one.removeprefix(EVENT_EVIDENCE) for one in u.evidence} & own}
        wrong = {str(u.value) for u in derived} - right
        await self.records.withdraw(call_id, "tags", wrong, by=EVENT_RULES_NAME, at_ms=at_ms)
        for model in await self.forecaster.forecasts.drop_of_others(call_id, customer_id):
            foretold = {str(u.value) for u in updates if u.model == model}
            await self.records.withdraw(call_id, "tags", foretold, by=model, at_ms=at_ms)

    async def _follow(self, call_id: str, customer: Customer, at_ms: int, hearer: Hearer | None = None) -> None:
        """One entry a call, so that what is being told of an earlier customer is taken back, not overtaken."""
        keys = await self.events.keys(customer)
        followed = self._live.setdefault(call_id, _Followed(customer, keys))
        followed.customer, followed.keys, followed.hearer = customer, keys, hearer or followed.hearer
        await self._tell(call_id, followed, at_ms, corrected=True)

    async def ended(self, call_id: str, at_ms: int) -> None:
        """The record is complete: make the forecasts, and put those on it that are shown."""
        followed = self._live.pop(call_id, None)
        if followed is None:
            return
        facts = await self._facts(call_id)
        shown = await self.forecaster.make(call_id, followed.customer, facts)
        found = [
            TagSuggestion(
                field="tags",
                value=tag.tag,
                probability=round(forecast.probability, 3),
                evidence=tag.reasons(forecast.features),
                model=forecast.model,
                source="model",
            )
            for tag, forecast in shown
        ]
        await self.records.suggest(call_id, found, at_ms)

    def forget(self, call_id: str) -> None:
        """The call is gone, however it ended."""
        self._live.pop(call_id, None)

    async def take(self, events: Sequence[CustomerEvent], *, dry_run: bool = False) -> Intake:
        """Keep a batch of events, each id once, and bring the live calls of their customers up to date.

        Raises BadInput that names the event at fault; then nothing was kept.
        """
        now = self._clock.now()
        intake = await self.events.add([checked_event(event, now) for event in events], dry_run=dry_run)
        if intake.added and not dry_run:
            await self.forecaster.late(intake.added)
            for call_id, followed in list(self._live.items()):
                if any(followed.keys.match(event) for event in intake.added):
                    await self._again(call_id, followed)
        return intake

    async def derive(self, customer: Customer) -> list[DerivedTag]:
        """A customer's derived tags at this moment."""
        return self._derived(await self.events.of(customer))

    def _derived(self, events: Sequence[CustomerEvent]) -> list[DerivedTag]:
        return apply_rules(self.rules, events, self.now_ms)

    async def _again(self, call_id: str, followed: _Followed) -> None:
        """An event came during the call. What goes wrong here is the call's loss, not the source's."""
        try:
            followed.keys = await self.events.keys(followed.customer)
            await self._tell(call_id, followed, await self._events_log.last_at_ms(call_id))
        except CallCueError as error:
            _log.warning("customer.tags_not_kept", call_id=call_id, code=error.code)

    async def _tell(self, call_id: str, followed: _Followed, at_ms: int, *, corrected: bool = False) -> None:
        async with followed.turn:
            events = await self.events.of(followed.customer)
            derived = self._derived(events)
            if corrected and (wrong := {tag.tag for tag in followed.said} - {tag.tag for tag in derived}):
                await self.records.withdraw(call_id, "tags", wrong, by=EVENT_RULES_NAME, at_ms=at_ms)
                followed.said = [tag for tag in followed.said if tag.tag not in wrong]
            fresh = fired_since(followed.said, derived)
            found = [
                TagSuggestion(
                    field="tags",
                    value=tag.tag,
                    probability=tag.probability,
                    evidence=tag.evidence,
                    model=EVENT_RULES_NAME,
                    source="rule",
                    fills=tag.probability >= self._threshold,
                    replaces=replaced,
                )
                for tag, replaced in fresh
            ]
            await self.records.suggest(call_id, found, at_ms)
            keys = {tag.key for tag in derived}
            followed.said = [*derived, *(tag for tag in followed.said if tag.key not in keys)]
            if followed.hearer is not None:
                await followed.hearer(events, at_ms)

    async def _facts(self, call_id: str) -> CallFacts:
        course = await self._events_log.newest(call_id, "SentimentSummary")
        return facts_of(await self.records.get(call_id), course if isinstance(course, SentimentSummary) else None)


def facts_of(record: CallRecord, moods: SentimentSummary | None) -> CallFacts:
    """What forecasts see of a call; ``moods``: how both sides felt over it, None where nothing was said."""
    tags, priority = record.value("tags"), record.value("priority")
    return CallFacts(
        issue_type=str(record.value("issue_type") or ""),
        sentiment=str(record.value("sentiment") or ""),
        worsened=moods is not None and any(s.channel == "caller" and s.course == "fell" for s in moods.speakers),
        tags=tags if isinstance(tags, tuple) else (),
        follow_up=bool(record.value("follow_up")),
        needs_inspection=record.value("needs_offline_inspection") is True,
        priority=priority if isinstance(priority, int) else 3,
    )
