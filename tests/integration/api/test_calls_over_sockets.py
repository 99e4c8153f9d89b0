"""Whole calls through real sockets, sessions and storage; only hearing is scripted."""

import asyncio
import base64
import contextlib
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect

from api.app import create_app
from api.services import Services
from asr.scheduler import DecodeScheduler, SchedulerConfig
from callcue.app.build import call_config
from callcue.calls.feed import EventFeed
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.manager import CallManager
from callcue.calls.records import RecordKeeper
from callcue.calls.stages import Stages
from callcue.core.cards import Card, Trigger
from callcue.core.clock import SystemClock
from callcue.core.events import CallStarted, FinalTranscript
from callcue.core.ports import Prediction
from callcue.core.settings import ServerSettings, Settings
from callcue.infra.auth import Authenticator
from callcue.infra.bus import InProcessBus
from callcue.infra.calls import CallStore
from callcue.infra.cards import CardStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.metrics import Metrics
from callcue.infra.orders import OrderStore
from callcue.infra.records import RecordStore
from callcue.testing.calls import ScriptedCall, ScriptedLine
from callcue.testing.voice import FakeVoiceActivity
from nlu.normalise import Normaliser
from tests.unit.api.edge import (
    closed,
    customer_desk,
    editing_desk,
    learning_loop,
    receive,
    record_book,
    running,
    send,
    until,
)
from tests.unit.api.fakes import FakeIndex

CALL = ScriptedCall(
    [
        ScriptedLine(channel="caller", start_ms=0, end_ms=1500, text="你好我要开发票"),
        ScriptedLine(channel="agent", start_ms=2500, end_ms=4000, text="好的请稍等"),
        ScriptedLine(channel="caller", start_ms=5000, end_ms=7000, text="订单已经付款了"),
    ],
    duration_ms=7000,  # the last word ends with the call
)
WIRE = CALL.interleaved()
BYTES_PER_MS = 8 * 2 * 2
CARD = Card(id="kb-invoice", title="发票申请流程", body="…", triggers=(Trigger(phrase="开发票"),))
OPENING = {"event": "start", "agent_id": "a1", "sample_rate": 8000, "encoding": "pcm_s16le", "language": "zh"}


class Undecided:
    """A classifier without an opinion."""

    name = "undecided"

    def __init__(self, *labels: str) -> None:
        self.labels = labels

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        share = 1.0 / len(self.labels)
        return [
            Prediction(label=self.labels[0], probability=share, distribution=dict.fromkeys(self.labels, share))
            for _ in texts
        ]


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[tuple[str, Services]]:
    settings = Settings(data_dir=tmp_path, server=ServerSettings(port=0, resume_grace_s=5, max_frame_bytes=65_536))
    clock = SystemClock()
    async with contextlib.AsyncExitStack() as stack:
        database = Database(f"sqlite+aiosqlite:///{tmp_path / 'calls.sqlite3'}")
        stack.push_async_callback(database.close)
        await database.migrate()
        bus = InProcessBus()
        log = EventLog(database, bus)
        stack.push_async_callback(log.drain)
        calls = CallStore(database)
        scheduler = DecodeScheduler(CALL.engine(), clock, SchedulerConfig.from_settings(settings.speech))
        await scheduler.start()
        stack.push_async_callback(scheduler.close)
        knowledge = KnowledgeBase(store=CardStore(database), index=FakeIndex(), log=log, clock=clock)
        await knowledge.save([CARD], by="eve")
        records = RecordKeeper(log=log, store=RecordStore(database), calls=calls, clock=SystemClock())
        stages = Stages(
            log=log,
            scheduler=scheduler,
            voice_activity=FakeVoiceActivity,
            engine_name="scripted",
            normaliser=Normaliser(),
            knowledge=knowledge,
            records=records,
            issue=Undecided("技术", "账单", "物流", "其他"),
            sentiment=Undecided("正面", "中性", "负面"),
            clock=clock,
            metrics=Metrics(),
            config=call_config(settings),
        )
        manager = CallManager(stages=stages, calls=calls)
        stack.push_async_callback(manager.shutdown)
        services = Services(
            manager=manager,
            records=records,
            book=record_book(database, log),
            customers=customer_desk(database, records, log),
            knowledge=knowledge,
            learning=learning_loop(database),
            editing=editing_desk(database, knowledge),
            feed=EventFeed(log=log, bus=bus, calls=calls),
            log=log,
            calls=calls,
            orders=OrderStore(database),
            auth=Authenticator(settings.auth, loopback_only=True),
            settings=settings,
            metrics=stages.metrics,
            ready=dict,
        )
        port = await stack.enter_async_context(running(create_app(services), settings))
        yield f"ws://127.0.0.1:{port}", services


