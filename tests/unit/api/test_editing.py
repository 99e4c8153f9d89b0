"""What editors do over HTTP: versions, a card's life, warnings, hit test, questions from searches; and nobody else."""

import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from callcue.calls.editing import CardEditor
from callcue.core.cards import Card
from kb_index.formats import card_to_json
from tests.unit.api.edge import CARD, Edge
from tests.unit.api.fakes import started
from tests.unit.api.test_rest import get, post_cards, put

FORM = card_to_json(CARD)


async def post(edge: Edge, path: str, body: object, who: str = "eve", **headers: str) -> httpx2.Response:
    return await edge.http.post(path, json=body, headers=edge.headers(who) | headers)


async def test_the_second_editor_is_told_and_nothing_is_overwritten(edge: Edge) -> None:
    await put(edge, FORM)
    await put(edge, FORM | {"title": "一"}, who="root", version=1)
    refused = await put(edge, FORM | {"body": "二"}, version=1)
    assert (refused.status_code, refused.json()["code"]) == (412, "stale_version")
    current = refused.json()["current"]
    assert (current["based_on"], current["version"], current["saved_by"]) == (1, 2, "root")
    assert [(c["field"], c["old"], c["new"]) for c in current["changes"]] == [("title", CARD.title, "一")]
    unsaid = await put(edge, FORM | {"body": "二"})
    assert (unsaid.status_code, unsaid.json()["code"]) == (428, "version_needed")
    assert (await get(edge, f"/v1/cards/{CARD.id}"))["card"] == FORM | {"title": "一"}
    anyway = await edge.http.put(
        f"/v1/cards/{CARD.id}", json=FORM | {"body": "二"}, headers=edge.headers("eve") | {"If-Match": "*"}
    )
    assert anyway.json()["version"] == 3


async def test_versions_are_listed_compared_and_restored(edge: Edge) -> None:
    await put(edge, FORM)
    await put(edge, FORM | {"title": "新", "questions": ["怎么开发票", "补开"]}, version=1)
    path = f"/v1/cards/{CARD.id}"
    listed = (await get(edge, f"{path}/versions"))["versions"]
    assert [(v["version"], v["saved_by"], v["action"]) for v in listed] == [(2, "eve", "save"), (1, "eve", "save")]
    changes = (await get(edge, f"{path}/diff?from=1&to=2"))["changes"]
    assert {c["field"]: c["lines"] for c in changes}["questions"] == ["  怎么开发票", "+ 补开"]
    stale = await post(edge, f"{path}/restore", {"version": 1}, **{"If-Match": '"1"'})
    assert stale.status_code == 412
    done = await post(edge, f"{path}/restore", {"version": 1, "note": "was right"}, **{"If-Match": '"2"'})
    assert (done.json()["version"], done.headers["etag"]) == (3, '"3"')
    assert (await get(edge, path))["card"] == FORM
    newest = (await get(edge, f"{path}/versions"))["versions"][0]
    assert (newest["action"], newest["note"]) == ("restore", "was right")
    assert (await post(edge, f"{path}/restore", {"version": 9})).status_code == 404


async def test_a_card_goes_through_its_life_step_by_step(edge: Edge) -> None:
    await put(edge, FORM | {"status": "draft"})
    path = f"/v1/cards/{CARD.id}/status"
    skipped = await post(edge, path, {"status": "published"})
    assert (skipped.status_code, skipped.json()["code"]) == (409, "conflict")
    assert (await put(edge, FORM, version=1)).status_code == 409, "nor by saving it as published"
    for status, note in (("review", ""), ("published", ""), ("retired", "no longer sold")):
        assert (await post(edge, path, {"status": status, "note": note})).status_code == 200
    unsaid = await post(edge, path, {"status": "draft"})
    assert (unsaid.status_code, unsaid.json()["code"]) == (400, "bad_input")
    restored = await post(edge, f"/v1/cards/{CARD.id}/restore", {"version": 3})
    assert restored.json()["outcome"] == "unchanged", "what differs is the status alone, which restoring leaves"
    listed = (await get(edge, f"/v1/cards/{CARD.id}/versions"))["versions"]
    assert [(v["status"], v["note"]) for v in listed[:2]] == [("retired", "no longer sold"), ("published", "")]


async def test_lists_by_owner_and_by_end(edge: Edge) -> None:
    for n, (owner, end) in enumerate((("li", "2020-01-01"), ("wang", None))):
        await put(edge, FORM | {"id": f"kb-{n}", "owner": owner, "valid_to": end}, f"kb-{n}")
    for query, found in (("owner=wang", ["kb-1"]), ("expiring_days=30", ["kb-0"]), ("owner=wang&expiring_days=1", [])):
        assert [view["card"]["id"] for view in (await get(edge, f"/v1/cards?{query}"))["cards"]] == found


