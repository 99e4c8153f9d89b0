"""Asking services that are not ours: bounded in time and size whatever they do, and no thread waits for them."""

import asyncio
import gzip
import threading
from collections.abc import AsyncIterator

import httpx2
import pytest

from callcue.core.errors import EndpointFailed, OrdersUnavailable
from callcue.infra import bounded_http
from callcue.infra.bounded_http import Ask, AskFailedError, BoundedHttp, Bounds
from callcue.infra.breaker import CircuitBreaker
from callcue.infra.chat_endpoint import ChatEndpoint, EndpointConfig
from callcue.infra.order_rest import RestOrderConfig, RestOrders
from callcue.testing import ManualClock
from tests.unit.infra.rough_server import RoughServer, rough_server

PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.fixture
async def server() -> AsyncIterator[RoughServer]:
    async with rough_server() as rough:
        yield rough


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)


def http(seconds: float = 5.0, most_bytes: int = 1000, **more: object) -> BoundedHttp:
    return BoundedHttp(Bounds(seconds=seconds, most_bytes=most_bytes), **more)  # type: ignore[arg-type]


def get(url: str) -> Ask:
    return Ask(method="GET", url=httpx2.URL(url))


def orders(server: RoughServer, *, proxies: bool = False, seconds: float = 5.0) -> RestOrders:
    config = RestOrderConfig(
        number_url=server.url + "/{order_no}",
        phone_url=None,
        authorization="Bearer s3cret",
        timeout_s=seconds,
        environment_proxies=proxies,
    )
    return RestOrders(config, CircuitBreaker(ManualClock(), failures=9, pause_s=1.0))


def chat(server: RoughServer, seconds: float = 5.0) -> ChatEndpoint:
    return ChatEndpoint(EndpointConfig(url=server.url + "/v1", model="m", timeout_s=seconds))


def no_thread_of_others() -> bool:
    """The threads that the tagger and the rest of the service share were not asked for anything."""
    return asyncio.get_running_loop()._default_executor is None  # type: ignore[attr-defined]


async def test_an_answer_comes_back_whole(server: RoughServer) -> None:
    server.body = b"[1]"
    assert await http().ask(get(server.url)) == (200, b"[1]")
    server.head = b"HTTP/1.1 404 X\r\nConnection: close\r\n\r\n"
    assert await http().ask(get(server.url)) == (404, b"")


def naming(*addresses: str, **more: object) -> BoundedHttp:
    async def resolve(_host: str, _port: int) -> list[str]:
        return list(addresses)

    return http(resolve=resolve, **more)  # type: ignore[arg-type]


async def test_a_name_is_asked_at_its_next_address_where_one_takes_no_connection(server: RoughServer) -> None:
    server.body = b"[1]"
    port = httpx2.URL(server.url).port
    asked = get(f"http://shop.example:{port}/")
    assert await naming("127.0.0.2", "127.0.0.1").ask(asked) == (200, b"[1]")
    assert await naming("127.0.0.1", "127.0.0.2").ask(asked) == (200, b"[1]")
    assert len(server.asked) == 2
    with pytest.raises(AskFailedError) as failed:
        await naming("127.0.0.2", "127.0.0.3").ask(asked)
    assert failed.value.why == "unreachable"
    with pytest.raises(AskFailedError) as failed:
        await naming("127.0.0.2", "127.0.0.1", allowed=lambda one: str(one) == "127.0.0.1").ask(asked)
    assert failed.value.why == "outside", "all of them are checked before one is asked"


async def test_what_was_sent_is_not_sent_again_elsewhere(server: RoughServer) -> None:
    server.head, server.body = b"", b""
    port = httpx2.URL(server.url).port
    with pytest.raises(AskFailedError) as failed:
        await naming("127.0.0.1", "127.0.0.1", "127.0.0.2").ask(get(f"http://shop.example:{port}/"))
    assert (failed.value.why, len(server.asked)) == ("unreachable", 1)


