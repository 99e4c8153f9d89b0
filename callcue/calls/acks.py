"""What agents do with cards, written to the call's log."""

from callcue.core.errors import BadInput, NotFound
from callcue.core.events import AckAction, CardAck, CardPush
from callcue.infra.event_log import EventLog


async def acknowledge(
    log: EventLog, *, call_id: str, push_seq: int, action: AckAction, by: str, note: str = ""
) -> CardAck:
    """Write a CardAck for the push with this ``seq``.

    Raises NotFound when the call has no such event and BadInput when the event is not a card.
    """
    found = await log.read(call_id, after=push_seq - 1, limit=1) if push_seq >= 1 else []
    if not found or found[0].seq != push_seq:
        raise NotFound(f"call {call_id!r} has no event {push_seq}; push_seq is the seq of the CardPush")
    push = found[0]
    if not isinstance(push, CardPush):
        raise BadInput(f"event {push_seq} of call {call_id!r} is a {push.type}, not a CardPush")
    ack = CardAck(
        call_id=call_id,
        at_ms=await log.last_at_ms(call_id),
        card_id=push.card_id,
        push_seq=push_seq,
        action=action,
        by=by,
        note=note,
    )
    (written,) = await log.append(ack)
    assert isinstance(written, CardAck)  # noqa: S101 - narrows the type; append returns what it was given
    return written
