"""Writing what must not be lost while the database is briefly away (locked by a backup, restarted)."""

import structlog

from callcue.core.errors import StorageFailed
from callcue.core.events import AnyEvent
from callcue.core.ports import Clock
from callcue.infra.event_log import EventLog

DELAYS_S = (0.1, 0.3, 1.0, 3.0, 10.0, 15.0)
"""Pauses between tries; after the last one the error is the caller's."""

_log = structlog.get_logger(__name__)


async def append_patiently(log: EventLog, clock: Clock, *events: AnyEvent) -> list[AnyEvent]:
    """``EventLog.append``, tried again while storage fails. Meanwhile the call's audio waits at its socket."""
    for delay in DELAYS_S:
        try:
            return await log.append(*events)
        except StorageFailed as error:
            _log.warning("storage.retry", call_id=events[0].call_id, delay_s=delay, reason=error.message)
            await clock.sleep(delay)
    return await log.append(*events)
