"""Nothing but health, schemas and the page is open; roles; foreign web pages; uniform errors."""

import json
from typing import Any

import pytest
from fastapi.routing import APIWebSocketRoute, iter_route_contexts
from jsonschema import Draft202012Validator
from websockets.exceptions import InvalidStatus

from api.app import OPEN_PATHS
from callcue.core.errors import StorageFailed
from callcue.infra.codec import encode
from tests.unit.api.edge import START, Edge, closed, push, receive, send
from tests.unit.api.fakes import started


def routes(edge: Edge) -> list[tuple[str, str]]:
    """Method and path of everything that the application serves."""
    found = []
    for context in iter_route_contexts(edge.app.routes):
        route: Any = context.original_route
        path = getattr(context, "path", None) or route.path
        if isinstance(route, APIWebSocketRoute):
            found.append(("WS", path))
        else:
            found += [(method, path) for method in route.methods or ()]
    return found


async def test_every_route_demands_a_token(edge: Edge) -> None:
    seen = routes(edge)
    assert {path for method, path in seen if method == "WS"} == {"/v1/calls/audio", "/v1/desktop"}
    assert len(seen) > 20
    for method, path in seen:
        if path in OPEN_PATHS:
            continue
        address = path.format(call_id="c1", card_id="x", search_id="s1", topic_id="t", month="2026-11", name="visit_7d")
        if method == "WS":
            async with edge.socket(address, None) as socket:
                assert await closed(socket) == 4401, path
            continue
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic cm9vdDpyb290"}):
            answer = await edge.http.request(method, address, headers=headers)
            assert answer.status_code == 401, (method, path)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            assert answer.json()["code"] == "not_authenticated"


async def test_open_paths_are_few_and_say_nothing_of_calls(edge: Edge) -> None:
    await edge.log.append(started("c1-secret"))
    edge.components["engine"] = "cannot open /srv/models/whisper"
    for path in OPEN_PATHS:
        answer = await edge.http.get(path)
        assert answer.status_code in (200, 503)
        assert "c1-secret" not in answer.text
        assert "/srv/models" not in answer.text


@pytest.mark.parametrize(
    ("who", "method", "path"),
    [
        ("a1", "PUT", "/v1/cards/x"),
        ("a1", "POST", "/v1/cards/import"),
        ("a1", "GET", "/v1/cards/export"),
        ("a1", "GET", "/metrics"),
        ("eve", "GET", "/v1/calls"),
        ("eve", "PATCH", "/v1/calls/c1/record"),
        ("eve", "POST", "/v1/calls/c1/acks"),
        ("pbx", "GET", "/v1/calls/c1/transcript"),
        ("sue", "PUT", "/v1/cards/x"),
        ("a1", "GET", "/v1/records/export"),
        ("eve", "GET", "/v1/record-schema"),
        ("sue", "PUT", "/v1/record-schema/config"),
    ],
)
async def test_roles_keep_to_their_work(edge: Edge, who: str, method: str, path: str) -> None:
    answer = await edge.http.request(method, path, headers=edge.headers(who))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_allowed")


async def test_a_stranger_s_body_is_not_even_read(edge: Edge) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await edge.http.patch("/v1/calls/c1/record", content=b"{broken", headers=headers)
    assert answer.status_code == 401


@pytest.mark.parametrize("query", ["access_token=x", "token=x"])
async def test_a_token_in_the_address_is_refused(edge: Edge, query: str) -> None:
    answer = await edge.http.get(f"/v1/calls?{query}", headers=edge.headers())
    assert answer.status_code == 400
    assert "address" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404),
        ("DELETE", "/v1/calls", 405),
        ("GET", "/v1/calls/a/b/c/d", 404),
        ("GET", "/v1/calls/..%2f..%2fetc%2fpasswd", 404),
        ("GET", "/v1/calls/%00", 400),
        ("GET", "/v1/calls/-x", 400),
        ("GET", "/v1/calls/kb/events", 400),
        ("GET", "/v1/calls?limit=0", 400),
        ("GET", "/v1/calls?limit=x", 400),
        ("GET", "/v1/calls?colour=red", 400),
        ("GET", "/v1/calls?since=yesterday", 400),
        ("GET", "/v1/calls?cursor=nowhere", 404),
        ("GET", "/v1/cards/%E5%8F%91", 400),
        ("GET", "/docs", 404),
        ("GET", "/redoc", 404),
    ],
)
async def test_every_error_is_a_problem_document(edge: Edge, method: str, path: str, status: int) -> None:
    answer = await edge.http.request(method, path, headers=edge.headers())
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == status
    assert {"type", "title", "code", "detail"} <= body.keys()


