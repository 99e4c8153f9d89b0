"""``python -m eval.predict``: months of made-up customers: do predictive tags keep their word, and does one go when its
world changes?

Customers are ``tagger.simulate``'s (another seed than the model's); everything else is the product: customer events
come in, forecasts are made when calls end, outcomes are found in events and calls, tags are judged each night. From
``--shift-day`` on visits after a call become rare, as if most stores had closed; the rest stays as it was.

For each tag: when it was first shown, when it was switched off, and the Brier scores of its forecasts before the change
(``before``) and after it (``after``), beside the base rate's, which knows the very cases. ``worlds``: of so many towns
in which nothing changes, and as many in which visits become rare, how often each tag was switched off.
"""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from callcue.app.reliability import reliability
from callcue.core.customer_events import Customer, CustomerEvent
from callcue.core.events import AnyEvent, CallEnded, CallStarted, RecordUpdated
from callcue.core.records import FieldChange, FieldValue, Value
from callcue.infra.bus import InProcessBus
from callcue.infra.customer_events import CustomerEventStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.forecasts import ForecastStore, Switch
from callcue.learning.forecasts import Forecaster, scored
from callcue.testing.clock import ManualClock
from eval.report import Figures, progress, run, table, write
from tagger.forecast_features import DAY_MS
from tagger.forecast_model import shipped_forecasts
from tagger.forecast_scores import RULE, Scores, State, judge, score
from tagger.simulate import Shift, SimCall, World, histories

_SHIFT = -2.6
"""Log-odds of a visit after the change, beside before it: one in about ten remains."""
_NIGHT_S = 86_400
_ALL = 1_000_000


def main(
    *,
    days: Annotated[int, typer.Option(min=60, max=400)] = 180,
    shift_day: Annotated[int, typer.Option(min=0, help="Day from which visits are rare.")] = 110,
    calls: Annotated[int, typer.Option(min=1, help="Calls a day, besides those that follow from calls.")] = 12,
    customers: Annotated[int, typer.Option(min=50)] = 360,
    worlds: Annotated[
        int, typer.Option(min=0, help="Worlds with and without the change, judged without a database.")
    ] = 10,
    seed: Annotated[int, typer.Option(help="Another seed is another town. 11 is the model's own.")] = 5,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[
        Path | None, typer.Option(help="Write reliability-before.svg and reliability-after.svg here.")
    ] = None,
) -> None:
    """Play months through the forecasts and their switches."""
    with tempfile.TemporaryDirectory() as folder, progress("days", days) as done:
        play = Play(Path(folder), seed=seed, customers=customers, calls=calls, shift=Shift(day=shift_day, visit=_SHIFT))
        figures = asyncio.run(play.run(days, done))
    figures |= {"days": days, "shift_day": shift_day, "model": shipped_forecasts().trained_on}
    figures["worlds"] = _worlds(worlds, days=days, shift_day=shift_day, calls=calls, customers=customers, seed=seed)
    show(figures)
    write(figures, json_file)
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
        for part, scores in play.pictures.items():
            title = f"{'Before' if part == 'before' else 'After'} day {shift_day}, made-up customers"
            (plots / f"reliability-{part}.svg").write_text(reliability(scores, title), encoding="utf-8")


class Play:
    """One world in a fresh database, on a clock of its own."""

    def __init__(self, folder: Path, *, seed: int, customers: int, calls: float, shift: Shift) -> None:
        self._clock = ManualClock(datetime(2026, 1, 5, tzinfo=UTC))
        self._start_ms = int(self._clock.now().timestamp() * 1000)
        self._shift_ms = self._start_ms + shift.day * DAY_MS
        self._db = Database(f"sqlite:///{folder / 'months.sqlite3'}")
        self._log = EventLog(self._db, InProcessBus(), self._clock)
        self._events = CustomerEventStore(self._db, self._clock)
        self._forecaster = Forecaster(
            model=shipped_forecasts(), forecasts=ForecastStore(self._db), events=self._events, clock=self._clock
        )
        self._world = World(seed=seed, customers=customers, calls_a_day=calls, start_ms=self._start_ms, shift=shift)
        self._calls = 0
        self.pictures: dict[str, dict[str, Scores]] = {}

    async def run(self, days: int, done: Callable[[], None]) -> Figures:
        """All days and nights; the figures."""
        await self._db.migrate()
        shown: dict[str, int] = {}
        switches: list[tuple[int, Switch]] = []
        for day in range(days):
            happenings = list(self._world.day(day))
            # A day's events at once: what lies after a call is not looked at, and a write each would take minutes.
            await self._events.add([one for one in happenings if isinstance(one, CustomerEvent)])
            for call in happenings:
                if isinstance(call, SimCall):
                    await self._reach(call.at_ms)
                    for tag, _ in await self._call(call):
                        shown[tag] = shown.get(tag, 0) + 1
            await self._reach(self._start_ms + (day + 1) * DAY_MS)
            await self._forecaster.settle()
            switches += [(day, switch) for switch in await self._forecaster.review()]
            done()
        figures = await self._figures(shown, switches)
        await self._log.drain()
        await self._db.close()
        return figures

    async def _reach(self, at_ms: int) -> None:
        now_ms = int(self._clock.now().timestamp() * 1000)
        await self._clock.advance(max(0, at_ms - now_ms) / 1000)

    async def _call(self, call: SimCall) -> Sequence[tuple[str, float]]:
        self._calls += 1
        call_id = f"sim-{self._calls}"
        await self._log.append(*_call_events(call_id, call))
        made = await self._forecaster.make(call_id, Customer(phone=call.phone), call.facts)
        return [(tag.name, forecast.probability) for tag, forecast in made]

    async def _figures(self, shown: dict[str, int], switches: Sequence[tuple[int, Switch]]) -> Figures:
        model, store = self._forecaster.model, self._forecaster.forecasts
        tags = {}
        now_ms = self._forecaster.now_ms
        self.pictures = {"before": {}, "after": {}}
        for tag in model.tags:
            cases = await store.cases(tag.name, model.name, made_from_ms=0, due_to_ms=now_ms, limit=_ALL)
            parts = {
                "all": cases,
                "before": [case for case in cases if case.due_ms <= self._shift_ms],
                "after": [case for case in cases if case.made_ms >= self._shift_ms],
            }
            figures = {name: scored(part) for name, part in parts.items()}
            for part in self.pictures:
                self.pictures[part][tag.name] = figures[part]
            own = [(day, s) for day, s in switches if s.name == tag.name]
            tags[tag.name] = {
                "shown_from_day": next((day for day, s in own if s.state == "shown"), None),
                "off_from_day": next((day for day, s in own if s.state == "off"), None),
                "why_off": next((s.reason for _, s in own if s.state == "off"), ""),
                "put_on_records": shown.get(tag.name, 0),
                **{name: _told(part) for name, part in figures.items()},
            }
        return {"calls": self._calls, "tags": tags}


