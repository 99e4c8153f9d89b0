"""build(settings) -> App: every part made once, in order, and taken down in the reverse order."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from ipaddress import ip_address
from pathlib import Path

import structlog
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from api.services import Services
from asr.engine import EngineConfig
from asr.load import SchedulerStats
from asr.scheduler import DecodeScheduler, SchedulerConfig
from asr.streaming import StreamConfig
from callcue.app import backends
from callcue.app.customers import customer_desk, forecaster, record_rules
from callcue.app.desks import editing_desk, learning_loop, record_book, record_keeper, summary_writer
from callcue.app.health import Health, Probe
from callcue.app.instance_lock import InstanceLock
from callcue.app.orders import order_desk
from callcue.app.storage import Storage, open_storage, taxonomy_of
from callcue.calls.customer_desk import CustomerDesk
from callcue.calls.feed import EventFeed
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.manager import CallManager
from callcue.calls.records import RecordKeeper
from callcue.calls.stages import CallConfig, Stages
from callcue.core.clock import SystemClock
from callcue.core.errors import CallCueError
from callcue.core.ids import KB_STREAM
from callcue.core.ports import Clock, Embedder, SpeechEngine
from callcue.core.settings import Settings
from callcue.infra.auth import Authenticator
from callcue.infra.metrics import Metrics
from callcue.learning.likeness import QuestionVectors
from callcue.learning.loop import LearningLoop
from callcue.learning.ranking import FeedbackIndex
from kb_index.check import CardChecker
from kb_index.index import HybridIndex, IndexConfig
from models.embedders import load_embedder
from models.memo import MemoEmbedder
from models.store import ModelStore
from models.whisper import known_words, whisper_folder
from nlu.assist import AssistConfig
from nlu.hotwords import HotwordConfig
from nlu.normalise import Normaliser
from tagger import shipped_models
from tagger.loading import load_issue_models, load_model

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Understanding:
    """Everything that knows the cards."""

    knowledge: KnowledgeBase
    index: HybridIndex
    embedders: Mapping[str, Embedder]
    """By the names in the settings."""
    learning: LearningLoop
    checker: CardChecker


class App:
    """The running service. ``start`` returns when calls can be taken."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._stack = AsyncExitStack()
        self._services: Services | None = None

    @property
    def services(self) -> Services:
        """What the edge needs; only after ``start``."""
        if self._services is None:
            raise RuntimeError("App.start() has not finished")
        return self._services

    async def start(self) -> None:
        """Open storage, close what a crash left open, load the models, index the cards."""
        try:
            await self._start()
        except BaseException:
            await self._stack.aclose()
            raise

    async def stop(self) -> None:
        """Close live calls with everything they heard, then everything else."""
        await self._stack.aclose()

    async def _start(self) -> None:
        settings = self.settings
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # calls are personal data
        self._stack.enter_context(InstanceLock(lock_file(settings)))
        storage = await open_storage(settings, self._stack)
        try:
            async with asyncio.TaskGroup() as loading:
                recognition = loading.create_task(self._recognition())
                understanding = loading.create_task(self._knowledge(storage))
        except* CallCueError as failed:
            raise failed.exceptions[0] from None
        (engine, scheduler), understood = recognition.result(), understanding.result()
        knowledge = understood.knowledge
        records = record_keeper(settings, storage, self._clock)
        customers = await self._customers(storage, records)
        orders = await order_desk(settings.orders, storage, self._clock)
        stages = replace(self._stages(storage, engine.name, scheduler, understood, customers), orders=orders)
        manager = CallManager(stages=stages, calls=storage.calls)
        _watch(stages.metrics, storage, scheduler, manager)
        self._stack.push_async_callback(manager.shutdown)
        interrupted = await manager.recover()
        health = Health(_probes(storage, scheduler, knowledge, manager, settings), self._clock)
        await health.start()
        self._stack.push_async_callback(health.close)
        self._services = Services(
            manager=manager,
            records=stages.records,
            customers=customers,
            book=record_book(settings, storage, stages.records, self._clock),
            knowledge=knowledge,
            learning=understood.learning,
            editing=editing_desk(
                storage,
                knowledge,
                checker=understood.checker,
                withheld=understood.index.withheld,
                assist=stages.config.assist,
                clock=self._clock,
            ),
            feed=EventFeed(log=storage.log, bus=storage.bus, calls=storage.calls),
            log=storage.log,
            calls=storage.calls,
            orders=storage.orders,
            auth=Authenticator(settings.auth, loopback_only=is_loopback(settings.server.host)),
            settings=settings,
            metrics=stages.metrics,
            ready=health.state,
        )
        _log.info("app.ready", cards=len(knowledge.view().cards), interrupted_calls=interrupted, engine=engine.name)

    def _stages(
        self,
        storage: Storage,
        engine: str,
        scheduler: DecodeScheduler,
        understood: Understanding,
        customers: CustomerDesk,
    ) -> Stages:
        settings = self.settings
        embedder = understood.embedders[settings.tagging.embedder]
        tag_models = settings.tagging.model_dir or shipped_models()
        taxonomy = taxonomy_of(settings)
        issues = load_issue_models(tag_models, embedder, taxonomy)
        return Stages(
            log=storage.log,
            scheduler=scheduler,
            voice_activity=lambda: backends.factory(backends.VOICE_ACTIVITY, "webrtc")(
                settings.speech.vad_aggressiveness
            ),
            engine_name=engine,
            normaliser=Normaliser(),
            knowledge=understood.knowledge,
            records=customers.records,
            customers=customers,
            rules=customers.vocabulary,
            issue=issues.types,
            subtype=issues.subtypes,
            taxonomy=taxonomy,
            sentiment=load_model(tag_models / "sentiment", embedder),
            clock=self._clock,
            metrics=Metrics(),
            config=call_config(settings),
            questions=storage.questions,
            embedder=understood.embedders[settings.knowledge.embedder],
            summary_writer=summary_writer(settings.summary),
            record_rules=record_rules(settings),
        )

    async def _customers(self, storage: Storage, records: RecordKeeper) -> CustomerDesk:
        made = forecaster(self.settings, storage, self._clock)
        desk = customer_desk(self.settings, storage, records, made, self._clock)
        await made.start()
        self._stack.push_async_callback(made.close)
        return desk

    async def _recognition(self) -> tuple[SpeechEngine, DecodeScheduler]:
        speech = self.settings.speech
        store = ModelStore(self.settings.cache_dir)
        folder = await asyncio.to_thread(whisper_folder, store, speech.model)
        engine: SpeechEngine = backends.factory(backends.SPEECH, "whisper")(folder, EngineConfig.from_settings(speech))
        self._stack.push_async_callback(engine.close)
        await engine.start()
        scheduler = DecodeScheduler(engine, self._clock, SchedulerConfig.from_settings(speech))
        await scheduler.start()
        self._stack.push_async_callback(scheduler.close)
        return engine, scheduler

    async def _knowledge(self, storage: Storage) -> Understanding:
        store = ModelStore(self.settings.cache_dir)
        names = {self.settings.knowledge.embedder, self.settings.tagging.embedder}
        embedders: dict[str, Embedder] = {
            name: MemoEmbedder(await asyncio.to_thread(load_embedder, store, name)) for name in names
        }
        embedder = embedders[self.settings.knowledge.embedder]
        cache = IndexConfig(cache_file=self.settings.vector_cache)
        inner: HybridIndex = backends.factory(backends.CARD_INDEX, "hybrid")(embedder, cache)
        vectors = QuestionVectors(embedder)
        index = FeedbackIndex(inner, vectors)
        hotwords = await asyncio.to_thread(hotword_config, self.settings)
        knowledge = KnowledgeBase(
            store=storage.cards,
            index=index,
            log=storage.log,
            clock=self._clock,
            hotwords=hotwords,
            prepare=inner.prepare,
        )
        await knowledge.start()
        self._stack.push_async_callback(knowledge.close)
        learns = self.settings.knowledge.learn_from_feedback
        learning = learning_loop(
            self.settings, storage, lambda: vectors, self._clock, learned=index.learn if learns else None
        )
        await learning.start()
        self._stack.push_async_callback(learning.close)
        checker = CardChecker(embedder, inner.known_vectors)
        return Understanding(knowledge=knowledge, index=inner, embedders=embedders, learning=learning, checker=checker)


