"""A process that writes to a call and prints each event when it is announced: URL, CALL, MODE, COUNT, NAME."""

import asyncio
import json
import sys

from callcue.core.errors import Conflict
from callcue.core.events import Alert, RecordUpdated
from callcue.core.records import FieldChange, FieldValue
from callcue.infra.bus import InProcessBus
from callcue.infra.codec import encode
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.records import RecordStore


def alert(call_id: str, nth: int, name: str) -> Alert:
    return Alert(call_id=call_id, at_ms=nth, kind=name, reason=f"第{nth}个", evidence=(), severity="info")


async def write_alerts(log: EventLog, call_id: str, count: int, name: str) -> None:
    """In batches of one and two, several at the same time."""
    for nth in range(0, count, 6):
        await asyncio.gather(
            log.append(alert(call_id, nth, name), alert(call_id, nth + 1, name)),
            log.append(alert(call_id, nth + 2, name)),
            log.append(alert(call_id, nth + 3, name), alert(call_id, nth + 4, name)),
            log.append(alert(call_id, nth + 5, name)),
        )


async def count_up(log: EventLog, store: RecordStore, call_id: str, count: int, name: str) -> None:
    """Add one to a field of the record, ``count`` times, beginning again whenever another process was faster."""
    done = 0
    while done < count:
        record = await store.get(call_id)
        held = record.value("priority")
        number = held + 1 if isinstance(held, int) else 1
        new = FieldValue(value=number, probability=1.0, source="person", by=name)
        change = FieldChange(field="priority", old=held, new=new)
        event = RecordUpdated(call_id=call_id, at_ms=0, version=record.version + 1, changes=(change,))
        try:
            await log.append(event)
        except Conflict:
            continue
        done += 1


async def main(url: str, call_id: str, mode: str, count: int, name: str) -> None:
    db, bus = Database(url), InProcessBus()
    log = EventLog(db, bus)
    async with bus.subscribe(capacity=100_000) as announced:

        async def tell() -> None:
            async for event in announced:
                print(json.dumps(encode(event)), flush=True)

        teller = asyncio.create_task(tell())
        await log.last_seq(call_id)
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        if mode == "alerts":
            await write_alerts(log, call_id, count, name)
        else:
            await count_up(log, RecordStore(db), call_id, count, name)
    await teller
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]))
