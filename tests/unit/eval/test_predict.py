"""The simulated months: forecasts are made by the product and scored, and a changed world is noticed."""

import asyncio
from pathlib import Path

from eval.predict import Play, _judged
from tagger.simulate import Shift


def test_months_are_played_and_scored(tmp_path: Path) -> None:
    play = Play(tmp_path, seed=3, customers=90, calls=3, shift=Shift(day=13, visit=-20.0))
    days: list[int] = []
    figures = asyncio.run(play.run(28, lambda: days.append(1)))
    assert len(days) == 28
    visit = figures["tags"]["visit_7d"]
    assert figures["calls"] > 28 * 2
    assert visit["after"]["rate"] < visit["before"]["rate"]
    assert visit["shown_from_day"] is None, "fewer outcomes than are needed"
    assert visit["put_on_records"] == 0
    assert visit["all"]["cases"] == sum(count for _, _, count in visit["all"]["bins"])
    assert play.pictures["before"]["visit_7d"].cases == visit["before"]["cases"]


def test_a_world_that_changes_loses_its_tag_and_keeps_the_others() -> None:
    changed = _judged(4, 130, 360, 12, Shift(day=60, visit=-3.0))
    assert "visit_7d" in changed
    assert not changed - {"visit_7d"}
