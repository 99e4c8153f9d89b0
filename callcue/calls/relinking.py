"""What a call's record says of another customer, taken off it when a person says after the call whose it is.

While the call runs ``RecordFiller`` does this by working its fields out anew; nobody does that when it is over.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from callcue.calls.record_filler import CRM, profile_line
from callcue.calls.stages import Stages
from callcue.core.customer_events import Customer, CustomerEvent, plain_phone
from callcue.core.customers import CustomerProfile
from callcue.core.events import CustomerKnown
from callcue.core.records import CallRecord, FieldValue, TagSuggestion, Value
from callcue.infra.calls import CallRow
from tagger.event_rules import EVENT_EVIDENCE
from tagger.traces import TOLD, traces_of_events


async def take_off_others(stages: Stages, call: CallRow, customer_id: str, at_ms: int) -> None:
    """What of profile and traces is not ``customer_id``'s, or with an empty id not the caller's number's, goes. What
    was said, and what a person set, stays."""
    record = await stages.records.get(call.call_id)
    known = await stages.log.newest(call.call_id, "CustomerKnown")
    found: list[TagSuggestion] = []
    if isinstance(known, CustomerKnown) and known.profile.customer_id not in ("", customer_id):
        found += _without_profile(record, known.profile)
    if stages.customers is not None:
        customer = Customer(phone=plain_phone(call.caller or ""), customer_id=customer_id)
        own = await stages.customers.events.of(customer) if customer.known else []
        found += _without_traces(stages, record, own, datetime.fromisoformat(call.started_at), at_ms)
    await stages.records.suggest(call.call_id, found, at_ms, ended=True)


def _without_profile(record: CallRecord, profile: CustomerProfile) -> list[TagSuggestion]:
    found = []
    persona, notes = record.fields.get("persona_tags"), record.fields.get("culture_notes")
    if persona is not None and persona.by == CRM:
        found.append(_left("persona_tags", persona, ()))
    if notes is not None and isinstance(notes.value, str) and profile.language:
        lines = [line for line in notes.value.split("\n") if line != profile_line(profile)]
        found.append(_left("culture_notes", notes, "\n".join(lines) or None))
    return found


def _without_traces(
    stages: Stages, record: CallRecord, own: Sequence[CustomerEvent], started_at: datetime, at_ms: int
) -> Iterable[TagSuggestion]:
    until = started_at.astimezone() + timedelta(milliseconds=at_ms, hours=1)  # as while the call ran
    rules, days = stages.record_rules, stages.config.trace_days
    theirs = {EVENT_EVIDENCE + event.event_id for event in own}
    for side, traces in traces_of_events(
        own, until=until, days=days, offline=rules.offline, online=rules.online
    ).items():
        held = record.fields.get(side)
        if held is None or not isinstance(held.value, tuple):
            continue
        kept = tuple(one for one in held.evidence if not one.startswith(EVENT_EVIDENCE) or one in theirs)
        if kept == held.evidence:
            continue
        mine = {trace.text for trace in traces}
        left = tuple(text for text in held.value if text.startswith(TOLD) or text in mine)
        yield _left(side, held, left, kept)


def _left(name: str, held: FieldValue, value: Value, evidence: tuple[str, ...] | None = None) -> TagSuggestion:
    return TagSuggestion(
        field=name,
        value=value,
        probability=held.probability,
        evidence=held.evidence if evidence is None else evidence,
        model=held.by,
        source=held.source,
    )
