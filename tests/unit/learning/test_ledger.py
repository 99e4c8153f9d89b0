"""The ledger over a database: what became of each card, with nothing left out however much was shown."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from callcue.core.cards import Card
from callcue.core.events import AckAction
from callcue.infra import card_outcomes
from callcue.infra.tables import AuditRow, CallOutcomeRow, CallTableRow, CardAckRow, CardShowRow
from callcue.learning import reports
from callcue.learning.intervals import Share
from callcue.learning.ledger import LedgerLine, months
from tests.unit.learning.conftest import DAY_S, Place

DAY = DAY_S * 1000


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One show; the last action is the newest word of its agent."""

    call: str
    days_ago: float
    actions: tuple[AckAction, ...] = ()
    caller: str | None = "138"
    card: str = "k"
    seq: int = 1
    transferred: bool | None = None


def show(call: str, days_ago: float, *actions: AckAction, **fields: object) -> Shown:
    return Shown(call=call, days_ago=days_ago, actions=actions, **fields)  # type: ignore[arg-type]


async def write(place: Place, *shows: Shown) -> None:
    """As if these calls had been: calls, outcomes, shows and words."""
    now = place.loop.now_ms
    calls = {s.call: s for s in shows}
    call_rows = [
        {"call_id": s.call, "agent_id": "ann", "caller": s.caller, "language": "zh", "source": "test", "channels": [],
         "sample_rate": 8000, "encoding": "pcm_s16le", "started_at": "", "started_ms": now}
        for s in calls.values()
    ]  # fmt: skip
    outcomes = [
        {"call_id": s.call, "transferred": s.transferred, "noted_ms": now, "noted_by": "pbx"}
        for s in calls.values()
        if s.transferred is not None
    ]
    show_rows = [
        {"call_id": s.call, "push_seq": s.seq, "card_id": s.card, "card_version": 1,
         "shown_ms": now - int(s.days_ago * DAY), "score": 0.5, "query": "q"}
        for s in shows
    ]  # fmt: skip
    acks = [
        {"call_id": s.call, "push_seq": s.seq, "by": "ann", "action": s.actions[-1], "acked_ms": now,
         "used": "used" in s.actions or "pinned" in s.actions}
        for s in shows
        if s.actions
    ]  # fmt: skip

    async def work(session: AsyncSession) -> None:
        for table, rows in (
            (CallTableRow, call_rows), (CallOutcomeRow, outcomes), (CardShowRow, show_rows), (CardAckRow, acks),
        ):  # fmt: skip
            if rows:
                await session.execute(insert(table), rows)

    await place.db.write("write what was shown", work)


async def lines(place: Place, *shows: Shown, days: float = 30) -> list[LedgerLine]:
    await write(place, *shows)
    now = place.loop.now_ms
    return await reports.card_ledger(place.loop, from_ms=now - int(days * DAY), to_ms=now)


def share(count: int, of: int) -> Share:
    return Share(count=count, of=of)


async def test_the_way_of_a_card_through_the_ledger(place: Place) -> None:
    told = await lines(
        place, show("a", 20, "used"), show("b", 19, "used", "wrong"), show("c", 18, "dismissed"), show("d", 17)
    )
    line, everything = told
    assert (line.card_id, line.shown, line.used, line.dismissed, line.wrong) == ("k", 4, 2, 1, 1)
    assert line.retrieval == share(2, 4)
    assert line.accuracy == share(1, 2)
    assert everything.card_id is None
    assert everything.retrieval == line.retrieval


async def test_several_people_s_words_on_one_show_are_one_show(place: Place) -> None:
    await write(place, show("a", 20, "used"))
    word = {"call_id": "a", "push_seq": 1, "by": "bo", "action": "wrong", "acked_ms": 1, "used": False}

    async def work(session: AsyncSession) -> None:
        await session.execute(insert(CardAckRow), [word])

    await place.db.write("write a word", work)
    line = (await lines(place))[0]
    assert (line.shown, line.used, line.wrong, line.accuracy) == (1, 1, 1, share(0, 1))


async def test_what_nobody_observed_is_unknown_and_not_nothing(place: Place) -> None:
    line = (await lines(place, show("a", 20, "used", caller=None), show("b", 20), show("c", 20, card="x")))[0]
    assert line.repeat.rate is None
    assert line.transfer.rate is None
    assert line.wrong_knowledge.rate is None
    assert (await lines(place))[1].accuracy.rate is None


