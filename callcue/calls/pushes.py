"""Puts cards on the agent's screen: written as CardPush, with a script's blanks filled from what the call knows."""

import re
from collections.abc import Callable, Sequence

from callcue.calls.flows import FlowFollower
from callcue.calls.patience import append_patiently
from callcue.calls.stages import Stages
from callcue.core.cards import Card, Suggestion
from callcue.core.customers import CustomerProfile
from callcue.core.errors import CallCueError
from callcue.core.events import AnyEvent, CardPush
from callcue.core.records import CallRecord
from callcue.core.slots import SLOTS, slot_names

_MOBILE = re.compile(r"(1\d{2})(\d{4})(\d{4})")


class CardPusher:
    """One call's pushes."""

    def __init__(
        self,
        *,
        call_id: str,
        agent_id: str | None,
        stages: Stages,
        flows: FlowFollower,
        profile: Callable[[], CustomerProfile],
    ) -> None:
        self._call_id = call_id
        self._agent_id = agent_id
        self._stages = stages
        self._flows = flows
        self._profile = profile

    async def push(self, suggestions: Sequence[Suggestion], at_ms: int) -> None:
        """Write the pushes; a flow card begins its flow, or takes it up again."""
        if not suggestions:
            return
        expires = at_ms + int(self._stages.config.expiry_s * 1000)
        pushes: list[AnyEvent] = [
            CardPush(
                call_id=self._call_id,
                at_ms=at_ms,
                card_id=found.card.id,
                card_version=found.card.version,
                title=found.card.title,
                rank=found.rank,
                score=found.score,
                reason=found.reason,
                expires_at_ms=expires,
                slots=await self._slots(found.card),
            )
            for found in suggestions
        ]
        await append_patiently(self._stages.log, self._stages.clock, *pushes)
        for found in suggestions:
            await self._flows.pushed(found.card, at_ms)

    async def _slots(self, card: Card) -> dict[str, str | None]:
        names = [name for name in slot_names(card.body) if name in SLOTS] if card.kind == "script" else []
        if not names:
            return {}
        try:
            record = await self._stages.records.get(self._call_id)
        except CallCueError:  # a script with blanks is better than none
            record = CallRecord(call_id=self._call_id)
        known = slot_values(record, self._profile(), self._agent_id)
        return {name: known.get(name) for name in names}


def slot_values(record: CallRecord, profile: CustomerProfile, agent_id: str | None) -> dict[str, str]:
    """Everything that this call knows for a script's blanks, as it is read out. What is not known is absent."""
    facts = {name: record.value(f"facts.{name}") for name in ("phone", "order_no", "amount", "purchase_date")}
    known = {name: _read_out(name, value) for name, value in facts.items() if value not in (None, "")}
    others = {"name": profile.name, "agent": agent_id or ""}
    return known | {name: value for name, value in others.items() if value}


def _read_out(name: str, value: object) -> str:
    """A mobile number in groups of 3, 4 and 4, as it is read back."""
    text = f"{value:g}" if isinstance(value, float) else str(value)
    mobile = _MOBILE.fullmatch(text) if name == "phone" else None
    return " ".join(mobile.groups()) if mobile else text
