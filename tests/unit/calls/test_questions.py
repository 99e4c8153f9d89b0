"""Sample questions from calls: what customers said when a card helped, and what they said before an agent searched."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callcue.calls.acks import acknowledge
from callcue.calls.editing import CardEditor
from callcue.calls.questions import QuestionProposals
from callcue.calls.saving import AnnouncingSaver
from callcue.core.cards import Card, PushReason
from callcue.core.events import AckAction, CallStarted, CardPush, FinalTranscript
from callcue.infra.bus import InProcessBus
from callcue.infra.card_history import CardHistory
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.searches import KEPT_MS, SearchLog
from callcue.testing import ManualClock

CARD = Card(id="kb-invoice", title="发票申请流程", body="…", questions=("怎么开发票",))


class Desk:
    """Calls, searches and proposals over one database, on a clock that stands still."""

    def __init__(self, db: Database) -> None:
        self.database = db
        self.clock = ManualClock()
        self.log = EventLog(db, InProcessBus(), self.clock)
        self.searches = SearchLog(db, self.clock)
        self.store = CardStore(db, self.clock)
        editor = CardEditor(store=self.store, history=CardHistory(db), saver=AnnouncingSaver(self.store, self.log))
        self.questions = QuestionProposals(searches=self.searches, editor=editor, clock=self.clock)

    async def call(self, call_id: str, said: str, *, end_ms: int = 2_000) -> None:
        start = CallStarted(
            call_id=call_id, at_ms=0, channels=("caller", "agent"), agent_id="a1", caller=None, language="zh",
            source="test", sample_rate=8000, encoding="pcm_s16le", started_at="2026-11-23T10:00:00+08:00",
        )  # fmt: skip
        final = FinalTranscript(
            call_id=call_id, at_ms=end_ms, channel="caller", segment_id="s1", revision=1, start_ms=0, end_ms=end_ms,
            raw_text=said, text=said, spans=(), words=(), confidence=0.9, language="zh", engine="test",
        )  # fmt: skip
        await self.log.append(start, final)

    async def pushed(self, call_id: str, query: str, action: AckAction, by: str = "a1") -> None:
        reason = PushReason(
            kind="search", matched="怎么开发票", query=query, segment_id="s1", channel="caller", start=0, end=3
        )
        push = CardPush(
            call_id=call_id, at_ms=2_000, card_id=CARD.id, card_version=1, title=CARD.title, rank=1, score=0.8,
            reason=reason, expires_at_ms=99_000,
        )  # fmt: skip
        (written,) = await self.log.append(push)
        await acknowledge(self.log, call_id=call_id, push_seq=written.seq, action=action, by=by)

    async def searched(self, text: str, call_id: str | None = None, call_ms: int | None = None, by: str = "a1") -> str:
        return await self.searches.record(text, agent=by, call_id=call_id, call_ms=call_ms)

    async def texts(self) -> list[str]:
        return [proposal.text for proposal in await self.questions.propose()]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database = Database(f"sqlite:///{tmp_path / 'callcue.sqlite3'}")
    await database.migrate()
    made = Desk(database)
    await made.store.save([CARD], by="li")
    yield made
    await made.log.drain()
    await database.close()


async def test_words_that_brought_a_used_card_are_proposed(desk: Desk) -> None:
    for nth, (query, action, by) in enumerate(
        (
            ("报销用的票给我一张", "used", "a1"),
            ("报销用的票，给我一张。", "used", "a2"),
            ("抬头要写公司名字", "used", "a1"),
            ("这个没帮上忙", "dismissed", "a1"),
            ("怎么开发票？", "used", "a1"),
            ("我的电话是 13800138000 开票", "used", "a1"),
            ("票", "used", "a1"),
        )
    ):
        await desk.call(f"c{nth}", query)
        await desk.pushed(f"c{nth}", query, action, by)  # type: ignore[arg-type]
    first, second = await desk.questions.propose()
    assert (first.sources, first.agents, first.card_id) == ({"call": 2}, 2, CARD.id)
    assert first.text.replace("，", "") == "报销用的票给我一张"
    assert (second.text, second.sources) == ("抬头要写公司名字", {"call": 1})


async def test_words_to_which_an_agent_had_to_search_are_proposed(desk: Desk) -> None:
    await desk.call("c1", "公司报账的那张纸在哪里要", end_ms=2_000)
    search = await desk.searched("发票 公司", "c1", 10_000)
    assert await desk.texts() == [], "nothing came of it yet"
    await desk.searches.took(search, CARD.id, "used", agent="a1")
    found = {proposal.text: proposal.sources for proposal in await desk.questions.propose()}
    assert found == {"发票 公司": {"search": 1}, "公司报账的那张纸在哪里要": {"call_before_search": 1}}
    await desk.call("c2", "很久以前说的另一件事情", end_ms=2_000)
    late = await desk.searched("发票 公司", "c2", 90_000)
    await desk.searches.took(late, CARD.id, "used", agent="a1")
    assert "很久以前说的另一件事情" not in await desk.texts()


async def test_one_who_only_looks_is_not_enough(desk: Desk) -> None:
    for by, proposed in (("a1", []), ("a1", []), ("a2", ["报账的票"])):
        await desk.searches.took(await desk.searched("报账的票", by=by), CARD.id, "opened", agent=by)
        assert await desk.texts() == proposed


async def test_used_stays_used(desk: Desk) -> None:
    search = await desk.searched("报账的票")
    await desk.searches.took(search, CARD.id, "used", agent="a1")
    await desk.searches.took(search, CARD.id, "opened", agent="a1")
    assert await desk.texts() == ["报账的票"]


async def test_cards_that_are_gone_and_old_searches_are_left_out(desk: Desk) -> None:
    await desk.searches.took(await desk.searched("报账的票"), CARD.id, "used", agent="a1")
    await desk.clock.advance(91 * 86_400)
    assert await desk.texts() == []
    assert [p.text for p in await desk.questions.propose(days=100)] == ["报账的票"]
    await desk.clock.advance(KEPT_MS / 1000)
    await desk.searched("something else")
    assert [p.text for p in await desk.questions.propose(days=10_000)] == [], "searches are kept for half a year"


async def test_an_accepted_question_is_a_new_version_and_not_twice(desk: Desk) -> None:
    saved = await desk.questions.accept(CARD.id, "报账的票", by="li")
    again = await desk.questions.accept(CARD.id, "报账的票", by="li")
    assert (saved.outcome, again.outcome) == ("changed", "unchanged")
    assert (await desk.store.get(CARD.id)).questions == ("怎么开发票", "报账的票")


async def test_numbers_in_a_search_are_not_kept(desk: Desk, tmp_path: Path) -> None:
    await desk.searched("13812345678 的快递到哪了")
    kept = (tmp_path / "callcue.sqlite3").read_bytes() + (tmp_path / "callcue.sqlite3-wal").read_bytes()
    assert "的快递到哪了".encode() in kept
    assert b"13812345678" not in kept


async def test_the_words_before_many_searches_are_read_together(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of searches in as many calls cost a few queries, and each gets the words of its own call and moment."""
    await desk.call("c0", "第零次通话里问的那件事", end_ms=2_000)
    for nth in range(1, 300):
        await desk.call(f"c{nth}", f"{_NAMES[nth % 10]}坏了怎么报修啊", end_ms=2_000)
    for nth in range(300):
        search = await desk.searched("报修在哪里", f"c{nth}", 10_000, by=f"a{nth}")
        await desk.searches.took(search, CARD.id, "used", agent=f"a{nth}")
    early = await desk.searched("报修在哪里", "c0", 1_000)
    await desk.searches.took(early, CARD.id, "used", agent="a1")
    reads: list[str] = []
    read = desk.database.read

    async def counted(what: str, work: object) -> object:
        reads.append(what)
        return await read(what, work)  # type: ignore[arg-type]

    monkeypatch.setattr(desk.database, "read", counted)
    found = {proposal.text: proposal.count for proposal in await desk.questions.propose()}
    assert found == {"报修在哪里": 301, "第零次通话里问的那件事": 1} | {
        f"{name}坏了怎么报修啊": 29 if name == _NAMES[0] else 30 for name in _NAMES
    }
    assert len(reads) < 12, reads


_NAMES = ["空调", "冰箱", "电视", "耳机", "手机", "音箱", "键盘", "鼠标", "相机", "手表"]
