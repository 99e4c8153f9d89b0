"""REST: calls, records, acks, cards and search, as their roles see them."""

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

import httpx2
import pytest

from callcue.calls.knowledge import KnowledgeBase
from callcue.core.cards import Audience, CardHit, CardQuery
from callcue.core.events import CardAck, FinalTranscript
from callcue.core.speech import Channel
from kb_index.formats import card_to_json
from tests.unit.api.edge import CARD, Edge, push
from tests.unit.api.fakes import started
from tests.unit.infra.samples import cues, ended, voices


def final(call_id: str, segment: str, start_ms: int, text: str, channel: Channel = "caller") -> FinalTranscript:
    return FinalTranscript(
        call_id=call_id,
        at_ms=start_ms + 900,
        channel=channel,
        segment_id=segment,
        revision=1,
        start_ms=start_ms,
        end_ms=start_ms + 900,
        raw_text=text,
        text=text,
        spans=(),
        words=(),
        confidence=0.9,
        language="zh",
        engine="fake",
    )


async def get(edge: Edge, path: str, who: str = "root", status: int = 200) -> Any:
    answer = await edge.http.get(path, headers=edge.headers(who))
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_calls_page_by_page_newest_first(edge: Edge) -> None:
    for n in range(5):
        await edge.log.append(started(f"c{n}"))
    first = await get(edge, "/v1/calls?limit=2")
    second = await get(edge, f"/v1/calls?limit=2&cursor={first['next']}")
    last = await get(edge, f"/v1/calls?limit=2&cursor={second['next']}")
    ids = [call["call_id"] for page in (first, second, last) for call in page["calls"]]
    assert sorted(ids, reverse=True) == ["c4", "c3", "c2", "c1", "c0"]
    assert ids == sorted(ids, reverse=True)
    assert last["next"] is None


