"""From calls to topics, drafts and answers: what is written down, whose it is, when it is due, and how it ends."""

from dataclasses import replace

import pytest

from callcue.core.cards import Card
from callcue.core.errors import BadInput, Conflict, NotFound
from callcue.infra.questions import Assignment
from callcue.learning import reports
from callcue.learning.reports import TopicLine
from tests.unit.infra.conftest import run_sql
from tests.unit.learning.conftest import Place

FREIGHT = ("退货的运费谁出", "退货的运费谁出呢", "请问退货的运费谁出")
LEAK = ("洗衣机一直漏水", "洗衣机一直漏水啊")


async def lines(place: Place, **options: bool) -> list[TopicLine]:
    await place.loop.sort_questions()
    return await reports.topic_lines(place.loop, **options)


async def test_questions_of_several_calls_become_topics(place: Place) -> None:
    await place.call(FREIGHT[0], caller="1")
    await place.call(FREIGHT[1], LEAK[0], caller="2")
    await place.call(FREIGHT[2], caller="2")
    freight, leak = await lines(place)
    assert (freight.calls, freight.callers, freight.topic.title in FREIGHT) == (3, 2, True)
    assert (leak.calls, leak.topic.title) == (1, LEAK[0])
    assert not await place.questions.unassigned()


async def test_a_topic_keeps_its_name_when_new_questions_come(place: Place) -> None:
    await place.call(FREIGHT[0])
    (first,) = await lines(place)
    await place.days(1)
    await place.call(FREIGHT[1])
    await place.call(LEAK[0])
    again = {line.topic.topic_id: line.calls for line in await lines(place)}
    assert again[first.topic.topic_id] == 2
    assert len(again) == 2


async def test_the_clock_runs_from_the_first_question(place: Place) -> None:
    asked_ms = place.loop.now_ms
    await place.call(FREIGHT[0])
    await place.days(0.9)
    await place.call(FREIGHT[1])
    (line,) = await lines(place)
    assert (line.topic.opened_ms, line.topic.due_ms, line.overdue) == (asked_ms, asked_ms + 86_400_000, False)
    await place.days(0.2)
    assert [line.overdue for line in await lines(place)] == [True]


async def test_overdue_topics_come_first(place: Place) -> None:
    await place.call(LEAK[0])
    await place.days(2)
    for wording in FREIGHT:
        await place.call(wording)
    assert next(line.topic.title for line in await lines(place)) == LEAK[0]


async def test_the_owner_of_the_nearest_card_is_asked_to_write(place: Place, invoice: Card) -> None:
    await place.call(FREIGHT[0], near=invoice.id)
    await place.call(LEAK[0])
    owners = {line.topic.title: (line.topic.owner, line.best_card) for line in await lines(place)}
    assert owners == {FREIGHT[0]: ("eve", "kb-invoice"), LEAK[0]: ("editors", None)}


async def test_long_numbers_are_not_kept(place: Place) -> None:
    await place.call("我的号码138 0013-8000怎么查不到订单20261123456")
    (question,) = await place.questions.questions()
    assert question.text == "我的号码###怎么查不到订单###"


async def test_a_card_that_was_refused_leaves_its_question_open(place: Place, invoice: Card) -> None:
    call = await place.call(FREIGHT[0], shown=invoice.id, acks=("dismissed", "wrong"))
    await place.call(LEAK[0], shown=invoice.id, acks=("wrong", "used"))
    (question,) = await place.questions.questions()
    assert (question.call_id, question.why, question.text, question.card_id) == (call, "wrong", FREIGHT[0], invoice.id)


async def test_what_a_call_leaves_goes_with_it(place: Place, invoice: Card) -> None:
    await place.call(FREIGHT[0])
    await place.loop.sort_questions()
    await place.call(FREIGHT[1], shown=invoice.id, acks=("wrong",))
    for table in ("events", "calls"):
        await run_sql(place.db, f"DELETE FROM {table}")
    for table in ("questions", "card_shows", "card_acks"):
        assert await run_sql(place.db, f"SELECT count(*) FROM {table}") == 0
    await place.loop.close_answered()
    assert await run_sql(place.db, "SELECT count(*) FROM topics") == 0


async def test_a_draft_has_the_most_different_wordings_and_closes_the_topic_when_it_is_published(place: Place) -> None:
    for wording in (*FREIGHT, FREIGHT[0]):
        await place.call(wording)
    (line,) = await lines(place)
    card, drafted = await reports.draft_card(place.loop, line.topic.topic_id, by="eve")
    assert (card.status, card.title, card.owner, card.lang) == ("draft", line.topic.title, "editors", "zh")
    assert sorted(card.questions) == sorted(FREIGHT)
    await place.cards.save([card], by="eve")
    await place.questions.change(drafted, held="open")
    assert await place.loop.close_answered() == []
    await place.cards.save([replace(card, status="review")], by="eve")
    assert await place.loop.close_answered() == []
    await place.cards.save([replace(card, status="published")], by="eve")
    assert await place.loop.close_answered() == [line.topic.topic_id]
    assert await lines(place) == []
    (closed,) = await lines(place, closed=True)
    assert (closed.topic.state, closed.topic.card_id, closed.topic.closed_ms) == (
        "answered",
        card.id,
        place.loop.now_ms,
    )


