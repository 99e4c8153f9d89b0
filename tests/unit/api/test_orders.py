"""Facts, order checks and the import of orders over REST."""

import pytest

from callcue.core.events import FactsUpdated, OrderChecked
from callcue.core.facts import FactCandidate, FactSpan, FactState
from callcue.core.orders import Order, OrderMismatch
from tests.unit.api.edge import Edge
from tests.unit.api.fakes import started

CSV = "order_no,ordered_on,phone\n20773186,2026-10-14,13602578814\n"


def phone(value: str, state: FactState = "heard", sure: float = 0.65) -> FactCandidate:
    spans = (FactSpan(segment_id="caller-1", start=2, end=13),)
    return FactCandidate(kind="phone", value=value, role="", probability=sure, state=state, evidence=spans)


async def test_facts_are_the_fold_over_their_events(edge: Edge) -> None:
    wrong, right = phone("1391774065", "incomplete"), phone("13917740652", "confirmed", 0.9)
    await edge.log.append(
        started("c1"),
        FactsUpdated(call_id="c1", at_ms=10, candidates=(wrong,)),
        FactsUpdated(call_id="c1", at_ms=20, candidates=(phone("1391774065", "withdrawn"), right)),
    )
    answer = await edge.http.get("/v1/calls/c1/facts", headers=edge.headers("a1"))
    assert answer.status_code == 200
    assert answer.json()["facts"] == [
        {
            "kind": "phone",
            "value": "13917740652",
            "role": "",
            "probability": 0.9,
            "state": "confirmed",
            "evidence": [{"segment_id": "caller-1", "start": 2, "end": 13}],
        }
    ]


async def test_the_newest_order_check_is_shown(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    empty = await edge.http.get("/v1/calls/c1/order-check", headers=edge.headers("a1"))
    assert empty.json()["checked"] is False
    mismatch = OrderMismatch(kind="return_period", said="2026-11-18", stored="40", evidence=("caller-2",))
    order = Order(order_no="20773186", ordered_on="2026-10-14")
    await edge.log.append(OrderChecked(call_id="c1", at_ms=5, order=order, mismatches=(mismatch,)))
    found = (await edge.http.get("/v1/calls/c1/order-check", headers=edge.headers("a1"))).json()
    assert (found["checked"], found["order"]["order_no"]) == (True, "20773186")
    assert found["mismatches"] == [
        {"kind": "return_period", "said": "2026-11-18", "stored": "40", "evidence": ["caller-2"]}
    ]


@pytest.mark.parametrize("path", ["/v1/calls/c1/facts", "/v1/calls/c1/order-check"])
async def test_another_agents_call_is_not_shown(edge: Edge, path: str) -> None:
    await edge.log.append(started("c1"))
    assert (await edge.http.get(path, headers=edge.headers("a2"))).status_code in (403, 404)
    assert (await edge.http.get(path, headers=edge.headers("pbx"))).status_code == 403


async def test_orders_are_imported_after_a_dry_run(edge: Edge) -> None:
    headers = {**edge.headers("pbx"), "Content-Type": "text/csv"}
    dry = await edge.http.post("/v1/orders/import?dry_run=true", content=CSV, headers=headers)
    assert dry.json() == {"dry_run": True, "added": 1, "changed": 0, "unchanged": 0}
    assert await edge.services.orders.by_number("20773186") is None
    done = await edge.http.post("/v1/orders/import", content=CSV, headers=headers)
    assert done.json()["added"] == 1
    assert await edge.services.orders.by_number("20773186") is not None


async def test_a_bad_import_says_which_line(edge: Edge) -> None:
    headers = {**edge.headers("pbx"), "Content-Type": "text/csv"}
    answer = await edge.http.post("/v1/orders/import", content="order_no,ordered_on\n1234567,soon\n", headers=headers)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "line 2"
    agent = await edge.http.post(
        "/v1/orders/import", content=CSV, headers={**edge.headers("a1"), "Content-Type": "text/csv"}
    )
    assert agent.status_code == 403
