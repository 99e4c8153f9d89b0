"""REST of tags: customer events in, tags of a call with their evidence, shorthand, predictive tags, switches."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from callcue.core.customer_events import Customer
from callcue.core.records import TagSuggestion
from tagger.forecast_features import CallFacts
from tests.unit.api.edge import Edge
from tests.unit.api.fakes import started

PHONE = "13800138000"


async def ask(edge: Edge, method: str, path: str, who: str, body: Any = None, status: int = 200) -> Any:
    options = {} if body is None else {"json": body}
    answer = await edge.http.request(method, path, headers=edge.headers(who), **options)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


def view(number: int, **more: str) -> dict[str, str]:
    at = (datetime.now(UTC) - timedelta(hours=number + 1)).isoformat(timespec="seconds")
    event = {"event_id": f"e{number}", "kind": "page_view", "at": at, "phone": PHONE}
    return event | {"subject": "无线耳机", "source": "小程序"} | more


async def test_events_are_taken_once_and_looked_up(edge: Edge) -> None:
    batch = {"events": [view(n) for n in range(3)]}
    assert await ask(edge, "POST", "/v1/customers/events", "pbx", batch) == {"added": 3, "known": 0, "different": []}
    assert (await ask(edge, "POST", "/v1/customers/events", "pbx", batch))["known"] == 3
    other = {"events": [view(0, subject="手表")]}
    assert (await ask(edge, "POST", "/v1/customers/events", "pbx", other))["different"] == ["e0"]
    found = await ask(edge, "POST", "/v1/customers/lookup", "sue", {"phone": "+86" + PHONE})
    assert [event["event_id"] for event in found["events"]] == ["e0", "e1", "e2"]
    assert [tag["tag"] for tag in found["tags"]] == ["小程序浏览3次无线耳机"]


@pytest.mark.parametrize(
    "body",
    [
        {"events": []},
        {"events": [view(0, at="yesterday")]},
        {"events": [view(0, at="2026-11-23T10:00:00")]},
        {"events": [view(0, kind="PAGE")]},
        {"events": [view(0, phone="")]},
        {"events": [view(0, colour="red")]},
        {"events": [view(0), view(0, subject="手表")]},
    ],
)
async def test_wrong_events_are_refused_whole(edge: Edge, body: Any) -> None:
    if isinstance(body["events"], list):
        body = {"events": [*body["events"], *([view(9)] if body["events"] else [])]}
    assert (await ask(edge, "POST", "/v1/customers/events", "pbx", body, 400))["code"] in (
        "bad_input",
        "invalid_fields",
    )
    assert (await ask(edge, "POST", "/v1/customers/lookup", "sue", {"phone": PHONE}))["events"] == []


async def test_a_call_shows_every_tag_with_its_kind_and_evidence(edge: Edge) -> None:
    desk = edge.services.customers
    await ask(edge, "POST", "/v1/customers/events", "pbx", {"events": [view(n) for n in range(3)]})
    await edge.log.append(started("c1"))
    await desk.began("c1", PHONE)
    found = [
        TagSuggestion(
            field="tags",
            value=value,
            probability=p,
            evidence=("caller-1",),
            model="rules/1",
            source="rule",
            fills=p > 0.6,
        )
        for value, p in (("价格敏感", 0.85), ("★高价值线索", 0.8), ("笔记本选购", 0.8), ("会员积分", 0.5))
    ]
    await edge.services.records.suggest("c1", found, 0)
    await edge.services.records.edit("c1", {"facts.amount": "10000", "follow_up": "电话咨询→门店自提：周六"}, by="a1")
    seen = await ask(edge, "GET", "/v1/calls/c1/tags", "a1")
    assert {tag["tag"]: (tag["kind"], tag["on_record"]) for tag in seen["tags"]} == {
        "小程序浏览3次无线耳机": ("derived", True),
        "价格敏感": ("demand", True),
        "★高价值线索": ("base", True),
        "笔记本选购": ("base", True),
        "会员积分": ("base", False),
    }
    assert seen["tags"][0]["evidence"] == ["event:e0", "event:e1", "event:e2"]
    assert seen["shorthand"] == "★预算1万元+笔记本选购+价格敏感\n电话咨询→门店自提：周六"
    await ask(edge, "GET", "/v1/calls/c1/tags", "a2", status=404)


async def test_the_vocabulary_and_notes(edge: Edge) -> None:
    words = await ask(edge, "GET", "/v1/tags", "a1")
    assert (words["speech"]["服务优先"], words["speech"]["宗教习俗"]) == ("demand", "culture")
    assert "7天内高概率到店体验" in words["predictive"]
    items = (await ask(edge, "POST", "/v1/tags/shorthand", "a1", {"text": "★预算1万元+线下对比需求\n电话->门店自提"}))[
        "items"
    ]
    assert (items[0]["budget"], items[0]["needs"]) == ("10000", ["线下对比需求"])
    assert items[1]["steps"] == [["电话", ""], ["门店", "自提"]]
    assert items[1]["text"] == "电话→门店自提"


async def test_predictive_tags_are_listed_switched_and_told_what_came(edge: Edge) -> None:
    found = await ask(edge, "GET", "/v1/forecasts", "sue")
    assert {tag["state"] for tag in found["tags"]} == {"watching"}
    assert "0 of 200" in found["tags"][0]["open"]
    assert "simulated" in found["trained_on"]
    body = {"state": "off", "note": "stores are closed"}
    assert (await ask(edge, "POST", "/v1/forecasts/visit_7d/switch", "sue", body))["state"] == "off"
    (switch,) = (await ask(edge, "GET", "/v1/forecasts", "sue"))["switches"]
    assert (switch["name"], switch["by"], switch["reason"]) == ("visit_7d", "sue", "stores are closed")
    await ask(edge, "POST", "/v1/forecasts/weather/switch", "sue", {"state": "off"}, 404)
    await edge.log.append(started("c1"))
    await edge.services.customers.forecaster.make("c1", Customer(phone=PHONE), CallFacts())
    path = "/v1/calls/c1/forecasts/visit_7d/outcome"
    await ask(edge, "PUT", path, "pbx", {"happened": True}, 204)
    assert (await ask(edge, "PUT", path, "pbx", {"happened": False}, 409))["code"] == "conflict"


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("a1", "POST", "/v1/customers/events"),
        ("a1", "POST", "/v1/customers/lookup"),
        ("pbx", "POST", "/v1/customers/lookup"),
        ("eve", "POST", "/v1/customers/lookup"),
        ("pbx", "GET", "/v1/calls/c1/tags"),
        ("a1", "GET", "/v1/forecasts"),
        ("a1", "POST", "/v1/forecasts/visit_7d/switch"),
        ("pbx", "POST", "/v1/forecasts/visit_7d/switch"),
        ("eve", "PUT", "/v1/calls/c1/forecasts/visit_7d/outcome"),
    ],
)
async def test_roles_keep_to_their_work(edge: Edge, who: str, method: str, path: str) -> None:
    assert (await ask(edge, method, path, who, status=403))["code"] == "not_allowed"
