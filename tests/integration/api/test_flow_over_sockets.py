"""A troubleshooting flow through real sockets, a real session and real storage; only hearing is scripted."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from api.app import create_app
from api.services import Services
from callcue.calls.feed import EventFeed
from callcue.core.cards import Card, Step, Trigger, When
from callcue.core.customers import CustomerProfile
from callcue.core.settings import ServerSettings, Settings
from callcue.infra.auth import Authenticator
from callcue.infra.orders import OrderStore
from callcue.testing.calls import ScriptedCall, ScriptedLine
from tests.unit.api.edge import customer_desk, editing_desk, learning_loop, receive, record_book, running, send
from tests.unit.calls.conftest import Store, store
from tests.unit.calls.pipeline import Pipeline

__all__ = ["store"]

FLOW = Card(
    id="earbud",
    title="耳机一边没声音:排查",
    body="一步做完再问下一步。",
    kind="flow",
    triggers=(Trigger(phrase="一边没声音"),),
    steps=(
        Step(id="s1", text="放回充电盒再取出。没声那只的灯亮吗？", next={"亮": "s2", "不亮": "s3"}),
        Step(id="s2", text="重新配对。两边都响了吗？", next={"响了": "end", "没响": "s4"}),
        Step(id="s3", text="擦触点，充 15 分钟。灯亮了吗？", next={"亮了": "s2", "仍不亮": "s4"}),
        Step(id="s4", text="约门店检测。"),
    ),
)
GREETING = Card(
    id="greet", title="生日祝福", body="…", kind="script", when=When(birthday_within_days=0, segment=("VIP",))
)
RISK = Card(id="risk", title="多次投诉", body="…", priority=90, when=When(risk=("投诉3次以上",)))
VIP = Card(id="vip", title="VIP 专线", body="…", priority=10, when=When(segment=("VIP",), risk=("投诉3次以上",)))
CALL = ScriptedCall(
    [
        ScriptedLine(channel="caller", start_ms=0, end_ms=1500, text="耳机一边没声音"),
        ScriptedLine(channel="agent", start_ms=2500, end_ms=4000, text="放回盒里看一下灯亮吗"),
        ScriptedLine(channel="caller", start_ms=5000, end_ms=6000, text="好的好的"),
        ScriptedLine(channel="caller", start_ms=8500, end_ms=9500, text="亮了"),
        ScriptedLine(channel="agent", start_ms=12_000, end_ms=13_500, text="那重新配对一下两边都响了吗"),
        ScriptedLine(channel="caller", start_ms=15_000, end_ms=16_000, text="还是没响"),
    ],
    duration_ms=17_500,
)
WIRE = CALL.interleaved()
BYTES_PER_MS = 8 * 2 * 2


@pytest.fixture
async def server(store: Store, tmp_path: Path) -> AsyncIterator[tuple[str, Pipeline]]:
    settings = Settings(data_dir=tmp_path, server=ServerSettings(port=0, resume_grace_s=5, max_frame_bytes=65_536))
    async with contextlib.AsyncExitStack() as stack:
        pipeline = Pipeline(store, tmp_path, engine=CALL.engine())
        await pipeline.start()
        stack.push_async_callback(pipeline.close)
        await pipeline.knowledge.save([FLOW, GREETING, RISK, VIP], by="eve")
        services = Services(
            manager=pipeline.manager,
            records=pipeline.records,
            book=record_book(store.database, store.log),
            customers=customer_desk(store.database, pipeline.records, store.log),
            knowledge=pipeline.knowledge,
            learning=learning_loop(store.database),
            editing=editing_desk(store.database, pipeline.knowledge),
            feed=EventFeed(log=store.log, bus=store.bus, calls=store.calls),
            log=store.log,
            calls=store.calls,
            orders=OrderStore(store.database),
            auth=Authenticator(settings.auth, loopback_only=True),
            settings=settings,
            metrics=pipeline.manager._stages.metrics,
            ready=dict,
        )
        port = await stack.enter_async_context(running(create_app(services), settings))
        yield f"ws://127.0.0.1:{port}", pipeline


class Desk:
    """A desktop that keeps its place."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.seen: list[dict[str, Any]] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[ClientConnection]:
        after = self.seen[-1]["seq"] if self.seen else 0
        async with connect(f"{self.url}/v1/desktop?call_id=c1&after={after}", proxy=None) as socket:
            await receive(socket)
            yield socket
            socket.transport.abort()

    async def until(self, socket: ClientConnection, kind: str, **wanted: object) -> dict[str, Any]:
        while True:
            event = await receive(socket)
            assert event.get("event") != "error", event
            if event["type"] == "PartialTranscript":
                continue
            self.seen.append(event)
            if event["type"] == kind and all(event[name] == value for name, value in wanted.items()):
                return event


