"""REST of the learning loop: who may see what, and that drafts, settlements, verdicts and outcomes arrive."""

from typing import Any

import pytest

from callcue.core.events import CallEnded, CardAck
from callcue.core.questions import UnmetNeed
from tests.unit.api.edge import CARD, Edge, push
from tests.unit.api.fakes import started

ASKED = ("退货的运费谁出", "退货的运费谁出呢", "请问退货的运费谁出13800138000")


async def ask(edge: Edge, *texts: str) -> str:
    """Calls that ask in vain; the id of the topic of the first."""
    for number, text in enumerate(texts):
        await edge.log.append(started(f"c{number}"))
        need = UnmetNeed(segment_id="s1", text=text, language="zh", card_id=None, score=None)
        await edge.services.learning.questions.add(f"c{number}", [need])
    await edge.services.learning.sort_questions()
    topic_id = (await edge.services.learning.questions.questions())[0].topic_id
    assert topic_id is not None
    return topic_id


async def request(edge: Edge, method: str, path: str, who: str, body: Any = None, status: int = 200) -> Any:
    options = {} if body is None else {"json": body}
    answer = await edge.http.request(method, path, headers=edge.headers(who), **options)
    assert answer.status_code == status, answer.text
    return answer.json() if answer.content else None


async def test_editors_read_wordings_but_not_whose_they_are(edge: Edge) -> None:
    topic_id = await ask(edge, *ASKED)
    page = await request(edge, "GET", "/v1/topics", "eve")
    assert [(topic["topic_id"], topic["calls"], topic["state"]) for topic in page["topics"]] == [(topic_id, 3, "open")]
    detail = await edge.http.get(f"/v1/topics/{topic_id}", headers=edge.headers("eve"))
    assert "运费谁出呢" in detail.text
    assert "13800138000" not in detail.text
    assert '"c0"' not in detail.text
    assert detail.json()["effect"]["after"]["rate"] is None


async def test_what_was_asked_once_is_counted_and_not_shown(edge: Edge) -> None:
    await ask(edge, ASKED[0])
    assert await request(edge, "GET", "/v1/topics", "sue") == {"topics": [], "left_out": 1}
    assert len((await request(edge, "GET", "/v1/topics?min_calls=1", "sue"))["topics"]) == 1
    assert await request(edge, "GET", "/v1/topics?min_calls=1&overdue=true", "sue") == {"topics": [], "left_out": 0}


async def test_a_topic_becomes_a_draft_card(edge: Edge) -> None:
    topic_id = await ask(edge, *ASKED)
    saved = await request(edge, "POST", f"/v1/topics/{topic_id}/draft", "eve", status=201)
    stored = await request(edge, "GET", f"/v1/cards/{saved['id']}", "eve")
    assert stored["card"]["status"] == "draft"
    assert len(stored["card"]["questions"]) == 3
    assert (await request(edge, "GET", f"/v1/topics/{topic_id}", "eve"))["card_id"] == saved["id"]
    again = await request(edge, "POST", f"/v1/topics/{topic_id}/draft", "eve", status=409)
    assert again["code"] == "conflict"


async def test_a_topic_is_settled(edge: Edge) -> None:
    topic_id = await ask(edge, *ASKED)
    path = f"/v1/topics/{topic_id}"
    assert (await request(edge, "PATCH", path, "sue", {"owner": "ed"}))["owner"] == "ed"
    assert (await request(edge, "PATCH", path, "sue", {"declined": True}, 400))["code"] == "bad_input"
    assert (await request(edge, "PATCH", path, "sue", {"answered_by": "nowhere"}, 404))["code"] == "not_found"
    await edge.services.knowledge.save([CARD], by="eve")
    done = await request(edge, "PATCH", path, "sue", {"answered_by": CARD.id})
    assert (done["state"], done["card_id"], done["changed_by"]) == ("answered", CARD.id, "sue")
    assert (await request(edge, "GET", "/v1/topics", "sue"))["topics"] == []
    assert len((await request(edge, "GET", "/v1/topics?closed=true", "sue"))["topics"]) == 1


async def test_ledger_issues_and_outcomes(edge: Edge) -> None:
    await edge.services.knowledge.save([CARD], by="eve")
    ack = CardAck(call_id="c9", at_ms=1, card_id=CARD.id, push_seq=2, action="used", by="a1")
    over = CallEnded(call_id="c9", at_ms=2, reason="hangup", duration_ms=2)
    await edge.log.append(started("c9"), push("c9"), ack, over)
    line, total = (await request(edge, "GET", "/v1/ledger", "eve"))["lines"]
    assert (line["card_id"], line["shown"], line["retrieval"]["rate"], total["card_id"]) == (CARD.id, 1, 1.0, None)
    assert line["transfer"] == {"count": 0, "of": 0, "rate": None, "interval": None}
    await request(edge, "PUT", "/v1/calls/c9/outcome", "pbx", {"transferred": True}, 204)
    line = (await request(edge, "GET", f"/v1/ledger?card_id={CARD.id}", "eve"))["lines"][0]
    assert line["transfer"]["rate"] == 1.0
    (issue,) = (await request(edge, "GET", "/v1/issues", "eve"))["issues"]
    assert (issue["kind"], issue["title"], issue["calls"]) == ("card", CARD.title, 1)
    assert (await request(edge, "GET", "/v1/issues?week=yesterday", "eve", status=400))["code"] == "bad_input"
    backwards = "/v1/ledger?since=2026-11-02T00:00:00Z&until=2026-11-01T00:00:00Z"
    assert (await request(edge, "GET", backwards, "eve", status=400))["code"] == "bad_input"


async def test_an_audit_over_http(edge: Edge) -> None:
    await edge.services.knowledge.save([CARD], by="eve")
    assert (await request(edge, "GET", "/v1/audits/2020-01", "sue"))["items"] == []
    (item,) = (await request(edge, "POST", "/v1/audits/2020-01", "sue"))["items"]
    assert (item["card_id"], item["stratum"], item["verdict"]) == (CARD.id, "never_shown", None)
    path = f"/v1/audits/2020-01/{CARD.id}"
    report = await request(edge, "PUT", path, "eve", {"verdict": "outdated", "note": "旧"})
    assert (report["to_review"], report["estimate"], report["items"][0]["auditor"]) == ([CARD.id], 0.0, "eve")
    assert (await request(edge, "PUT", path, "eve", {"verdict": "fine"}, 400))["code"] == "bad_input"
    assert (await request(edge, "POST", "/v1/audits/2020-13", "sue", status=400))["code"] == "bad_input"


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("a1", "GET", "/v1/topics"),
        ("a1", "GET", "/v1/ledger"),
        ("a1", "PUT", "/v1/calls/c1/outcome"),
        ("pbx", "GET", "/v1/topics"),
        ("pbx", "POST", "/v1/audits/2026-11"),
        ("sue", "POST", "/v1/topics/topic-x/draft"),
        ("eve", "PUT", "/v1/calls/c1/outcome"),
    ],
)
async def test_roles_keep_to_their_work(edge: Edge, who: str, method: str, path: str) -> None:
    assert (await request(edge, method, path, who, status=403))["code"] == "not_allowed"
