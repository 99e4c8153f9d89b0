"""REST: how a call felt, and what supervisors were told of it."""

from tests.unit.api.edge import Edge
from tests.unit.api.fakes import started
from tests.unit.api.test_rest import get
from tests.unit.infra.samples import alert, felt, moods


async def test_each_utterance_and_where_the_mood_went(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    for nth, score in enumerate((0.2, 0.1, -0.5, -0.6, -0.9, -0.9), 1):
        await edge.log.append(felt("c1", nth, score))
    found = await get(edge, "/v1/calls/c1/sentiment")
    assert [one["score"] for one in found["utterances"]] == [0.2, 0.1, -0.5, -0.6, -0.9, -0.9]
    assert found["utterances"][2]["label"] == "负面"
    (caller,) = found["speakers"]
    assert (caller["channel"], caller["utterances"], caller["negative"], caller["course"]) == ("caller", 6, 4, "fell")
    await edge.log.append(moods("c1"))
    assert await get(edge, "/v1/calls/c1/sentiment") == found


async def test_a_call_without_words_has_no_feelings(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    assert await get(edge, "/v1/calls/c1/sentiment") == {"call_id": "c1", "utterances": [], "speakers": []}
    assert await get(edge, "/v1/calls/c1/alerts") == {"call_id": "c1", "alerts": []}


async def test_alerts_with_their_evidence(edge: Edge) -> None:
    await edge.log.append(started("c1"))
    await edge.log.append(alert("c1", 7000))
    (told,) = (await get(edge, "/v1/calls/c1/alerts"))["alerts"]
    assert (told["kind"], told["at_ms"], told["evidence"], told["severity"]) == ("escalation", 7000, ["s1"], "warning")


async def test_of_the_calls_that_one_may_see(edge: Edge) -> None:
    await edge.log.append(started("c2", "a2"))
    for part in ("sentiment", "alerts"):
        strangers = await edge.http.get(f"/v1/calls/c2/{part}", headers=edge.headers("a1"))
        missing = await edge.http.get(f"/v1/calls/nobody/{part}", headers=edge.headers("root"))
        own = await edge.http.get(f"/v1/calls/c2/{part}", headers=edge.headers("root"))
        assert (strangers.status_code, missing.status_code, own.status_code) == (404, 404, 200)
