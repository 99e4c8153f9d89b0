"""What agents corrected becomes rows; what they confirmed, emptied or were right about otherwise does not."""

from dataclasses import replace

from callcue.core.events import AnyEvent, RecordUpdated, TagUpdate
from callcue.core.records import FieldChange, FieldValue, Value
from callcue.core.speech import Channel
from tagger.corrections import corrections
from tests.unit.infra.samples import final


def heard(segment: str, text: str, call: str = "c1", channel: Channel = "caller") -> AnyEvent:
    return replace(final(call, text=text), segment_id=segment, channel=channel)


def told(value: str, *evidence: str, call: str = "c1", field: str = "issue_type") -> AnyEvent:
    return TagUpdate(
        call_id=call,
        at_ms=1,
        field=field,
        value=value,
        probability=0.7,
        evidence=evidence,
        model="m",
        source="model",
        fills=True,
    )


def set_to(value: Value, call: str = "c1", source: str = "person", field: str = "issue_type") -> AnyEvent:
    new = FieldValue(value=value, probability=1.0, source=source, by="lin")  # type: ignore[arg-type]
    return RecordUpdated(call_id=call, at_ms=2, version=1, changes=(FieldChange(field=field, old=None, new=new),))


TEXTS = (heard("s1", "你们的退款怎么还没有到账"), heard("s2", "好的"), heard("a1", "请问您的订单号", channel="agent"))


def test_a_correction_gives_the_words_that_the_model_went_by() -> None:
    rows = list(corrections([*TEXTS, told("物流", "s1", "a1"), set_to("账单")], "issue_type"))
    assert rows == [
        {
            "text": "你们的退款怎么还没有到账",
            "issue_type": "账单",
            "wording": "call c1",
            "was": "物流",
            "source": "correction",
        }
    ]


def test_without_evidence_the_first_telling_words_count() -> None:
    (row,) = corrections([*TEXTS, told("其他"), set_to("账单")], "issue_type")
    assert row["text"] == "你们的退款怎么还没有到账"


def test_the_last_word_of_a_person_counts() -> None:
    events = [*TEXTS, told("物流", "s1"), set_to("账单"), set_to("技术")]
    assert [row["issue_type"] for row in corrections(events, "issue_type")] == ["技术"]


def test_what_is_no_correction_gives_nothing() -> None:
    for events in (
        [*TEXTS, told("物流", "s1")],
        [*TEXTS, told("物流", "s1"), set_to("物流")],
        [*TEXTS, told("物流", "s1"), set_to("账单"), set_to(None)],
        [*TEXTS, set_to("账单")],
        [*TEXTS, told("物流", "s1"), set_to("账单", source="model")],
        [*TEXTS, told("物流", "s1"), set_to("账单", field="sentiment")],
    ):
        assert list(corrections(events, "issue_type")) == []


def test_calls_are_kept_apart() -> None:
    events = [
        heard("s1", "耳机右边没有声音了"),
        told("物流", "s1"),
        set_to("技术"),
        heard("s1", "包裹到哪里了呢", call="c2"),
        told("账单", "s1", call="c2"),
        set_to("物流", call="c2"),
    ]
    rows = list(corrections(events, "issue_type"))
    assert [(row["wording"], row["issue_type"]) for row in rows] == [("call c1", "技术"), ("call c2", "物流")]