OTHERS = ("蓝牙耳机连接", "会员积分兑换", "笔记本蓝屏", "门店营业时间", "分期手续费", "快递延误赔付", "屏幕换新")


async def test_warnings_come_with_a_save_and_as_a_report_and_block_nothing(edge: Edge) -> None:
    for n, title in enumerate(OTHERS):
        await put(edge, {"id": f"kb-{n}", "title": title, "body": "无关"}, f"kb-{n}")
    one = {"id": "one", "title": "退货时限", "body": "签收后7天内可以退货。", "questions": ["买了几天内可以退货"]}
    assert (await put(edge, one, "one")).json()["warnings"] == []
    other = one | {"id": "other", "body": "签收后15天内可以退货。"}
    saved = (await put(edge, other, "other")).json()
    assert [w["kind"] for w in saved["warnings"]] == ["contradiction", "near_duplicate"]
    report = (await get(edge, "/v1/cards/check", "eve"))["warnings"]
    assert {w["here"] for w in report} == {"签收后7天内可以退货", "退货时限"}
    assert (await get(edge, "/v1/cards/check?card_id=kb-0", "eve"))["warnings"] == []


async def test_a_page_is_tried_imported_and_imported_again(edge: Edge) -> None:
    page = "<h1>退货</h1><h2>多久能退？</h2><p>7天。</p><h2>运费谁出？</h2><p>我们。</p>"
    tried = (await post_cards(edge, page.encode(), "?name=r.html&dry_run=true", "text/html")).json()
    done = (await post_cards(edge, page.encode(), "?name=r.html", "text/html")).json()
    assert tried == done | {"dry_run": True}
    assert len(done["added"]) == 2
    cards = (await get(edge, "/v1/cards?status=draft"))["cards"]
    assert {view["card"]["title"] for view in cards} == {"多久能退？", "运费谁出？"}
    first = next(view["card"] for view in cards if view["card"]["title"] == "多久能退？")
    path = f"/v1/cards/{first['id']}"
    mine = first | {"status": "review", "questions": [*first["questions"], "几天内退"], "owner": "li"}
    await put(edge, mine, first["id"], version=1)
    again = (await post_cards(edge, page.replace("7天", "15天").encode(), "?name=r.html", "text/html")).json()
    assert (again["added"], again["changed"], again["unchanged"]) == ([], [first["id"]], 1)
    assert [(c["field"], c["old"], c["new"]) for c in again["changes"][0]["fields"]] == [("body", "7天。", "15天。")]
    assert (await get(edge, path))["card"] == mine | {"body": "15天。"}
    bad = await post_cards(edge, b"<div>" * 9_999, "?name=r.html", "text/html")
    assert (bad.status_code, "deep" in bad.json()["detail"]) == (400, True)


