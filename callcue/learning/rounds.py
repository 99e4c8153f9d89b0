"""Work in the background that is done again and again: one loop for whoever learns from what is stored."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

import structlog

from callcue.core.errors import CallCueError
from callcue.core.ports import Clock

Step = Callable[[], Awaitable[object]]

_log = structlog.get_logger(__name__)


class Rounds:
    """Runs its steps in order, waits, and begins again until it is closed. A step that fails costs its own turn."""

    def __init__(self, name: str, steps: Sequence[Step], *, every_s: float, clock: Clock) -> None:
        """``name`` is the task's, and stands in the log where a step fails."""
        self._name = name
        self._steps = tuple(steps)
        self._every_s = every_s
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin in the background; the first round begins at once. Nothing happens where it runs already."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=self._name)

    async def close(self) -> None:
        """Stop, also in the middle of a round; it may be started again."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        while True:
            for step in self._steps:
                await self._try(step)
            await self._clock.sleep(self._every_s)

    async def _try(self, step: Step) -> None:
        try:
            await step()
        except CallCueError as error:
            _log.warning("rounds.step_failed", round=self._name, code=error.code)
        except Exception as error:  # noqa: BLE001 - boundary: a loop that ends would never do its work again
            _log.error("rounds.step_failed", round=self._name, fault=type(error).__name__)
