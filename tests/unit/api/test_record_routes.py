"""REST: a record's schema, versions, confirmation, lists and export, as their roles see them."""

from typing import Any

import httpx2
import pytest

from callcue.infra.codec import encode
from tests.unit.api.edge import Edge, receive
from tests.unit.api.fakes import started
from tests.unit.api.test_rest import get, patch
from tests.unit.infra import samples
from tests.unit.infra.samples import ended

RISK = {"name": "x.risk", "label": "风险", "see": ["supervisor", "admin"], "edit": ["supervisor", "admin"]}
LIVE = {"name": "x.live_stream", "label": "直播引流标识", "kind": "choice", "choices": ["抖音", "快手"]}


async def send(edge: Edge, method: str, path: str, who: str, body: Any = None, **headers: str) -> httpx2.Response:
    return await edge.http.request(method, path, json=body, headers=edge.headers(who) | headers)


async def configure(edge: Edge, *fields: dict[str, Any]) -> None:
    answer = await send(edge, "PUT", "/v1/record-schema/config", "root", {"fields": list(fields), "note": "季度新增"})
    assert answer.status_code == 200, answer.text


async def test_the_schema_tells_each_role_what_it_may_set(edge: Edge) -> None:
    await configure(edge, LIVE, RISK)
    for who, seen in (("a1", False), ("sue", True), ("root", True)):
        body = await get(edge, "/v1/record-schema", who)
        fields = {field["name"]: field for field in body["fields"]}
        assert ("x.risk" in fields) is seen
        assert (fields["issue_type"]["required"], fields["issue_type"]["may_edit"]) == (True, True)
        assert (fields["response_min"]["computed"], fields["response_min"]["may_edit"]) == (True, False)
        assert fields["x.live_stream"]["choices"] == ["抖音", "快手"]
    assert (body["version"], body["complete_within_s"]) == (1, 600)
    await get(edge, "/v1/record-schema", "eve", 403)


async def test_the_configuration_is_versioned_and_edited_from_what_was_read(edge: Edge) -> None:
    path = "/v1/record-schema/config"
    empty = await send(edge, "GET", path, "root")
    assert (empty.headers["etag"], empty.json()["config"]["fields"]) == ('"0"', [])
    assert (await send(edge, "PUT", path, "sue", {"fields": [LIVE]})).status_code == 403
    first = await send(edge, "PUT", path, "root", {"fields": [LIVE]}, **{"If-Match": '"0"'})
    assert (first.headers["etag"], first.json()["saved_by"]) == ('"1"', "root")
    stale = await send(edge, "PUT", path, "root", {"fields": []}, **{"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    held = (await send(edge, "GET", path, "root")).json()["config"]
    same = await send(edge, "PUT", path, "root", held)
    assert same.json()["version"] == 1, "what was read can be sent back"
    versions = (await get(edge, "/v1/record-schema/versions"))["versions"]
    assert [version["version"] for version in versions] == [1]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"fields": [{"name": "live", "label": "x"}]}, "not usable"),
        ({"fields": [{**LIVE, "colour": "red"}]}, "unknown field"),
        ({"fields": [{**LIVE, "kind": "colour"}]}, "kind"),
        ({"fields": [{**LIVE, "see": ["everybody"]}]}, "see"),
        ({"standard": [{"name": "issue_type", "choices": ["x"]}]}, "cannot be set"),
        ({"fields": "x"}, "fields"),
    ],
)
async def test_a_bad_configuration_is_refused(edge: Edge, body: Any, says: str) -> None:
    answer = await send(edge, "PUT", "/v1/record-schema/config", "root", body)
    assert (answer.status_code, says in answer.json()["detail"]) == (400, True), answer.text
    assert (await get(edge, "/v1/record-schema"))["version"] == 0


