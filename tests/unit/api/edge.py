"""The edge over a real database and a real socket, with fakes where recognition would be."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import httpx2
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.app import create_app
from api.server import serve_config
from api.services import Services
from callcue.calls.customer_desk import CustomerDesk
from callcue.calls.editing import CardEditor
from callcue.calls.feed import EventFeed
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.manager import CallManager
from callcue.calls.questions import QuestionProposals
from callcue.calls.record_book import RecordBook
from callcue.calls.records import RecordKeeper
from callcue.calls.review import CardReview, EditingDesk
from callcue.calls.shelf import ShelfKeeper
from callcue.calls.summaries import Summaries
from callcue.core.cards import Card, CardHit, CardQuery, PushReason
from callcue.core.clock import SystemClock
from callcue.core.events import CardPush
from callcue.core.ports import Clock
from callcue.core.roles import Role
from callcue.core.settings import AuthSettings, ServerSettings, Settings, TokenSettings
from callcue.infra.auth import Authenticator, new_token
from callcue.infra.bus import InProcessBus
from callcue.infra.calls import CallStore
from callcue.infra.card_history import CardHistory
from callcue.infra.card_outcomes import CardOutcomes
from callcue.infra.cards import CardStore
from callcue.infra.completions import CompletionStore
from callcue.infra.customer_events import CustomerEventStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.forecasts import ForecastStore
from callcue.infra.metrics import Metrics
from callcue.infra.orders import OrderStore
from callcue.infra.questions import QuestionStore
from callcue.infra.records import RecordStore
from callcue.infra.schemas import SchemaStore
from callcue.infra.searches import SearchLog
from callcue.learning.forecasts import Forecaster
from callcue.learning.likeness import QuestionVectors
from callcue.learning.loop import LearningLoop
from callcue.testing.embedder import HashEmbedder
from kb_index.check import CardChecker
from kb_index.vectors import FloatArray, embed, text_key
from nlu.assist import AssistConfig
from tagger.event_rules import shipped_event_rules
from tagger.forecast_model import shipped_forecasts
from tagger.rules import shipped_rules
from tests.unit.api.fakes import FakeIndex, FakeManager

ROLES: dict[str, Role] = {
    "a1": "agent",
    "a2": "agent",
    "sue": "supervisor",
    "eve": "editor",
    "pbx": "integrator",
    "root": "admin",
}
MAX_FRAME = 65_536
START = {"event": "start", "agent_id": "a1", "sample_rate": 8000, "encoding": "pcm_s16le", "language": "zh"}


@dataclass
class Edge:
    """A served application and its parts."""

    services: Services
    manager: FakeManager
    app: FastAPI
    http: httpx2.AsyncClient
    port: int
    tokens: Mapping[str, str]
    components: dict[str, str]

    @property
    def log(self) -> EventLog:
        return self.services.log

    def headers(self, name: str = "root") -> dict[str, str]:
        """The bearer header of one of ROLES; none on a server without tokens."""
        return {"Authorization": f"Bearer {self.tokens[name]}"} if self.tokens else {}

    def socket(self, path: str, name: str | None = "root", **options: Any) -> connect:
        """Connect to a socket as one of ROLES, or as a stranger (None)."""
        headers = dict(options.pop("headers", {}))
        if name is not None:
            headers |= self.headers(name)
        protocols = cast("list[Subprotocol]", options.pop("subprotocols", None))
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            additional_headers=headers,
            subprotocols=protocols,
            compression=None,
            proxy=None,
            **options,
        )


@contextlib.asynccontextmanager
async def serve(folder: Path, *, with_tokens: bool = True) -> AsyncIterator[Edge]:
    """Everything, on a port of its own."""
    tokens = {}
    held = []
    for name, role in ROLES.items() if with_tokens else ():
        tokens[name], digest = new_token()
        held.append(TokenSettings(name=name, role=role, sha256=digest))
    settings = Settings(
        data_dir=folder,
        auth=AuthSettings(tokens=tuple(held)),
        server=ServerSettings(port=0, max_frame_bytes=MAX_FRAME, max_import_bytes=200_000),
    )
    database = Database(f"sqlite+aiosqlite:///{folder / 'edge.sqlite3'}")
    await database.migrate()
    bus = InProcessBus()
    log = EventLog(database, bus)
    calls = CallStore(database)
    cards = CardStore(database)
    manager = FakeManager(log, cards)
    components = {"engine": "ok", "index": "ok"}
    knowledge = KnowledgeBase(store=cards, index=FakeIndex(), log=log, clock=SystemClock())
    book = record_book(database, log)
    records = book.keeper
    manager.summaries = Summaries(log=log, records=records, flows=manager.flows, cards=cards, clock=SystemClock())
    services = Services(
        manager=cast(CallManager, manager),
        records=records,
        book=book,
        customers=customer_desk(database, records, log),
        learning=learning_loop(database),
        knowledge=knowledge,
        editing=editing_desk(database, knowledge),
        feed=EventFeed(log=log, bus=bus, calls=calls),
        log=log,
        calls=calls,
        orders=OrderStore(database),
        auth=Authenticator(settings.auth, loopback_only=True),
        settings=settings,
        metrics=Metrics(),
        ready=lambda: components,
    )
    app = create_app(services)
    async with (
        running(app, settings) as port,
        httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=30) as http,
    ):
        yield Edge(services, manager, app, http, port, tokens, components)
    await log.drain()
    await database.close()


def customer_desk(database: Database, records: RecordKeeper, log: EventLog, clock: Clock | None = None) -> CustomerDesk:
    """The shipped rules and forecasts over a real database."""
    clock = clock or SystemClock()
    events = CustomerEventStore(database, clock)
    forecaster = Forecaster(model=shipped_forecasts(), forecasts=ForecastStore(database), events=events, clock=clock)
    return CustomerDesk(
        rules=shipped_event_rules(),
        vocabulary=shipped_rules(),
        events=events,
        forecaster=forecaster,
        records=records,
        log=log,
        clock=clock,
        fill_threshold=0.6,
    )


def record_book(database: Database, log: EventLog, clock: Clock | None = None) -> RecordBook:
    """Records as people read and finish them, and their writer."""
    clock = clock or SystemClock()
    records, schemas, calls = RecordStore(database), SchemaStore(database, clock), CallStore(database)
    keeper = RecordKeeper(log=log, store=records, calls=calls, clock=clock, schema=schemas.current)
    return RecordBook(
        keeper=keeper,
        records=records,
        schemas=schemas,
        completions=CompletionStore(database),
        calls=calls,
        log=log,
        clock=clock,
    )


def learning_loop(database: Database, clock: Clock | None = None) -> LearningLoop:
    """A learning loop that runs when it is asked."""
    clock = clock or SystemClock()
    return LearningLoop(
        questions=QuestionStore(database, clock),
        history=CardOutcomes(database, clock),
        cards=CardStore(database, clock),
        vectors=lambda: QuestionVectors(HashEmbedder(256)),
        clock=clock,
    )


def known_vectors(knowledge: KnowledgeBase, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
    """The vectors of what is published, as a real index holds them."""
    texts = [text for card in knowledge.view().cards.values() for text in (card.title, *card.questions)]
    embedder = HashEmbedder()
    held = zip(texts, embed(embedder, texts), strict=True)
    table = {text_key(embedder.name, text): vector for text, vector in held}
    return {key: table[key] for key in keys if key in table}


async def on_the_shelf(query: CardQuery, cards: Sequence[Card], _budget: object) -> list[CardHit]:
    """Cards whose title holds the query's text, as the index of these tests finds them."""
    found = [card for card in cards if query.text in card.title]
    return [CardHit(card=card, score=0.9, dense=0.8, lexical=0.0, matched=card.title) for card in found]


