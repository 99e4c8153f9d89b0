"""Forecasts at work: outcomes from events and calls, when a no is believed, and who switches what."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from callcue.core.customer_events import Customer, CustomerEvent
from callcue.core.errors import BadInput, Conflict, NotFound, StorageFailed
from callcue.infra.bus import InProcessBus
from callcue.infra.customer_events import CustomerEventStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.forecasts import BY_EVENTS, Forecast, ForecastStore, Told
from callcue.learning import forecasts
from callcue.learning.forecasts import Forecaster
from callcue.testing import ManualClock
from tagger.forecast_features import CallFacts
from tagger.forecast_model import ForecastModel, OutcomeRule, TagForecast
from tagger.forecast_scores import SwitchRule
from tests.unit.api.fakes import started

DAY_S = 86_400
PHONE = "13800138000"
VISIT = TagForecast(
    name="visit_7d",
    tag="7天内到店",
    horizon_days=7,
    show_from=0.4,
    outcome=OutcomeRule(events=frozenset({"visit"}), subject=None, calls=None),
    intercept=0.0,
    weights={},
)
REPEAT = replace(
    VISIT, name="repeat_7d", tag="7天内重复来电", outcome=OutcomeRule(events=frozenset(), subject=None, calls="any")
)
RULE = SwitchRule(show_cases=10, show_each=3, off_cases=10, off_each=2, window=40)


class Shop:
    def __init__(self, db: Database) -> None:
        self.clock = ManualClock()
        self.log = EventLog(db, InProcessBus(), self.clock)
        self.store = ForecastStore(db)
        self.events = CustomerEventStore(db, self.clock)
        self.forecaster = Forecaster(
            model=ForecastModel(name="forecasts/t", trained_on="", tags=(VISIT, REPEAT)),
            forecasts=self.store,
            events=self.events,
            clock=self.clock,
            rule=RULE,
        )
        self.count = 0

    @property
    def now_ms(self) -> int:
        return self.forecaster.now_ms

    async def call(self, call_id: str, phone: str = PHONE) -> None:
        begun = datetime.fromtimestamp(self.now_ms / 1000, UTC).isoformat()
        await self.log.append(replace(started(call_id), caller=phone, started_at=begun))

    async def foretell(self, call_id: str, phone: str = PHONE) -> list[str]:
        await self.call(call_id, phone)
        return [tag.tag for tag, _ in await self.forecaster.make(call_id, Customer(phone=phone), CallFacts())]

    async def event(self, kind: str, *, phone: str = PHONE, at_ms: int | None = None) -> CustomerEvent:
        self.count += 1
        event = CustomerEvent(
            event_id=f"e{self.count}", kind=kind, at_ms=self.now_ms if at_ms is None else at_ms, phone=phone
        )
        await self.events.add([event])
        return event

    async def days(self, days: float) -> None:
        await self.clock.advance(days * DAY_S)

    async def outcomes(self, call_id: str) -> dict[str, bool | None]:
        return {one.name: one.outcome for one in await self.store.of_call(call_id)}

    async def record(self, name: str, *outcomes: tuple[float, bool]) -> None:
        """Scored forecasts of the past."""
        for probability, happened in outcomes:
            self.count += 1
            call_id = f"past-{self.count}"
            await self.call(call_id, f"139{self.count:08d}")
            await self.store.add(
                [
                    Forecast(
                        call_id=call_id,
                        name=name,
                        model="forecasts/t",
                        phone=f"139{self.count:08d}",
                        customer_id="",
                        probability=probability,
                        features={},
                        shown=False,
                        made_ms=self.now_ms,
                        due_ms=self.now_ms,
                        outcome=happened,
                        outcome_by=BY_EVENTS,
                        outcome_ms=self.now_ms,
                    )
                ]
            )


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    db = Database(f"sqlite:///{tmp_path / 'shop.sqlite3'}")
    await db.migrate()
    made = Shop(db)
    yield made
    await made.log.drain()
    await db.close()


GOOD = [(0.9, True)] * 9 + [(0.9, False)] + [(0.1, False)] * 9 + [(0.1, True)]
BAD = [(0.9, False)] * 20


async def test_a_visit_within_the_horizon_makes_it_true_once_the_time_is_over(shop: Shop) -> None:
    await shop.foretell("c1")
    await shop.days(3)
    await shop.event("visit")
    await shop.forecaster.settle()
    assert await shop.outcomes("c1") == {"visit_7d": None, "repeat_7d": None}
    await shop.days(6)
    await shop.forecaster.settle()
    assert await shop.outcomes("c1") == {"visit_7d": True, "repeat_7d": False}


async def test_calls_write_while_many_outcomes_are_looked_up(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forecasts, "SETTLED_AT_ONCE", 4)
    for number in range(9):
        await shop.foretell(f"c{number}", f"1380013800{number}")
    await shop.days(9)
    before = await shop.store.open(due_before_ms=shop.now_ms)
    told: list[int] = []
    tell = shop.store.tell

    async def between(outcomes: Sequence[Told], *, by: str, at_ms: int) -> None:
        await tell(outcomes, by=by, at_ms=at_ms)
        told.append(len(outcomes))
        if len(told) == 2:
            raise StorageFailed("the process dies here")

    monkeypatch.setattr(shop.store, "tell", between)
    with pytest.raises(StorageFailed):
        await shop.forecaster.settle()
    held = await shop.store.open(due_before_ms=shop.now_ms)
    assert 0 < len(held) < len(before), "what was written before stays"
    monkeypatch.undo()
    assert await shop.forecaster.settle() == len(held) - len(await shop.store.open(due_before_ms=shop.now_ms))
    outcomes = [await shop.outcomes(f"c{number}") for number in range(9)]
    assert all(found["repeat_7d"] is False for found in outcomes)


async def test_another_call_of_the_number_makes_a_repeat_true_its_own_does_not(shop: Shop) -> None:
    await shop.foretell("c1")
    await shop.days(2)
    await shop.call("c2", f"+86{PHONE}")
    await shop.days(20)
    await shop.call("c3")
    await shop.forecaster.settle()
    assert (await shop.outcomes("c1"))["repeat_7d"] is True


async def test_a_no_needs_a_witness_and_is_given_up_without_one(shop: Shop) -> None:
    await shop.foretell("c1")
    await shop.days(9)
    await shop.forecaster.settle()
    assert (await shop.outcomes("c1"))["visit_7d"] is None, "nobody told of any visit: there may be no source"
    await shop.event("visit", phone="13900139000")
    await shop.forecaster.settle()
    assert (await shop.outcomes("c1"))["visit_7d"] is False


async def test_a_forecast_without_a_witness_is_not_asked_for_ever(shop: Shop) -> None:
    await shop.foretell("c1")
    await shop.days(40)
    await shop.forecaster.settle()
    (visit,) = [one for one in await shop.store.of_call("c1") if one.name == "visit_7d"]
    assert (visit.outcome, visit.outcome_by) == (None, BY_EVENTS)
    assert await shop.forecaster.settle() == 0


async def test_an_event_that_comes_late_is_looked_at_again(shop: Shop) -> None:
    await shop.foretell("c1")
    made_ms = shop.now_ms
    await shop.days(9)
    await shop.event("visit", phone="13900139000")
    await shop.forecaster.settle()
    late = await shop.event("visit", at_ms=made_ms + DAY_S * 1000)
    await shop.forecaster.late([late])
    await shop.forecaster.settle()
    assert (await shop.outcomes("c1"))["visit_7d"] is True


async def test_what_somebody_said_stands_against_events(shop: Shop) -> None:
    await shop.foretell("c1")
    with pytest.raises(Conflict, match="time is not over"):
        await shop.forecaster.tell("c1", "visit_7d", False, by="pos")
    await shop.days(9)
    await shop.forecaster.tell("c1", "visit_7d", False, by="pos")
    await shop.event("visit", at_ms=shop.now_ms - 3 * DAY_S * 1000)
    await shop.forecaster.settle()
    assert (await shop.outcomes("c1"))["visit_7d"] is False
    with pytest.raises(NotFound):
        await shop.forecaster.tell("c1", "weather_7d", True, by="pos")
    with pytest.raises(BadInput):
        await shop.forecaster.tell("c1", "visit_7d", True, by=BY_EVENTS)


async def test_nothing_is_foretold_of_a_stranger(shop: Shop) -> None:
    await shop.call("c1")
    assert await shop.forecaster.make("c1", Customer(), CallFacts()) == []
    assert await shop.store.of_call("c1") == []


async def test_nothing_is_shown_before_enough_is_known(shop: Shop) -> None:
    assert await shop.foretell("c1") == []
    assert len(await shop.store.of_call("c1")) == 2, "made and scored all the same"
    await shop.record("visit_7d", *GOOD[:5])
    assert await shop.forecaster.review() == []
    await shop.record("visit_7d", *GOOD[5:])
    assert [(one.name, one.state) for one in await shop.forecaster.review()] == [("visit_7d", "shown")]
    assert await shop.foretell("c2") == ["7天内到店"]


async def test_a_tag_that_lost_calibration_goes_and_is_listed_and_comes_back_by_a_person(shop: Shop) -> None:
    await shop.record("visit_7d", *GOOD)
    await shop.forecaster.review()
    await shop.record("visit_7d", *BAD)
    (off,) = await shop.forecaster.review()
    assert (off.state, off.by) == ("off", "callcue")
    assert "came true" in off.reason
    assert await shop.foretell("c1") == []
    assert await shop.forecaster.review() == [], "it does not come back by itself"
    await shop.days(1)
    await shop.forecaster.switch("visit_7d", "watching", by="sue", reason="new stores")
    state = next(one for one in await shop.forecaster.states() if one.tag.name == "visit_7d")
    assert (state.state, state.scores.cases, state.by) == ("watching", 0, "sue")
    await shop.record("visit_7d", *GOOD)
    assert [one.state for one in await shop.forecaster.review()] == ["shown"]
    listed = [(one.state, one.by) for one in await shop.store.switches()]
    assert listed == [("shown", "callcue"), ("off", "callcue"), ("watching", "sue"), ("shown", "callcue")]


async def test_a_person_may_show_a_tag_at_once_and_only_one_that_there_is(shop: Shop) -> None:
    await shop.forecaster.switch("visit_7d", "shown", by="sue")
    assert await shop.foretell("c1") == ["7天内到店"]
    with pytest.raises(NotFound, match="visit_7d"):
        await shop.forecaster.switch("weather_7d", "shown", by="sue")


async def test_other_weights_begin_under_watch(shop: Shop) -> None:
    await shop.forecaster.switch("visit_7d", "shown", by="sue")
    shop.forecaster.model = replace(shop.forecaster.model, name="forecasts/other")
    shop.forecaster.forget()
    assert await shop.foretell("c1") == []


async def test_a_probability_below_the_tags_own_threshold_is_not_shown(shop: Shop) -> None:
    await shop.forecaster.switch("visit_7d", "shown", by="sue")
    low = replace(VISIT, intercept=-2.0)
    shop.forecaster.model = replace(shop.forecaster.model, tags=(low, REPEAT))
    assert await shop.foretell("c1") == []


async def test_outcomes_become_training_cases(shop: Shop) -> None:
    await shop.record("visit_7d", *GOOD)
    found = await shop.forecaster.training_cases()
    assert (len(found["visit_7d"]), sum(case.happened for case in found["visit_7d"]), found["repeat_7d"]) == (
        20,
        10,
        [],
    )