def audio(server: str) -> connect:
    return connect(f"{server}/v1/calls/audio", proxy=None)


async def texts(services: Services, call_id: str) -> list[tuple[str, str]]:
    finals = [e for e in await services.log.read(call_id) if e.type == "FinalTranscript"]
    return [(e.channel, e.text) for e in sorted(finals, key=lambda e: e.start_ms)]


async def watch(server: str, call_id: str) -> list[dict[str, Any]]:
    """All durable events of a call until its end, with the desktop dropping after every third."""
    seen: list[dict[str, Any]] = []
    while not seen or seen[-1]["type"] != "CallEnded":
        after = seen[-1]["seq"] if seen else 0
        async with connect(f"{server}/v1/desktop?call_id={call_id}&after={after}", proxy=None) as desk:
            await receive(desk)
            taken = 0
            while taken < 3 and not (seen and seen[-1]["type"] == "CallEnded"):
                event = await receive(desk)
                if event["type"] != "PartialTranscript":
                    seen.append(event)
                    taken += 1
            desk.transport.abort()
    return seen


async def test_the_first_and_the_last_word_arrive_and_the_card_while_the_call_runs(
    server: tuple[str, Services],
) -> None:
    url, services = server
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1")
        watching = asyncio.create_task(_watch_when_live(url, services, "c1"))
        for start in range(0, len(WIRE), 3333):  # never a whole sample frame
            await socket.send(WIRE[start : start + 3333])
        await send(socket, event="stop")
        assert (await receive(socket))["event"] == "ready"
        assert await receive(socket) == {"event": "ended", "call_id": "c1", "duration_ms": 7000}
        assert await closed(socket) == 1000
    events = await watching
    assert [e["seq"] for e in events] == list(range(1, len(events) + 1))
    assert await texts(services, "c1") == [(line.channel, line.text) for line in CALL.lines]
    (push,) = [e for e in events if e["type"] == "CardPush"]
    assert (push["card"]["id"], push["reason"]["matched"]) == ("kb-invoice", "开发票")
    assert events[-1]["reason"] == "hangup"


async def _watch_when_live(url: str, services: Services, call_id: str) -> list[dict[str, Any]]:
    await until(lambda: services.manager.live(call_id))
    return await watch(url, call_id)


async def test_a_dropped_connection_comes_back_and_nothing_is_said_twice(server: tuple[str, Services]) -> None:
    url, services = server
    cut = 3210 * BYTES_PER_MS + 3  # in the middle of the agent's line, and of a sample
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1")
        await socket.send(WIRE[:60_000])
        await socket.send(WIRE[60_000:cut])
        await receive(socket)
        session = services.manager.live("c1")
        assert session is not None
        await until(lambda: session.received_ms >= 3210)
        socket.transport.abort()
    async with audio(url) as socket:
        await send(socket, event="resume", call_id="c1", from_ms=2000)
        assert (await receive(socket))["received_ms"] == 3210
        rest = WIRE[2000 * BYTES_PER_MS :]
        for start in range(0, len(rest), 40_000):
            await socket.send(rest[start : start + 40_000])
        await send(socket, event="stop")
        assert (await receive(socket))["duration_ms"] == 7000
    assert await texts(services, "c1") == [(line.channel, line.text) for line in CALL.lines]