def editing_desk(database: Database, knowledge: KnowledgeBase) -> EditingDesk:
    """What editors work with, with an embedder that needs no model."""
    searches = SearchLog(database)
    editor = CardEditor(store=knowledge.store, history=CardHistory(database), saver=knowledge)
    checker = CardChecker(HashEmbedder(), lambda keys: known_vectors(knowledge, keys))
    return EditingDesk(
        editor=editor,
        review=CardReview(knowledge.store, checker, lambda: knowledge.view().cards),
        questions=QuestionProposals(searches=searches, editor=editor, clock=SystemClock()),
        searches=searches,
        assist=AssistConfig(),
        shelf=ShelfKeeper(knowledge.store, on_the_shelf),
    )


@contextlib.asynccontextmanager
async def running(app: FastAPI, settings: Settings) -> AsyncIterator[int]:
    """Serve on a free port, as the product does."""
    config = serve_config(app, settings.server)
    config.timeout_graceful_shutdown = 2
    server = uvicorn.Server(config)
    with contextlib.ExitStack() as stack:
        sock = config.bind_socket()
        stack.callback(sock.close)
        task = asyncio.create_task(server._serve([sock]))
        try:
            while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                await asyncio.sleep(0.005)
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def until(condition: Callable[[], object]) -> None:
    """Return when the condition holds."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition belongs to the code under test
            await asyncio.sleep(0.005)


async def send(socket: ClientConnection, **frame: object) -> None:
    """Send a text frame."""
    await socket.send(json.dumps(frame))


async def receive(socket: ClientConnection) -> dict[str, Any]:
    """The next text frame."""
    async with asyncio.timeout(10):
        found: dict[str, Any] = json.loads(await socket.recv())
        return found


async def closed(socket: ClientConnection) -> int:
    """Read until the socket closes; returns the close code."""
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.recv()
    assert socket.close_code is not None
    return socket.close_code


CARD = Card(id="kb-invoice", title="发票申请流程", body="**步骤**", questions=("怎么开发票",))


def push(call_id: str, card: Card = CARD, version: int = 1) -> CardPush:
    """A pushed card."""
    reason = PushReason(
        kind="trigger", matched="开发票", query="我要开发票", segment_id="caller-1", channel="caller", start=2, end=5
    )
    return CardPush(
        call_id=call_id,
        at_ms=1000,
        card_id=card.id,
        card_version=version,
        title=card.title,
        rank=1,
        score=1.0,
        reason=reason,
        expires_at_ms=181_000,
    )
