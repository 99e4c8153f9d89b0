"""What every Clock promises; subclass it, give ``clock`` and ``pass_time``."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from callcue.core.ports import Clock

PassTime = Callable[[float], Awaitable[None]]


class ClockContract:
    """Tests for the fixtures ``clock`` and ``pass_time`` (makes at least so many seconds pass)."""

    def test_now_is_aware_and_in_utc(self, clock: Clock) -> None:
        assert clock.now().utcoffset() == timedelta(0)

    async def test_both_times_move_together(self, clock: Clock, pass_time: PassTime) -> None:
        now, mono = clock.now(), clock.monotonic()
        await pass_time(0.02)
        assert clock.now() - now >= timedelta(seconds=0.019)
        assert clock.monotonic() - mono >= 0.019

    async def test_a_sleeper_wakes_when_its_time_has_come(self, clock: Clock, pass_time: PassTime) -> None:
        began = clock.monotonic()
        sleeper = asyncio.create_task(clock.sleep(0.02))
        await asyncio.sleep(0)
        assert not sleeper.done()
        await pass_time(0.1)
        await sleeper
        assert clock.monotonic() - began >= 0.019

    async def test_sleepers_wake_in_the_order_of_their_times(self, clock: Clock, pass_time: PassTime) -> None:
        woken: list[float] = []

        async def sleep(seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(seconds)

        sleepers = [asyncio.create_task(sleep(seconds)) for seconds in (0.12, 0.02, 0.07)]
        await asyncio.sleep(0)
        await pass_time(0.2)
        await asyncio.gather(*sleepers)
        assert woken == [0.02, 0.07, 0.12]

    async def test_no_time_at_all_gives_way_once(self, clock: Clock) -> None:
        turns: list[str] = []
        other = asyncio.create_task(asyncio.sleep(0, turns.append("other")))
        await clock.sleep(0)
        await clock.sleep(-1)
        await other
        assert turns == ["other"]

    async def test_a_cancelled_sleeper_does_no_harm(self, clock: Clock, pass_time: PassTime) -> None:
        sleeper = asyncio.create_task(clock.sleep(0.02))
        await asyncio.sleep(0)
        sleeper.cancel()
        await pass_time(0.05)
        assert sleeper.cancelled()