async def test_a_bad_frame_ends_its_call_with_what_was_said_and_no_other(server: tuple[str, Services]) -> None:
    url, services = server
    async with audio(url) as bad, audio(url) as good:
        for socket, call_id in ((bad, "bad"), (good, "good")):
            await send(socket, **OPENING, call_id=call_id)
            await receive(socket)
            for start in range(0, 3000 * BYTES_PER_MS, 32_000):
                await socket.send(WIRE[start : start + 32_000])
        await bad.send("{}")
        assert await closed(bad) == 4400
        for start in range(3000 * BYTES_PER_MS, len(WIRE), 32_000):
            await good.send(WIRE[start : start + 32_000])
        await send(good, event="stop")
        assert (await receive(good))["duration_ms"] == 7000
    await until(lambda: services.manager.live("bad") is None)
    ended = (await services.log.read("bad"))[-1]
    assert (ended.type, getattr(ended, "reason", None)) == ("CallEnded", "error")
    assert ("caller", CALL.lines[0].text) in await texts(services, "bad")
    assert await texts(services, "good") == [(line.channel, line.text) for line in CALL.lines]


async def test_a_new_connection_takes_a_call_over_from_a_half_open_one(server: tuple[str, Services]) -> None:
    url, services = server
    async with audio(url) as old, audio(url) as new:
        await send(old, **OPENING, call_id="c1")
        await receive(old)
        await old.send(WIRE[: 1000 * BYTES_PER_MS])
        session = services.manager.live("c1")
        assert session is not None
        await until(lambda: session.received_ms == 1000)
        await send(new, event="resume", call_id="c1", from_ms=1000)
        assert (await receive(new))["received_ms"] == 1000
        await old.send(bytes(320))
        assert await closed(old) == 4409
        for start in range(1000 * BYTES_PER_MS, len(WIRE), 32_000):
            await new.send(WIRE[start : start + 32_000])
        await send(new, event="stop")
        assert (await receive(new))["duration_ms"] == 7000
    assert await texts(services, "c1") == [(line.channel, line.text) for line in CALL.lines]


async def test_a_resume_at_an_impossible_position_is_refused_and_the_call_can_still_be_resumed(
    server: tuple[str, Services],
) -> None:
    url, _ = server
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1")
        await receive(socket)
    async with audio(url) as socket:
        await send(socket, event="resume", call_id="c1", from_ms=10_000_000)
        assert (await receive(socket))["code"] == "bad_input"
        assert await closed(socket) == 4400
    async with audio(url) as socket:
        await send(socket, event="resume", call_id="c1", from_ms=0)
        assert (await receive(socket))["event"] == "ready"
        await send(socket, event="stop")
        assert (await receive(socket))["event"] == "ended"


def packets(start_ms: int = 0, first_seq: int = 0) -> list[dict[str, Any]]:
    """The call in packets of 20 ms per channel, as they are sent."""
    found = []
    for channel in ("caller", "agent"):
        pcm = CALL.pcm(channel)  # type: ignore[arg-type]
        for number, at in enumerate(range(start_ms, CALL.duration_ms, 20)):
            found.append(
                {
                    "event": "media",
                    "channel": channel,
                    "seq": (first_seq + number) % 65_536,
                    "timestamp_ms": at,
                    "payload": base64.b64encode(pcm[at * 16 : (at + 20) * 16]).decode(),
                }
            )
    return sorted(found, key=lambda packet: packet["timestamp_ms"])


