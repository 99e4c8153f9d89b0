"""Summaries over REST: who may ask, who may read, and the way back to what was said."""

import pytest

from callcue.core.events import FinalTranscript
from tests.unit.api.edge import Edge
from tests.unit.api.fakes import started

SUMMARY = "/v1/calls/c1/summary"


def final(number: int, text: str) -> FinalTranscript:
    return FinalTranscript(
        call_id="c1",
        at_ms=number * 3000,
        channel="caller" if number % 2 else "agent",
        segment_id=f"s{number}",
        revision=1,
        start_ms=number * 3000,
        end_ms=number * 3000 + 2000,
        raw_text=text,
        text=text,
        spans=(),
        words=(),
        confidence=0.9,
        language="zh",
        engine="test",
    )


@pytest.fixture
async def call(edge: Edge) -> Edge:
    await edge.log.append(started("c1"), final(1, "我的耳机左边没声音"), final(2, "我们两个小时内给您回电"))
    return edge


async def test_a_summary_is_made_and_read(call: Edge) -> None:
    none = await call.http.get(SUMMARY, headers=call.headers("a1"))
    assert (none.status_code, none.json()["code"]) == (404, "not_found")
    made = await call.http.post(SUMMARY, json={}, headers=call.headers("a1"))
    assert made.status_code == 201
    body = made.json()
    assert (body["moment"], body["version"], body["by"], body["method"]) == ("running", 1, "a1", "extractive")
    promise = next(part for part in body["parts"] if part["part"] == "promised")["sentences"][0]
    assert (promise["text"], promise["segments"]) == ("我们两个小时内给您回电", ["s2"])
    assert promise["quotes"] == [{"segment_id": "s2", "start": 0, "end": 11}]
    assert [said["segment_id"] for said in body["segments"]] == ["s1", "s2"]
    assert body["text"].splitlines()[0] == "诉求：我的耳机左边没声音"
    assert (await call.http.get(SUMMARY, headers=call.headers("sue"))).json() == body


async def test_the_newest_of_a_kind_and_an_old_version(call: Edge) -> None:
    for moment in ("running", "transfer", "running"):
        await call.http.post(SUMMARY, json={"moment": moment}, headers=call.headers("a1"))
    found = [
        (await call.http.get(SUMMARY, params=params, headers=call.headers("a1"))).json()["version"]
        for params in ({}, {"moment": "transfer"}, {"version": 1})
    ]
    assert found == [3, 2, 1]
    assert (await call.http.get(SUMMARY, params={"moment": "end"}, headers=call.headers("a1"))).status_code == 404


async def test_the_colleague_who_takes_over_reads_the_transfer_and_nothing_else(call: Edge) -> None:
    body = {"moment": "transfer", "to": "a2"}
    assert (await call.http.get(SUMMARY, headers=call.headers("a2"))).status_code == 404
    assert (await call.http.post(SUMMARY, json=body, headers=call.headers("a2"))).status_code == 404
    await call.http.post(SUMMARY, json=body, headers=call.headers("a1"))
    await call.http.post(SUMMARY, json={"moment": "running"}, headers=call.headers("a1"))
    seen = await call.http.get(SUMMARY, headers=call.headers("a2"))
    assert (seen.status_code, seen.json()["version"], seen.json()["to"]) == (200, 1, "a2")
    assert {part["part"] for part in seen.json()["parts"]} >= {"tried", "open", "mood"}
    assert (await call.http.get("/v1/calls/c1/transcript", headers=call.headers("a2"))).status_code == 404
    for name in ("eve", "pbx"):
        assert (await call.http.get(SUMMARY, headers=call.headers(name))).status_code == 403


async def test_what_a_person_wrote_is_shown_as_what_holds(call: Edge) -> None:
    await call.http.post(SUMMARY, json={"moment": "end"}, headers=call.headers("a1"))
    assert (await call.http.get(SUMMARY, headers=call.headers("a1"))).json()["edited"] is None
    edit = await call.http.patch("/v1/calls/c1/record", json={"summary": "客户耳机无声"}, headers=call.headers("a1"))
    assert edit.status_code == 200
    seen = (await call.http.get(SUMMARY, headers=call.headers("a1"))).json()
    assert seen["edited"] == {"text": "客户耳机无声", "by": "a1"}


@pytest.mark.parametrize("body", [{"moment": "later"}, {"to": 1}, {"moment": "transfer", "to": "a b"}, {"x": 1}])
async def test_a_request_that_cannot_be_is_refused(call: Edge, body: dict[str, object]) -> None:
    answer = await call.http.post(SUMMARY, json=body, headers=call.headers("a1"))
    assert answer.status_code == 400
