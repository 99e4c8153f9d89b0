"""Asking a language model: what goes over the wire, where it may go, and that every failure has its words."""

from collections.abc import AsyncIterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from callcue.core.errors import BadInput, EndpointFailed
from callcue.core.settings import SummarySettings
from callcue.infra.chat_endpoint import ChatEndpoint, EndpointConfig, Resolve, is_private
from tests.unit.infra.chat_server import ChatServer, chat_server


@pytest.fixture
async def stub() -> AsyncIterator[ChatServer]:
    async with chat_server() as server:
        yield server


def config(url: str) -> EndpointConfig:
    return EndpointConfig(url=url, model="qwen", key="s3cret", timeout_s=5.0, max_tokens=300)


def names(*addresses: str) -> Resolve:
    async def resolve(host: str, port: int) -> list[str]:
        return list(addresses)

    return resolve


async def test_one_question_one_answer(stub: ChatServer) -> None:
    stub.content = "你好"
    assert await ChatEndpoint(config(stub.url + "/")).complete("问题") == "你好"
    ((first, headers, body),) = stub.requests
    assert first == "POST /v1/chat/completions HTTP/1.1"
    assert headers["authorization"] == "Bearer s3cret"
    assert body == {
        "model": "qwen",
        "messages": [{"role": "user", "content": "问题"}],
        "max_tokens": 300,
        "temperature": 0,
        "stream": False,
    }


async def test_without_a_key_none_is_sent(stub: ChatServer) -> None:
    await ChatEndpoint(replace(config(stub.url), key=None)).complete("x")
    assert "authorization" not in stub.requests[0][1]


async def test_the_address_that_was_checked_is_the_one_that_is_asked(stub: ChatServer) -> None:
    named = ChatEndpoint(config(f"http://llm.example:{stub.port}/v1"), names("127.0.0.1"))
    await named.complete("x")
    assert stub.requests[0][1]["host"] == f"llm.example:{stub.port}"


@pytest.mark.parametrize("addresses", [("93.184.216.34",), ("127.0.0.1", "93.184.216.34"), ("169.254.169.254",)])
async def test_nothing_is_sent_to_public_addresses(stub: ChatServer, addresses: tuple[str, ...]) -> None:
    outside = ChatEndpoint(config(f"http://llm.example:{stub.port}/v1"), names(*addresses))
    with pytest.raises(EndpointFailed, match="nothing was sent"):
        await outside.complete("x")
    assert stub.requests == []


async def test_unless_the_settings_allow_it(stub: ChatServer) -> None:
    allowed = replace(config(f"http://llm.example:{stub.port}/v1"), allow_public=True)
    await ChatEndpoint(allowed, names("127.0.0.1", "93.184.216.34")).complete("x")
    assert len(stub.requests) == 1


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("192.168.0.9", True),
        ("::1", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", True),
        ("8.8.8.8", False),
        ("169.254.169.254", False),
        ("::ffff:8.8.8.8", False),
        ("0.0.0.0", False),
        ("2001:4860:4860::8888", False),
    ],
)
def test_private_addresses(address: str, private: bool) -> None:
    assert is_private(ip_address(address)) is private


async def test_an_endpoint_that_is_late_fails_in_time(stub: ChatServer) -> None:
    stub.hold.clear()
    with pytest.raises(EndpointFailed, match=r"within 0\.05 s"):
        await ChatEndpoint(replace(config(stub.url), timeout_s=0.05)).complete("x")


@pytest.mark.parametrize(
    ("status", "body", "headers", "says"),
    [
        (500, None, "", "status 500"),
        (302, None, "Location: http://127.0.0.1:1/\r\n", "status 302"),
        (200, b"<html>", "", "no chat completion"),
        (200, b"{}", "", "no chat completion"),
        (200, b'{"choices": []}', "", "no chat completion"),
        (200, b'{"choices": [{"message": {"content": null}}]}', "", "no text"),
        (200, b" " * 200_001, "", "longer than"),
    ],
)
async def test_a_bad_answer_says_what_it_is(
    stub: ChatServer, status: int, body: bytes | None, headers: str, says: str
) -> None:
    stub.status, stub.body, stub.headers = status, body, headers
    with pytest.raises(EndpointFailed, match=says):
        await ChatEndpoint(config(stub.url)).complete("x")
    assert len(stub.requests) == 1, "a redirect is not followed"


async def test_an_endpoint_that_is_not_there(stub: ChatServer) -> None:
    with pytest.raises(EndpointFailed, match="cannot be reached"):
        await ChatEndpoint(config("http://127.0.0.1:1/v1")).complete("x")


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1", "127.0.0.1:11434", "http://", "http://u:p@127.0.0.1/v1", "http://h/v1?k=1"]
)
def test_an_address_that_cannot_be_one_is_refused_at_once(url: str) -> None:
    with pytest.raises(BadInput, match=r"summary\.url"):
        ChatEndpoint(config(url))


def test_the_key_comes_from_the_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "abc")
    made = EndpointConfig.from_settings(SummarySettings(url="http://127.0.0.1/v1", model="m", key_env="MY_KEY"))
    assert made is not None
    assert made.key == "abc"
    assert "abc" not in repr(made)
    assert EndpointConfig.from_settings(SummarySettings()) is None
    with pytest.raises(ValueError, match="needs model"):
        SummarySettings(url="http://127.0.0.1/v1")
