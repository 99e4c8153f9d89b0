"""Virtual time: a test moves it, and whoever sleeps wakes when it has come."""

import asyncio
import heapq
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
SETTLE_ROUNDS = 50


class ManualClock:
    """A Clock that stands still until ``advance`` is called.

    ``advance`` wakes sleepers in the order of their times, and after each lets the tasks of the loop run on; work in
    other threads or processes is not waited for.
    """

    def __init__(self, start: datetime = START) -> None:
        self._start = start
        self._elapsed = 0.0
        self._asleep: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Seconds since the clock was made."""
        return self._elapsed

    @property
    def sleepers(self) -> int:
        """How many ``sleep`` calls have not returned."""
        return sum(not future.done() for _, _, future in self._asleep)

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was advanced by this much."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._asleep, (self._elapsed + seconds, self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Move time on, waking everybody whose time comes on the way, also those who lie down again meanwhile."""
        if seconds < 0:
            raise ValueError("time does not go back")
        await self.settle()
        target = self._elapsed + seconds
        while self._asleep and self._asleep[0][0] <= target:
            due, _, future = heapq.heappop(self._asleep)
            self._elapsed = max(self._elapsed, due)
            if not future.done():
                future.set_result(None)
                await self.settle()
        self._elapsed = target

    async def settle(self, rounds: int = SETTLE_ROUNDS) -> None:
        """Let the tasks that can run do so; time stands still."""
        for _ in range(rounds):
            await asyncio.sleep(0)
