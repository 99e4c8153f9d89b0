"""One scenario of the simulated month: a fresh database on a clock of its own, the product's parts, and people.

The night after each day of calls the loop learns and the editor works on the topics that were asked in most calls.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from callcue.calls.knowledge import KnowledgeBase
from callcue.core.cards import Suggestion
from callcue.core.events import AnyEvent, CallEnded, CallStarted, CardAck, CardPush
from callcue.core.ports import Embedder
from callcue.core.speech import Utterance
from callcue.infra.bus import InProcessBus
from callcue.infra.card_outcomes import CardOutcomes
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.questions import QuestionStore
from callcue.learning import reports
from callcue.learning.likeness import QuestionVectors
from callcue.learning.loop import LearningLoop
from callcue.learning.ranking import FeedbackIndex
from callcue.testing.clock import ManualClock
from eval.loop_world import Call, Callers, World
from eval.report import Figures
from kb_index.index import HybridIndex
from nlu.assist import AssistConfig, CallAssistant
from nlu.lookup import look_up

TOPICS_A_DAY = 4
"""What the editor has time for."""
_DAY_S = 86_400


class Month:
    """One scenario in a fresh database, on a clock of its own."""

    def __init__(self, world: World, embedder: Embedder, folder: Path, parts: frozenset[str], threshold: float) -> None:
        self._world = world
        self._parts = parts
        self._config = AssistConfig(threshold=threshold)
        self._clock = ManualClock()
        self._db = Database(f"sqlite:///{folder / 'month.sqlite3'}")
        self._log = EventLog(self._db, InProcessBus(), self._clock)
        vectors = QuestionVectors(embedder)
        index = FeedbackIndex(HybridIndex(embedder), vectors)
        store = CardStore(self._db, self._clock)
        self._knowledge = KnowledgeBase(store=store, index=index, log=self._log, clock=self._clock)
        self._loop = LearningLoop(
            questions=QuestionStore(self._db, self._clock),
            history=CardOutcomes(self._db, self._clock),
            cards=store,
            vectors=lambda: vectors,
            clock=self._clock,
            learned=index.learn if "feedback" in parts else None,
        )
        self._meant = world.needs_by_wording
        self._truth = {need.card.id: need.card for need in world.needs}
        self._number = 0
        self._pushes = Counter[str]()

    async def run(self, weeks: int, calls: int, seed: int, done: Callable[[], None]) -> Figures:
        await self._db.migrate()
        await self._knowledge.save(self._world.first_cards, by="editor")
        callers, chance = Callers(self._world, calls_a_day=calls, seed=seed), random.Random(seed)
        rows = [{"week": 0, **await self._score()}]
        for week in range(1, weeks + 1):
            self._pushes.clear()
            for day in range((week - 1) * 7, week * 7):
                for call in callers.on(day):
                    callers.told(call, day, helped=await self._answer(call, chance))
                await self._clock.advance(_DAY_S)
                await self._night()
            rows.append({"week": week, **await self._score(), **self._week_figures()})
            done()
        found = {"weeks": rows, **await self._outcome()}
        await self._log.drain()
        await self._db.close()
        return found

    async def _answer(self, call: Call, chance: random.Random) -> bool:
        """One call from its start to its end; whether the right card was on the screen."""
        self._number += 1
        call_id = f"call-{self._number}"
        assistant = CallAssistant(config=self._config, knowledge=self._knowledge.view, clock=self._clock, language="zh")
        pushed = await assistant.on_final(_utterance(call_id, call.text))
        events: list[AnyEvent] = [_started(call_id, call, self._clock)]
        events += [_push(call_id, found) for found in pushed]
        for number, found in enumerate(pushed):
            action = call.agent.judge(found.card.id == call.need.card.id, chance)
            if action is not None:
                events.append(
                    CardAck(
                        call_id=call_id, at_ms=3000, card_id=found.card.id, push_seq=number + 2, action=action,
                        by=call.agent.name,
                    )
                )  # fmt: skip
        await self._log.append(*events, CallEnded(call_id=call_id, at_ms=4000, reason="hangup", duration_ms=4000))
        unmet = assistant.missed.finish()
        if unmet:
            await self._loop.questions.add(call_id, unmet)
        right = any(found.card.id == call.need.card.id for found in pushed)
        self._pushes.update(calls=1, helped=right, wrong=sum(f.card.id != call.need.card.id for f in pushed))
        return right

    async def _night(self) -> None:
        """What the loop and the editor do after a day."""
        await self._loop.refresh_feedback()
        if not self._parts & {"questions", "cards"}:
            return
        await self._loop.sort_questions()
        work = TOPICS_A_DAY
        for line in sorted(await reports.topic_lines(self._loop, min_calls=2), key=lambda line: -line.calls):
            if work == 0:
                return
            if line.topic.state == "open" and await self._edit(line.topic.topic_id):
                work -= 1

    async def _edit(self, topic_id: str) -> bool:
        """The editor reads a topic's wordings, finds what most of them mean, and keeps those that do mean it."""
        questions = await self._loop.questions.questions(topic_id=topic_id)
        meant = Counter(self._meant[q.text] for q in questions if q.text in self._meant)
        if not meant:
            return False
        card_id, _ = meant.most_common(1)[0]
        draft, drafted = await reports.draft_card(self._loop, topic_id, by="editor")
        wordings = tuple(text for text in draft.questions if self._meant.get(text) == card_id)
        held = self._knowledge.view().cards.get(card_id)
        if ("cards" if held is None else "questions") not in self._parts or not wordings:
            return False
        told = held or replace(self._truth[card_id], questions=())
        card = replace(told, questions=tuple(dict.fromkeys((*told.questions, *wordings))), status="published")
        await self._knowledge.save([card], by="editor")
        await self._loop.questions.change(replace(drafted, card_id=card_id), held="open")
        await self._loop.close_answered()
        return True

    async def _score(self) -> Figures:
        """How the measuring wordings fare now."""
        index, threshold = self._knowledge.view().index, self._config.threshold
        found: dict[str, float] = defaultdict(float)
        for need in self._world.needs:
            group = "missing" if need.missing else "there"
            for text in need.measured:
                hits = await look_up(index, text, None)
                share = need.weight / len(need.measured)
                hit, shown = bool(hits) and hits[0].card.id == need.card.id, bool(hits) and hits[0].score >= threshold
                for name, counts in (("all", True), (group, True), ("hit", hit), (f"hit_{group}", hit)):
                    found[name] += share * counts
                found["right"] += share * (hit and shown)
                found["wrong"] += share * (shown and not hit)
        return {
            "hit_at_1": found["hit"] / found["all"],
            "hit_at_1_there": found["hit_there"] / max(found["there"], 1e-9),
            "hit_at_1_missing": found["hit_missing"] / max(found["missing"], 1e-9),
            "shown_right": found["right"] / found["all"],
            "shown_wrong": found["wrong"] / found["all"],
        }

    def _week_figures(self) -> Figures:
        calls = max(1, self._pushes["calls"])
        return {
            "calls": self._pushes["calls"],
            "helped": self._pushes["helped"] / calls,
            "wrong_pushes_per_call": self._pushes["wrong"] / calls,
        }

    async def _outcome(self) -> Figures:
        """What the product's own reports say of the month."""
        now = self._loop.now_ms
        begin = int((self._clock.now() - timedelta(days=365)).timestamp() * 1000)
        line = (await reports.card_ledger(self._loop, from_ms=begin, to_ms=now))[-1]
        topics = await self._loop.questions.topics()
        closed = [topic for topic in topics if topic.state == "answered" and topic.closed_ms is not None]
        return {
            "topics": len(topics),
            "topics_answered": len(closed),
            "answered_in_24_h": sum((topic.closed_ms or 0) <= topic.due_ms for topic in closed),
            "ledger": {
                name: {"rate": share.rate, "of": share.of, "interval": share.interval}
                for name in ("retrieval", "accuracy", "repeat", "transfer")
                if (share := getattr(line, name)) is not None
            },
            "repeats": await self._repeats([topic.topic_id for topic in closed]),
        }

    async def _repeats(self, topics: Sequence[str]) -> Figures:
        """Askings followed by another within the time, before and after the topics' cards, all topics together."""
        watched, events = Counter[str](), Counter[str]()
        for topic_id in topics:
            effect = (await reports.topic_detail(self._loop, topic_id)).effect
            for name, part in (("before", effect.before), ("after", effect.after)):
                watched[name] += part.watched
                events[name] += part.events
        return {name: {"askings": watched[name], "repeated": events[name]} for name in ("before", "after")}


def _utterance(call_id: str, text: str) -> Utterance:
    return Utterance(
        call_id=call_id,
        channel="caller",
        segment_id="caller-1",
        start_ms=0,
        end_ms=2000,
        raw_text=text,
        text=text,
        language="zh",
        confidence=1.0,
    )


def _started(call_id: str, call: Call, clock: ManualClock) -> CallStarted:
    return CallStarted(
        call_id=call_id,
        at_ms=0,
        channels=("caller", "agent"),
        agent_id=call.agent.name,
        caller=call.caller,
        language="zh",
        source="simulated",
        sample_rate=8000,
        encoding="pcm_s16le",
        started_at=clock.now().isoformat(),
    )


def _push(call_id: str, found: Suggestion) -> CardPush:
    return CardPush(
        call_id=call_id,
        at_ms=2000,
        card_id=found.card.id,
        card_version=found.card.version,
        title=found.card.title,
        rank=found.rank,
        score=found.score,
        reason=found.reason,
        expires_at_ms=182_000,
    )
