"""Values of fields that a role may not see are not in the events that carry them; all else stays."""

from dataclasses import replace
from typing import get_args

from callcue.calls.visibility import _PROJECTIONS, FACT_FIELDS, PLAIN, WITHHELD, Visibility
from callcue.core.cards import PushReason
from callcue.core.completion import Completion
from callcue.core.customers import CustomerProfile
from callcue.core.events import Alert, AnyEvent, CardPush
from callcue.core.facts import FACT_KINDS
from callcue.core.feelings import AlertPart
from callcue.core.orders import MISMATCH_FIELDS, MismatchKind, OrderMismatch
from callcue.core.record_schema import FieldChoice, FieldConfig, RecordSchema
from callcue.core.records import RECORD_FIELDS, FieldValue
from callcue.core.roles import Role
from callcue.core.summaries import SummaryPart
from tagger.forecast_features import FEATURE_FIELDS, FEATURES
from tests.unit.infra import samples


def hiding(*names: str, role: Role = "agent") -> Visibility:
    supervisors = tuple(FieldChoice(name=name, see=("supervisor", "admin"), edit=("admin",)) for name in names)
    return Visibility(schema=RecordSchema.of(1, FieldConfig(standard=supervisors).checked()), role=role)


def test_it_is_decided_for_every_type_of_event_and_every_fact() -> None:
    kinds = set(get_args(AnyEvent))
    assert kinds == set(PLAIN) | set(_PROJECTIONS)
    assert not set(PLAIN) & set(_PROJECTIONS)
    assert set(FACT_FIELDS) == set(FACT_KINDS)
    assert set(MISMATCH_FIELDS) == set(get_args(MismatchKind))
    assert set(FEATURE_FIELDS) == set(FEATURES)
    told = {*FACT_FIELDS.values(), *MISMATCH_FIELDS.values(), *(name for name in FEATURE_FIELDS.values() if name)}
    assert told <= set(RECORD_FIELDS)


def test_who_may_see_everything_gets_every_event_as_it_is() -> None:
    for event in samples.one_of_each():
        assert hiding("facts.order_no", "summary", "tags", "sentiment", role="admin").event(event) == event
        if event.type != "RecordUpdated":  # the sample has a field that no schema ever had
            assert hiding(role="agent").event(event) == event
            assert hiding("facts.order_no", "sentiment", role="supervisor").event(event) == event


def test_candidates_go_one_by_one() -> None:
    event = samples.facts()
    (number,) = event.candidates
    both = replace(event, candidates=(number, replace(number, kind="amount", value="599")))
    assert hiding("facts.order_no").event(both) == replace(both, candidates=both.candidates[1:])


def test_an_order_goes_with_any_field_of_it_and_mismatches_with_their_own() -> None:
    event = samples.order_checked()
    amount = OrderMismatch(kind="amount", said="499", stored="599", evidence=("caller-2",))
    both = replace(event, mismatches=(*event.mismatches, amount), proposed=("20773185",))
    shown = hiding("facts.amount").event(both)
    assert shown == replace(both, order=None, mismatches=event.mismatches)
    assert hiding("facts.order_no").event(both) == replace(both, order=None, proposed=())


def test_a_summary_keeps_its_number_and_the_mood_goes_alone() -> None:
    event = samples.summed_up()
    mood = replace(event, parts=(*event.parts, SummaryPart(part="mood", value="负面")))
    assert hiding("summary").event(mood) == replace(event, parts=())
    assert hiding("sentiment").event(mood) == event
    assert hiding("tags").event(mood) == mood


def test_a_finding_says_nothing_of_a_hidden_field() -> None:
    event = samples.tag()
    shown = hiding(event.field).event(event)
    assert shown == replace(event, value=None, probability=0.0, evidence=(), fills=False)


def test_feelings_are_the_sentiment() -> None:
    assert hiding("sentiment").event(samples.felt()) == replace(samples.felt(), feeling=None)
    assert hiding("sentiment").event(samples.moods()) == replace(samples.moods(), speakers=())


def alert(kind: str, *parts: AlertPart) -> Alert:
    reason = "; ".join(part.text for part in parts) or "r"
    evidence = tuple(segment for part in parts for segment in part.evidence) or ("s9",)
    return Alert(call_id="c1", at_ms=1, kind=kind, reason=reason, evidence=evidence, severity="warning", parts=parts)


def test_an_alert_tells_the_fields_that_may_be_seen() -> None:
    date = AlertPart(field="facts.purchase_date", text="bought on 2026-11-18", evidence=("s1",))
    paid = AlertPart(field="facts.amount", text="499 was paid", evidence=("s2",))
    both = alert("order_mismatch", date, paid)
    assert hiding("facts.amount").event(both) == alert("order_mismatch", date)
    gone = hiding("facts.amount", "facts.purchase_date").event(both)
    assert gone == replace(both, kind=WITHHELD, reason="", evidence=(), severity="info", parts=())
    older = alert("order_mismatch")
    assert hiding("facts.phone").event(older) == replace(gone, call_id="c1"), "nobody knows what it is about"
    assert hiding("sentiment").event(older) == older