async def play(socket: ClientConnection, start_ms: int, end_ms: int) -> None:
    for at in range(start_ms * BYTES_PER_MS, end_ms * BYTES_PER_MS, 32_000):
        await socket.send(WIRE[at : min(at + 32_000, end_ms * BYTES_PER_MS)])


async def test_a_flow_is_pushed_followed_undone_and_taken_up_after_lost_connections(
    server: tuple[str, Pipeline],
) -> None:
    url, pipeline = server
    desk = Desk(url)
    opening = {"event": "start", "call_id": "c1", "sample_rate": 8000, "encoding": "pcm_s16le", "language": "zh"}
    today = pipeline.clock.now().astimezone().strftime("--%m-%d")
    async with connect(f"{url}/v1/calls/audio", proxy=None) as audio:
        await send(audio, **opening, agent_id="a1", customer={"segment": ["VIP"], "birthday": today})
        await receive(audio)
        async with desk.open() as socket:
            greeting = await desk.until(socket, "CardPush")
            assert (greeting["card_id"], greeting["reason"]["kind"]) == ("greet", "profile")
            await play(audio, 0, 8400)
            assert (await desk.until(socket, "CardPush"))["card"]["steps"][0]["id"] == "s1"
            assert (await desk.until(socket, "FlowUpdated"))["action"] == "started"
            await desk.until(socket, "FinalTranscript", text="好的好的")
        audio.transport.abort()
    async with connect(f"{url}/v1/calls/audio", proxy=None) as audio:  # both connections were lost
        await send(audio, event="resume", call_id="c1", from_ms=8400)
        await receive(audio)
        async with desk.open() as socket:
            await play(audio, 8400, 11_900)
            moved = await desk.until(socket, "FlowUpdated")
            assert (moved["action"], moved["source"], moved["answer"], moved["to"]) == (
                "answered",
                "speech",
                "亮",
                "s2",
            )
            assert moved["evidence"]["heard"] == "亮"
            assert moved["evidence"]["segment_id"] == desk.seen[-2]["segment_id"]
            await send(socket, event="flow_step", call_id="c1", card_id="earbud", action="back")
            assert (await desk.until(socket, "FlowUpdated"))["to"] == "s1"
            await send(socket, event="flow_step", call_id="c1", card_id="earbud", step="s1", answer="不亮")
            await desk.until(socket, "FlowUpdated", to="s3", source="person")
            await send(socket, event="flow_step", call_id="c1", card_id="earbud", step="s1", answer="亮")
            await desk.until(socket, "FlowUpdated", to="s2")
        async with desk.open() as socket:
            await play(audio, 11_900, 17_500)
            assert (await desk.until(socket, "FlowUpdated"))["to"] == "s4"
            await send(audio, event="stop")
            await desk.until(socket, "CallEnded")
            await send(socket, event="flow_step", call_id="c1", card_id="earbud")  # ticks off the last step
            assert (await desk.until(socket, "FlowUpdated"))["to"] == "end"
    assert [event["seq"] for event in desk.seen] == list(range(1, len(desk.seen) + 1))
    run = (await pipeline.manager.flows.flows("c1")).runs["earbud"]
    assert [(taken.step, taken.answer, taken.source) for taken in run.path] == [
        ("s1", "亮", "person"),
        ("s2", "没响", "speech"),
        ("s4", "", "person"),
    ]


async def test_a_profile_that_comes_during_the_call_brings_its_cards_once(server: tuple[str, Pipeline]) -> None:
    """Birthday, VIP and risk all hold: the two most important come, and what is asked for still has its place."""
    url, pipeline = server
    desk = Desk(url)
    opening = {"event": "start", "call_id": "c1", "sample_rate": 8000, "encoding": "pcm_s16le", "language": "zh"}
    today = pipeline.clock.now().astimezone().strftime("--%m-%d")
    profile = CustomerProfile(segment=("VIP",), risk=("投诉3次以上",), birthday=today)
    async with connect(f"{url}/v1/calls/audio", proxy=None) as audio:
        await send(audio, **opening, agent_id="a1")
        await receive(audio)
        async with desk.open() as socket:
            await desk.until(socket, "CallStarted")
            for _ in range(2):
                await pipeline.manager.know_customer("c1", profile, by="crm")
            await play(audio, 0, 17_500)
            await send(audio, event="stop")
            await desk.until(socket, "CallEnded")
    pushes = [(event["card_id"], event["reason"]["kind"]) for event in desk.seen if event["type"] == "CardPush"]
    assert pushes == [("risk", "profile"), ("greet", "profile"), ("earbud", "trigger")]
