"""What a role may see of a call: the one place that decides it, for events, records and whatever else goes out.

A field of the record that is hidden from a role is hidden wherever its value shows: in the events that tell it, in
what is made of it, and in what is the same thing under another name (the caller's number is ``facts.phone``). An event
keeps its number, so that nobody takes it for lost. What was *said* is no field of the record: who may read a call reads
its transcript.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

from callcue.core.cards import PushReason
from callcue.core.completion import Completion
from callcue.core.customers import CustomerProfile
from callcue.core.events import (
    Alert,
    AnyEvent,
    CallEnded,
    CallStarted,
    CardAck,
    CardPush,
    CustomerKnown,
    FactsUpdated,
    FinalTranscript,
    FlowUpdated,
    IndexBuilt,
    KbChanged,
    OrderChecked,
    PartialTranscript,
    RecordConfirmed,
    RecordUpdated,
    SentimentHeard,
    SentimentSummary,
    SummaryWritten,
    TagUpdate,
    VoiceSummary,
)
from callcue.core.facts import FactKind
from callcue.core.orders import MISMATCH_FIELDS
from callcue.core.record_schema import RecordSchema
from callcue.core.records import FieldChange, FieldValue
from callcue.core.roles import Role
from callcue.core.summaries import SummaryPart
from tagger.forecast_features import FEATURE_FIELDS, FEATURE_PREFIX

PLAIN: tuple[type, ...] = (
    CallEnded,
    PartialTranscript,
    FinalTranscript,
    VoiceSummary,
    CardAck,
    FlowUpdated,
    RecordConfirmed,
    KbChanged,
    IndexBuilt,
)
"""The events that carry no value of a record's field: what was said and heard, and what people did."""
FACT_FIELDS: Mapping[FactKind, str] = MappingProxyType(
    {
        "phone": "facts.phone",
        "order_no": "facts.order_no",
        "amount": "facts.amount",
        "date": "facts.purchase_date",
        "product": "facts.product",
        "address": "facts.address",
        "name": "facts.name",
        "staff": "facts.staff",
    }
)
"""Whose rights a candidate has: those of the field that its kind can fill."""
WITHHELD = "withheld"
"""Kind of an alert that tells nothing but that there is one."""
_MOOD_ALERTS = frozenset(("mood_fell", "raised_voice"))
_ORDER_ALERT = "order_mismatch"
_PROFILE_FIELDS = {
    "customer_id": "cross_channel_id",
    "name": "facts.name",
    "lifecycle": "lifecycle",
    "segment": "persona_tags",
    "language": "culture_notes",
}
"""Member of a customer's profile -> the field that says the same."""
_CONDITION_FIELDS = {
    "sentiment": "sentiment",
    "lifecycle": "lifecycle",
    "segment": "persona_tags",
    "language": "culture_notes",
}
"""Condition of a card -> the field that it tells."""
_SLOT_FIELDS = {
    "phone": "facts.phone",
    "order_no": "facts.order_no",
    "amount": "facts.amount",
    "purchase_date": "facts.purchase_date",
    "name": "facts.name",
}
"""Blank of a script -> the field that fills it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """What ``role`` sees under ``schema``."""

    schema: RecordSchema
    role: Role

    def sees(self, name: str) -> bool:
        """Whether the role may see a field."""
        return self.schema.may_see(name, self.role)

    def event(self, event: AnyEvent) -> AnyEvent:
        """The event without what the role may not see."""
        if self.role == "admin" or isinstance(event, PLAIN):
            return event
        shown: AnyEvent = _PROJECTIONS[type(event)](self, event)
        return shown

    def changes(self, changes: Iterable[FieldChange]) -> tuple[FieldChange, ...]:
        """Those of fields that the role may see."""
        return tuple(
            replace(change, new=None if change.new is None else self.value(change.new))
            for change in changes
            if self.sees(change.field)
        )

    def values(self, fields: Mapping[str, FieldValue]) -> dict[str, FieldValue]:
        """Values of a record by field: those that the role may see."""
        return {name: self.value(held) for name, held in fields.items() if self.sees(name)}

    def value(self, held: FieldValue) -> FieldValue:
        """One value without the evidence that tells another field."""
        return replace(held, evidence=self.evidence(held.evidence))

    def evidence(self, shown: Sequence[str]) -> tuple[str, ...]:
        """What a forecast went by is told with it: not by the field that the role may not see."""
        return tuple(one for one in shown if self._sees_feature(one))

    def caller(self, number: str | None) -> str | None:
        """The number that called."""
        return number if self.sees("facts.phone") else None

    def customer(self, profile: CustomerProfile) -> CustomerProfile:
        """Who calls, as another system told it."""
        unknown = CustomerProfile()
        hidden: dict[str, Any] = {
            name: getattr(unknown, name) for name, field in _PROFILE_FIELDS.items() if not self.sees(field)
        }
        return replace(profile, **hidden)

    def summary(self, parts: Sequence[SummaryPart]) -> tuple[SummaryPart, ...]:
        """The parts of a summary; the mood is the record's sentiment."""
        if not self.sees("summary"):
            return ()
        return tuple(part for part in parts if part.part != "mood" or self.sees("sentiment"))

    def completion(self, held: Completion) -> Completion:
        """Where a record stands; hidden fields that it lacks are counted and not named."""
        shown = tuple(name for name in held.missing if self.sees(name))
        return replace(held, missing=shown, hidden_missing=len(held.missing) - len(shown))

    def _sees_feature(self, evidence: str) -> bool:
        if self.role == "admin" or not evidence.startswith(FEATURE_PREFIX):
            return True
        field = FEATURE_FIELDS.get(evidence.removeprefix(FEATURE_PREFIX), "")
        return field is None or self.sees(field)


