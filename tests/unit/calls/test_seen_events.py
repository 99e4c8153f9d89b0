"""Values of fields that a role may not see are not in the events that carry them; all else stays."""

from dataclasses import replace

from callcue.calls.seen_events import FACT_FIELDS, SHOWING, seen
from callcue.core.facts import FACT_KINDS
from callcue.core.orders import OrderMismatch
from callcue.core.record_schema import FieldChoice, FieldConfig, RecordSchema
from callcue.core.records import RECORD_FIELDS
from tests.unit.infra import samples


def hiding(*names: str) -> RecordSchema:
    supervisors = tuple(FieldChoice(name=name, see=("supervisor", "admin"), edit=("admin",)) for name in names)
    return RecordSchema.of(1, FieldConfig(standard=supervisors).checked())


def test_every_kind_of_fact_has_the_rights_of_a_field() -> None:
    assert set(FACT_FIELDS) == set(FACT_KINDS)
    assert set(FACT_FIELDS.values()) <= set(RECORD_FIELDS)


def test_who_may_see_everything_gets_every_event_as_it_is() -> None:
    for event in samples.one_of_each():
        assert seen(event, hiding("facts.order_no", "summary", "tags"), "admin") == event


def test_candidates_go_one_by_one() -> None:
    event = samples.facts()
    (number,) = event.candidates
    both = replace(event, candidates=(number, replace(number, kind="amount", value="599")))
    assert seen(both, hiding("facts.order_no"), "agent") == replace(both, candidates=both.candidates[1:])


def test_an_order_goes_with_any_field_of_it_and_mismatches_with_their_own() -> None:
    event = samples.order_checked()
    amount = OrderMismatch(kind="amount", said="499", stored="599", evidence=("caller-2",))
    both = replace(event, mismatches=(*event.mismatches, amount), proposed=("20773185",))
    shown = seen(both, hiding("facts.amount"), "agent")
    assert shown == replace(both, order=None, mismatches=event.mismatches)
    assert seen(both, hiding("facts.order_no"), "agent") == replace(both, order=None, proposed=())


def test_a_summary_keeps_its_number_alone() -> None:
    event = samples.summed_up()
    assert event.parts
    assert seen(event, hiding("summary"), "agent") == replace(event, parts=())
    assert isinstance(event, SHOWING)


def test_a_finding_says_nothing_of_a_hidden_field() -> None:
    event = samples.tag()
    shown = seen(event, hiding(event.field), "agent")
    assert shown == replace(event, value=None, probability=0.0, evidence=(), fills=False)