async def test_a_record_from_the_call_to_its_confirmation(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    path = "/v1/calls/c1/record"
    body = await get(edge, path, "a1")
    assert (body["completion"]["state"], body["completion"]["missing"]) == ("live", ["issue_type"])
    assert body["computed"]["facts.phone"]["value"] == "13800138000"
    assert (await send(edge, "POST", f"{path}/confirm", "a1")).json()["code"] == "conflict"
    await edge.log.append(ended("c1"))
    lacking = await send(edge, "POST", f"{path}/confirm", "a1")
    assert (lacking.status_code, "issue_type" in lacking.json()["detail"]) == (409, True)
    await patch(edge, {"issue_type": "技术"})
    stale = await send(edge, "POST", f"{path}/confirm", "a1", **{"If-Match": '"0"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "stale_version")
    done = await send(edge, "POST", f"{path}/confirm", "a1", **{"If-Match": '"1"'})
    assert (done.status_code, done.json()["completion"]["state"]) == (200, "done")
    assert done.json()["completion"]["confirmed_by"] == "a1"
    assert (await send(edge, "POST", f"{path}/confirm", "a2")).status_code == 404, "another agent's call"


async def test_versions_and_differences(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    await patch(edge, {"issue_type": "技术"})
    await patch(edge, {"issue_type": "物流"}, "sue")
    old = await get(edge, "/v1/calls/c1/record?version=1", "a1")
    assert (old["version"], old["fields"]["issue_type"]["value"]) == (1, "技术")
    versions = (await get(edge, "/v1/calls/c1/record/versions", "a1"))["versions"]
    assert [(v["version"], v["changes"][0]["new"]["by"]) for v in versions] == [(1, "a1"), (2, "sue")]
    (changed,) = (await get(edge, "/v1/calls/c1/record/diff?from=1&to=2", "a1"))["differences"]
    assert (changed["old"]["value"], changed["new"]["value"], changed["new"]["by"]) == ("技术", "物流", "sue")
    await get(edge, "/v1/calls/c1/record?version=7", "a1", 404)
    await get(edge, "/v1/calls/c1/record/diff?from=1", "a1", 400)
    for part in ("/versions", "/diff?from=0&to=1", "?version=1"):
        await get(edge, f"/v1/calls/c1/record{part}", "a2", 404)


async def test_lists_and_reports_show_an_agent_its_own(edge: Edge) -> None:
    for call_id, agent in (("c1", "a1"), ("c2", "a2")):
        await edge.log.append(started(call_id, agent), ended(call_id))
    assert [line["call_id"] for line in (await get(edge, "/v1/records", "a1"))["records"]] == ["c1"]
    await get(edge, "/v1/records?agent_id=a2", "a1", 403)
    page = await get(edge, "/v1/records?state=open&limit=1", "sue")
    more = await get(edge, f"/v1/records?state=open&limit=1&cursor={page['next']}", "sue")
    assert [line["call_id"] for line in (*page["records"], *more["records"])] == ["c1", "c2"]
    assert (await get(edge, "/v1/records?state=overdue", "sue"))["records"] == []
    assert (await get(edge, "/v1/records?since=2100-01-01T00:00:00Z", "sue"))["records"] == []
    report = await get(edge, "/v1/records/report", "a1")
    assert [(line["agent_id"], line["open"]) for line in report["lines"]] == [("a1", 1), (None, 1)]
    await get(edge, "/v1/records?state=lost", "sue", 400)


async def test_an_export_is_the_supervisors_and_masks_unless_it_is_asked(edge: Edge) -> None:
    await edge.log.append(started("c1"), ended("c1"))
    for who, status in (("a1", 403), ("eve", 403), ("sue", 200)):
        answer = await send(edge, "GET", "/v1/records/export?format=csv", who)
        assert answer.status_code == status
    assert "records.csv" in answer.headers["content-disposition"]
    assert "13800138000" not in answer.text
    asked = await send(edge, "GET", "/v1/records/export?personal=true", "sue")
    assert "13800138000" in asked.text


async def test_a_hidden_field_is_not_in_the_events_either(edge: Edge) -> None:
    await configure(edge, RISK)
    await edge.log.append(started("c1"))
    assert (await patch(edge, {"x.risk": "投诉3次"}, "sue")).status_code == 200
    assert (await patch(edge, {"x.risk": "没有"})).status_code == 400
    for who, seen in (("a1", False), ("sue", True)):
        page = await get(edge, "/v1/calls/c1/events", who)
        assert ("投诉3次" in str(page)) is seen
        assert [event["seq"] for event in page["events"]] == [1, 2]
        async with edge.socket("/v1/desktop?call_id=c1&after=1", who) as socket:
            assert (await receive(socket))["event"] == "following"
            event = await receive(socket)
            assert (event["type"], event["seq"], "投诉3次" in str(event)) == ("RecordUpdated", 2, seen)
    (stored,) = await edge.log.read_type("c1", "RecordUpdated")
    assert "投诉3次" in str(encode(stored))


async def test_a_hidden_field_is_not_in_what_is_made_of_it(edge: Edge) -> None:
    hidden = [
        {"name": name, "see": ["supervisor", "admin"], "edit": ["admin"]} for name in ("facts.order_no", "summary")
    ]
    assert (await send(edge, "PUT", "/v1/record-schema/config", "root", {"standard": hidden})).status_code == 200
    await edge.log.append(started("c1"), samples.facts(), samples.order_checked(), samples.summed_up("c1"))
    for who, seen in (("a1", False), ("sue", True)):
        assert bool((await get(edge, "/v1/calls/c1/facts", who))["facts"]) is seen
        assert ((await get(edge, "/v1/calls/c1/order-check", who))["order"] is not None) is seen
        assert ("我要开发票" in (await get(edge, "/v1/calls/c1/summary", who))["text"]) is seen


async def test_the_cross_channel_id_that_an_agent_writes_is_told_to_the_call(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    assert (await patch(edge, {"cross_channel_id": "k7"})).status_code == 200
    assert (await patch(edge, {"priority": 2})).status_code == 200
    assert (await patch(edge, {"cross_channel_id": None})).status_code == 200
    assert edge.manager.linked == [("c1", "k7"), ("c1", "")]  # a cleared id takes the customer off the call


async def test_a_confirmed_record_is_not_emptied_by_nothing_at_all(edge: Edge) -> None:
    needed = {"standard": [{"name": "tags", "required": True}]}
    assert (await send(edge, "PUT", "/v1/record-schema/config", "root", needed)).status_code == 200
    await edge.log.append(started("c1"), ended("c1"))
    await patch(edge, {"issue_type": "技术", "tags": ["退款"], "facts.phone": "13912345678"})
    assert (await send(edge, "POST", "/v1/calls/c1/record/confirm", "a1")).status_code == 200
    for edit in ({"tags": []}, {"tags": None}, {"facts.phone": "尾号5678"}, {"facts.phone": None}):
        refused = await patch(edge, edit)
        assert (refused.status_code, refused.json()["code"]) == (400, "bad_input"), edit
        assert "Nothing was written" in refused.json()["detail"]
    assert (await get(edge, "/v1/calls/c1/record", "a1"))["fields"]["tags"]["value"] == ["退款"]
