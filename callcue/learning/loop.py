"""The learning loop at work: feedback becomes evidence, unanswered questions become topics with a clock, and topics
whose card came out are closed. Runs every minute in the service, and once in commands that need it.
"""

import asyncio
import contextlib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import structlog

from callcue.core.errors import NotFound
from callcue.core.ports import Clock
from callcue.infra.card_outcomes import CardOutcomes, Show
from callcue.infra.cards import CardStore
from callcue.infra.questions import Assignment, Question, QuestionStore, Topic
from callcue.learning.feedback import Ack, Evidence, FeedbackConfig, weigh
from callcue.learning.likeness import FloatArray, QuestionVectors
from callcue.learning.rounds import Rounds
from callcue.learning.topics import JOIN, group, middle

EVERY_S = 60.0
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
REMEMBERED_DAYS = 180
"""How far back questions are looked at when new ones are sorted."""
EMBEDDED_AT_ONCE = 256
"""Texts of acknowledged cards that get their vector in one round, at some 20 ms each."""
REOPEN_CALLS = 2
"""Calls in which an answered topic was asked in vain again before it is opened again."""

_Key = tuple[str, str]
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopConfig:
    """How the loop works."""

    owner: str = "editors"
    """Whose a topic is when the nearest card has no owner."""
    due_hours: float = 24.0
    """From the first question of a topic to its card."""
    repeat_days: float = 7.0
    """Within which a second call about the same counts as a repeat."""
    feedback: FeedbackConfig = field(default_factory=FeedbackConfig)
    join: float = JOIN


