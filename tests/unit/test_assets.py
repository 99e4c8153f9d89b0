"""What travels with the product: two sets of cards and a call to show."""

import json
from array import array
from pathlib import Path
from typing import get_args

import pytest

import callcue.app
from asr.files import read_audio
from callcue.core.cards import Card, CardKind
from callcue.core.records import ISSUE_TYPES, LIFECYCLES, SENTIMENTS
from kb_index.formats import read_cards

ASSETS = Path(callcue.app.__file__).parent / "assets"
SETS = {"zh": 60, "en": 30}


def _cards(lang: str) -> tuple[Card, ...]:
    result = read_cards((ASSETS / f"cards_{lang}.jsonl").read_bytes(), "jsonl")
    assert not result.problems, [f"{problem.where}: {problem.message}" for problem in result.problems]
    return tuple(result.cards)


@pytest.mark.parametrize("lang", SETS)
def test_the_sets_are_complete_and_every_card_can_be_imported(lang: str) -> None:
    cards = _cards(lang)
    assert len(cards) == SETS[lang]
    assert len({card.id for card in cards}) == len(cards)
    assert len({card.title for card in cards}) == len(cards)
    assert {card.lang for card in cards} == {lang}
    assert {card.status for card in cards} == {"published"}


def test_ids_of_the_two_sets_do_not_collide() -> None:
    assert not {card.id for card in _cards("zh")} & {card.id for card in _cards("en")}


def test_the_mandarin_set_has_every_kind_of_card() -> None:
    assert {card.kind for card in _cards("zh")} == set(get_args(CardKind))


@pytest.mark.parametrize("lang", SETS)
def test_every_card_says_how_customers_ask_and_when_to_show_it(lang: str) -> None:
    for card in _cards(lang):
        assert 4 <= len(card.questions) <= 8, card.id
        assert 1 <= len(card.triggers) <= 4, card.id
        assert card.category, card.id
        # A card is read while somebody talks: half a screen at most.
        assert len(card.body) <= (400 if lang == "zh" else 700), card.id


@pytest.mark.parametrize("lang", SETS)
def test_a_question_or_trigger_belongs_to_one_card(lang: str) -> None:
    owners: dict[str, str] = {}
    for card in _cards(lang):
        for text in (*card.questions, *(trigger.phrase for trigger in card.triggers)):
            assert owners.setdefault(text.casefold(), card.id) == card.id, text


@pytest.mark.parametrize("lang", SETS)
def test_no_trigger_is_so_short_that_it_fires_in_passing(lang: str) -> None:
    for card in _cards(lang):
        for trigger in card.triggers:
            least = 2 if lang == "zh" else 5
            assert len(trigger.phrase) >= least, f"{card.id}: {trigger.phrase}"


@pytest.mark.parametrize("lang", SETS)
def test_a_card_is_not_silenced_by_its_own_questions(lang: str) -> None:
    for card in _cards(lang):
        for text in (*card.questions, *(trigger.phrase for trigger in card.triggers)):
            hits = [phrase for phrase in card.negative if phrase.casefold() in text.casefold()]
            assert not hits, f"{card.id}: {text!r} holds the negative phrase {hits[0]!r}"


@pytest.mark.parametrize("lang", SETS)
def test_flows_branch_and_every_step_can_be_reached(lang: str) -> None:
    flows = [card for card in _cards(lang) if card.kind == "flow"]
    assert flows
    for card in flows:
        steps = {step.id: step for step in card.steps}
        assert any(len(set(step.next.values())) > 1 for step in card.steps), f"{card.id} never branches"
        reached, todo = set(), [card.steps[0].id]
        while todo:
            here = todo.pop()
            if here != "end" and here not in reached:
                reached.add(here)
                todo.extend(steps[here].next.values())
        assert reached == set(steps), f"{card.id}: {set(steps) - reached} cannot be reached"


def test_the_demo_call_can_be_read_and_has_both_speakers() -> None:
    audio = read_audio(ASSETS / "demo_call.flac")
    truth = json.loads((ASSETS / "demo_call.json").read_text(encoding="utf-8"))
    assert audio.sample_rate == 8000
    assert len(audio.channels) == 2
    assert len({len(channel) for channel in audio.channels}) == 1
    assert abs(audio.duration_ms - truth["duration_ms"]) <= 10
    assert truth["audio"] == "demo_call.flac"
    for channel in audio.channels:
        samples = array("h", channel)
        assert max(samples) > 3000, "a channel is silent"


def test_what_is_expected_of_the_demo_call_can_be_had_from_the_cards() -> None:
    truth = json.loads((ASSETS / "demo_call.json").read_text(encoding="utf-8"))
    known = {card.id for card in _cards("zh")}
    wanted = {
        card for turn in truth["turns"] for name in ("cards", "new_cards", "also_ok") for card in turn.get(name, [])
    }
    assert wanted
    assert wanted <= known
    assert [turn["start_ms"] for turn in truth["turns"]] == sorted(turn["start_ms"] for turn in truth["turns"])
    assert {turn["channel"] for turn in truth["turns"]} == {"caller", "agent"}
    assert truth["record"]["issue_type"] in ISSUE_TYPES
    assert truth["record"]["sentiment"] in SENTIMENTS
    assert truth["record"]["lifecycle"] in (None, *LIFECYCLES)


def test_the_note_beside_the_assets_names_every_file() -> None:
    note = (ASSETS / "README.md").read_text(encoding="utf-8")
    for file in ASSETS.iterdir():
        if file.name != "README.md" and not file.name.startswith(("_", ".")):
            assert f"`{file.name}`" in note, file.name
    assert "synthetic" in note
    assert "Kokoro-82M" in note