def test_a_low_mood_is_no_alert_for_who_may_not_see_it() -> None:
    for kind, seen in (("mood_fell", False), ("raised_voice", False), ("complaint", True), ("audio_gap", True)):
        shown = hiding("sentiment").event(alert(kind))
        assert isinstance(shown, Alert)
        assert (shown.kind == kind, shown.evidence == ("s9",)) == (seen, seen)


def test_what_a_forecast_went_by_is_told_by_the_fields_behind_it() -> None:
    evidence = ("feature:negative", "feature:views_7d", "feature:price", "feature:nothing_known", "caller-1")
    event = replace(samples.tag(), field="tags", value="7天内可能重复来电", evidence=evidence)
    assert hiding("sentiment").event(event) == replace(
        event, evidence=("feature:views_7d", "feature:price", "caller-1")
    )
    held = FieldValue(value=("x",), probability=0.5, source="model", by="m", evidence=evidence)
    values = hiding("sentiment", "issue_type").values({"tags": held, "issue_type": held})
    assert values == {"tags": replace(held, evidence=("feature:views_7d", "feature:price", "caller-1"))}
    assert hiding("sentiment", role="admin").value(held) == held


def test_the_same_under_another_name() -> None:
    started, known = samples.started(), samples.customer()
    profile = CustomerProfile(name="林女士", customer_id="k7", lifecycle="忠诚", segment=("VIP",))
    view = hiding("facts.phone", "facts.name", "lifecycle", "cross_channel_id")
    assert view.event(started) == replace(started, caller=None)
    assert view.event(replace(known, profile=profile)) == replace(known, profile=CustomerProfile(segment=("VIP",)))
    assert view.caller("13800138000") is None


def test_a_card_tells_neither_blanks_nor_conditions_that_are_hidden() -> None:
    event = samples.push()
    view = hiding("facts.order_no", "lifecycle", "sentiment")
    shown = view.event(replace(event, slots={"order_no": "2077", "agent": "li"}))
    assert isinstance(shown, CardPush)
    assert shown.slots == {"order_no": None, "agent": "li"}
    told = "segment: VIP; lifecycle: 忠诚; sentiment: 负面; birthday_in_days: 3"
    reason = PushReason(
        kind="profile", matched=told, query="", segment_id="", channel="caller", start=0, end=0, match="exact"
    )
    shown = view.event(replace(event, reason=reason))
    assert isinstance(shown, CardPush)
    assert shown.reason.matched == "segment: VIP; birthday_in_days: 3"


def test_channel_and_persona_under_another_name() -> None:
    begun = replace(samples.started(), dialled="4007188668", origin="抖音咨询转电话")  # type: ignore[call-arg] # CallStarted
    assert hiding("channel").event(begun) == replace(begun, dialled=None, origin=None)  # type: ignore[call-arg]
    assert hiding("persona_tags").event(begun) == begun
    profile = CustomerProfile(customer_id="k7", segment=("VIP",), language="en")
    assert hiding("persona_tags").customer(profile) == CustomerProfile(customer_id="k7", language="en")
    assert hiding("culture_notes").customer(profile) == CustomerProfile(customer_id="k7", segment=("VIP",))
    reason = PushReason(
        kind="profile",
        matched="segment: VIP; language: en; region: 上海",
        query="",
        segment_id="",
        channel="caller",
        start=0,
        end=0,
        match="exact",
    )
    push = replace(samples.push(), reason=reason)  # type: ignore[call-arg] # a CardPush
    shown = hiding("persona_tags", "culture_notes").event(push)
    assert isinstance(shown, CardPush)
    assert shown.reason.matched == "region: 上海"


def test_a_field_that_tells_another_is_seen_with_it_alone() -> None:
    for told in ("channel", "issue_type", "issue_subtype"):
        assert hiding().sees("category")
        assert not hiding(told).sees("category"), "its levels are made of them"
    assert hiding().sees("issue_subtype")
    assert not hiding("issue_type").sees("issue_subtype"), "账单-退款 says 账单"
    assert not hiding("store_replied_at").sees("response_min")
    assert hiding("store_replied_at", role="supervisor").sees("response_min")


def test_what_is_missing_is_named_to_who_may_see_it() -> None:
    held = Completion(state="open", missing=("issue_type", "facts.phone"), due_at=None, left_s=None)
    assert hiding("issue_type").completion(held) == replace(held, missing=("facts.phone",), hidden_missing=1)