class LearningLoop:
    """Turns what happened in calls into what the knowledge base does next."""

    def __init__(
        self,
        *,
        questions: QuestionStore,
        history: CardOutcomes,
        cards: CardStore,
        vectors: Callable[[], QuestionVectors],
        clock: Clock,
        config: LoopConfig | None = None,
        learned: Callable[[Evidence], None] | None = None,
    ) -> None:
        """``vectors`` is asked in a worker thread, and only when something has to be embedded. ``learned`` gets every
        new state of the evidence."""
        self.questions = questions
        self.history = history
        self.cards = cards
        self.config = config or LoopConfig()
        self._vectors = vectors
        self._clock = clock
        self._learned = learned
        self._mark: tuple[int, int, int] | None = None
        self._turn = asyncio.Lock()
        steps = (self.refresh_feedback, self.sort_questions, self.close_answered)
        self._rounds = Rounds("learning-loop", steps, every_s=EVERY_S, clock=clock)

    @property
    def now_ms(self) -> int:
        """Epoch milliseconds."""
        return int(self._clock.now().timestamp() * 1000)

    async def start(self) -> None:
        """Learn what there is in the background, and go on every minute."""
        await self._rounds.start()

    async def close(self) -> None:
        """Stop."""
        await self._rounds.close()

    async def refresh_feedback(self) -> Evidence | None:
        """Weigh all acknowledgements anew where there are new ones or an hour has passed; None: nothing changed."""
        mark = (*await self.history.mark(), self.now_ms // HOUR_MS)
        if mark == self._mark:
            return None
        since = self.now_ms - int(4 * self.config.feedback.half_life_days * DAY_MS)
        found = await self.history.shows(from_ms=since, acked=True, vectors=True)
        if found.left_out:
            _log.warning("learning.feedback_left_out", read=len(found.shows), left_out=found.left_out)
        shows = found.shows
        vectors = await self._show_vectors(shows)
        versions = await self.history.versions({show.card_id for show in shows})
        acks = [ack for show in shows for ack in acks_of(show, vectors.get((show.call_id, show.push_seq)))]
        space = None
        if acks:
            maker = await asyncio.to_thread(self._vectors)
            space = await asyncio.to_thread(maker.space, list(vectors.values()))
        evidence = await asyncio.to_thread(
            weigh, acks, now_ms=self.now_ms, versions=versions, config=self.config.feedback, space=space
        )
        complete = all((show.call_id, show.push_seq) in vectors or not show.query.strip() for show in shows)
        self._mark = mark if complete else None  # the next round makes the vectors that are still missing
        if self._learned is not None:
            self._learned(evidence)
        return evidence

    async def _show_vectors(self, shows: Sequence[Show]) -> dict[tuple[str, int], FloatArray]:
        if not shows:
            return {}
        maker = await asyncio.to_thread(self._vectors)
        known = {(s.call_id, s.push_seq): s.vector for s in shows if s.vector and s.embedder == maker.name}
        found = {key: np.frombuffer(vector, dtype="<f4") for key, vector in known.items()}
        missing = [s for s in shows if (s.call_id, s.push_seq) not in found and s.query.strip()]
        newest = missing[-EMBEDDED_AT_ONCE:]
        if newest:
            made = await asyncio.to_thread(maker.of, [show.query for show in newest])
            fresh = {(s.call_id, s.push_seq): v for s, v in zip(newest, made, strict=True)}
            await self.history.keep_vectors({key: to_bytes(v) for key, v in fresh.items()}, maker.name)
            found |= fresh
        return found

    async def sort_questions(self) -> int:
        """Put new questions into topics; returns how many there were."""
        async with self._turn:
            if not await self.questions.unassigned():
                return 0
            held = await self.questions.questions(since_ms=self.now_ms - REMEMBERED_DAYS * DAY_MS)
            topics = await self.questions.topics()
            maker = await asyncio.to_thread(self._vectors)
            vectors, fresh = await asyncio.to_thread(question_vectors, held, maker)
            owners = await self._owners(held)
            assignment = await asyncio.to_thread(self._sort, held, topics, vectors, owners)
            seen = {topic.topic_id: topic for topic in topics}
            await self.questions.assign(replace(assignment, vectors=fresh, embedder=maker.name, seen=seen))
            return len(assignment.members)

    async def _owners(self, held: Sequence[Question]) -> dict[str, str]:
        """Card -> its owner, of the cards that came nearest to a new question."""
        owners = {}
        for card_id in {q.card_id for q in held if q.topic_id is None and q.card_id}:
            with contextlib.suppress(NotFound):
                owner = (await self.cards.get(card_id)).owner
                if owner:
                    owners[card_id] = owner
        return owners

    def _sort(
        self,
        held: Sequence[Question],
        topics: Sequence[Topic],
        vectors: Mapping[_Key, FloatArray],
        owners: Mapping[str, str],
    ) -> Assignment:
        members: dict[_Key, str] = {}
        merged: dict[str, str] = {}
        written: list[Topic] = []
        for lang in sorted({question.lang for question in held}):
            spoken = [question for question in held if question.lang == lang]
            asked = {question.topic_id for question in spoken}  # the others have no remembered question to be near to
            mine = [topic for topic in topics if topic.lang == lang and topic.topic_id in asked]
            part = _Sorting(spoken, mine, vectors)
            grouping = part.group(self.config.join)
            for topic_id, found in part.contents(grouping).items():
                new = [question for question in found if question.topic_id is None]
                old = next((topic for topic in mine if topic.topic_id == topic_id), None)
                members |= {key_of(question): topic_id for question in new}
                told = self._told(topic_id, old, found, vectors, owners)
                if told != old:
                    written.append(told)
            merged |= part.merged(grouping)
        return Assignment(topics=written, members=members, merged=merged, vectors={}, embedder="")

    def _told(
        self,
        topic_id: str,
        old: Topic | None,
        found: Sequence[Question],
        vectors: Mapping[_Key, FloatArray],
        owners: Mapping[str, str],
    ) -> Topic:
        """A topic as its questions now make it."""
        if old is None or old.state == "open":
            title = found[middle(np.stack([vectors[key_of(question)] for question in found]))].text
        else:
            title = old.title
        if old is None:
            first = min(question.asked_ms for question in found)
            named = Counter(owners[q.card_id] for q in found if q.card_id is not None and q.card_id in owners)
            return Topic(
                topic_id=topic_id,
                title=title,
                lang=found[0].lang,
                state="open",
                owner=named.most_common(1)[0][0] if named else self.config.owner,
                opened_ms=first,
                due_ms=first + int(self.config.due_hours * HOUR_MS),
            )
        if old.state == "answered" and old.closed_ms is not None:
            since = sorted({q.call_id: q.asked_ms for q in found if q.asked_ms > (old.closed_ms or 0)}.values())
            if len(since) >= REOPEN_CALLS:
                due = since[REOPEN_CALLS - 1] + int(self.config.due_hours * HOUR_MS)
                note = f"asked in vain {len(since)} times since it was answered"
                return replace(old, state="open", due_ms=due, closed_ms=None, note=note, changed_by="callcue")
        return replace(old, title=title)

    async def close_answered(self) -> list[str]:
        """Topics whose card is published are answered; returns their ids. Topics whose calls are gone go too."""
        await self.questions.drop_empty()
        closed = []
        for topic in await self.questions.topics():
            if topic.state != "drafted" or topic.card_id is None:
                continue
            with contextlib.suppress(NotFound):
                if (await self.cards.get(topic.card_id)).status == "published":
                    done = replace(topic, state="answered", closed_ms=self.now_ms)
                    await self.questions.change(done, held="drafted")
                    closed.append(topic.topic_id)
        return closed


class _Sorting:
    """The new questions of one language, between the known topics."""

    def __init__(self, spoken: Sequence[Question], topics: Sequence[Topic], vectors: Mapping[_Key, FloatArray]) -> None:
        self._topics = topics
        self._new = [question for question in spoken if question.topic_id is None]
        self._old: dict[str, list[Question]] = defaultdict(list)
        for question in spoken:
            if question.topic_id is not None:
                self._old[question.topic_id].append(question)
        self._vectors = vectors
        self._ids = [topic.topic_id for topic in topics]

    def group(self, join: float) -> "_Numbered":
        """Find a topic for every new question."""
        sizes = [len(self._old[topic_id]) for topic_id in self._ids]
        if not self._new:
            return _Numbered(names=self._ids, member_of=(), merged=())
        new = np.stack([self._vectors[key_of(question)] for question in self._new])
        sums = np.zeros((len(self._topics), new.shape[1]), dtype=np.float32)
        for row, topic_id in enumerate(self._ids):
            for question in self._old[topic_id]:
                sums[row] += self._vectors[key_of(question)]
        fixed = [topic.state != "open" for topic in self._topics]
        found = group(new, sums, sizes, fixed, join=join)
        names = [*self._ids, *(topic_name(self._new[number]) for number in found.begun_by)]
        return _Numbered(names=names, member_of=found.member_of, merged=found.merged)

    def contents(self, numbered: "_Numbered") -> dict[str, list[Question]]:
        """Topic -> its questions, of the topics that got new ones, merged ones with those of both."""
        moved = self.merged(numbered)
        touched = {numbered.names[number] for number in numbered.member_of} | set(moved.values())
        found: dict[str, list[Question]] = defaultdict(list)
        for topic_id, questions in self._old.items():
            home = moved.get(topic_id, topic_id)
            if home in touched:
                found[home] += questions
        for question, number in zip(self._new, numbered.member_of, strict=True):
            found[numbered.names[number]].append(question)
        return dict(found)

    def merged(self, numbered: "_Numbered") -> dict[str, str]:
        """Known topic -> the topic that takes it over for good."""
        home = {numbered.names[a]: numbered.names[b] for a, b in numbered.merged}
        final = {}
        for topic_id in set(home) & set(self._ids):
            target = home[topic_id]
            while target in home:
                target = home[target]
            final[topic_id] = target
        return final


@dataclass(frozen=True, slots=True, kw_only=True)
class _Numbered:
    names: Sequence[str]
    member_of: Sequence[int]
    merged: Sequence[tuple[int, int]]


def key_of(question: Question) -> _Key:
    """What a question is filed under."""
    return question.call_id, question.segment_id


def topic_name(first: Question) -> str:
    """A topic is named after the question that began it, so that two processes name it alike."""
    digest = hashlib.sha256(f"{first.call_id}\0{first.segment_id}".encode()).hexdigest()
    return f"topic-{digest[:12]}"


def to_bytes(vector: FloatArray) -> bytes:
    """As it is stored."""
    return vector.astype("<f4").tobytes()


def question_vectors(
    held: Sequence[Question], maker: QuestionVectors
) -> tuple[dict[_Key, FloatArray], dict[_Key, bytes]]:
    """Vectors of all questions in their space, and the raw ones of those that had to be made. Blocking."""
    known = {key_of(q): np.frombuffer(q.vector, "<f4") for q in held if q.vector and q.embedder == maker.name}
    missing = [question for question in held if key_of(question) not in known]
    made = maker.of([question.text for question in missing]) if missing else ()
    fresh = {key_of(question): vector for question, vector in zip(missing, made, strict=True)}
    raw = {**known, **fresh}
    rows = np.stack(list(raw.values()))
    spread = maker.space(rows).spread(rows)
    return dict(zip(raw, spread, strict=True)), {key: to_bytes(vector) for key, vector in fresh.items()}


def acks_of(show: Show, vector: FloatArray | None) -> list[Ack]:
    """The acknowledgements of one show."""
    return [
        Ack(
            card_id=show.card_id,
            card_version=show.card_version,
            agent=word.agent,
            action=word.action,
            at_ms=word.at_ms,
            vector=vector,
        )
        for word in show.words
    ]
