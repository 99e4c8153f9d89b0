"""A circuit breaker: after failures in a row a service is left alone for a while instead of being waited for."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from callcue.core.errors import OrdersUnavailable
from callcue.core.ports import Clock

T = TypeVar("T")


class CircuitBreaker:
    """Counts failures in a row. Open: calls are refused at once. After the pause one call may try."""

    def __init__(self, clock: Clock, *, failures: int, pause_s: float) -> None:
        self._clock, self._most, self._pause_s = clock, failures, pause_s
        self._failed = 0
        self._opened_at = 0.0

    @property
    def open(self) -> bool:
        """Whether calls are refused now."""
        return self._failed >= self._most and self._clock.monotonic() - self._opened_at < self._pause_s

    async def call(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of ``work``. Raises OrdersUnavailable without trying while open, and what ``work`` raises."""
        if self.open:
            left = self._pause_s - (self._clock.monotonic() - self._opened_at)
            raise OrdersUnavailable(
                f"the order service failed {self._failed} times in a row; asked again in {left:.0f} s"
            )
        if self._failed >= self._most:
            self._opened_at = self._clock.monotonic()  # this one tries; the others are refused meanwhile
        try:
            result = await work()
        except OrdersUnavailable:
            self._failed += 1
            self._opened_at = self._clock.monotonic()
            raise
        self._failed = 0
        return result
