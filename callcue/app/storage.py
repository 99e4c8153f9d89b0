"""What reads and writes the database, opened together."""

from contextlib import AsyncExitStack
from dataclasses import dataclass

from callcue.app import backends
from callcue.core.settings import Settings
from callcue.core.taxonomy import Taxonomy, default_taxonomy, read_taxonomy
from callcue.infra.bus import InProcessBus
from callcue.infra.calls import CallStore
from callcue.infra.card_outcomes import CardOutcomes
from callcue.infra.cards import CardStore
from callcue.infra.completions import CompletionStore
from callcue.infra.customer_events import CustomerEventStore
from callcue.infra.database import Database
from callcue.infra.event_log import EventLog
from callcue.infra.forecasts import ForecastStore
from callcue.infra.orders import OrderStore
from callcue.infra.questions import QuestionStore
from callcue.infra.records import RecordStore
from callcue.infra.schemas import SchemaStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """What reads and writes the database, without any model: enough for the CLI's look-ups."""

    database: Database
    bus: InProcessBus
    log: EventLog
    calls: CallStore
    records: RecordStore
    schemas: SchemaStore
    completions: CompletionStore
    cards: CardStore
    questions: QuestionStore
    outcomes: CardOutcomes
    customer_events: CustomerEventStore
    forecasts: ForecastStore
    orders: OrderStore


async def open_storage(settings: Settings, stack: AsyncExitStack) -> Storage:
    """Open the database (made and migrated when needed); closed with ``stack``."""
    settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)  # calls are personal data
    database = Database(settings.database_url)
    stack.push_async_callback(database.close)
    await database.migrate()
    bus: InProcessBus = backends.factory(backends.EVENT_BUS, "memory")()
    log = EventLog(database, bus)
    stack.push_async_callback(log.drain)
    return Storage(
        database=database,
        bus=bus,
        log=log,
        calls=CallStore(database),
        records=RecordStore(database),
        schemas=SchemaStore(database, choices=taxonomy_of(settings).choices()),
        completions=CompletionStore(database),
        cards=CardStore(database),
        questions=QuestionStore(database),
        outcomes=CardOutcomes(database),
        customer_events=CustomerEventStore(database),
        forecasts=ForecastStore(database),
        orders=OrderStore(database),
    )


def taxonomy_of(settings: Settings) -> Taxonomy:
    """The types and sub-types of issues that the settings name. Raises BadInput."""
    own = settings.tagging.taxonomy
    return default_taxonomy() if own is None else read_taxonomy(own)
