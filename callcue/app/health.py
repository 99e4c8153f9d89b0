"""How the parts of the running service are, asked every few seconds, so that readiness is answered at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

from callcue.core.errors import CallCueError
from callcue.core.ports import Clock

Probe = Callable[[], Awaitable[str]]
"""Returns ``ok``, or what is the matter."""
INTERVAL_S = 2.0
TIMEOUT_S = 5.0


class Health:
    """Holds the newest answer of each probe."""

    def __init__(self, probes: Mapping[str, Probe], clock: Clock) -> None:
        self._probes = probes
        self._clock = clock
        self._state = dict.fromkeys(probes, "starting")
        self._watcher: asyncio.Task[None] | None = None

    def state(self) -> dict[str, str]:
        """Component -> ``ok``, or what is the matter."""
        return dict(self._state)

    async def start(self) -> None:
        """Ask once, then go on in the background."""
        await self.ask()
        self._watcher = asyncio.create_task(self._watch(), name="health")

    async def close(self) -> None:
        """Stop asking."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher

    async def ask(self) -> None:
        """Ask every part once."""
        for name, probe in self._probes.items():
            self._state[name] = await _answer(probe)

    async def _watch(self) -> None:
        while True:
            await self._clock.sleep(INTERVAL_S)
            await self.ask()


async def _answer(probe: Probe) -> str:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return await probe()
    except TimeoutError:
        return f"no answer within {TIMEOUT_S:g} s"
    except CallCueError as error:
        return error.message
    except Exception as error:  # noqa: BLE001 - boundary: a probe that breaks is an answer too
        return f"failed: {type(error).__name__}"