def _started(of: Visibility, event: CallStarted) -> CallStarted:
    """The line that was dialled and what the intake called the way are the record's channel."""
    shown = replace(event, caller=of.caller(event.caller))
    return shown if of.sees("channel") else replace(shown, dialled=None, origin=None)


def _customer(of: Visibility, event: CustomerKnown) -> CustomerKnown:
    return replace(event, profile=of.customer(event.profile))


def _pushed(of: Visibility, event: CardPush) -> CardPush:
    hidden = {name for name, field in _SLOT_FIELDS.items() if not of.sees(field)}
    slots = {name: None if name in hidden else text for name, text in event.slots.items()}
    return replace(event, reason=_reason(of, event.reason), slots=slots)


def _reason(of: Visibility, reason: PushReason) -> PushReason:
    """The conditions that hold are told one by one, as ``lifecycle: 忠诚; segment: VIP``."""
    if reason.kind not in ("profile", "sentiment"):
        return reason
    shown = []
    for condition in reason.matched.split("; "):
        field = _CONDITION_FIELDS.get(condition.split(":")[0])
        if field is None or of.sees(field):
            shown.append(condition)
    return replace(reason, matched="; ".join(shown))


def _found(of: Visibility, event: TagUpdate) -> TagUpdate:
    if not of.sees(event.field):
        return replace(event, value=None, probability=0.0, evidence=(), fills=False)
    return replace(event, evidence=of.evidence(event.evidence))


def _updated(of: Visibility, event: RecordUpdated) -> RecordUpdated:
    return replace(event, changes=of.changes(event.changes))


def _facts(of: Visibility, event: FactsUpdated) -> FactsUpdated:
    return replace(event, candidates=tuple(one for one in event.candidates if of.sees(FACT_FIELDS[one.kind])))


def _summed(of: Visibility, event: SummaryWritten) -> SummaryWritten:
    return replace(event, parts=of.summary(event.parts))


def _felt(of: Visibility, event: SentimentHeard) -> SentimentHeard:
    return event if of.sees("sentiment") else replace(event, feeling=None)


def _moods(of: Visibility, event: SentimentSummary) -> SentimentSummary:
    return event if of.sees("sentiment") else replace(event, speakers=())


def _alerted(of: Visibility, event: Alert) -> Alert:
    """An alert about several fields keeps what it says of those that may be seen."""
    if event.parts:
        shown = tuple(part for part in event.parts if of.sees(part.field))
        if len(shown) == len(event.parts):
            return event
        if shown:
            evidence = tuple(dict.fromkeys(one for part in shown for one in part.evidence))
            return replace(event, parts=shown, reason="; ".join(part.text for part in shown), evidence=evidence)
    elif event.kind == _ORDER_ALERT:  # written before alerts had parts
        if all(of.sees(name) for name in MISMATCH_FIELDS.values()):
            return event
    elif event.kind not in _MOOD_ALERTS or of.sees("sentiment"):
        return event
    return replace(event, kind=WITHHELD, reason="", evidence=(), severity="info", parts=())


def _checked(of: Visibility, event: OrderChecked) -> OrderChecked:
    """Mismatches by their fields; the order itself only where every one of its fields may be seen."""
    if all(of.sees(name) for name in MISMATCH_FIELDS.values()):
        return event
    shown = tuple(found for found in event.mismatches if of.sees(MISMATCH_FIELDS[found.kind]))
    numbers = of.sees("facts.order_no")
    return replace(event, order=None, age_days=None, proposed=event.proposed if numbers else (), mismatches=shown)


_PROJECTIONS: Mapping[type, Callable[[Visibility, Any], AnyEvent]] = MappingProxyType(
    {
        CallStarted: _started,
        CustomerKnown: _customer,
        CardPush: _pushed,
        TagUpdate: _found,
        RecordUpdated: _updated,
        FactsUpdated: _facts,
        SummaryWritten: _summed,
        SentimentHeard: _felt,
        SentimentSummary: _moods,
        Alert: _alerted,
        OrderChecked: _checked,
    }
)
