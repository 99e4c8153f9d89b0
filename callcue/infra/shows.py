"""Cards that were shown and what was said of them, beside the log: written in its transaction, from CardPush and
CardAck.
"""

from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.errors import BadInput
from callcue.core.events import CardAck, CardPush
from callcue.infra.masking import language_of, masked
from callcue.infra.tables import CardAckRow, CardShowRow, QuestionRow

_USED = ("used", "pinned")
_REFUSED = ("wrong", "dismissed")


async def shown(session: AsyncSession, push: CardPush, at_ms: int) -> None:
    """A card was pushed; ``at_ms`` is epoch milliseconds."""
    session.add(
        CardShowRow(
            call_id=push.call_id,
            push_seq=push.seq,
            card_id=push.card_id,
            card_version=push.card_version,
            shown_ms=at_ms,
            score=push.score,
            query=masked(push.reason.query),
        )
    )
    await session.flush()  # an acknowledgement in the same batch has to find it


async def acknowledged(session: AsyncSession, ack: CardAck, at_ms: int) -> None:
    """Somebody said what became of a card. A push that is not in the log is left out: there is nothing to learn of.

    A card that was refused leaves a question that is still open; taking the refusal back takes the question back.
    """
    show = await session.get(CardShowRow, (ack.call_id, ack.push_seq))
    if show is None:
        return
    if show.card_id != ack.card_id:
        raise BadInput(f"push {ack.push_seq} of call {ack.call_id} showed another card. Nothing was written")
    held = await session.get(CardAckRow, (ack.call_id, ack.push_seq, ack.by))
    used = ack.action in _USED
    if held is None:
        key = {"call_id": ack.call_id, "push_seq": ack.push_seq, "by": ack.by}
        session.add(CardAckRow(**key, action=ack.action, acked_ms=at_ms, used=used))
    else:
        held.action, held.acked_ms, held.used = ack.action, at_ms, held.used or used
    await _question(session, ack, show)
    await session.flush()


async def _question(session: AsyncSession, ack: CardAck, show: CardShowRow) -> None:
    key = (ack.call_id, f"push-{ack.push_seq}")
    held = await session.get(QuestionRow, key)
    if ack.action in _REFUSED and show.query.strip():
        if held is not None:
            held.why = ack.action
            return
        session.add(
            QuestionRow(
                call_id=ack.call_id,
                segment_id=key[1],
                why=ack.action,
                asked_ms=show.shown_ms,
                lang=language_of(show.query),
                text=show.query,
                card_id=show.card_id,
                score=show.score,
            )
        )
    elif ack.action in _USED and held is not None:
        await session.delete(held)
