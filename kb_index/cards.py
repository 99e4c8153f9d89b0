"""One card between its JSON form and ``callcue.core.cards.Card``, strictly.

The form is documented in ``docs/knowledge.md``. Only id, title and body are required; what is absent takes the
documented default; ``null`` is allowed for ``when``, ``valid_from``, ``valid_to`` and ``owner`` alone. ``version`` is
the store's and not part of the form. Outer blanks of one-line texts are cut off; the body is kept to the letter.
"""

import dataclasses
import json
import re
from datetime import UTC, datetime
from typing import cast, get_args

from callcue.core.cards import Audience, Card, CardKind, CardStatus, SpeakerFilter, Step, Trigger, TriggerMatch
from callcue.core.errors import BadCard, BadInput
from callcue.core.ids import check_id
from callcue.core.slots import SLOTS, slot_names
from kb_index.fields import FieldReader
from kb_index.flow import check_flow
from kb_index.when import read_when, when_to_json

COLUMNS = (
    *("id", "title", "kind", "category", "lang", "body", "questions", "triggers", "negative", "steps", "audience"),
    *("when", "priority", "cooldown_s", "max_per_call", "valid_from", "valid_to", "owner", "status"),
)
"""The fields of the form, in the order in which they are written."""

MAX_TITLE = 200
MAX_BODY = 20_000
MAX_QUESTION = 500
MAX_QUESTIONS = 500
MAX_PHRASE = 100
MAX_PHRASES = 200
MAX_STEPS = 100
MAX_STEP_TEXT = 2_000
MAX_ANSWERS = 30
MAX_CARD = 100_000
"""Characters of a whole card in JSON: keeps a cell of a spreadsheet below what CSV readers take."""

_AUDIENCE = tuple(field.name for field in dataclasses.fields(Audience))
_CHINESE = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f]")
_LANG = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?")


def parse_card(obj: object, where: str) -> Card:
    """The card that ``obj`` (parsed JSON) describes. Raises BadCard with ``where`` and everything that is wrong."""
    card, findings = check_card(obj)
    if card is None:
        raise BadCard(f"{where}: " + "; ".join(findings))
    return card


def check_card(obj: object) -> tuple[Card | None, list[str]]:
    """The card, or None and what is wrong with it."""
    findings: list[str] = []
    if not isinstance(obj, dict):
        return None, ["a card is a JSON object with at least id, title and body"]
    reader = FieldReader(obj, findings)
    reader.refuse_unknown(COLUMNS)
    card = _read(reader)
    if card.kind == "flow" and not card.steps and not findings:
        reader.finding("steps", "is empty; a card of kind flow needs steps (or choose another kind)")
    if card.kind == "script":
        for name in slot_names(card.body):
            if name not in SLOTS:
                reader.finding("body", f"has the blank {{{{{name[:40]}}}}}; there are {', '.join(SLOTS)}")
    if not findings and len(json.dumps(card_to_json(card), ensure_ascii=False)) > MAX_CARD:
        findings.append(f"the card is too large; keep the whole of it under {MAX_CARD} characters")
    return (None, findings) if findings else (card, [])


def _read(reader: FieldReader) -> Card:
    """All fields; whatever is wrong is noted in the reader."""
    steps = _steps(reader)
    valid_from, valid_to = _validity(reader)
    return Card(
        id=_card_id(reader),
        title=reader.text("title", MAX_TITLE),
        body=_body(reader, has_steps=bool(steps)),
        kind=reader.choice("kind", get_args(CardKind), "faq"),
        category=reader.texts("category", 10, 60),
        lang=_lang(reader),
        questions=reader.texts("questions", MAX_QUESTIONS, MAX_QUESTION),
        triggers=_triggers(reader),
        negative=reader.texts("negative", MAX_PHRASES, MAX_PHRASE),
        steps=steps,
        audience=_audience(reader),
        when=read_when(reader),
        priority=reader.integer("priority", 50, 0, 100),
        cooldown_s=reader.number("cooldown_s", 60.0, 0.0, 86_400.0),
        max_per_call=reader.integer("max_per_call", 1, 1, 1_000),
        valid_from=valid_from,
        valid_to=valid_to,
        owner=reader.optional_text("owner", 200),
        status=reader.choice("status", get_args(CardStatus), "published"),
    )


def _card_id(reader: FieldReader) -> str:
    value = reader.text("id", 128)
    if value:
        try:
            return check_id(value, "the card id")
        except BadInput as error:
            reader.finding("id", error.message)
    return value


def _body(reader: FieldReader, *, has_steps: bool) -> str:
    if not reader.given("body"):
        reader.finding("body", "is missing; every card needs it")
        return ""
    return reader.check_text("body", reader.value("body"), MAX_BODY, empty_ok=has_steps, multiline=True)


