"""Every event goes out as JSON and comes back the same; nothing else comes in."""

import json
from dataclasses import replace
from typing import Any, get_args

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.core.errors import BadInput
from callcue.core.events import AnyEvent, AudioFrame, CallStarted, FinalTranscript
from callcue.infra.codec import decode, encode, event_schema
from tests.unit.infra.samples import change, cues, final, one_of_each, updated

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
)


@pytest.mark.parametrize("event", one_of_each(), ids=lambda event: event.type)
def test_every_type_survives_the_way_through_json(event: AnyEvent) -> None:
    assert decode(json.loads(json.dumps(encode(event)))) == event


def test_the_samples_hold_every_type() -> None:
    assert {type(event) for event in one_of_each()} == set(get_args(AnyEvent))


def test_rows_from_before_there_were_voices_and_languages_per_channel_decode() -> None:
    """Field by field as such rows were written."""
    old_final = {
        "call_id": "c1",
        "seq": 2,
        "at_ms": 1000,
        "type": "FinalTranscript",
        "channel": "caller",
        "segment_id": "caller-1",
        "revision": 3,
        "start_ms": 200,
        "end_ms": 1000,
        "raw_text": "我要开发票",
        "text": "我要开发票",
        "spans": [],
        "words": [{"text": "我", "start_ms": 200, "end_ms": 300, "probability": 0.5}],
        "confidence": 0.75,
        "language": "zh",
        "engine": "whisper-base/int8",
    }
    old_start = {
        "call_id": "c1",
        "seq": 1,
        "at_ms": 0,
        "type": "CallStarted",
        "channels": ["caller", "agent"],
        "agent_id": None,
        "caller": None,
        "language": "zh",
        "source": "native",
        "sample_rate": 8000,
        "encoding": "pcmu",
        "started_at": "2026-11-23T10:00:00+08:00",
    }
    heard, opened = decode(old_final), decode(old_start)
    assert isinstance(heard, FinalTranscript)
    assert isinstance(opened, CallStarted)
    assert (heard.voice, opened.languages) == (None, ())


def test_voice_cues_are_checked_like_everything_else() -> None:
    for wrong in ({"voiced_ms": 1.5}, {"voiced_ms": 100, "mood": "cross"}, {}):
        with pytest.raises(BadInput):
            decode(encode(final()) | {"voice": wrong})
    with pytest.raises(BadInput):
        encode(replace(final(), voice=replace(cues(), pitch_hz=float("nan"))))


@given(st.one_of(scalars, st.lists(st.text()).map(tuple)))
def test_a_record_value_keeps_its_type(value: Any) -> None:
    event = updated("c1", 1, change("follow_up", value))
    back = decode(json.loads(json.dumps(encode(event))))
    assert back == event
    new = back.changes[0].new
    assert new is not None
    assert type(new.value) is type(value)


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"type": "Nothing"}, "Nothing"),
        ({"volume": 11}, "volume"),
        ({"at_ms": "5"}, "at_ms"),
        ({"at_ms": 1.5}, "at_ms"),
        ({"at_ms": True}, "at_ms"),
        ({"channel": "both"}, "channel"),
        ({"words": [{"text": "我", "start_ms": 0, "end_ms": 1, "probability": 1.0, "loud": True}]}, "loud"),
        ({"confidence": float("nan")}, "JSON"),
        ({"text": "\ud800"}, "Unicode"),
        ({"text": None}, "text"),
    ],
)
def test_what_is_not_an_event_is_refused_by_name(wrong: dict[str, Any], named: str) -> None:
    with pytest.raises(BadInput, match=named):
        decode(encode(final()) | wrong)


@pytest.mark.parametrize("missing", ["type", "call_id", "at_ms", "text"])
def test_a_missing_field_is_refused(missing: str) -> None:
    body = encode(final())
    del body[missing]
    with pytest.raises(BadInput):
        decode(body)


@pytest.mark.parametrize(
    "event",
    [
        replace(final(), confidence=float("inf")),
        replace(final(), text="half a pair: \udc00"),
        replace(final(), at_ms="5"),
        replace(final(), words=({"text": "我"},)),
        AudioFrame(pcm=b"", sample_rate=8000, channel="caller", at_ms=0),
    ],
    ids=["infinite", "surrogate", "string for int", "dict for Word", "audio"],
)
def test_what_could_not_be_read_back_is_not_written(event: AnyEvent) -> None:
    with pytest.raises(BadInput):
        encode(event)


def test_an_error_does_not_repeat_what_was_said() -> None:
    with pytest.raises(BadInput) as caught:
        decode(encode(final(text="我的密码是一二三")) | {"text": {"deep": "我的密码是一二三"}})
    error: BaseException | None = caught.value
    while error is not None:
        assert "密码" not in str(error)
        error = error.__cause__


def test_the_schema_fits_the_events_and_nothing_else() -> None:
    schema = event_schema()
    check = jsonschema.Draft202012Validator(schema)
    check.check_schema(schema)
    for event in one_of_each():
        check.validate(encode(event))
    assert not check.is_valid(encode(final()) | {"volume": 11})
    assert not check.is_valid(encode(final()) | {"type": "Nothing"})
    assert "Milliseconds of audio received" in schema["$defs"]["CallEnded"]["properties"]["duration_ms"]["description"]
