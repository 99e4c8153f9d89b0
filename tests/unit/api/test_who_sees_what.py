"""A field that a role may not see shows to it on no way out; who may see it gets it on every one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from callcue.core.customers import CustomerProfile
from callcue.core.events import AnyEvent
from callcue.core.facts import FACT_KINDS, FactCandidate
from callcue.core.feelings import AlertPart
from callcue.core.orders import Order, OrderMismatch
from callcue.core.records import FieldChange, FieldValue, Value
from callcue.core.summaries import SummaryPart, SummarySentence
from callcue.infra.codec import dump_json
from tests.unit.api.edge import Edge, receive, serve
from tests.unit.infra import samples

SECRETS: dict[str, Value] = {
    "sentiment": "负面",
    "lifecycle": "忠诚",
    "issue_type": "账单",
    "issue_subtype": "账单-退款",
    "needs_offline_inspection": True,
    "cross_channel_id": "kx-4711",
    "facts.phone": "13987654321",
    "facts.order_no": "77665544",
    "facts.amount": "4321.09",
    "facts.purchase_date": "2026-10-14",
    "facts.product": "珍珠耳机",
    "facts.address": "隐私路9号",
    "facts.name": "欧阳隐",
    "summary": "秘密小结",
    "x.risk": "高危客户",
}
HIDING = [{"name": name, "see": ["admin"], "edit": ["admin"]} for name in SECRETS if not name.startswith("x.")]
RISK = {"name": "x.risk", "label": "风险", "see": ["admin"], "edit": ["admin"]}
TOLD = [
    *(str(value) for name, value in SECRETS.items() if name != "needs_offline_inspection"),
    "feature:negative",
    "feature:inspection",
    "mood_fell",
    "情绪持续低落",
    '"fell"',
]
"""What stands somewhere in an answer only where a hidden field shows."""


def secret(name: str) -> str:
    return str(SECRETS[name])


def facts() -> tuple[FactCandidate, ...]:
    (found,) = samples.facts().candidates
    names = {"date": "purchase_date"}
    shown = [kind for kind in FACT_KINDS if kind != "staff"]
    return tuple(replace(found, kind=kind, value=secret(f"facts.{names.get(kind, kind)}")) for kind in shown)


def history() -> list[AnyEvent]:
    """A call in which every hidden field shows in everything that it can show in."""
    evidence = ("feature:negative", "feature:inspection", "feature:views_7d")
    tags = FieldValue(
        value=("7天内可能重复来电",), probability=0.5, source="model", by="forecasts/1", evidence=evidence
    )
    changes = [samples.change(name, value) for name, value in SECRETS.items()]
    order = Order(
        order_no=secret("facts.order_no"),
        ordered_on=secret("facts.purchase_date"),
        phone=secret("facts.phone"),
        products=(secret("facts.product"),),
        amount=secret("facts.amount"),
    )
    wrong = OrderMismatch(kind="amount", said="1", stored=secret("facts.amount"), evidence=("s1",))
    text = f"the caller says 1 was paid, the order has {wrong.stored}"
    part = AlertPart(field="facts.amount", text=text, evidence=("s1",))
    mood = SummaryPart(part="mood", value=secret("sentiment"))
    said = SummaryPart(part="wanted", sentences=(SummarySentence(text=secret("summary"), segments=()),))
    profile = CustomerProfile(
        name=secret("facts.name"), customer_id=secret("cross_channel_id"), lifecycle=secret("lifecycle")
    )
    return [
        samples.started("c1", caller=secret("facts.phone")),
        replace(samples.customer("c1"), profile=profile),
        replace(samples.push("c1"), slots={"order_no": secret("facts.order_no"), "name": secret("facts.name")}),
        replace(samples.tag("c1"), field="sentiment", value=secret("sentiment")),
        replace(samples.tag("c1"), field="tags", value="7天内可能重复来电", evidence=evidence, model="forecasts/1"),
        replace(samples.facts(), candidates=facts()),
        replace(samples.order_checked(), order=order, mismatches=(wrong,), proposed=(order.order_no,)),
        replace(samples.alert("c1"), kind="order_mismatch", reason=text, parts=(part,)),
        replace(samples.alert("c1"), kind="mood_fell", reason="情绪持续低落"),
        samples.felt("c1"),
        samples.updated("c1", 1, *changes, FieldChange(field="tags", old=None, new=tags)),
        samples.updated("c1", 2, samples.change("priority", 2)),
        replace(samples.summed_up("c1"), parts=(said, mood)),
        samples.moods("c1"),
    ]


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Edge]:
    """An edge with such a call, still live."""
    async with serve(tmp_path) as edge:
        body = {"standard": HIDING, "fields": [RISK]}
        answer = await edge.http.put("/v1/record-schema/config", json=body, headers=edge.headers())
        assert answer.status_code == 200, answer.text
        await edge.log.append(*history())
        yield edge


def shown(text: str) -> list[str]:
    return [secret for secret in TOLD if secret in text]


def readable(edge: Edge) -> list[str]:
    """Every address of a call that can be read, as the service describes itself, and the lists of calls and records."""
    own = [
        path.replace("{call_id}", "c1")
        for path, methods in edge.app.openapi()["paths"].items()
        if "get" in methods and "{call_id}" in path
    ]
    assert len(own) >= 14, "calls lost their routes"
    return [*own, "/v1/calls/c1/record/diff?from=0&to=1", "/v1/calls/c1/record?version=1", "/v1/calls", "/v1/records"]


async def read(edge: Edge, path: str, who: str) -> str:
    answer = await edge.http.get(path, headers=edge.headers(who))
    assert answer.status_code < 500, (path, answer.text)
    return answer.text


async def test_no_route_of_a_call_shows_a_hidden_field(told: Edge) -> None:
    seen_by_admin = ""
    for path in readable(told):
        for who in ("a1", "sue"):
            assert shown(await read(told, path, who)) == [], (path, who)
        seen_by_admin += await read(told, path, "root")
    assert shown(seen_by_admin) == TOLD, "who may see the fields gets all of it"


async def test_neither_does_the_desktop_live_nor_when_it_comes_back(told: Edge) -> None:
    for turn, (who, wanted) in enumerate((("a1", []), ("sue", []), ("root", TOLD))):
        async with told.socket("/v1/desktop?call_id=c1", who) as live:
            heard = [await receive(live) for _ in range(len(history()) + 2 * turn + 1)]
            replayed = dump_json(heard)
            later = samples.updated("c1", 3 + turn, samples.change("x.risk", "高危客户"))
            await told.log.append(later, replace(samples.felt("c1"), at_ms=9))
            now = [await receive(live), await receive(live)]
        assert [event["type"] for event in now] == ["RecordUpdated", "SentimentHeard"]
        assert [event["seq"] for event in (*heard[1:], *now)] == list(range(1, now[-1]["seq"] + 1)), "no gap"
        assert shown(replayed) == wanted
        assert ("高危客户" in dump_json(now), "负面" in dump_json(now)) == (bool(wanted), bool(wanted))
        async with told.socket(f"/v1/desktop?call_id=c1&after={now[0]['seq']}", who) as back:
            again = [await receive(back), await receive(back)]
        assert again[1] == now[1]


async def test_nor_an_edit_a_confirmation_a_summary_or_an_export(told: Edge) -> None:
    await told.log.append(samples.ended("c1"))
    asked = [
        ("PATCH", "/v1/calls/c1/record", {"priority": 1}),
        ("POST", "/v1/calls/c1/record/confirm", None),
        ("POST", "/v1/calls/c1/summary", {"moment": "transfer", "to": "a2"}),
    ]
    for method, path, body in asked:
        for who in ("a1", "sue"):
            answer = await told.http.request(method, path, json=body, headers=told.headers(who))
            assert answer.is_success, answer.text
            assert shown(answer.text) == [], (path, who)
    assert shown(await read(told, "/v1/calls/c1/summary", "a2")) == [], "nor who takes over"
    for form in ("csv", "jsonl"):
        path = f"/v1/records/export?personal=true&format={form}"
        assert shown(await read(told, path, "sue")) == []
        exported = set(shown(await read(told, path, "root")))
        assert exported >= {str(value) for name, value in SECRETS.items() if name != "needs_offline_inspection"}
    assert shown(await read(told, "/metrics", "sue")) == []
    assert shown(await read(told, "/v1/records/report", "sue")) == []


async def test_what_is_missing_and_hidden_is_counted_and_not_named(tmp_path: Path) -> None:
    async with serve(tmp_path) as edge:
        body = {"fields": [RISK | {"required": True}]}
        await edge.http.put("/v1/record-schema/config", json=body, headers=edge.headers())
        await edge.log.append(samples.started("c1"), samples.ended("c1"))
        await edge.http.patch("/v1/calls/c1/record", json={"issue_type": "技术"}, headers=edge.headers("a1"))
        for who, missing, hidden in (("a1", [], 1), ("root", ["x.risk"], 0)):
            answer = await edge.http.get("/v1/calls/c1/record", headers=edge.headers(who))
            done = answer.json()["completion"]
            assert (done["missing"], done["hidden_missing"]) == (missing, hidden)
        refused = await edge.http.post("/v1/calls/c1/record/confirm", headers=edge.headers("a1"))
        assert refused.status_code == 409
        assert "1 that the role agent may not see" in refused.text
        assert "x.risk" not in refused.text
