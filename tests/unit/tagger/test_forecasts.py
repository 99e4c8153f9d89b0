"""Predictive tags: features that do not look ahead, scores, the rule of the switch, model files, training."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from callcue.core.customer_events import CustomerEvent
from callcue.core.errors import BadInput, ModelError
from tagger.forecast_features import DAY_MS, FEATURES, CallFacts, EarlierCall, features_of
from tagger.forecast_model import (
    ForecastModel,
    OutcomeRule,
    TagForecast,
    read_forecasts,
    row_of,
    shipped_forecasts,
    write_forecasts,
)
from tagger.forecast_scores import RULE, State, judge, score
from tagger.forecast_train import Case, train
from tagger.simulate import Shift, SimCall, World, histories

NOW = 1_800_000_000_000


def happened(kind: str, days_ago: float, subject: str = "") -> CustomerEvent:
    return CustomerEvent(
        event_id=f"{kind}{days_ago}", kind=kind, at_ms=NOW - int(days_ago * DAY_MS), phone="1390000", subject=subject
    )


def test_features_see_the_call_and_the_past() -> None:
    call = CallFacts(issue_type="技术", sentiment="负面", tags=("预约到店", "★高价值线索"), follow_up=True)
    found = features_of(
        call,
        [happened("order", 2, "手机"), happened("page_view", 1, "手机壳"), happened("visit", 40)],
        [EarlierCall(at_ms=NOW - 3 * DAY_MS, complained=True)],
        NOW,
    )
    ones = {"technical", "negative", "appointment", "lead", "promised", "complained_before"}
    counted = {"device_7d", "accessory_14d", "views_7d", "orders_90d", "visits_90d", "calls_7d", "calls_30d"}
    assert {name for name, value in found.items() if value} == ones | counted
    assert set(found) == set(FEATURES)


def test_what_comes_after_the_call_is_not_seen() -> None:
    later = [happened(kind, -1, "手机壳") for kind in ("visit", "order", "page_view", "complaint")]
    calm = CallFacts()
    assert features_of(calm, later, [EarlierCall(at_ms=NOW + 1, negative=True)], NOW) == features_of(calm, [], [], NOW)


def fair(count: int, seed: int, *, shift: float = 0.0) -> list[tuple[float, bool]]:
    """Forecasts that keep their word, or are too high by ``shift``."""
    chance = random.Random(seed)
    drawn = [chance.uniform(0.05, 0.95) for _ in range(count)]
    return [(p, chance.random() < p - shift) for p in drawn]


def test_scores_of_known_cases() -> None:
    found = score([(1.0, True), (0.0, False), (0.5, True), (0.5, False)])
    assert (found.cases, found.happened, found.brier, found.base_brier, found.rate) == (4, 2, 0.125, 0.25, 0.5)
    assert found.skill == 0.5
    assert [(one.low, one.cases, one.happened) for one in found.bins] == [(0.0, 1, 0), (0.5, 2, 1), (0.9, 1, 1)]


def test_no_cases_have_no_scores() -> None:
    found = score([])
    assert (found.rate, found.brier, found.skill, found.bins) == (None, None, None, ())


def test_a_watched_tag_is_shown_when_it_has_kept_its_word() -> None:
    assert judge("watching", score(fair(RULE.show_cases - 1, 1)))[0] == "watching"
    assert judge("watching", score(fair(RULE.show_cases + 100, 1)))[0] == "shown"
    state, why = judge("watching", score(fair(400, 1, shift=0.3)))
    assert state == "watching"
    assert "not calibrated" in why


def test_one_that_says_the_base_rate_is_not_shown() -> None:
    chance = random.Random(3)
    state, why = judge("watching", score([(0.3, chance.random() < 0.29) for _ in range(500)]))
    assert state == "watching"
    assert "base rate" in why


@pytest.mark.parametrize("shift", [-0.3, 0.3])
def test_a_shown_tag_goes_when_its_world_changes(shift: float) -> None:
    state, why = judge("shown", score(fair(300, 2, shift=shift)))
    assert state == "off"
    assert "calibration is lost" in why


def test_calibrated_on_average_but_worse_than_the_base_rate_goes() -> None:
    chance = random.Random(4)
    cases = [(chance.choice((0.02, 0.98)), chance.random() < 0.5) for _ in range(300)]
    assert judge("shown", score(cases))[0] == "off"


def test_one_customer_alone_switches_nothing_off() -> None:
    good = fair(240, 8)
    cases = [*good, *[(0.2, True)] * 60]
    assert judge("shown", score(cases))[0] == "off", "sixty customers would"
    owners = [*map(str, range(240)), *["the same"] * 60]
    assert judge("shown", score(cases, owners))[0] == "shown"


def test_a_few_bad_cases_switch_nothing_off() -> None:
    assert judge("shown", score([(0.9, False)] * (RULE.off_cases - 1)))[0] == "shown"


def test_forecasts_that_keep_their_word_stay_through_a_hundred_nights() -> None:
    cases = fair(2300, 6)
    assert {judge("shown", score(cases[n : n + 300]))[0] for n in range(0, 2000, 20)} == {"shown"}


@pytest.mark.parametrize("cases", [fair(500, 1), fair(500, 1, shift=0.3), []])
def test_off_is_left_by_a_person_only(cases: list[tuple[float, bool]]) -> None:
    assert judge("off", score(cases))[0] == "off"


def tag(**changes: Any) -> TagForecast:
    held: dict[str, Any] = {
        "name": "visit_7d",
        "tag": "到店",
        "horizon_days": 7,
        "show_from": 0.4,
        "outcome": OutcomeRule(events=frozenset({"visit"}), subject=None, calls=None),
        "intercept": -1.0,
        "weights": {"appointment": 2.0, "price": -1.0},
    }
    return TagForecast(**held | changes)


def test_probability_and_reasons_follow_the_weights() -> None:
    assert tag().probability({}) == pytest.approx(0.2689, abs=1e-4)
    assert tag().probability({"appointment": 1.0}) > 0.7
    assert tag().reasons({"appointment": 1.0, "price": 1.0}) == ("feature:appointment",)


def test_a_model_file_comes_back_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    write_forecasts(path, [row_of(tag())], "own outcomes")
    found = read_forecasts(path)
    assert (found.tags, found.trained_on) == ((tag(),), "own outcomes")
    write_forecasts(path, [row_of(tag(intercept=-1.5))], "own outcomes")
    assert read_forecasts(path).name != found.name


def test_the_shipped_model_says_that_its_customers_are_made_up() -> None:
    model = shipped_forecasts()
    assert "simulated" in model.trained_on
    assert {one.name for one in model.tags} == {"visit_7d", "repeat_7d", "complaint_14d", "accessory_7d"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"weights": {"shoe_size": 1.0}}, "known features"),
        ({"weights": {"price": "much"}}, "the weight of price"),
        ({"weights": {"price": 1e9}}, "at most 50"),
        ({"horizon_days": 0}, "horizon_days"),
        ({"show_from": 0.0}, "show_from"),
        ({"outcome": {}}, "needs events"),
        ({"outcome": {"events": ["visit"], "subject_matches": "("}}, "regular expression"),
        ({"name": "Visit"}, "name must be"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_broken_model_is_refused(tmp_path: Path, change: dict[str, Any], problem: str) -> None:
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"version": 1, "tags": [row_of(tag()) | change]}), encoding="utf-8")
    with pytest.raises(ModelError) as caught:
        read_forecasts(path)
    assert problem in caught.value.message


def bare(*tags: TagForecast) -> ForecastModel:
    return ForecastModel(name="forecasts/x", trained_on="", tags=tags)


def cases(count: int, seed: int, strength: float) -> list[Case]:
    chance = random.Random(seed)
    found = []
    for number in range(count):
        appointed = float(chance.random() < 0.4)
        hit = chance.random() < 0.15 + strength * appointed
        found.append(Case(customer=f"c{number % 50}", features={"appointment": appointed}, happened=hit))
    return found


def test_training_takes_weights_that_are_better_on_other_customers() -> None:
    present = tag(intercept=0.0, weights={})
    (fitted,), (report,) = train({"visit_7d": cases(600, 1, 0.6)}, bare(present))
    assert report.taken
    assert report.brier is not None
    assert report.present_brier is not None
    assert report.brier < report.present_brier
    assert fitted.weights["appointment"] > 2.0


def test_training_refuses_weights_that_are_no_better_and_too_few_cases() -> None:
    known = {"visit_7d": cases(600, 1, 0.6)}
    (good,), _ = train(known, bare(tag(intercept=0.0, weights={})))
    (kept,), (report,) = train({"visit_7d": cases(300, 1, 0.6)}, bare(good))
    assert not report.taken
    assert kept is good
    with pytest.raises(BadInput, match="no tag has 200 forecasts"):
        train({"visit_7d": cases(150, 1, 0.6)}, bare(good))


def test_the_made_up_town_is_the_same_every_time_and_changes_when_told() -> None:
    def town(shift: Shift | None) -> list[SimCall | CustomerEvent]:
        world = World(seed=2, customers=60, calls_a_day=10, start_ms=NOW, shift=shift)
        return [one for day in range(25) for one in world.day(day)]

    still = town(None)
    assert still == town(None)
    assert [one.at_ms for one in still] == sorted(one.at_ms for one in still)
    closed = town(Shift(day=0, visit=-20.0))
    assert sum(isinstance(one, CustomerEvent) and one.kind == "visit" for one in closed) < 0.5 * sum(
        isinstance(one, CustomerEvent) and one.kind == "visit" for one in still
    )


def test_the_shipped_weights_keep_their_word_in_another_made_up_town() -> None:
    model = shipped_forecasts()
    found = histories(model, seed=77, days=150, customers=300, calls_a_day=15)
    for one in model.tags:
        scores = score([(one.probability(case.features), case.happened) for case in found[one.name]])
        assert scores.skill is not None
        assert scores.skill > 0.02, one.name
    states: set[State] = {
        judge("watching", score([(t.probability(c.features), c.happened) for c in found[t.name]]))[0]
        for t in model.tags
    }
    assert "shown" in states
