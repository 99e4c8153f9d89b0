"""Writing what must not be lost while the database is away (locked by a backup, restarted, out of space)."""

import structlog

from callcue.core.errors import StorageFailed
from callcue.core.events import AnyEvent
from callcue.core.ports import Clock
from callcue.infra.event_log import EventLog

DELAYS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 15.0)
"""Pauses between tries; the last one goes on for what must be written."""

_log = structlog.get_logger(__name__)


async def append_patiently(log: EventLog, clock: Clock, *events: AnyEvent, give_up: bool = True) -> list[AnyEvent]:
    """``EventLog.append``, tried again while storage fails. Meanwhile the call's audio waits at its socket.

    With ``give_up`` the error is the caller's after half a minute. Without it only a cancellation ends the tries: final
    text and the end of a call are never given up while the process runs.
    """
    tries = 0
    while True:
        try:
            return await log.append(*events)
        except StorageFailed as error:
            if give_up and tries == len(DELAYS_S):
                raise
            delay = DELAYS_S[min(tries, len(DELAYS_S) - 1)]
            tries += 1
            _log.warning("storage.retry", call_id=events[0].call_id, tries=tries, delay_s=delay, reason=error.message)
            await clock.sleep(delay)
