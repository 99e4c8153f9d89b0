"""``python -m tagger.make_forecasts``: write ``data/forecasts.json``, the model that comes with CallCue.

It is fitted to made-up histories (``tagger.simulate``): its weights are plausible, and say nothing about real
customers. That is why a tag is watched first and shown only when its forecasts have kept their word.
"""

import sys
from pathlib import Path
from typing import Any

from tagger.forecast_features import ACCESSORY
from tagger.forecast_model import FORECASTS_NAME, ForecastModel, OutcomeRule, TagForecast, row_of, write_forecasts
from tagger.forecast_train import fit
from tagger.simulate import histories

SEED, DAYS, CUSTOMERS, CALLS_A_DAY = 11, 420, 1200, 40.0
_NO_WEIGHTS: dict[str, Any] = {"intercept": 0.0, "weights": {}}

TAGS = (
    TagForecast(
        name="visit_7d",
        tag="7天内高概率到店体验",
        horizon_days=7,
        show_from=0.4,
        outcome=OutcomeRule(events=frozenset({"visit"}), subject=None, calls=None),
        **_NO_WEIGHTS,
    ),
    TagForecast(
        name="repeat_7d",
        tag="7天内可能重复来电",
        horizon_days=7,
        show_from=0.4,
        outcome=OutcomeRule(events=frozenset(), subject=None, calls="any"),
        **_NO_WEIGHTS,
    ),
    TagForecast(
        name="complaint_14d",
        tag="14天内投诉风险",
        horizon_days=14,
        show_from=0.3,
        outcome=OutcomeRule(events=frozenset({"complaint"}), subject=None, calls="complaint"),
        **_NO_WEIGHTS,
    ),
    TagForecast(
        name="accessory_7d",
        tag="7天内配件兴趣",
        horizon_days=7,
        show_from=0.4,
        outcome=OutcomeRule(
            events=frozenset({"page_view", "order", "inquiry", "search"}), subject=ACCESSORY, calls=None
        ),
        **_NO_WEIGHTS,
    ),
)


def make(path: Path) -> None:
    """Fit and write."""
    bare = ForecastModel(name=FORECASTS_NAME, trained_on="", tags=TAGS)
    cases = histories(bare, seed=SEED, days=DAYS, customers=CUSTOMERS, calls_a_day=CALLS_A_DAY)
    told = (
        f"simulated histories (python -m tagger.make_forecasts: seed {SEED}, {DAYS} days, {CUSTOMERS} customers); "
        "no real customer was ever seen"
    )
    write_forecasts(path, [row_of(fit(tag, cases[tag.name])) for tag in TAGS], told)


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data" / "forecasts.json")