def _lang(reader: FieldReader) -> str:
    if not reader.given("lang"):
        return "zh"
    value = reader.text("lang", 20)
    if value and not _LANG.fullmatch(value):
        reader.finding("lang", f"is {value!r}; give a language code such as zh, en or zh-TW")
    return value


def default_match(phrase: str) -> TriggerMatch:
    """``pinyin`` where the phrase holds Chinese characters, else ``exact``."""
    return "pinyin" if _CHINESE.search(phrase) else "exact"


def _triggers(reader: FieldReader) -> tuple[Trigger, ...]:
    found = []
    for i, item in enumerate(reader.items("triggers", MAX_PHRASES)):
        child = reader.child(f"triggers[{i}]", item)
        if child is None:
            continue
        child.refuse_unknown(("phrase", "speaker", "match"))
        phrase = child.text("phrase", MAX_PHRASE)
        speaker = child.choice("speaker", get_args(SpeakerFilter), "any")
        match = child.choice("match", get_args(TriggerMatch), default_match(phrase))
        found.append(Trigger(phrase=phrase, speaker=speaker, match=match))
    return tuple(found)


def _steps(reader: FieldReader) -> tuple[Step, ...]:
    found = []
    sound = True
    for i, item in enumerate(reader.items("steps", MAX_STEPS)):
        child = reader.child(f"steps[{i}]", item)
        if child is None:
            sound = False
            continue
        child.refuse_unknown(("id", "text", "next"))
        step = Step(id=child.text("id", 64), text=child.text("text", MAX_STEP_TEXT), next=_answers(child))
        sound = sound and bool(step.id)
        found.append(step)
    for finding in check_flow(found) if sound else []:
        reader.finding("steps", finding.removeprefix("steps: "))
    return tuple(found)


def _answers(step: FieldReader) -> dict[str, str]:
    if not step.given("next"):
        return {}
    value = step.value("next")
    child = step.child("next", value)
    if child is None:
        return {}
    answers = cast("dict[object, object]", value)
    if len(answers) > MAX_ANSWERS:
        step.finding("next", f"has {len(answers)} answers; at most {MAX_ANSWERS} are allowed")
        return {}
    found = {
        step.check_text("next", answer, 100): child.check_text(str(answer)[:40], target, 64)
        for answer, target in answers.items()
    }
    if len(found) < len(answers):
        step.finding("next", "gives the same answer twice; keep one of them")
    return found


def _audience(reader: FieldReader) -> Audience:
    if not reader.given("audience"):
        return Audience()
    child = reader.child("audience", reader.value("audience"))
    if child is None:
        return Audience()
    child.refuse_unknown(_AUDIENCE)
    return Audience(**{name: child.texts(name, 100, 60) for name in _AUDIENCE})


def _validity(reader: FieldReader) -> tuple[str | None, str | None]:
    first, last = _date(reader, "valid_from"), _date(reader, "valid_to")
    if first and last and _moment(first, end_of_day=False) > _moment(last, end_of_day=True):
        reader.finding("valid_to", f"{last} lies before valid_from {first}; swap or correct them")
    return first, last


def _date(reader: FieldReader, name: str) -> str | None:
    value = reader.optional_text(name, 40)
    if not value:
        return None
    try:
        datetime.fromisoformat(value)
        sound = value.isascii() and _DATE.fullmatch(value) is not None
    except ValueError:
        sound = False
    if not sound:
        reader.finding(name, f"is {value!r}; give an ISO 8601 date such as 2026-11-30 or 2026-11-30T18:00:00+08:00")
        return None
    return value


def _moment(value: str, *, end_of_day: bool) -> datetime:
    """For comparing only: without an offset, UTC is as good as any other."""
    moment = datetime.fromisoformat(value)
    if end_of_day and len(value) == len("2026-11-30"):
        moment = moment.replace(hour=23, minute=59, second=59)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def card_to_json(card: Card) -> dict[str, object]:
    """The card in the import form, every field written out; ``parse_card`` gives it back."""
    return {
        "id": card.id,
        "title": card.title,
        "kind": card.kind,
        "category": list(card.category),
        "lang": card.lang,
        "body": card.body,
        "questions": list(card.questions),
        "triggers": [{"phrase": t.phrase, "speaker": t.speaker, "match": t.match} for t in card.triggers],
        "negative": list(card.negative),
        "steps": [{"id": s.id, "text": s.text} | ({"next": dict(s.next)} if s.next else {}) for s in card.steps],
        "audience": {name: list(getattr(card.audience, name)) for name in _AUDIENCE},
        "when": when_to_json(card.when),
        "priority": card.priority,
        "cooldown_s": int(card.cooldown_s) if float(card.cooldown_s).is_integer() else card.cooldown_s,
        "max_per_call": card.max_per_call,
        "valid_from": card.valid_from,
        "valid_to": card.valid_to,
        "owner": card.owner,
        "status": card.status,
    }
