"""Orders from a shop's REST interface: two addresses with a blank, bounded in time and size, behind a breaker."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any
from urllib.parse import quote

from callcue.core.errors import BadInput, OrdersUnavailable
from callcue.core.orders import FeedKnowledge, Order
from callcue.infra.breaker import CircuitBreaker
from callcue.infra.order_form import read_order

MOST_BYTES = 1_000_000
MOST_ORDERS = 50
_NOT_FOUND = 404


@dataclass(frozen=True, slots=True, kw_only=True)
class RestOrderConfig:
    """Where orders are asked for."""

    number_url: str
    """With ``{order_no}``. Answers with an order, or 404."""
    phone_url: str | None
    """With ``{phone}``. Answers with a list of orders, or an object with such a list under ``orders``."""
    authorization: str | None
    """Value of the Authorization header."""
    timeout_s: float


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """The Authorization header goes to the address in the settings and nowhere else."""

    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        return None


class RestOrders:
    """An OrderSource over HTTP."""

    def __init__(self, config: RestOrderConfig, breaker: CircuitBreaker) -> None:
        self._config, self._breaker = config, breaker
        self._opener = urllib.request.build_opener(_NoRedirects)

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
        """The answer. The time limit of a connection counts each silence anew; here it is of the whole question."""
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._fetch, address), self._config.timeout_s)
        except TimeoutError:
            raise OrdersUnavailable("the order service did not answer in time; the order was not checked") from None

    def _fetch(self, address: str) -> Any:
        request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - checked http(s)
        if self._config.authorization:
            request.add_header("Authorization", self._config.authorization)
        try:
            with self._opener.open(request, timeout=self._config.timeout_s) as answer:
                data = answer.read(MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == _NOT_FOUND:
                return None
            raise OrdersUnavailable(f"the order service answered {error.code}; the order was not checked") from None
        except (OSError, HTTPException) as error:
            raise OrdersUnavailable(
                f"the order service cannot be reached ({type(error).__name__}); the order was not checked"
            ) from None
        if len(data) > MOST_BYTES:
            raise OrdersUnavailable(f"the order service answered with more than {MOST_BYTES:,} bytes")
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