@pytest.mark.parametrize("where", ["drips", "drips_head"])
async def test_an_answer_that_drips_in_is_given_up_as_a_whole(server: RoughServer, where: str) -> None:
    setattr(server, where, True)
    with pytest.raises(AskFailedError) as failed:
        await http(seconds=0.2).ask(get(server.url))
    assert failed.value.why == "late"
    with pytest.raises(OrdersUnavailable, match="in time"):
        await orders(server, seconds=0.2).by_number("1234567")
    with pytest.raises(EndpointFailed, match=r"within 0\.2 s"):
        await chat(server, seconds=0.2).complete("x")
    assert no_thread_of_others()


async def test_an_answer_without_end_is_cut_off(server: RoughServer) -> None:
    server.body = b" " * 2_000_000
    with pytest.raises(AskFailedError) as failed:
        await http(most_bytes=1000).ask(get(server.url))
    assert failed.value.why == "too_large"
    with pytest.raises(OrdersUnavailable, match="more than 1,000,000 bytes"):
        await orders(server).by_number("1234567")
    with pytest.raises(EndpointFailed, match="longer"):
        await chat(server).complete("x")


async def test_a_packed_answer_is_not_unpacked(server: RoughServer) -> None:
    server.head = server.head.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    server.body = gzip.compress(b" " * 50_000_000)
    with pytest.raises(AskFailedError) as failed:
        await http(most_bytes=1_000_000).ask(get(server.url))
    assert failed.value.why == "packed"


@pytest.mark.parametrize("head", [b"no http at all\r\n\r\n", b"", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"])
async def test_what_is_no_http_is_unreachable(server: RoughServer, head: bytes) -> None:
    server.head, server.body = head, b""
    with pytest.raises(AskFailedError) as failed:
        await http().ask(get(server.url))
    assert failed.value.why == "unreachable"


async def test_only_so_many_ask_at_once_and_waiting_counts(server: RoughServer) -> None:
    server.drips = True
    one = BoundedHttp(Bounds(seconds=0.3, most_bytes=10_000, at_once=1))
    results = await asyncio.gather(*(one.ask(get(server.url)) for _ in range(5)), return_exceptions=True)
    assert all(isinstance(result, AskFailedError) for result in results)
    assert len(server.asked) < 5


async def test_a_name_server_that_hangs_holds_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()

    def hangs(*_args: object, **_more: object) -> list[object]:
        answered.wait(30)
        return []

    monkeypatch.setattr(bounded_http, "getaddrinfo", hangs)
    asked = http(seconds=0.1)
    try:
        for _ in range(6):
            with pytest.raises(AskFailedError) as failed:
                await asked.ask(get("http://shop.example/"))
            assert failed.value.why == "late"
        assert no_thread_of_others()
        names = [thread for thread in threading.enumerate() if thread.name.startswith("callcue-names")]
        assert 0 < len(names) <= 2
    finally:
        answered.set()


async def test_no_proxy_of_the_environment_sees_an_order_number(
    server: RoughServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rough_server() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        with pytest.raises(OrdersUnavailable, match=r"no list of orders|cannot be read"):
            await orders(server).by_number("1234567")
        assert (server.asked, proxy.asked) == (["GET /1234567 HTTP/1.1"], [])
        with pytest.raises(EndpointFailed, match="no chat completion"):
            await chat(server).complete("x")
        assert proxy.asked == []


async def test_unless_the_settings_say_so(server: RoughServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async with rough_server() as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        with pytest.raises(OrdersUnavailable):
            await orders(server, proxies=True).by_number("1234567")
        assert (server.asked, proxy.asked) == ([], [f"GET {server.url}/1234567 HTTP/1.1"])
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        with pytest.raises(OrdersUnavailable):
            await orders(server, proxies=True).by_number("1234567")
        assert server.asked == ["GET /1234567 HTTP/1.1"]
