"""Flows and customers over REST and the desktop's socket: the same rules at every door, and nobody in the wrong one."""

import pytest

from callcue.core.cards import Card, Step
from tests.unit.api.edge import Edge, push, receive, send
from tests.unit.api.fakes import started

FLOW = Card(
    id="earbud",
    title="耳机",
    body="",
    kind="flow",
    steps=(
        Step(id="s1", text="灯亮吗？", next={"亮": "s2", "不亮": "end"}),
        Step(id="s2", text="约检测。"),
    ),
)
STEPS = "/v1/calls/c1/flows/earbud/steps"


@pytest.fixture
async def call(edge: Edge) -> Edge:
    await edge.services.knowledge.save([FLOW], by="eve")
    await edge.log.append(started("c1"), push("c1", FLOW))
    return edge


async def test_steps_over_rest(call: Edge) -> None:
    answer = await call.http.post(STEPS, json={"answer": "亮"}, headers=call.headers("a1"))
    assert answer.status_code == 201
    assert answer.json()["current"] == "s2"
    assert answer.json()["path"][0] | {"seq": 0} == {
        "step": "s1",
        "answer": "亮",
        "to": "s2",
        "source": "person",
        "by": "a1",
        "evidence": None,
        "seq": 0,
    }
    back = await call.http.post(STEPS, json={"action": "back"}, headers=call.headers("sue"))
    assert (back.json()["current"], back.json()["held"]) == ("s1", True)
    listed = await call.http.get("/v1/calls/c1/flows", headers=call.headers("a1"))
    assert [(flow["card_id"], flow["active"]) for flow in listed.json()["flows"]] == [("earbud", True)]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"answer": "蓝"}, 400),
        ({"step": "s2"}, 409),
        ({"action": "back"}, 409),
        ({"action": "jump"}, 400),
        ({"step": 1}, 400),
        ({"answer": "x" * 101}, 400),
        ({"by": "boss"}, 400),
    ],
)
async def test_a_step_that_cannot_be_is_refused(call: Edge, body: dict[str, object], status: int) -> None:
    answer = await call.http.post(STEPS, json=body, headers=call.headers("a1"))
    assert answer.status_code == status
    assert len(await call.log.read("c1")) == 2


@pytest.mark.parametrize(("name", "status"), [("a2", 404), ("eve", 403), ("pbx", 403)])
async def test_only_who_may_see_the_call_moves_its_flows(call: Edge, name: str, status: int) -> None:
    assert (await call.http.post(STEPS, json={"answer": "亮"}, headers=call.headers(name))).status_code == status
    assert (await call.http.get("/v1/calls/c1/flows", headers=call.headers(name))).status_code == status


async def test_a_flow_that_was_not_shown_is_not_there(call: Edge) -> None:
    answer = await call.http.post("/v1/calls/c1/flows/other/steps", json={}, headers=call.headers("a1"))
    assert answer.status_code == 404


async def test_the_desktop_moves_a_flow_and_asks_for_cards(call: Edge) -> None:
    async with call.socket("/v1/desktop?call_id=c1&after=2", "a1") as desk:
        await receive(desk)
        await send(desk, event="flow_step", call_id="c1", card_id="earbud", step="s1", answer="亮")
        moved = await receive(desk)
        assert (moved["type"], moved["by"], moved["to"], moved["source"]) == ("FlowUpdated", "a1", "s2", "person")
        await send(desk, event="flow_step", call_id="c1", card_id="earbud", answer="亮")
        refused = await receive(desk)
        assert (refused["code"], refused["re"]) == ("bad_input", "flow_step")
        await send(desk, event="show", call_id="c1", card_id="kb-invoice")
        await send(desk, event="ping")
        assert await receive(desk) == {"event": "pong"}
    assert call.manager.asked_for == [("c1", "kb-invoice", "a1")]
    async with call.socket("/v1/desktop?after=", "a2") as desk:
        await receive(desk)
        for frame in ({"event": "flow_step", "answer": "亮"}, {"event": "show"}):
            await send(desk, **frame, call_id="c1", card_id="earbud")
            assert (await receive(desk))["code"] == "not_found"


CUSTOMER = {"name": "林女士", "birthday": "--02-29", "segment": ["VIP"], "risk": ["投诉3次以上"]}


async def test_a_customer_system_tells_and_only_the_desk_reads(call: Edge) -> None:
    path = "/v1/calls/c1/customer"
    assert (await call.http.get(path, headers=call.headers("a1"))).status_code == 404
    told = await call.http.put(path, json=CUSTOMER, headers=call.headers("pbx"))
    assert told.status_code == 200
    read = await call.http.get(path, headers=call.headers("a1"))
    assert read.json() == CUSTOMER | {"customer_id": "", "lifecycle": "", "region": "", "language": ""}
    assert (await call.http.get(path, headers=call.headers("pbx"))).status_code == 403
    for name, status in (("a1", 200), ("a2", 404), ("eve", 403)):
        assert (await call.http.put(path, json=CUSTOMER, headers=call.headers(name))).status_code == status


@pytest.mark.parametrize(
    "body",
    [
        {"birthday": "31.12.1990"},
        {"birthday": 19901231},
        {"segment": "VIP"},
        {"segment": ["x"] * 21},
        {"name": "x" * 61},
        {"region": "a\nb"},
        {"vip": True},
        [],
    ],
)
async def test_a_customer_that_cannot_be_is_refused(call: Edge, body: object) -> None:
    answer = await call.http.put("/v1/calls/c1/customer", json=body, headers=call.headers("pbx"))
    assert answer.status_code == 400
    assert len(await call.log.read("c1")) == 2
    nowhere = await call.http.put("/v1/calls/nowhere/customer", json={}, headers=call.headers("pbx"))
    assert nowhere.status_code == 404