async def test_a_page_does_not_undo_what_somebody_saves_meanwhile(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    page = "<h1>退货</h1><h2>多久能退？</h2><p>7天。</p>"
    await post_cards(edge, page.encode(), "?name=r.html", "text/html")
    (view,) = (await get(edge, "/v1/cards?status=draft"))["cards"]
    theirs = view["card"] | {"questions": [*view["card"]["questions"], "几天内退"]}
    laying = CardEditor.onto_stored

    async def then_somebody_saves(editor: CardEditor, pages: Sequence[Card]) -> tuple[list[Card], dict[str, int]]:
        laid = await laying(editor, pages)
        await put(edge, theirs, theirs["id"], version=1)
        return laid

    monkeypatch.setattr(CardEditor, "onto_stored", then_somebody_saves)
    answer = await post_cards(edge, page.replace("7天", "15天").encode(), "?name=r.html", "text/html")
    assert answer.status_code == 412
    assert (await get(edge, f"/v1/cards/{theirs['id']}"))["card"] == theirs


async def test_an_import_with_an_illegal_status_imports_nothing(edge: Edge) -> None:
    await put(edge, FORM | {"status": "retired"})
    data = "".join(json.dumps(form) + "\n" for form in (FORM, FORM | {"id": "new"})).encode()
    tried = (await post_cards(edge, data, "?dry_run=true")).json()
    assert "cannot become published" in tried["problems"][0]["message"]
    assert (await post_cards(edge, data)).status_code == 409
    assert [view["card"]["id"] for view in (await get(edge, "/v1/cards"))["cards"]] == [CARD.id]


async def test_the_hit_test_says_why(edge: Edge) -> None:
    await put(edge, FORM | {"triggers": [{"phrase": "补开发票"}], "negative": ["不用补开发票"]})
    answer = (await post(edge, "/v1/kb/hit-test", {"text": "我要补开发票\n不用补开发票了"}, who="sue")).json()
    shown, denied = (utterance["candidates"][0] for utterance in answer["utterances"])
    assert (shown["card_id"], shown["shown"], shown["verdict"]) == (CARD.id, True, "pushed")
    assert [trigger["phrase"] for trigger in shown["triggers"]] == ["补开发票"]
    assert (denied["shown"], denied["verdict"], denied["bars"]) == (False, "negative phrase", [])
    assert denied["negatives"] == ["不用补开发票"]
    for bad in ({"text": " "}, {"text": "a\n" * 21}, {"text": "a", "channel": "x"}):
        assert (await post(edge, "/v1/kb/hit-test", bad)).status_code == 400


async def test_the_hit_test_names_what_would_fit_and_is_not_shown(edge: Edge) -> None:
    asked = "订单付款以后怎么改地址"
    await put(edge, FORM)
    card = {"id": "kb-address", "title": asked, "body": "…", "status": "draft", "triggers": [{"phrase": "改收货地址"}]}
    await put(edge, card, card_id="kb-address")
    body = {"text": f"{asked}\n帮我改收货地址", "customer": {"region": "华北"}}
    found, heard = (await post(edge, "/v1/kb/hit-test", body, who="sue")).json()["utterances"]
    assert "kb-address" not in {candidate["card_id"] for candidate in found["candidates"]}
    (one,) = found["withheld"]
    assert (one["card_id"], one["status"], one["bars"], one["because"]) == (
        "kb-address",
        "draft",
        ["status"],
        "is a draft",
    )
    assert (one["score"], one["matched"]) == (0.9, asked)
    assert [trigger["phrase"] for one in heard["withheld"] for trigger in one["triggers"]] == ["改收货地址"]
    bad = {"text": asked, "customer": {"county": "华北"}}
    assert (await post(edge, "/v1/kb/hit-test", bad)).status_code == 400


async def search(edge: Edge, who: str = "a1", **body: Any) -> Any:
    return (await post(edge, "/v1/search", body, who=who)).json()


async def test_what_agents_search_becomes_a_question_or_never_again(edge: Edge) -> None:
    await put(edge, FORM)
    for text in ("报销要的票", "没有用上的"):
        found = await search(edge, text=text)
        if text == "报销要的票":
            taken = {"card_id": CARD.id, "action": "used"}
            path = f"/v1/search/{found['search_id']}/taken"
            assert (await post(edge, path, taken, who="a2")).status_code == 404, "of others' searches nothing is said"
            assert (await post(edge, path, taken, who="a1")).status_code == 204
    (proposal,) = (await get(edge, "/v1/cards/questions", "eve"))["questions"]
    assert (proposal["text"], proposal["sources"], proposal["count"], proposal["agents"]) == (
        ("报销要的票", {"search": 1}, 1, 1)
    )
    verdict = {"text": "报销要的票", "verdict": "accepted", "wording": "报销用的发票"}
    path = f"/v1/cards/{CARD.id}/questions"
    assert (await post(edge, path, verdict, **{"If-Match": '"7"'})).status_code == 412
    assert (await post(edge, path, verdict)).json() == {"version": 2}
    assert (await get(edge, f"/v1/cards/{CARD.id}"))["card"]["questions"] == [*CARD.questions, "报销用的发票"]
    assert (await get(edge, "/v1/cards/questions", "eve"))["questions"] == []


async def test_a_rejected_question_is_not_proposed_again(edge: Edge) -> None:
    await put(edge, FORM)
    for _ in range(2):
        found = await search(edge, text="报销要的票")
        await post(edge, f"/v1/search/{found['search_id']}/taken", {"card_id": CARD.id, "action": "used"}, who="a1")
        await post(edge, f"/v1/cards/{CARD.id}/questions", {"text": "报销要的票！", "verdict": "rejected"})
    assert (await get(edge, "/v1/cards/questions", "eve"))["questions"] == []
    assert (await get(edge, f"/v1/cards/{CARD.id}"))["version"] == 1


async def test_only_agents_searches_are_kept_and_only_of_calls_that_they_see(edge: Edge) -> None:
    await edge.log.append(started("c-1", "a1"))
    assert (await search(edge, text="x", call_id="c-1"))["search_id"]
    assert (await post(edge, "/v1/search", {"text": "x", "call_id": "c-1"}, who="a2")).status_code == 404
    for who in ("eve", "pbx"):
        assert (await search(edge, who, text="x"))["search_id"] is None


@pytest.mark.parametrize("who", ["a1", "sue", "pbx"])
async def test_editing_needs_the_editors_right(edge: Edge, who: str) -> None:
    await put(edge, FORM)
    path = f"/v1/cards/{CARD.id}"
    for method, where, body in (
        ("POST", f"{path}/restore", {"version": 1}),
        ("POST", f"{path}/status", {"status": "retired", "note": "x"}),
        ("POST", f"{path}/questions", {"text": "x", "verdict": "rejected"}),
        ("GET", "/v1/cards/check", None),
        ("GET", "/v1/cards/questions", None),
    ):
        answer = await edge.http.request(method, where, json=body, headers=edge.headers(who))
        assert answer.status_code == 403, (method, where)
    assert (await get(edge, path))["version"] == 1
