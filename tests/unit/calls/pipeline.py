"""A call's whole pipeline over a real database, in which only hearing and judging are scripted."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from asr.scheduler import DecodeScheduler, SchedulerConfig
from callcue.app.build import call_config
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.manager import CallManager
from callcue.calls.records import RecordKeeper
from callcue.calls.stages import Stages
from callcue.calls.start import StartCall
from callcue.core.cards import Card, Trigger
from callcue.core.clock import SystemClock
from callcue.core.events import AnyEvent
from callcue.core.ports import Clock, Prediction
from callcue.core.settings import ServerSettings, Settings
from callcue.infra.card_outcomes import CardOutcomes
from callcue.infra.cards import CardStore
from callcue.infra.metrics import Metrics
from callcue.infra.questions import QuestionStore
from callcue.testing.calls import ScriptedCall, ScriptedLine
from callcue.testing.engine import ScriptedEngine
from callcue.testing.voice import FakeVoiceActivity
from nlu.normalise import Normaliser
from tests.unit.api.fakes import FakeIndex
from tests.unit.calls.conftest import Store

CALL = ScriptedCall(
    [
        ScriptedLine(channel="caller", start_ms=0, end_ms=1500, text="你好我要开发票"),
        ScriptedLine(channel="agent", start_ms=2500, end_ms=4000, text="好的请稍等"),
        ScriptedLine(channel="caller", start_ms=5000, end_ms=7000, text="订单已经付款了"),
    ],
    duration_ms=8000,
)
WIRE = CALL.interleaved()
BYTES_PER_MS = 8 * 2 * 2
CARD = Card(id="kb-invoice", title="发票申请流程", body="…", triggers=(Trigger(phrase="开发票"),))
SAID = {"你好我要开发票", "好的请稍等", "订单已经付款了"}


class Judge:
    """A classifier without an opinion, which may break."""

    name = "judge"

    def __init__(self, *labels: str) -> None:
        self.labels = labels
        self.breaks: Exception | None = None

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        if self.breaks is not None:
            raise self.breaks
        share = 1.0 / len(self.labels)
        return [
            Prediction(label=self.labels[0], probability=share, distribution=dict.fromkeys(self.labels, share))
            for _ in texts
        ]


class QuickClock(SystemClock):
    """Waits are over at once; their length is noted."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await super().sleep(0)

    def now(self) -> datetime:
        return datetime.fromisoformat("2026-11-23T02:00:00+00:00")


class Pipeline:
    """A manager and what lies under it."""

    def __init__(
        self, store: Store, folder: Path, clock: Clock | None = None, engine: ScriptedEngine | None = None
    ) -> None:
        settings = Settings(data_dir=folder, server=ServerSettings(port=0, resume_grace_s=5))
        self.store = store
        self.clock = clock or SystemClock()
        self.engine: ScriptedEngine = engine or CALL.engine()
        self.issue = Judge("技术", "账单", "物流", "其他")
        self.index = FakeIndex()
        self.scheduler = DecodeScheduler(self.engine, self.clock, SchedulerConfig.from_settings(settings.speech))
        self.knowledge = KnowledgeBase(
            store=CardStore(store.database), index=self.index, log=store.log, clock=self.clock
        )
        self.records = RecordKeeper(log=store.log, store=store.records, calls=store.calls, clock=self.clock)
        self.questions = QuestionStore(store.database)
        self.history = CardOutcomes(store.database)
        stages = Stages(
            log=store.log,
            scheduler=self.scheduler,
            voice_activity=FakeVoiceActivity,
            engine_name="scripted",
            normaliser=Normaliser(),
            knowledge=self.knowledge,
            records=self.records,
            issue=self.issue,
            sentiment=Judge("正面", "中性", "负面"),
            clock=self.clock,
            metrics=Metrics(),
            config=call_config(settings),
            questions=self.questions,
        )
        self.manager = CallManager(stages=stages, calls=store.calls)

    async def start(self) -> None:
        await self.scheduler.start()
        await self.knowledge.save([CARD], by="eve")

    async def close(self) -> None:
        await self.manager.shutdown()
        await self.scheduler.close()

    async def events(self, call_id: str) -> list[AnyEvent]:
        return await self.store.log.read(call_id)

    async def said(self, call_id: str) -> set[str]:
        return {event.text for event in await self.events(call_id) if event.type == "FinalTranscript"}


def request(call_id: str) -> StartCall:
    return StartCall(
        call_id=call_id,
        agent_id="a1",
        caller=None,
        channels=("caller", "agent"),
        sample_rate=8000,
        encoding="pcm_s16le",
        language="zh",
    )