@pytest.mark.parametrize(
    ("other", "found"),
    [
        (show("b", 15, "used"), share(1, 2)),
        (show("b", 12), share(0, 1)),  # too late
        (show("a", 19.9, seq=2), share(0, 1)),  # the same call
        (show("b", 15, caller="139"), share(0, 1)),
        (show("b", 15, card="other"), share(0, 1)),
        (show("b", 21), share(0, 1)),  # before
    ],
)
async def test_a_repeat_is_the_same_caller_with_the_same_card_in_another_call_in_time(
    place: Place, other: Shown, found: Share
) -> None:
    told = await lines(place, show("a", 20, "used"), other)
    assert next(line for line in told if line.card_id == "k").repeat == found


async def test_a_repeat_may_come_after_the_period(place: Place) -> None:
    await write(place, show("a", 20, "used"), show("b", 15))
    now = place.loop.now_ms
    line = (await reports.card_ledger(place.loop, from_ms=now - 21 * DAY, to_ms=now - 19 * DAY))[0]
    assert (line.shown, line.repeat) == (1, share(1, 1))


async def test_a_show_is_not_counted_before_its_week_is_over(place: Place) -> None:
    assert (await lines(place, show("a", 3, "used")))[0].repeat == share(0, 0)


async def test_transfers_blamed_on_the_card(place: Place) -> None:
    told = await lines(
        place,
        show("a", 20, "used", transferred=True),
        show("b", 20, "used", "wrong", transferred=True),
        show("c", 20, "used", "wrong", transferred=False),
        show("d", 20, "used"),
    )
    assert told[0].transfer == share(2, 3)
    assert told[0].wrong_knowledge == share(1, 3)
    month = datetime.fromtimestamp((place.loop.now_ms - 20 * DAY) / 1000, UTC).strftime("%Y-%m")
    await condemn(place, "1999-01")
    assert (await lines(place))[0].wrong_knowledge == share(1, 3)
    await condemn(place, month)
    assert (await lines(place))[0].wrong_knowledge == share(2, 3)


async def condemn(place: Place, month: str) -> None:
    await place.cards.save([Card(id="k", title="t", body="b")], by="eve")
    row = {"month": month, "card_id": "k", "card_version": 1, "stratum": "other", "of": 1, "drawn_ms": 1,
           "drawn_by": "sue", "verdict": "wrong", "note": ""}  # fmt: skip

    async def work(session: AsyncSession) -> None:
        await session.execute(insert(AuditRow), [row])

    await place.db.write("condemn a card", work)


async def test_months_add_up_and_the_beginning_of_time_costs_nothing(place: Place) -> None:
    await write(place, *(show(f"c{n}", 10 * n, "used") for n in range(1, 13)))
    line, everything = await reports.card_ledger(place.loop, from_ms=0, to_ms=place.loop.now_ms)
    assert (line.shown, line.used, everything.shown) == (12, 12, 12)
    parts = list(months(place.loop.now_ms - 40 * DAY, place.loop.now_ms))
    assert [end for _, _, end in parts[:-1]] == [begin for _, begin, _ in parts[1:]]
    assert (await reports.card_ledger(place.loop, from_ms=0, to_ms=1))[-1].shown == 0


async def test_nothing_is_left_out_of_the_ledger_and_what_feedback_leaves_out_is_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(card_outcomes, "_PAGE", 7)
    count = 50
    told = await lines(place, *(show(f"c{n:03}", 1 + n / 100, *(("used",) if n % 2 else ())) for n in range(count)))
    assert (told[0].shown, told[0].used) == (50, 25)
    everything = await place.history.shows()
    assert [s.call_id for s in everything.shows] == [f"c{n:03}" for n in reversed(range(count))]
    assert everything.left_out == 0
    newest = await place.history.shows(acked=True, most=10)
    assert [s.call_id for s in newest.shows] == [f"c{n:03}" for n in range(19, 0, -2)]
    assert newest.left_out == 15
    assert (await place.history.shows(acked=True, most=25)).left_out == 0


async def test_the_loop_goes_on_while_shows_are_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every page is a read of its own: others get their turn in between."""
    monkeypatch.setattr(card_outcomes, "_PAGE", 10)
    await write(place, *(show(f"c{n:03}", 1 + n / 100) for n in range(100)))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    task = asyncio.create_task(others())
    pages = 0
    read = place.db.read

    async def counted(what: str, work: object) -> object:
        nonlocal pages
        pages += 1
        return await read(what, work)  # type: ignore[arg-type]

    monkeypatch.setattr(place.db, "read", counted)
    await place.history.shows()
    task.cancel()
    assert pages >= 10
    assert turns >= pages
