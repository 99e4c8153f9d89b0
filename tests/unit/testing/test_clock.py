"""The virtual clock runs through minutes at once, and in order."""

import asyncio

import pytest

from callcue.testing import ManualClock


async def test_a_loop_that_sleeps_runs_as_often_as_time_allows() -> None:
    clock = ManualClock()
    ticks: list[float] = []

    async def tick() -> None:
        while True:
            await clock.sleep(60)
            ticks.append(clock.monotonic())

    ticker = asyncio.create_task(tick())
    await clock.advance(300)
    assert ticks == [60, 120, 180, 240, 300]
    assert clock.sleepers == 1
    ticker.cancel()


async def test_the_time_that_a_sleeper_sees_is_the_time_it_asked_for() -> None:
    clock = ManualClock()
    before = clock.now()
    sleeper = asyncio.create_task(clock.sleep(1.5))
    await clock.advance(100)
    await sleeper
    assert (clock.now() - before).total_seconds() == 100
    assert clock.sleepers == 0


async def test_a_time_out_in_virtual_time() -> None:
    clock = ManualClock()
    patience = asyncio.create_task(clock.sleep(30))
    await clock.advance(29.999)
    assert not patience.done()
    await clock.advance(0.001)
    assert patience.done()


async def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="back"):
        await ManualClock().advance(-1)
