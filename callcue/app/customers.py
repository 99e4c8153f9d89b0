"""Tags out of what customers did elsewhere: the rules and the model that the settings name, over what is stored."""

from callcue.app.storage import Storage
from callcue.calls.customer_desk import CustomerDesk
from callcue.calls.records import RecordKeeper
from callcue.core.ports import Clock
from callcue.core.settings import Settings
from callcue.learning.forecasts import Forecaster
from tagger.event_rules import EventRule, read_event_rules, shipped_event_rules
from tagger.forecast_model import ForecastModel, read_forecasts, shipped_forecasts
from tagger.record_rules import RecordRules, read_record_rules
from tagger.rules import RuleSet, read_rules, shipped_rules


def tag_rules(settings: Settings) -> RuleSet:
    """The rules of tags from speech. Raises ModelError that names the rule at fault."""
    file = settings.tagging.rules_file
    return shipped_rules() if file is None else read_rules(file)


def event_rules(settings: Settings) -> tuple[EventRule, ...]:
    """The rules of derived tags. Raises BadInput that names the rule at fault."""
    file = settings.tagging.event_rules_file
    return shipped_event_rules() if file is None else read_event_rules(file)


def record_rules(settings: Settings) -> RecordRules:
    """Lines, coordinators and the order of channels. Raises BadInput that names the entry at fault."""
    file = settings.records.rules_file
    return RecordRules() if file is None else read_record_rules(file)


def forecast_model(settings: Settings) -> ForecastModel:
    """The weights of the predictive tags. Raises ModelError."""
    file = settings.tagging.forecast_file
    return shipped_forecasts() if file is None else read_forecasts(file)


def forecaster(settings: Settings, storage: Storage, clock: Clock) -> Forecaster:
    """Predictive tags over what is stored; nothing runs until it is started or asked."""
    return Forecaster(
        model=forecast_model(settings), forecasts=storage.forecasts, events=storage.customer_events, clock=clock
    )


def customer_desk(
    settings: Settings, storage: Storage, records: RecordKeeper, made: Forecaster, clock: Clock
) -> CustomerDesk:
    """Derived and predictive tags of live calls."""
    return CustomerDesk(
        rules=event_rules(settings),
        vocabulary=tag_rules(settings),
        events=storage.customer_events,
        forecaster=made,
        records=records,
        log=storage.log,
        clock=clock,
        fill_threshold=settings.tagging.fill_threshold,
    )
