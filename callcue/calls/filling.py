"""Keeps the fields of a live call's record that nobody types up to date with what is known of the call."""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from callcue.calls.record_filler import RecordFiller
from callcue.calls.records import RecordKeeper
from callcue.core.cards import Card
from callcue.core.customer_events import CustomerEvent
from callcue.core.customers import CustomerProfile
from callcue.core.errors import CallCueError
from callcue.core.ports import Clock
from callcue.core.records import TagSuggestion
from callcue.core.speech import Utterance
from tagger.record_rules import RECORD_RULES_NAME, Coordinator

_log = structlog.get_logger(__name__)


class Filling:
    """One call's. Whatever goes wrong here costs these fields their newest values, and nothing else."""

    def __init__(self, *, call_id: str, filler: RecordFiller, records: RecordKeeper, clock: Clock) -> None:
        self._call_id = call_id
        self._filler = filler
        self._records = records
        self._clock = clock
        self._turn = asyncio.Lock()

    async def begin(self) -> None:
        """The call began: what its line says."""
        await self._tell(lambda: None, 0)

    async def know(self, profile: CustomerProfile, at_ms: int) -> None:
        """Who the customer is."""
        await self._tell(lambda: setattr(self._filler, "profile", profile), at_ms)

    async def corrected(self, customer_id: str, at_ms: int) -> None:
        """A person says whose call it is, or (an empty id) whose it is not: what was told of another customer goes."""

        def change() -> None:
            if self._filler.profile.customer_id not in ("", customer_id):
                self._filler.profile = CustomerProfile()

        await self._tell(change, at_ms)

    async def happened(self, events: Sequence[CustomerEvent], at_ms: int) -> None:
        """What the customer did elsewhere: all of it, in place of what was told before."""
        await self._tell(lambda: setattr(self._filler, "events", tuple(events)), at_ms)

    async def hear(self, utterance: Utterance, found: Sequence[TagSuggestion], at_ms: int) -> None:
        """Something was said, and the tagger made this of it."""
        await self._tell(lambda: self._filler.hear(utterance, found), at_ms)

    async def used(self, card: Card, at_ms: int) -> None:
        """The agent used a card."""
        await self._tell(lambda: self._filler.used(card), at_ms)

    async def hand(self, to: Coordinator, at_ms: int) -> None:
        """The call was handed over to a coordinator; to the same one again, the first time counts."""
        when = self._clock.now().astimezone()

        def change() -> None:
            if self._filler.handed is None or self._filler.handed[0] != to:
                self._filler.handed = (to, when)

        await self._tell(change, at_ms)

    async def finish(self, at_ms: int) -> None:
        """The call is over."""
        await self._tell(lambda: None, at_ms, ended=True)

    async def _tell(self, change: Callable[[], None], at_ms: int, *, ended: bool = False) -> None:
        async with self._turn:
            try:
                change()
                record = await self._records.get(self._call_id)
                found = await asyncio.to_thread(self._filler.take, record, ended=ended)
                await self._records.suggest(self._call_id, found, at_ms)
            except CallCueError as error:
                _log.warning("record.not_filled", call_id=self._call_id, code=error.code)
            except Exception as error:  # noqa: BLE001 -- the call goes on and is closed, whatever its fields lack
                _log.error("record.not_filled", call_id=self._call_id, code=type(error).__name__)


async def hand_over(records: RecordKeeper, clock: Clock, call_id: str, to: Coordinator, at_ms: int) -> None:
    """A call that is over was handed to a coordinator: written at once, as nobody follows the call any more. Who has it
    already keeps it from the first time on."""
    whom = {"coordinator.name": to.name, "coordinator.staff_no": to.staff_no or None}
    held = await records.get(call_id)
    if held.value("handed_off_at") is not None and all(held.value(name) == value for name, value in whom.items()):
        return
    values = {"handed_off_at": clock.now().astimezone().isoformat(timespec="seconds"), **whom}
    found = [
        TagSuggestion(field=name, value=value, probability=1.0, evidence=(), model=RECORD_RULES_NAME, source="rule")
        for name, value in values.items()
    ]
    await records.suggest(call_id, found, at_ms, ended=True)
