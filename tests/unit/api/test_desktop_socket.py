"""The desktop socket: every durable event once, across drops; acks; nobody sees what is not theirs."""

import asyncio
import json
import random

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from api import socket_io
from callcue.core.events import Alert, CallEnded, CardAck, PartialTranscript
from tests.unit.api.edge import CARD, Edge, closed, push, receive, send
from tests.unit.api.fakes import started


def alert(call_id: str, n: int) -> Alert:
    return Alert(call_id=call_id, at_ms=n, kind="test", reason=str(n), evidence=(), severity="info")


async def test_what_was_missed_then_what_happens(edge: Edge) -> None:
    await edge.log.append(started("c1"), alert("c1", 2), alert("c1", 3))
    async with edge.socket("/v1/desktop?call_id=c1&after=1", "a1") as desk:
        assert await receive(desk) == {"event": "following", "call_id": "c1", "agent_id": None}
        assert [(await receive(desk))["seq"] for _ in range(2)] == [2, 3]
        await edge.log.append(alert("c1", 4))
        event = await receive(desk)
        assert (event["type"], event["seq"], event["reason"]) == ("Alert", 4, "4")


async def test_partials_pass(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    async with edge.socket("/v1/desktop?call_id=c1&after=0", "a1") as desk:
        await receive(desk)
        assert (await receive(desk))["type"] == "CallStarted"
        await edge.log.announce(
            PartialTranscript(
                call_id="c1",
                at_ms=5,
                channel="caller",
                segment_id="s1",
                revision=1,
                start_ms=0,
                stable="您好",
                unstable="我",
            )
        )
        assert (await receive(desk))["stable"] == "您好"


async def test_a_pushed_card_comes_whole_in_the_version_that_was_pushed(edge: Edge) -> None:
    await edge.services.knowledge.save([CARD], by="eve")
    await edge.log.append(started("c1"), push("c1"), push("c1", version=9))
    async with edge.socket("/v1/desktop?call_id=c1&after=1", "a1") as desk:
        await receive(desk)
        known = await receive(desk)
        assert (known["type"], known["card"]["body"]) == ("CardPush", "**步骤**")
        assert (await receive(desk))["card"] is None


async def test_drops_at_random_points_lose_and_repeat_nothing(edge: Edge) -> None:
    """Two writers go on while a desktop is cut off again and again, in the middle of a frame or after it."""
    await edge.log.append(started("c1"))
    total = 150
    dice = random.Random(11)

    async def write(count: int) -> None:
        for n in range(count):
            await edge.log.append(alert("c1", n))

    writers = [asyncio.create_task(write((total - 1) // 2)), asyncio.create_task(write(total - 1 - (total - 1) // 2))]
    seen: list[int] = []
    drops = 0
    while len(seen) < total:
        after = seen[-1] if seen else 0
        async with edge.socket(f"/v1/desktop?call_id=c1&after={after}", "a1") as desk:
            await receive(desk)
            for _ in range(min(dice.randint(0, 20), total - len(seen))):
                seen.append((await receive(desk))["seq"])
            if dice.random() < 0.7:
                desk.transport.abort()
        drops += 1
    await asyncio.gather(*writers)
    assert drops > 5
    assert seen == list(range(1, total + 1))


async def test_an_agents_calls_join_as_they_start(edge: Edge) -> None:
    await edge.log.append(started("old"), alert("old", 2))
    await edge.log.append(started("other", "somebody-else"))
    async with edge.socket("/v1/desktop?agent_id=a1&after=old:1", "a1") as desk:
        assert (await receive(desk))["agent_id"] == "a1"
        assert [(e["call_id"], e["seq"]) for e in [await receive(desk)]] == [("old", 2)]
        await edge.log.append(alert("other", 2))
        await edge.log.append(started("theirs", "a2"))
        await edge.log.append(started("mine"))
        await edge.log.append(alert("mine", 2))
        got = [await receive(desk) for _ in range(2)]
        assert [(e["call_id"], e["seq"]) for e in got] == [("mine", 1), ("mine", 2)]


async def test_an_agent_without_a_query_follows_its_own_calls_and_a_supervisor_all(edge: Edge) -> None:
    await edge.log.append(started("mine"))
    await edge.log.append(started("other", "somebody-else"))
    async with edge.socket("/v1/desktop", "a1") as desk, edge.socket("/v1/desktop", "sue") as watch:
        assert (await receive(desk))["agent_id"] == "a1"
        assert (await receive(watch))["agent_id"] is None
        assert (await receive(desk))["call_id"] == "mine"
        assert {(await receive(watch))["call_id"] for _ in range(2)} == {"mine", "other"}
        await edge.log.append(started("late", "a2"))
        assert (await receive(watch))["call_id"] == "late"
        await edge.log.append(alert("mine", 2))
        assert (await receive(desk))["seq"] == 2


async def test_calls_that_are_gone_or_not_mine_do_not_keep_a_desktop_out(edge: Edge) -> None:
    await edge.log.append(started("other", "somebody-else"))
    await edge.log.append(started("mine"))
    async with edge.socket("/v1/desktop?agent_id=a1&after=gone:7,other:0", "a1") as desk:
        await receive(desk)
        assert (await receive(desk))["call_id"] == "mine"


async def test_a_call_that_came_and_went_while_the_desktop_was_away_is_shown(edge: Edge) -> None:
    ended = CallEnded(call_id="missed", at_ms=9, reason="hangup", duration_ms=9)
    await edge.log.append(started("known"), alert("known", 2))
    await edge.log.append(started("missed"), ended)
    await edge.log.append(started("theirs", "a2"))
    async with edge.socket("/v1/desktop?agent_id=a1&after=known:1", "a1") as desk:
        await receive(desk)
        got = [await receive(desk) for _ in range(3)]
        assert [(e["call_id"], e["seq"]) for e in got] == [("known", 2), ("missed", 1), ("missed", 2)]
        await edge.log.append(alert("known", 3))
        assert (await receive(desk))["seq"] == 3
    async with edge.socket("/v1/desktop?call_id=known&after=3", "a1") as desk:  # who follows one call gets no other
        await receive(desk)
        await edge.log.append(alert("known", 4))
        assert (await receive(desk))["seq"] == 4


async def test_without_after_only_live_calls_are_shown(edge: Edge) -> None:
    await edge.log.append(started("over"), CallEnded(call_id="over", at_ms=9, reason="hangup", duration_ms=9))
    await edge.log.append(started("live"))
    async with edge.socket("/v1/desktop", "a1") as desk:
        await receive(desk)
        assert (await receive(desk))["call_id"] == "live"
        await edge.log.append(alert("live", 2))
        assert (await receive(desk))["seq"] == 2


@pytest.mark.parametrize("query", ["call_id=c1&after=3", "agent_id=a1&after=c1:3", "after=c0:0,c1:3"])
async def test_a_desktop_that_saw_more_than_there_is_starts_anew(edge: Edge, query: str) -> None:
    """As after a restored backup: waiting for the old numbers would show nothing of what happens now."""
    await edge.log.append(started("c0"))
    await edge.log.append(started("c1"), alert("c1", 2))
    async with edge.socket(f"/v1/desktop?{query}", "a1") as desk:
        error = await receive(desk)
        assert (error["event"], error["code"]) == ("error", "conflict")
        assert "without after" in error["message"]
        assert await closed(desk) == 4409


BAD_QUERIES = {
    "call_id=../x": 4400,
    "call_id=c1&after=-1": 4400,
    "call_id=c1&after=1e3": 4400,
    "call_id=c1&after=%D9%A1": 4400,
    "call_id=c1&after=99999999999999999999": 4400,
    "call_id=c1&agent_id=a1": 4400,
    "call_id=c1&call_id=c2": 4400,
    "agent_id=a1&after=5": 4400,
    "agent_id=a1&after=" + ",".join(f"c{n}:1" for n in range(501)): 4400,
    "colour=red": 4400,
    "access_token=abc": 4400,
    "call_id=nowhere": 4404,
    "call_id=other": 4404,
    "agent_id=a2": 4403,
}


@pytest.mark.parametrize("query", BAD_QUERIES)
async def test_a_bad_query_is_refused_by_name(edge: Edge, query: str) -> None:
    await edge.log.append(started("c1"))
    await edge.log.append(started("other", "somebody-else"))
    async with edge.socket(f"/v1/desktop?{query}", "a1") as desk:
        assert (await receive(desk))["event"] == "error"
        assert await closed(desk) == BAD_QUERIES[query]


async def test_an_address_that_is_too_long_is_refused_at_once(edge: Edge) -> None:
    query = ",".join(f"call-{n:022d}:1" for n in range(500))
    with pytest.raises(InvalidStatus) as refused:
        await edge.socket(f"/v1/desktop?after={query}", "a1")
    answer = refused.value.response
    assert (answer.status_code, json.loads(answer.body)["code"]) == (400, "bad_input")
    assert b"8 KB" in answer.body


@pytest.mark.parametrize(("who", "code"), [(None, 4401), ("eve", 4403), ("pbx", 4403)])
async def test_who_may_not_watch(edge: Edge, who: str | None, code: int) -> None:
    async with edge.socket("/v1/desktop", who) as desk:
        assert await closed(desk) == code


async def test_a_browser_sends_its_token_as_a_sub_protocol(edge: Edge) -> None:
    protocols = ["callcue.v1", f"callcue.bearer.{edge.tokens['a1']}"]
    async with edge.socket("/v1/desktop", None, subprotocols=protocols) as desk:
        assert desk.subprotocol == "callcue.v1"
        assert (await receive(desk))["event"] == "following"


async def test_an_ack_is_written_under_the_name_of_its_sender(edge: Edge) -> None:
    await edge.log.append(started("c1"), push("c1"))
    async with edge.socket("/v1/desktop?call_id=c1&after=2", "a1") as desk:
        await receive(desk)
        await send(desk, event="ack", call_id="c1", push_seq=2, action="wrong", note="别的品牌")
        event = await receive(desk)
        assert (event["type"], event["push_seq"], event["action"], event["by"]) == ("CardAck", 2, "wrong", "a1")
    (written,) = await edge.log.read("c1", after=2)
    assert isinstance(written, CardAck)
    assert written.note == "别的品牌"


async def test_a_bad_frame_draws_an_error_and_the_desktop_stays(edge: Edge) -> None:
    await edge.log.append(started("c1"), push("c1"))
    await edge.log.append(started("other", "a2"), push("other"))
    ack = {"event": "ack", "call_id": "c1", "push_seq": 2, "action": "used"}
    bad: list[tuple[str | bytes, str]] = [
        ("{", "bad_input"),
        (b"\0\1", "bad_input"),
        ("[" * 3000, "bad_input"),
        ('{"event":"shout"}', "bad_input"),
        (json.dumps({**ack, "colour": 1}), "bad_input"),
        (json.dumps({**ack, "action": "eaten"}), "bad_input"),
        (json.dumps({**ack, "push_seq": True}), "bad_input"),
        (json.dumps({**ack, "push_seq": float("inf")}), "bad_input"),
        (json.dumps({**ack, "note": "x" * 1001}), "bad_input"),
        (json.dumps({**ack, "push_seq": 1}), "bad_input"),  # not a card
        (json.dumps({**ack, "push_seq": 99}), "not_found"),
        (json.dumps({**ack, "call_id": "nowhere"}), "not_found"),
        (json.dumps({**ack, "call_id": "other"}), "not_found"),
        ("x" * 20_000, "too_large"),
    ]
    async with edge.socket("/v1/desktop?call_id=c1&after=2", "a1") as desk:
        await receive(desk)
        for frame, code in bad:
            await desk.send(frame)
            error = await receive(desk)
            assert (error["event"], error["code"]) == ("error", code), frame[:60]
        await send(desk, event="ping")
        assert await receive(desk) == {"event": "pong"}
    assert await edge.services.calls.get("c1")
    assert len(await edge.log.read("c1")) == 2


async def test_a_desktop_that_does_not_read_is_cut_off_and_can_come_back(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_io.Outbox.__init__, "__defaults__", (0.2,))
    await edge.log.append(started("c1"))
    big = Alert(call_id="c1", at_ms=1, kind="test", reason="x" * 50_000, evidence=(), severity="info")
    seen: list[int] = []
    async with edge.socket("/v1/desktop?call_id=c1&after=0", "a1", max_queue=1) as desk:
        await receive(desk)
        for _ in range(300):  # 15 MB: more than the kernel's buffers on both sides
            await edge.log.append(big)
        while desk.close_code is None:
            try:
                seen.append(json.loads(await asyncio.wait_for(desk.recv(), 10))["seq"])
            except ConnectionClosed:
                break
    assert 0 < len(seen) < 301
    async with edge.socket(f"/v1/desktop?call_id=c1&after={seen[-1]}", "a1") as desk:
        await receive(desk)
        while len(seen) < 301:
            seen.append((await receive(desk))["seq"])
    assert seen == list(range(1, 302))


async def test_calls_that_run_already_are_shown_from_their_beginning(edge: Edge) -> None:
    await edge.log.append(started("running"))
    await edge.log.append(started("other", "somebody-else"))
    async with edge.socket("/v1/desktop", "a1") as desk:
        await receive(desk)
        first = await receive(desk)
        assert (first["call_id"], first["seq"]) == ("running", 1)
        await edge.log.append(alert("running", 7))
        assert (await receive(desk))["seq"] == 2
