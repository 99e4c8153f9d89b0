"""Orders asked for over HTTP, of a shop that may be slow, wrong or away."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from callcue.core.errors import OrdersUnavailable
from callcue.core.orders import Order
from callcue.core.settings import OrderSettings
from callcue.infra.breaker import CircuitBreaker
from callcue.infra.order_rest import RestOrderConfig, RestOrders
from callcue.testing import ManualClock


class Shop(BaseHTTPRequestHandler):
    """A shop's interface on this machine."""

    seen: list[tuple[str, str | None]]
    answer: tuple[int, bytes]

    def do_GET(self) -> None:
        type(self).seen.append((self.path, self.headers.get("Authorization")))
        status, body = type(self).answer
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        return


@pytest.fixture
def shop() -> Iterator[tuple[type[Shop], str]]:
    class Here(Shop):
        seen: list[tuple[str, str | None]] = []  # noqa: RUF012 - one shop a test
        answer = (200, b"{}")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Here)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Here, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def rest(address: str, clock: ManualClock) -> RestOrders:
    config = RestOrderConfig(
        number_url=address + "/orders/{order_no}",
        phone_url=address + "/orders?phone={phone}",
        authorization="Bearer s3cret",
        timeout_s=5.0,
    )
    return RestOrders(config, CircuitBreaker(clock, failures=2, pause_s=30.0))


async def test_orders_over_http(shop: tuple[type[Shop], str]) -> None:
    server, address = shop
    source = rest(address, ManualClock())
    row = {
        "order_no": "2077-3186",
        "ordered_on": "2026-10-14T09:00:00",
        "amount": 599,
        "products": ["耳机"],
        "extra": 1,
    }
    server.answer = (200, json.dumps(row).encode())
    found = await source.by_number("20773186")
    assert found == Order(order_no="20773186", ordered_on="2026-10-14", amount="599", products=("耳机",))
    server.answer = (200, json.dumps({"orders": [row]}).encode())
    assert [order.order_no for order in await source.by_phone("136 0")] == ["20773186"]
    assert server.seen == [("/orders/20773186", "Bearer s3cret"), ("/orders?phone=136%200", "Bearer s3cret")]
    server.answer = (404, b"")
    assert await source.by_number("1") is None


@pytest.mark.parametrize(
    "answer",
    [(500, b""), (302, b""), (200, b"not json"), (200, b"[1]"), (200, b'{"order_no": "1234567"}')],
    ids=["500", "redirect", "no json", "no orders", "no date"],
)
async def test_a_bad_answer_is_unavailable_and_opens_the_breaker(
    shop: tuple[type[Shop], str], answer: tuple[int, bytes]
) -> None:
    server, address = shop
    clock = ManualClock()
    source = rest(address, clock)
    server.answer = answer
    asked = 0
    for _ in range(4):
        with pytest.raises(OrdersUnavailable):
            await source.by_number("1234567")
    if answer[0] != 200:
        asked = len(server.seen)
        assert asked == 2, "an open breaker asks nobody"
        server.answer = (404, b"")
        await clock.advance(31)
        assert await source.by_number("1234567") is None
    assert all(path != "/elsewhere" for path, _ in server.seen)


async def test_a_shop_that_does_not_answer_is_given_up(shop: tuple[type[Shop], str]) -> None:
    server, address = shop
    answer = threading.Event()

    class Slow(server):  # type: ignore[misc, valid-type]
        def do_GET(self) -> None:
            answer.wait(30)

    config = RestOrderConfig(number_url=address + "/{order_no}", phone_url=None, authorization=None, timeout_s=0.05)
    original = server.do_GET
    server.do_GET = Slow.do_GET  # type: ignore[method-assign, assignment]
    try:
        with pytest.raises(OrdersUnavailable):
            await RestOrders(config, CircuitBreaker(ManualClock(), failures=2, pause_s=30.0)).by_number("1234567")
    finally:
        answer.set()
        server.do_GET = original  # type: ignore[method-assign]


def test_addresses_are_checked_when_the_settings_are_read() -> None:
    with pytest.raises(ValueError, match="order_no"):
        OrderSettings(number_url="https://shop.example/orders")
    with pytest.raises(ValueError, match="http"):
        OrderSettings(number_url="file:///etc/{order_no}")
