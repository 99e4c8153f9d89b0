"""Orders from a shop's REST interface: two addresses with a blank, bounded in time and size, behind a breaker."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx2

from callcue.core.errors import BadInput, OrdersUnavailable
from callcue.core.orders import FeedKnowledge, Order
from callcue.infra.bounded_http import Ask, AskFailedError, BoundedHttp, Bounds, Why
from callcue.infra.breaker import CircuitBreaker
from callcue.infra.order_form import read_order

MOST_BYTES = 1_000_000
MOST_ORDERS = 50
_OK, _NOT_FOUND = 200, 404
_WHY: dict[Why, str] = {
    "late": "did not answer in time",
    "unreachable": "cannot be reached",
    "unresolved": "cannot be reached (its name cannot be resolved)",
    "outside": "cannot be reached",
    "too_large": f"answered with more than {MOST_BYTES:,} bytes",
    "packed": "answered in a packed form that was not asked for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RestOrderConfig:
    """Where orders are asked for."""

    number_url: str
    """With ``{order_no}``. Answers with an order, or 404."""
    phone_url: str | None
    """With ``{phone}``. Answers with a list of orders, or an object with such a list under ``orders``."""
    authorization: str | None = field(repr=False)
    """Value of the Authorization header."""
    timeout_s: float
    """Seconds from a question to the last byte of its answer."""
    environment_proxies: bool = False
    """Whether order and telephone numbers may pass through the proxies that the environment names."""


class RestOrders:
    """An OrderSource over HTTP."""

    def __init__(self, config: RestOrderConfig, breaker: CircuitBreaker) -> None:
        self._config, self._breaker = config, breaker
        bounds = Bounds(seconds=config.timeout_s, most_bytes=MOST_BYTES)
        self._http = BoundedHttp(bounds, environment_proxies=config.environment_proxies)

    async def by_number(self, order_no: str) -> Order | None:
        """The order of this number. Raises OrdersUnavailable."""
        address = self._config.number_url.replace("{order_no}", quote(order_no, safe=""))
        body = await self._ask(address)
        orders = _orders(body)
        return next((order for order in orders if order.order_no == order_no), None)

    async def by_phone(self, phone: str) -> Sequence[Order]:
        """A customer's orders, newest first; none where there is no address for them. Raises OrdersUnavailable."""
        if self._config.phone_url is None:
            return []
        body = await self._ask(self._config.phone_url.replace("{phone}", quote(phone, safe="")))
        return sorted(_orders(body), key=lambda order: order.ordered_on, reverse=True)[:MOST_ORDERS]

    async def knowledge(self) -> FeedKnowledge:
        """Nothing: the interface is only asked for single orders."""
        return FeedKnowledge()

    async def _ask(self, address: str) -> Any:
        return await self._breaker.call(lambda: self._fetched(address))

    async def _fetched(self, address: str) -> Any:
        headers = {"Accept": "application/json"}
        if self._config.authorization:
            headers["Authorization"] = self._config.authorization
        try:
            status, data = await self._http.ask(Ask(method="GET", url=httpx2.URL(address), headers=headers))
        except AskFailedError as error:
            raise OrdersUnavailable(f"the order service {_WHY[error.why]}; the order was not checked") from None
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise OrdersUnavailable(f"the order service answered {status}; the order was not checked")
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise OrdersUnavailable("the order service answered with something that is not JSON") from None


def _orders(body: Any) -> list[Order]:
    """The orders of an answer. Raises OrdersUnavailable for one of another form."""
    rows = body.get("orders", [body]) if isinstance(body, dict) else [] if body is None else body
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise OrdersUnavailable("the order service's answer is no order and no list of orders")
    try:
        return [read_order(row) for row in rows[:MOST_ORDERS]]
    except BadInput as error:
        raise OrdersUnavailable(f"the order service's answer cannot be read: {error.message}") from None