async def test_faults_inside_are_not_described(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fault(*_args: object, **_named: object) -> None:
        raise RuntimeError("password=hunter2")

    async def full(*_args: object, **_named: object) -> None:
        raise StorageFailed("disk /dev/sda1 is full")

    monkeypatch.setattr(type(edge.services.calls), "list", fault)
    answer = await edge.http.get("/v1/calls", headers=edge.headers())
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "hunter2" not in answer.text
    monkeypatch.setattr(type(edge.services.calls), "list", full)
    answer = await edge.http.get("/v1/calls", headers=edge.headers())
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "sda1" not in answer.text


async def test_readiness(edge: Edge) -> None:
    assert (await edge.http.get("/readyz")).json() == {"ready": True, "components": {"engine": "ok", "index": "ok"}}
    edge.components["engine"] = "loading"
    answer = await edge.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["components"] == {"engine": "not ready", "index": "ok"}
    answer = await edge.http.get("/readyz", headers=edge.headers("pbx"))
    assert answer.json()["components"]["engine"] == "loading"
    assert (await edge.http.get("/healthz")).json() == {"status": "ok"}
    metrics = await edge.http.get("/metrics", headers=edge.headers("pbx"))
    assert "callcue_calls_live" in metrics.text


FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "null"},
    {"Host": "evil.example"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_without_tokens_foreign_web_pages_are_kept_out(open_edge: Edge, headers: dict[str, str]) -> None:
    for method, path in (("POST", "/v1/search"), ("PUT", "/v1/cards/x"), ("GET", "/v1/calls")):
        answer = await open_edge.http.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    for path in ("/v1/calls/audio", "/v1/desktop"):
        with pytest.raises(InvalidStatus) as refused:
            async with open_edge.socket(path, headers=headers):
                pass
        assert refused.value.response.status_code in (400, 403)  # 400: two Host headers


async def test_without_tokens_this_machine_is_admin(open_edge: Edge) -> None:
    own = {"Origin": f"http://127.0.0.1:{open_edge.port}"}
    assert (await open_edge.http.get("/v1/calls", headers=own)).status_code == 200
    async with open_edge.socket("/v1/calls/audio", headers=own) as socket:
        await send(socket, **START)
        assert (await receive(socket))["event"] == "ready"


async def test_with_tokens_no_answer_may_be_read_by_other_origins(edge: Edge) -> None:
    answer = await edge.http.get("/v1/calls", headers=edge.headers() | {"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_the_schemas_describe_what_is_sent(edge: Edge) -> None:
    audio = (await edge.http.get("/v1/schemas/audio-socket.json")).json()
    desktop = (await edge.http.get("/v1/schemas/desktop-socket.json")).json()
    for schema in (audio, desktop):
        Draft202012Validator.check_schema(schema)

    def valid(schema: dict[str, Any], side: str, frame: object) -> bool:
        return bool(Draft202012Validator({**schema, "anyOf": [{"$ref": f"#/$defs/{side}"}]}).is_valid(frame))

    assert valid(audio, "Client", START)
    assert not valid(audio, "Client", {**START, "sample_rate": 44100})
    assert not valid(audio, "Client", {**START, "colour": "red"})
    assert valid(audio, "Client", {**START, "framing": "packets"})
    media = {"event": "media", "channel": "agent", "seq": 65_535, "timestamp_ms": 20, "payload": "AAA="}
    assert valid(audio, "Client", media)
    for wrong in ({"seq": -1}, {"timestamp_ms": 0.5}, {"channel": "both"}, {"payload": ""}, {"track": "inbound"}):
        assert not valid(audio, "Client", {**media, **wrong}), wrong
    assert valid(audio, "Server", {"event": "ready", "call_id": "c1", "received_ms": 0})
    assert valid(desktop, "Client", {"event": "ack", "call_id": "c1", "push_seq": 1, "action": "used"})
    assert not valid(desktop, "Client", {"event": "ack", "call_id": "c1", "push_seq": 0, "action": "used"})
    await edge.log.append(started("c1"), push("c1"))
    async with edge.socket("/v1/desktop?call_id=c1", "a1") as desk:
        for _ in range(3):
            frame = await receive(desk)
            assert valid(desktop, "Server", frame), frame
    assert not valid(desktop, "Server", encode(started("c1")) | {"colour": "red"})


async def test_the_openapi_document_names_bodies_errors_and_the_scheme(edge: Edge) -> None:
    document = (await edge.http.get("/openapi.json")).json()
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"], reference
    for path, item in document["paths"].items():
        for operation in item.values():
            assert "422" not in operation["responses"]
            assert "application/problem+json" in operation["responses"]["400"]["content"]
            assert operation["security"] == ([] if path in OPEN_PATHS else [{"bearer": []}])
    body = document["paths"]["/v1/search"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/SearchBody"}
