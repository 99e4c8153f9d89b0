"""What the edge needs from the layers below, handed in by the composition root."""

from collections.abc import Callable
from dataclasses import dataclass

from callcue.calls.customer_desk import CustomerDesk
from callcue.calls.feed import EventFeed
from callcue.calls.knowledge import KnowledgeBase
from callcue.calls.manager import CallManager
from callcue.calls.record_book import RecordBook
from callcue.calls.records import RecordKeeper
from callcue.calls.review import EditingDesk
from callcue.core.settings import Settings
from callcue.infra.auth import Authenticator
from callcue.infra.calls import CallStore
from callcue.infra.event_log import EventLog
from callcue.infra.metrics import Metrics
from callcue.infra.orders import OrderStore
from callcue.learning.loop import LearningLoop


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One process's parts, as the routes see them."""

    manager: CallManager
    records: RecordKeeper
    book: RecordBook
    customers: CustomerDesk
    knowledge: KnowledgeBase
    learning: LearningLoop
    editing: EditingDesk
    feed: EventFeed
    log: EventLog
    calls: CallStore
    orders: OrderStore
    auth: Authenticator
    settings: Settings
    metrics: Metrics
    ready: Callable[[], dict[str, str]]
    """Component -> ``ok``, or why it is not ready."""