def lock_file(settings: Settings) -> Path:
    """What one service locks: the database's file where it is one, else the data folder."""
    try:
        url = make_url(settings.database_url)
        file = Path(url.database or "") if url.get_backend_name() == "sqlite" else None
    except (ArgumentError, NoSuchModuleError):
        file = None  # the database says in words what is wrong with its address
    return file.with_name(f"{file.name}.lock") if file and file.name else settings.data_dir / "service.lock"


def _watch(metrics: Metrics, storage: Storage, scheduler: DecodeScheduler, manager: CallManager) -> None:
    """Let the metrics read what the parts count."""
    metrics.watch_bus(storage.bus.stats)
    metrics.watch_wait(lambda: scheduler.wait_s)
    metrics.watch_decoding(lambda: decode_counters(scheduler.stats()))
    metrics.watch_live(lambda: len(manager.live_calls()))
    metrics.watch_lag(lambda: max((session.lag_ms for session in manager.live_calls()), default=0) / 1000)


def _probes(
    storage: Storage, scheduler: DecodeScheduler, knowledge: KnowledgeBase, manager: CallManager, settings: Settings
) -> dict[str, Probe]:
    """What readiness depends on."""

    async def database() -> str:
        await storage.log.last_seq(KB_STREAM)
        return "ok"

    async def recognition() -> str:
        late = scheduler.wait_s
        return "ok" if late <= settings.speech.max_lag_s else f"{late:.0f} s behind; new calls are refused"

    async def cards() -> str:
        return "ok" if knowledge.generation else "not indexed"

    async def calls() -> str:
        return "stopping" if manager.closed else "ok"

    return {"database": database, "recognition": recognition, "knowledge": cards, "calls": calls}