def shaken(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """As a bad network delivers them: up to 100 ms out of order, every tenth twice."""
    chance = random.Random(11)
    twice = [packet for packet in sent for _ in range(2 if chance.random() < 0.1 else 1)]
    return sorted(twice, key=lambda packet: packet["timestamp_ms"] + chance.uniform(0, 100))


async def test_packets_through_a_bad_network_give_what_was_said(server: tuple[str, Services]) -> None:
    url, services = server
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1", framing="packets")
        for packet in shaken(packets(first_seq=65_400)):
            await send(socket, **packet)
        await send(socket, event="stop")
        assert (await receive(socket))["event"] == "ready"
        assert (await receive(socket))["duration_ms"] == CALL.duration_ms
    assert await texts(services, "c1") == [(line.channel, line.text) for line in CALL.lines]
    assert not [event for event in await services.log.read("c1") if event.type == "Alert"]
    figures = services.metrics.render()
    assert b'callcue_packets_total{what="duplicate"}' in figures
    assert b'callcue_packets_total{what="reordered"}' in figures
    assert b"callcue_audio_lost_seconds_total 0.0" in figures


async def test_packets_of_channels_in_different_languages(server: tuple[str, Services]) -> None:
    url, services = server
    opening = {**OPENING, "language": "auto", "languages": {"caller": "en"}, "channels": ["agent", "caller"]}
    async with audio(url) as socket:
        await send(socket, **opening, call_id="c1", framing="packets")
        for packet in shaken(packets(first_seq=65_400)):
            await send(socket, **packet)
        await send(socket, event="stop")
        assert (await receive(socket))["event"] == "ready"
        assert (await receive(socket))["duration_ms"] == CALL.duration_ms
    (opened, *events) = await services.log.read("c1")
    assert isinstance(opened, CallStarted)
    assert (opened.language, opened.channels, opened.languages) == ("auto", ("agent", "caller"), ("auto", "en"))
    spoken = {(e.channel, e.language) for e in events if isinstance(e, FinalTranscript)}
    assert spoken == {("caller", "en"), ("agent", "zh")}  # where nothing is said, the scripted engine hears Chinese
    assert await texts(services, "c1") == [(line.channel, line.text) for line in CALL.lines]


async def test_lost_packets_are_silence_counted_and_told(server: tuple[str, Services]) -> None:
    url, services = server
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1", framing="packets")
        for packet in packets():
            if packet["channel"] == "caller" or not 2400 <= packet["timestamp_ms"] < 4100:
                await send(socket, **packet)
        await send(socket, event="stop")
        assert (await receive(socket))["event"] == "ready"
        assert (await receive(socket))["duration_ms"] == CALL.duration_ms
    assert await texts(services, "c1") == [(line.channel, line.text) for line in CALL.lines if line.channel == "caller"]
    (alert,) = [event for event in await services.log.read("c1") if event.type == "Alert"]
    assert (alert.kind, alert.reason.split()[0]) == ("audio_gap", "1700")
    assert b"callcue_audio_lost_seconds_total 1.7" in services.metrics.render()


@pytest.mark.parametrize("from_ms", [None, 2000])
async def test_a_dropped_connection_comes_back_with_packets(server: tuple[str, Services], from_ms: int | None) -> None:
    url, services = server
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1", framing="packets")
        await receive(socket)
        for packet in packets():
            if packet["timestamp_ms"] < 3210:
                await send(socket, **packet)
        session = services.manager.live("c1")
        assert session is not None
        await until(lambda: session.resume_ms >= 3210)
        socket.transport.abort()
    async with audio(url) as socket:
        await send(socket, event="resume", call_id="c1", from_ms=from_ms)
        received = (await receive(socket))["received_ms"]
        assert received == 3220
        for packet in packets(start_ms=received if from_ms is None else from_ms, first_seq=9):
            await send(socket, **packet)
        await send(socket, event="stop")
        assert (await receive(socket))["duration_ms"] == CALL.duration_ms
    assert await texts(services, "c1") == [(line.channel, line.text) for line in CALL.lines]
    assert not [event for event in await services.log.read("c1") if event.type == "Alert"]


@pytest.mark.parametrize("framing", ["packets", "interleaved"])
async def test_the_form_that_was_not_announced_is_refused(server: tuple[str, Services], framing: str) -> None:
    url, _ = server
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1", framing=framing)
        await receive(socket)
        if framing == "packets":
            await socket.send(WIRE[:640])
        else:
            await send(socket, **packets()[0])
        error = await receive(socket)
        assert (error["code"], "announced" in error["message"]) == ("bad_input", True)
        assert await closed(socket) == 4400


async def test_shutdown_tells_the_intake_and_closes_the_call(server: tuple[str, Services]) -> None:
    url, services = server
    async with audio(url) as socket:
        await send(socket, **OPENING, call_id="c1")
        await receive(socket)
        await socket.send(WIRE[: 2000 * BYTES_PER_MS])
        session = services.manager.live("c1")
        assert session is not None
        await until(lambda: session.received_ms == 2000)
        await services.manager.shutdown()
        assert (await receive(socket))["event"] == "ended"
        assert await closed(socket) == 1001
        async with audio(url) as late:
            await send(late, **OPENING)
            assert (await receive(late))["code"] == "overloaded"
    assert getattr((await services.log.read("c1"))[-1], "reason", None) == "shutdown"