def _told(scores: Scores) -> Figures:
    return {
        "cases": scores.cases,
        "rate": scores.rate,
        "brier": scores.brier,
        "base_brier": scores.base_brier,
        "skill": scores.skill,
        "large_z": scores.large,
        "spiegelhalter_z": scores.spiegelhalter,
        "bins": [[one.mean, one.happened / one.cases, one.cases] for one in scores.bins],
    }


def _call_events(call_id: str, call: SimCall) -> list[AnyEvent]:
    started = CallStarted(
        call_id=call_id, at_ms=0, channels=("caller", "agent"), agent_id=None, caller=call.phone, language="zh",
        source="simulated", sample_rate=8000, encoding="pcm_s16le",
        started_at=datetime.fromtimestamp(call.at_ms / 1000, UTC).isoformat(),
    )  # fmt: skip
    values: dict[str, Value] = {"tags": call.facts.tags, "sentiment": call.facts.sentiment}
    changes = tuple(
        FieldChange(field=name, old=None, new=FieldValue(value=value, probability=1.0, source="rule", by="simulated"))
        for name, value in values.items()
    )
    record = RecordUpdated(call_id=call_id, at_ms=0, version=1, changes=changes)
    return [started, record, CallEnded(call_id=call_id, at_ms=0, reason="hangup", duration_ms=0)]


def _worlds(count: int, *, days: int, shift_day: int, calls: int, customers: int, seed: int) -> Figures:
    """How often tags are switched off where nothing changes, and where visits become rare."""
    found: Figures = {"each": count, "false_off": {}, "found": {}}
    model = shipped_forecasts()
    with progress("worlds", 2 * count) as done:
        for number in range(count):
            for name, shift in (("false_off", None), ("found", Shift(day=shift_day, visit=_SHIFT))):
                offs = _judged(seed + 100 + number, days, customers, calls, shift)
                for tag in model.tags:
                    found[name][tag.name] = found[name].get(tag.name, 0) + (tag.name in offs)
                done()
    return found


def _judged(seed: int, days: int, customers: int, calls: int, shift: Shift | None) -> set[str]:
    """The tags that the nightly rule switches off in one world, by the same window as the product."""
    model = shipped_forecasts()
    cases = histories(model, seed=seed, days=days, customers=customers, calls_a_day=calls, shift=shift, margin=0)
    off = set()
    for tag in model.tags:
        state: State = "watching"
        waiting = [
            (case.at_ms // DAY_MS + tag.horizon_days + 1, tag.probability(case.features), case)
            for case in cases[tag.name]
        ]
        known: list[tuple[float, bool, str]] = []
        last = max((night for night, _, _ in waiting), default=0) - tag.horizon_days
        for night in range(min((night for night, _, _ in waiting), default=0), last):
            known += [(p, case.happened, case.customer) for due, p, case in waiting if due == night]
            newest = known[-RULE.window :]
            state, _ = judge(state, score([(p, hit) for p, hit, _ in newest], [owner for *_, owner in newest]))
            if state == "off":
                off.add(tag.name)
                break
    return off


def show(figures: Figures) -> None:
    """Print what came of it."""
    rows = [
        [
            name,
            *(held[figure] for figure in ("shown_from_day", "off_from_day", "put_on_records")),
            *(
                held[part][figure]
                for part in ("before", "after")
                for figure in ("cases", "rate", "brier", "base_brier")
            ),
        ]
        for name, held in figures["tags"].items()
    ]
    part = ["cases", "rate", "Brier", "base"]
    table(
        f"{figures['calls']} calls in {figures['days']} days; visits are rare from day {figures['shift_day']}",
        ["tag", "shown from", "off from", "on records", *part, *(f"{name} after" for name in part)],
        rows,
    )
    for name, held in figures["tags"].items():
        if held["why_off"]:
            table(f"{name} was switched off", ["why"], [[held["why_off"]]])
        bins = [[f"{mean:.2f}", rate, count] for mean, rate, count in held["before"]["bins"]]
        table(f"{name} before the change, by probability", ["foretold", "happened", "cases"], bins)
    worlds = figures["worlds"]
    rows = [[name, worlds["false_off"][name], worlds["found"][name]] for name in worlds["false_off"]]
    table(f"switched off, of {worlds['each']} worlds each", ["tag", "nothing changes", "visits become rare"], rows)


if __name__ == "__main__":
    run(main)