async def test_filters_of_the_list(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    await edge.log.append(started("c2", "a2"))
    assert [c["call_id"] for c in (await get(edge, "/v1/calls?agent_id=a2"))["calls"]] == ["c2"]
    assert (await get(edge, "/v1/calls?live=false"))["calls"] == []
    assert (await get(edge, "/v1/calls?since=2026-11-23T10:00:01%2B08:00"))["calls"] == []
    assert len((await get(edge, "/v1/calls?since=2026-11-23T02:00:00Z"))["calls"]) == 2


async def test_an_agent_sees_its_own_calls_only(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    await edge.log.append(started("c2", "a2"))
    assert [c["call_id"] for c in (await get(edge, "/v1/calls", "a1"))["calls"]] == ["c1"]
    assert (await get(edge, "/v1/calls?agent_id=a2", "a1", 403))["code"] == "not_allowed"
    for part in ("", "/events", "/transcript", "/record", "/voice"):
        absent = await get(edge, f"/v1/calls/nowhere{part}", "a1", 404)
        foreign = await get(edge, f"/v1/calls/c2{part}", "a1", 404)
        assert absent["detail"].replace("nowhere", "c2") == foreign["detail"], "tells that the call exists"
        await get(edge, f"/v1/calls/c2{part}", "sue", 404 if part == "/voice" else 200)  # it has not ended


async def test_how_a_call_was_spoken(edge: Edge) -> None:
    spoken = voices("c1")
    await edge.log.append(started("c1"), replace(final("c1", "s1", 0, "你好"), voice=cues()))
    assert "written when a call ends" in (await get(edge, "/v1/calls/c1/voice", "a1", 404))["detail"]
    await edge.log.append(spoken, ended("c1"))
    body = await get(edge, "/v1/calls/c1/voice", "a1")
    assert (body["silence_ms"], body["longest_silence_ms"], body["longest_silence_at_ms"]) == (7800, 5000, 1000)
    assert (body["overlap_ms"], body["duration_ms"]) == (0, 9000)
    caller, agent = body["channels"]
    assert (caller["channel"], caller["talk_ms"], caller["interruptions"], caller["language"]) == (
        "caller",
        1200,
        1,
        "zh",
    )
    assert caller["voice"]["pitch_range_semitones"] == pytest.approx(7.4)
    assert agent["voice"]["pitch_hz"] is None
    (segment,) = (await get(edge, "/v1/calls/c1/transcript", "a1"))["segments"]
    assert segment["voice"]["rate"] == 4.29


async def test_events_after_a_number(edge: Edge) -> None:
    await edge.log.append(started("c1"), final("c1", "s1", 0, "你好"), push("c1"))
    page = await get(edge, "/v1/calls/c1/events?after=1&limit=1")
    assert [e["type"] for e in page["events"]] == ["FinalTranscript"]
    assert (await get(edge, f"/v1/calls/c1/events?after={page['next']}"))["events"][0]["type"] == "CardPush"


async def test_the_transcript_is_in_the_order_of_speech(edge: Edge) -> None:
    await edge.log.append(
        started("c1"),
        final("c1", "s2", 2000, "第二句"),
        final("c1", "a1", 1000, "您好", "agent"),
        final("c1", "s3", 3000, ""),
        final("c1", "s1", 0, "喂"),
    )
    found = await get(edge, "/v1/calls/c1/transcript", "a1")
    assert [(s["channel"], s["text"]) for s in found["segments"]] == [
        ("caller", "喂"),
        ("agent", "您好"),
        ("caller", "第二句"),
    ]


async def patch(edge: Edge, body: object, who: str = "a1", **headers: str) -> httpx2.Response:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    sent = {"Content-Type": "application/json"} | edge.headers(who) | headers
    return await edge.http.patch("/v1/calls/c1/record", content=content, headers=sent)


async def test_a_record_is_edited_from_the_version_that_was_read(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    answer = await edge.http.get("/v1/calls/c1/record", headers=edge.headers("a1"))
    assert (answer.headers["etag"], answer.json()["fields"]) == ('"0"', {})
    answer = await patch(edge, {"issue_type": "账单", "tags": ["发票", "退款"]}, **{"If-Match": '"0"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    held = answer.json()["fields"]["tags"]
    assert (held["value"], held["source"], held["by"]) == (["发票", "退款"], "person", "a1")
    stale = await patch(edge, {"issue_type": None}, **{"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    cleared = await patch(edge, {"issue_type": None}, **{"If-Match": '"1"'})
    empty = cleared.json()["fields"]["issue_type"]
    assert (empty["value"], empty["source"], empty["by"]) == (None, "person", "a1")
    assert (await patch(edge, {"priority": 2})).status_code == 200
    assert (await patch(edge, {"priority": 3}, **{"If-Match": "latest"})).status_code == 400


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"shoe_size": 42}, "shoe_size"),
        ({"issue_type": "音乐"}, "issue_type"),
        ({"priority": "2"}, "priority"),
        ({"priority": True}, "priority"),
        ({"tags": [1]}, "tags"),
        ({"tags": ["x" * 65]}, "tags"),
        ({"follow_up": {"a": 1}}, "follow_up"),
        ({"follow_up": "x" * 3000}, "follow_up"),
        ({}, "body"),
        ([], "body"),
        (b'{"priority": NaN}', "priority"),
        (b'{"a":' * 3000, "body"),
        (b'{"follow_up":"\xff"}', "body"),
        (b'{"follow_up":"\\ud800"}', ""),
        (b"", "body"),
    ],
)
async def test_a_bad_edit_names_the_field_and_changes_nothing(edge: Edge, body: object, named: str) -> None:
    await edge.log.append(started("c1"))
    answer = await patch(edge, body)
    assert answer.status_code == 400, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert named in answer.json()["detail"]
    assert (await get(edge, "/v1/calls/c1/record"))["version"] == 0


async def test_a_body_must_say_that_it_is_json(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    answer = await patch(edge, {"priority": 1}, **{"Content-Type": "text/plain"})
    assert answer.status_code == 415


async def test_an_ack_over_rest(edge: Edge) -> None:
    await edge.log.append(started("c1"), push("c1"))
    body = {"push_seq": 2, "action": "used"}
    answer = await edge.http.post("/v1/calls/c1/acks", json=body, headers=edge.headers("a1"))
    assert (answer.status_code, answer.json()["seq"]) == (201, 3)
    (ack,) = await edge.log.read("c1", after=2)
    assert isinstance(ack, CardAck)
    assert (ack.by, ack.card_id) == ("a1", CARD.id)
    assert (await edge.http.post("/v1/calls/c1/acks", json=body, headers=edge.headers("a2"))).status_code == 404, (
        "another agent's call"
    )


async def put(
    edge: Edge, card: object, card_id: str = CARD.id, who: str = "eve", version: int | None = None
) -> httpx2.Response:
    made_from = {} if version is None else {"If-Match": f'"{version}"'}
    return await edge.http.put(f"/v1/cards/{card_id}", json=card, headers=edge.headers(who) | made_from)


async def test_cards_are_versioned(edge: Edge) -> None:
    form = card_to_json(CARD)
    stored = {"id": CARD.id, "version": 1, "outcome": "added", "warnings": []}
    assert (await put(edge, form)).json() == stored
    assert (await put(edge, form)).json() == stored | {"outcome": "unchanged"}
    changed = await put(edge, form | {"title": "新"}, version=1)
    assert changed.json() == stored | {"version": 2, "outcome": "changed"}
    assert changed.headers["etag"] == '"2"'
    assert (await get(edge, f"/v1/cards/{CARD.id}", "a1")) == {"version": 2, "card": form | {"title": "新"}}
    assert (await get(edge, f"/v1/cards/{CARD.id}?version=1", "a1"))["card"] == form
    assert (await get(edge, f"/v1/cards/{CARD.id}?version=3", "a1", 404))["code"] == "not_found"
    assert (await get(edge, f"/v1/cards/{CARD.id}?version=0", "a1", 400))["errors"][0]["field"].endswith("version")


async def test_bad_cards_are_refused(edge: Edge) -> None:
    form = card_to_json(CARD)
    assert (await put(edge, form, "another")).status_code == 400
    answer = await put(edge, form | {"colour": "red"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_card")
    assert "colour" in answer.json()["detail"]
    for content in (b"[" * 60_000, b'{"cooldown_s": NaN}', b"\xff", b"1" * 5000, b'{"id":"\\ud800"}'):
        headers = edge.headers("eve") | {"Content-Type": "application/json"}
        bad = await edge.http.put("/v1/cards/x", content=content, headers=headers)
        assert bad.status_code == 400, content[:20]
    assert (await get(edge, "/v1/cards"))["cards"] == []


def lines(*cards: dict[str, object]) -> bytes:
    return "".join(json.dumps(card, ensure_ascii=False) + "\n" for card in cards).encode()


async def post_cards(edge: Edge, data: bytes | Any, query: str = "", media: str = "application/jsonl") -> Any:
    headers = edge.headers("eve") | {"Content-Type": media}
    return await edge.http.post(f"/v1/cards/import{query}", content=data, headers=headers)


async def test_an_import_can_be_tried_first(edge: Edge) -> None:
    form = card_to_json(CARD)
    await put(edge, form)
    data = lines(form | {"title": "新"}, form | {"id": "kb-2"}, {"id": "kb-3"})
    tried = (await post_cards(edge, data, "?dry_run=true")).json()
    assert (tried["added"], tried["changed"], tried["unchanged"]) == (["kb-2"], [CARD.id], 0)
    assert "line 3" in tried["problems"][0]["where"]
    refused = await post_cards(edge, data)
    assert refused.status_code == 400
    assert "line 3" in refused.json()["errors"][0]["field"]
    assert [view["card"]["id"] for view in (await get(edge, "/v1/cards"))["cards"]] == [CARD.id]
    done = (await post_cards(edge, data.rsplit(b"\n", 2)[0])).json()
    assert (done["added"], done["changed"]) == (["kb-2"], [CARD.id])


async def test_a_trial_judges_as_the_import_does(edge: Edge) -> None:
    """Also where the same answers stand in another order, which is another version of the card."""
    steps = [{"id": "s1", "text": "亮灯吗？", "next": {"是": "end", "否": "end"}}]
    form = card_to_json(CARD) | {"kind": "flow", "steps": steps}
    await put(edge, form)
    turned = lines(form | {"steps": [steps[0] | {"next": {"否": "end", "是": "end"}}]})
    for data, count in ((lines(form), 0), (turned, 1)):
        tried = (await post_cards(edge, data, "?dry_run=true")).json()
        done = (await post_cards(edge, data)).json()
        assert tried == done | {"dry_run": True}
        assert len(done["changed"]) == count


@pytest.mark.parametrize("form", ["jsonl", "csv"])
async def test_an_export_can_be_imported_again(edge: Edge, form: str) -> None:
    for n in range(3):
        await put(edge, card_to_json(CARD) | {"id": f"kb-{n}"}, f"kb-{n}")
    answer = await edge.http.get(f"/v1/cards/export?format={form}", headers=edge.headers("eve"))
    assert f"cards.{form}" in answer.headers["content-disposition"]
    media = answer.headers["content-type"]
    again = (await post_cards(edge, answer.content, media=media)).json()
    assert (again["added"], again["changed"], again["unchanged"]) == ([], [], 3)


async def test_large_bodies_are_refused_also_in_chunks(edge: Edge) -> None:
    async def chunks() -> Any:
        for _ in range(100):
            yield b" " * 10_000

    for data in (b" " * 300_000, chunks()):
        answer = await post_cards(edge, data)
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert (await post_cards(edge, b"x", media="image/png")).status_code == 415


async def test_a_search_can_be_narrowed(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[CardQuery] = []

    async def search(_: KnowledgeBase, query: CardQuery) -> list[CardHit]:
        asked.append(query)
        return []

    monkeypatch.setattr(KnowledgeBase, "search", search)
    audience = {"lifecycle": ["新客"], "region": ["上海"]}
    body = {"text": "发票", "category": ["售后"], "audience": audience, "valid_at": "2026-12-24T10:00:00+08:00"}
    assert (await edge.http.post("/v1/search", json=body, headers=edge.headers("a1"))).status_code == 200
    (query,) = asked
    assert (query.category, query.audience) == (("售后",), Audience(lifecycle=("新客",), region=("上海",)))
    assert query.valid_at == datetime.fromisoformat("2026-12-24T10:00:00+08:00")
    for bad in ({"valid_at": "2026-12-24T10:00:00"}, {"audience": {"age": ["5"]}}, {"audience": {"region": "上海"}}):
        answer = await edge.http.post("/v1/search", json={"text": "x", **bad}, headers=edge.headers("a1"))
        assert answer.status_code == 400


async def test_search_gives_every_score(edge: Edge) -> None:
    await put(edge, card_to_json(CARD))
    answer = await edge.http.post("/v1/search", json={"text": "发票", "top_k": 3}, headers=edge.headers("a1"))
    (hit,) = answer.json()["hits"]
    assert (hit["card_id"], hit["version"], hit["score"], hit["dense"], hit["lexical"], hit["matched"]) == (
        (CARD.id, 1, 0.9, 0.8, 1.5, CARD.title)
    )
    for bad in ({"text": 5}, {"text": "x", "top_k": 0}, {"text": "x", "k": 1}, {}, {"text": "x" * 2001}):
        answer = await edge.http.post("/v1/search", json=bad, headers=edge.headers("a1"))
        assert answer.status_code == 400
        assert answer.json()["errors"]