def call_config(settings: Settings) -> CallConfig:
    """The settings in the form in which a call's stages take them."""
    knowledge = settings.knowledge
    return CallConfig(
        stream=StreamConfig.from_settings(settings.speech),
        assist=AssistConfig(
            threshold=knowledge.threshold,
            threshold_en=knowledge.threshold_en,
            max_cards_per_utterance=knowledge.max_cards_per_utterance,
            max_cards_per_minute=knowledge.max_cards_per_minute,
            join_gap_ms=knowledge.join_gap_ms,
            partial_triggers=knowledge.partial_triggers,
        ),
        fill_threshold=settings.tagging.fill_threshold,
        resume_grace_s=settings.server.resume_grace_s,
        expiry_s=knowledge.expiry_s,
        max_calls=settings.speech.max_calls,
        max_lag_s=settings.speech.max_lag_s,
        summary_at_end=settings.summary.at_end,
        trace_days=settings.records.trace_days,
    )


def hotword_config(settings: Settings) -> HotwordConfig:
    """The hotwords of the settings, and the English words that are none. Blocking. Raises ModelError."""
    folder = whisper_folder(ModelStore(settings.cache_dir), settings.speech.model)
    return HotwordConfig(given=settings.speech.hotwords, known_english=known_words(folder))


def decode_counters(stats: SchedulerStats) -> dict[str, float]:
    """The scheduler's ever growing numbers, for the metrics."""
    waiting = {"pending_finals", "pending_partials", "lag_s"}
    return {name: value for name, value in asdict(stats).items() if name not in waiting}


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a server that listens on ``host``."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def build(settings: Settings, clock: Clock | None = None) -> App:
    """Put the service together; nothing is opened or loaded until ``App.start``."""
    return App(settings, clock or SystemClock())
