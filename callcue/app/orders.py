"""The order feed that the settings name: what was imported, then the shop's own interface."""

from callcue.app.storage import Storage
from callcue.calls.orders import OrderDesk
from callcue.core.customer_events import Customer
from callcue.core.orders import FeedKnowledge, OrderSource
from callcue.core.ports import Clock
from callcue.core.settings import OrderSettings
from callcue.infra.breaker import CircuitBreaker
from callcue.infra.order_rest import RestOrderConfig, RestOrders
from callcue.infra.orders import OrderFeed


async def order_desk(settings: OrderSettings, storage: Storage, clock: Clock) -> OrderDesk | None:
    """The desk over all sources; None where there is no order and nobody to ask for one."""
    knowledge = await storage.orders.knowledge()
    rest = rest_orders(settings, clock)
    if rest is None and knowledge == FeedKnowledge():
        return None
    sources: list[OrderSource] = [storage.orders, *([rest] if rest else [])]

    async def numbers_of(customer_id: str) -> frozenset[str]:
        return (await storage.customer_events.keys(Customer(customer_id=customer_id))).phones

    return OrderDesk(
        source=OrderFeed(*sources), return_days=settings.return_days, knowledge=knowledge, numbers_of=numbers_of
    )


def rest_orders(settings: OrderSettings, clock: Clock) -> RestOrders | None:
    """The shop's interface; None where no address is set."""
    if settings.number_url is None:
        return None
    config = RestOrderConfig(
        number_url=settings.number_url,
        phone_url=settings.phone_url,
        authorization=settings.authorization.get_secret_value() if settings.authorization else None,
        timeout_s=settings.timeout_s,
        environment_proxies=settings.environment_proxies,
    )
    breaker = CircuitBreaker(clock, failures=settings.breaker_failures, pause_s=settings.breaker_pause_s)
    return RestOrders(config, breaker)
