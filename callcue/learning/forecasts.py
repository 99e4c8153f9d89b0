"""Predictive tags at work: made when a call ends, held against what came, shown only while they keep their word.

A tag is watched first. Every hour outcomes are looked up whose horizon has passed, and each tag is judged by its newest
scored forecasts (``tagger.forecast_scores``): enough that kept their word, and it is shown; calibration lost, and it
is switched off, until a person switches it on again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import structlog

from callcue.core.customer_events import Customer, CustomerEvent
from callcue.core.errors import BadInput, Conflict, NotFound
from callcue.core.ports import Clock
from callcue.infra.customer_events import CustomerEventStore, Keys, PastCall
from callcue.infra.forecasts import BY_EVENTS, Forecast, ForecastStore, Switch, SwitchState, Told
from callcue.learning.rounds import Rounds
from tagger.forecast_features import DAY_MS, LOOK_BACK_DAYS, CallFacts, EarlierCall, features_of
from tagger.forecast_model import ForecastModel, TagForecast
from tagger.forecast_scores import RULE, Scores, SwitchRule, judge, score
from tagger.forecast_train import Case

EVERY_S = 3600.0
SETTLE_MS = DAY_MS
"""How long after a horizon events may still come in before their absence means no."""
GIVE_UP_MS = 30 * DAY_MS
"""After that a forecast without a witness stays without an outcome."""
SETTLED_AT_ONCE = 200
"""Forecasts whose outcomes are written in one transaction."""
MOST_CASES = 50_000
COMPLAINT_TAGS = ("投诉", "要求升级")
NEGATIVE = "负面"
AUTOMATIC = "callcue"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagState:
    """One predictive tag as it stands."""

    tag: TagForecast
    state: SwitchState
    since_ms: int | None
    """Epoch milliseconds of the decision; None: it was never shown, nor switched."""
    by: str
    reason: str
    scores: Scores
    """Of the newest cases of this model since a person last decided."""
    open: str
    """What it still lacks before it is shown; empty otherwise."""


class Forecaster:
    """Makes forecasts, finds their outcomes, and decides what is shown."""

    def __init__(
        self,
        *,
        model: ForecastModel,
        forecasts: ForecastStore,
        events: CustomerEventStore,
        clock: Clock,
        rule: SwitchRule = RULE,
    ) -> None:
        self.model = model
        self.forecasts = forecasts
        self.events = events
        self._clock = clock
        self._rule = rule
        self._held: dict[str, Switch] | None = None
        self._rounds = Rounds("forecasts", [self._settle_and_review], every_s=EVERY_S, clock=clock)

    @property
    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return int(self._clock.now().timestamp() * 1000)

    async def start(self) -> None:
        """Settle and review in the background, every hour."""
        await self._rounds.start()

    async def close(self) -> None:
        """Stop."""
        await self._rounds.close()

    async def _settle_and_review(self) -> None:
        """Nothing is judged by outcomes that could not all be looked up."""
        self.forget()
        await self.settle()
        await self.review()

    async def make(self, call_id: str, customer: Customer, facts: CallFacts) -> list[tuple[TagForecast, Forecast]]:
        """Forecasts of a call that ends now, kept; returned are those to be shown.

        None for an unknown customer: whether they came true could never be found.
        """
        if not customer.known:
            return []
        now_ms = self.now_ms
        since = now_ms - LOOK_BACK_DAYS * DAY_MS
        events = await self.events.of(customer, since_ms=since, until_ms=now_ms)
        calls = await self.events.calls_of(customer.phone, since_ms=since, until_ms=now_ms, but=call_id)
        features = features_of(facts, events, [earlier_call(call) for call in calls], now_ms)
        states = await self._states()
        made = []
        for tag in self.model.tags:
            if tag.outcome.calls and not tag.outcome.events and not customer.phone:
                continue
            probability = tag.probability(features)
            shown = states[tag.name].state == "shown" and probability >= tag.show_from
            forecast = Forecast(
                call_id=call_id,
                name=tag.name,
                model=self.model.name,
                phone=customer.phone,
                customer_id=customer.customer_id,
                probability=probability,
                features=features,
                shown=shown,
                made_ms=now_ms,
                due_ms=now_ms + tag.horizon_days * DAY_MS,
            )
            made.append((tag, forecast))
        await self.forecasts.add([forecast for _, forecast in made])
        return [(tag, forecast) for tag, forecast in made if forecast.shown]

    async def settle(self) -> int:
        """Look for the outcomes of forecasts whose horizon has passed; returns how many were settled.

        Page by page, each written by itself: live calls write in between, and a round that is cut off is not lost.
        """
        now_ms, settled = self.now_ms, 0
        alive: dict[frozenset[str], int] = {}
        last: Forecast | None = None
        while page := await self.forecasts.open(due_before_ms=now_ms - SETTLE_MS, limit=SETTLED_AT_ONCE, after=last):
            last = page[-1]
            told: list[Told] = []
            for _, group in groupby(sorted(page, key=lambda one: one.call_id), key=lambda one: one.call_id):
                told += await self._outcomes(list(group), alive, now_ms)
            await self.forecasts.tell(told, by=BY_EVENTS, at_ms=now_ms)
            settled += len(told)
        return settled

    async def _outcomes(self, due: Sequence[Forecast], alive: dict[frozenset[str], int], now_ms: int) -> list[Told]:
        """Of the forecasts of one call."""
        first = due[0]
        until = max(one.due_ms for one in due)
        customer = Customer(phone=first.phone, customer_id=first.customer_id)
        events = await self.events.of(customer, since_ms=first.made_ms + 1, until_ms=until)
        calls = await self.events.calls_of(first.phone, since_ms=first.made_ms + 1, until_ms=until, but=first.call_id)
        told = []
        for forecast in due:
            tag = self.model.find(forecast.name)
            happened = None if tag is None else _came_true(tag, forecast, events, calls)
            if happened is False and tag is not None and not await self._witnessed(tag, forecast, alive):
                happened = None
            if happened is not None or tag is None or now_ms - forecast.due_ms > GIVE_UP_MS:
                told.append(Told(call_id=forecast.call_id, name=forecast.name, happened=happened))
        return told

    async def _witnessed(self, tag: TagForecast, forecast: Forecast, alive: dict[frozenset[str], int]) -> bool:
        """Whether a no can be believed: the source of such events has told of something since the forecast was made."""
        kinds = tag.outcome.events
        if not kinds:
            return bool(forecast.phone)
        if kinds not in alive:
            alive[kinds] = await self.events.latest(sorted(kinds)) or 0
        return alive[kinds] > forecast.made_ms

    async def late(self, events: Sequence[CustomerEvent]) -> None:
        """Events came in: outcomes that they may change are looked for again."""
        counting = {kind for tag in self.model.tags for kind in tag.outcome.events}
        past = [event for event in events if event.kind in counting and event.at_ms < self.now_ms - SETTLE_MS]
        if not past:
            return
        first, last = min(event.at_ms for event in past), max(event.at_ms for event in past)
        if not await self.forecasts.settled(from_ms=first, to_ms=last):
            return  # as when a history is imported before the first call
        known: dict[Customer, Keys] = {}
        for event in past:
            customer = Customer(phone=event.phone, customer_id=event.customer_id)
            if customer not in known:
                known[customer] = await self.events.keys(customer)
            keys = known[customer]
            await self.forecasts.reopen(sorted(keys.phones), sorted(keys.ids), at_ms=event.at_ms)

    async def tell(self, call_id: str, name: str, happened: bool, *, by: str) -> None:
        """Somebody says what came of a forecast; it is scored when its horizon has passed.

        Raises NotFound, Conflict (too early for a no), BadInput.
        """
        held = next((one for one in await self.forecasts.of_call(call_id) if one.name == name), None)
        if held is None:
            raise NotFound(f"call {call_id[:128]!r} has no forecast {name[:32]!r}")
        if not happened and held.due_ms > self.now_ms:
            raise Conflict("its time is not over: that it did not happen can be said when the horizon has passed")
        if by == BY_EVENTS:
            raise BadInput(f"{BY_EVENTS!r} is no name of a person or a system")
        await self.forecasts.tell([Told(call_id=call_id, name=name, happened=happened)], by=by, at_ms=self.now_ms)

    async def review(self) -> list[Switch]:
        """Judge every tag by what came of its forecasts; returns what changed."""
        changed = []
        for state in await self.states():
            fresh, reason = judge(state.state, state.scores, self._rule)
            if fresh != state.state:
                changed.append(await self._switch(state.tag.name, fresh, AUTOMATIC, reason))
                note = _log.warning if fresh == "off" else _log.info
                note("forecasts.switched", tag=state.tag.name, state=fresh)
        return changed

    async def switch(self, name: str, state: SwitchState, *, by: str, reason: str = "") -> Switch:
        """A person decides. ``watching`` and ``shown`` begin with a clean record: older forecasts do not count.

        Raises NotFound, BadInput.
        """
        if self.model.find(name) is None:
            raise NotFound(
                f"there is no predictive tag {name[:32]!r}; there are {', '.join(t.name for t in self.model.tags)}"
            )
        if by == AUTOMATIC:
            raise BadInput(f"{AUTOMATIC!r} is no name of a person or a system")
        return await self._switch(name, state, by, reason)

    async def _switch(self, name: str, state: SwitchState, by: str, reason: str) -> Switch:
        decided = await self.forecasts.switch(
            Switch(name=name, model=self.model.name, state=state, at_ms=self.now_ms, by=by, reason=reason)
        )
        self._held = None
        return decided

    async def states(self) -> list[TagState]:
        """Every tag of the model, as it stands."""
        held, switches = await self._states(), await self.forecasts.switches()
        found = []
        for tag in self.model.tags:
            switch = held[tag.name]
            own = [s for s in switches if s.name == tag.name and s.model == self.model.name and s.by != AUTOMATIC]
            cases = await self.forecasts.cases(
                tag.name,
                self.model.name,
                made_from_ms=own[-1].at_ms if own else 0,
                due_to_ms=self.now_ms,
                limit=self._rule.window,
            )
            scores = scored(cases)
            missing = judge("watching", scores, self._rule)[1] if switch.state == "watching" else ""
            found.append(
                TagState(
                    tag=tag,
                    state=switch.state,
                    since_ms=switch.at_ms if switch.number else None,
                    by=switch.by,
                    reason=switch.reason,
                    scores=scores,
                    open=missing,
                )
            )
        return found

    async def _states(self) -> Mapping[str, Switch]:
        """What holds for each tag; decisions about other weights do not."""
        if self._held is None:
            newest = {s.name: s for s in await self.forecasts.switches() if s.model == self.model.name}
            self._held = {tag.name: newest.get(tag.name) or self._undecided(tag) for tag in self.model.tags}
        return self._held

    def _undecided(self, tag: TagForecast) -> Switch:
        return Switch(name=tag.name, model=self.model.name, state="watching", at_ms=0, by=AUTOMATIC, reason="")

    def forget(self) -> None:
        """Another process may have switched: read it anew."""
        self._held = None

    async def training_cases(self) -> dict[str, list[Case]]:
        """Every forecast with an outcome, of any model, by tag."""
        found: dict[str, list[Case]] = {}
        for tag in self.model.tags:
            held = await self.forecasts.cases(tag.name, None, made_from_ms=0, due_to_ms=self.now_ms, limit=MOST_CASES)
            found[tag.name] = [
                Case(customer=one.phone or one.customer_id, features=one.features, happened=bool(one.outcome))
                for one in held
            ]
        return found


def scored(cases: Sequence[Forecast]) -> Scores:
    """The scores of forecasts with an outcome; those about one customer belong together."""
    owners = [case.phone or case.customer_id for case in cases]
    return score([(case.probability, bool(case.outcome)) for case in cases], owners)


def earlier_call(call: PastCall) -> EarlierCall:
    """As features see a call of before."""
    tags = call.tags if isinstance(call.tags, tuple) else ()
    return EarlierCall(
        at_ms=call.started_ms,
        complained=any(tag in COMPLAINT_TAGS for tag in tags),
        negative=call.sentiment == NEGATIVE,
    )


def _came_true(
    tag: TagForecast, forecast: Forecast, events: Sequence[CustomerEvent], calls: Sequence[PastCall]
) -> bool:
    rule = tag.outcome
    if any(rule.counts(event) and event.at_ms <= forecast.due_ms for event in events):
        return True
    later = [earlier_call(call) for call in calls if call.started_ms <= forecast.due_ms]
    return (rule.calls == "any" and bool(later)) or (rule.calls == "complaint" and any(c.complained for c in later))