async def test_two_editors_do_not_both_draft_one_topic(place: Place) -> None:
    await place.call(FREIGHT[0])
    (line,) = await lines(place)
    _, mine = await reports.draft_card(place.loop, line.topic.topic_id, by="eve")
    _, theirs = await reports.draft_card(place.loop, line.topic.topic_id, by="ed")
    await place.questions.change(mine, held="open")
    with pytest.raises(Conflict, match="no longer open"):
        await place.questions.change(theirs, held="open")
    with pytest.raises(Conflict, match="drafted, not open"):
        await reports.draft_card(place.loop, line.topic.topic_id, by="ed")


async def test_what_is_decided_while_questions_are_sorted_stays(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    await place.call(FREIGHT[2])
    (line,) = await lines(place)
    assert line.topic.title == FREIGHT[2]
    assign = place.questions.assign

    async def after_somebody(assignment: Assignment) -> None:
        await reports.settle(place.loop, line.topic.topic_id, by="eve", decline=True, note="不归我们管")
        await assign(assignment)

    monkeypatch.setattr(place.loop.questions, "assign", after_somebody)
    await place.call(FREIGHT[0])  # nearer to all: the topic would be called by it
    await place.call(FREIGHT[1])
    assert await lines(place) == []
    (declined,) = await lines(place, closed=True)
    assert (declined.topic.state, declined.topic.note) == ("declined", "不归我们管")


async def test_an_answered_topic_that_is_asked_in_vain_again_opens_again(place: Place, invoice: Card) -> None:
    await place.call(FREIGHT[0])
    (line,) = await lines(place)
    await reports.settle(place.loop, line.topic.topic_id, by="eve", card_id=invoice.id)
    await place.days(1)
    await place.call(FREIGHT[1])
    assert await lines(place) == [], "one call may be a slip of the recogniser"
    await place.days(1)
    await place.call(FREIGHT[2])
    (again,) = await lines(place)
    assert (again.topic.topic_id, again.topic.state) == (line.topic.topic_id, "open")
    assert again.topic.due_ms == place.loop.now_ms + 86_400_000


async def test_a_card_that_was_made_of_a_topic_is_not_overwritten(place: Place) -> None:
    await place.call(FREIGHT[0])
    (line,) = await lines(place)
    card, drafted = await reports.draft_card(place.loop, line.topic.topic_id, by="eve")
    await place.cards.save([replace(card, status="published", body="店里出")], by="eve")
    await place.questions.change(drafted, held="open")
    await place.loop.close_answered()
    for wording in FREIGHT[1:]:
        await place.days(1)
        await place.call(wording)
    assert [again.topic.state for again in await lines(place)] == ["open"]
    with pytest.raises(Conflict, match="is published"):
        await reports.draft_card(place.loop, line.topic.topic_id, by="eve")


async def test_a_declined_topic_stays_declined_and_takes_what_is_like_it(place: Place) -> None:
    await place.call(LEAK[0])
    (line,) = await lines(place)
    with pytest.raises(BadInput, match="why"):
        await reports.settle(place.loop, line.topic.topic_id, by="eve", decline=True)
    await reports.settle(place.loop, line.topic.topic_id, by="eve", decline=True, note="不卖洗衣机")
    for _ in range(3):
        await place.call(LEAK[1])
    assert await lines(place) == []
    (declined,) = await lines(place, closed=True)
    assert (declined.topic.state, declined.topic.note, declined.calls) == ("declined", "不卖洗衣机", 4)
    with pytest.raises(Conflict, match="declined already"):
        await reports.settle(place.loop, line.topic.topic_id, by="eve", owner="ed")


async def test_settling_says_what_is_wrong(place: Place) -> None:
    await place.call(LEAK[0])
    (line,) = await lines(place)
    topic_id = line.topic.topic_id
    with pytest.raises(BadInput, match="one thing"):
        await reports.settle(place.loop, topic_id, by="eve", owner="ed", card_id="x")
    with pytest.raises(NotFound, match="card"):
        await reports.settle(place.loop, topic_id, by="eve", card_id="nowhere")
    unseen = Card(id="unseen", title="漏水怎么办", body="…", status="draft")
    await place.loop.cards.save([unseen], by="eve")
    with pytest.raises(Conflict, match="Publish it first"):
        await reports.settle(place.loop, topic_id, by="eve", card_id=unseen.id)
    with pytest.raises(NotFound, match="unanswered"):
        await reports.settle(place.loop, "topic-nowhere", by="eve", owner="ed")
    assert (await reports.settle(place.loop, topic_id, by="eve", owner="ed")).owner == "ed"


async def test_feedback_reaches_the_search_from_the_log(place: Place, invoice: Card) -> None:
    for agent in ("ann", "bo", "cy"):
        await place.call(FREIGHT[0], shown=invoice.id, acks=("wrong",), agent=agent)
    evidence = await place.loop.refresh_feedback()
    assert evidence is not None
    assert place.learned == [evidence]
    assert evidence.shift(invoice.id) < -0.3
    assert await place.loop.refresh_feedback() is None, "nothing has come since"
    await place.call(FREIGHT[0], shown=invoice.id, acks=("used",))
    assert await place.loop.refresh_feedback() is not None


async def test_without_tokens_the_agent_of_the_call_is_the_one_who_spoke(place: Place, invoice: Card) -> None:
    for agent in ("ann", "bo"):
        await place.call(FREIGHT[0], shown=invoice.id, acks=("wrong",), agent=agent, by="local")
    said = {word.agent for show in (await place.history.shows()).shows for word in show.words}
    assert said == {"ann", "bo"}


async def test_what_was_embedded_is_not_embedded_again(place: Place, invoice: Card) -> None:
    await place.call(FREIGHT[0], shown=invoice.id, acks=("used",))
    await place.call(LEAK[0])
    await place.loop.refresh_feedback()
    await place.loop.sort_questions()
    assert await run_sql(place.db, "SELECT count(*) FROM card_shows WHERE vector IS NULL") == 0
    assert await run_sql(place.db, "SELECT count(*) FROM questions WHERE vector IS NULL") == 0


async def test_the_effect_of_a_card_is_seen_in_who_asks_again(place: Place, invoice: Card) -> None:
    for caller in ("1", "2"):
        await place.call(FREIGHT[0], caller=caller)
        await place.days(1)
        await place.call(FREIGHT[1], caller=caller)
    (line,) = await lines(place)
    await place.days(10)
    await reports.settle(place.loop, line.topic.topic_id, by="eve", card_id=invoice.id)
    await place.days(1)
    for caller in ("3", "4"):
        await place.call(FREIGHT[0], caller=caller, shown=invoice.id, acks=("used",))
    await place.days(8)
    found = (await reports.topic_detail(place.loop, line.topic.topic_id)).effect
    assert (found.before.watched, found.before.events) == (4, 2)
    assert (found.after.watched, found.after.events, found.after.rate) == (2, 0, 0.0)


async def test_the_week_s_issues_hold_topics_and_cards(place: Place, invoice: Card) -> None:
    for wording in FREIGHT:
        await place.call(wording)
    await place.call(LEAK[0], shown=invoice.id)
    await place.loop.sort_questions()
    issues = await reports.top(place.loop, "2026-W48")
    assert [(issue.kind, issue.calls) for issue in issues] == [("topic", 3), ("card", 1)]
    assert issues[1].title == "发票"
    assert await reports.top(place.loop, "2026-W40") == []


async def test_outcomes_make_transfers_known(place: Place, invoice: Card) -> None:
    moved = await place.call(FREIGHT[0], shown=invoice.id, acks=("used", "wrong"))
    await place.call(FREIGHT[0], shown=invoice.id, acks=("used",))
    period = {"from_ms": 0, "to_ms": place.loop.now_ms + 1}
    assert (await reports.card_ledger(place.loop, **period))[0].transfer.rate is None
    await place.history.set_outcome(moved, transferred=True, by="pbx")
    line = (await reports.card_ledger(place.loop, **period))[0]
    assert (line.transfer.count, line.transfer.of, line.wrong_knowledge.rate) == (1, 1, 1.0)
    with pytest.raises(NotFound, match="no call"):
        await place.history.set_outcome("nowhere", transferred=True, by="pbx")


async def test_an_audit_is_drawn_once_and_judged(place: Place, invoice: Card) -> None:
    cards = [Card(id=f"k{n}", title=f"t{n}", body="…") for n in range(30)]
    await place.cards.save(cards, by="eve")
    first = await reports.draw_audit(place.loop, "2026-11", by="sue")
    await place.cards.save([Card(id="new", title="t", body="…")], by="eve")
    again = await reports.draw_audit(place.loop, "2026-11", by="mallory")
    assert again.items == first.items
    assert {item.drawn_by for item in again.items} == {"sue"}
    judged = first.items[0].card_id
    await place.history.judge("2026-11", judged, "wrong", auditor="sue", note="旧价格")
    found = await reports.audit_report(place.loop, "2026-11")
    assert (found.judged, found.to_review) == (1, [judged])
    assert (await place.cards.get(judged)).status == "published", "it is said, not done"
    assert await place.history.condemned() == {judged: ["2026-11"]}
    with pytest.raises(NotFound, match="not in the sample"):
        await place.history.judge("2026-11", "new", "correct", auditor="sue", note="")
    with pytest.raises(BadInput, match="not begun"):
        await reports.draw_audit(place.loop, "2026-12", by="sue")


async def test_old_events_are_taken_over_when_the_tables_are_made(place: Place, invoice: Card) -> None:
    await place.call("我的号码13800138000", shown=invoice.id, acks=("used", "wrong"))
    before = (await place.history.shows()).shows
    await place.db.migrate("0001")
    await place.db.migrate()
    assert (await place.history.shows()).shows == before
    assert before[0].words[0].used
