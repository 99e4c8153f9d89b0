"""The shipped models, with the real embedder, on wordings not trained on and on calls written for these tests."""

import json
from collections import Counter
from datetime import datetime

import numpy as np
import pytest

import tagger
from callcue.core.ports import Embedder, TagModel
from callcue.core.records import ISSUE_TYPES, SENTIMENTS
from callcue.core.speech import Utterance
from callcue.core.taxonomy import default_taxonomy
from models.embedders import load_embedder
from models.store import ModelStore
from tagger.call import CallTagger
from tagger.classifier import read_manifest
from tagger.loading import load_model
from tagger.make_data import DATA, FIELDS, make_rows
from tagger.scores import score
from tagger.told import read_told, row_key
from tagger.train import read_rows
from tests.unit.tagger.scripted_calls import CALLS, ScriptedCall

LARGEST_BYTES = 5_000_000  # half a megabyte of it is what the speller learnt
MODELS = ("issue_type", "issue_subtype", "sentiment")


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Embedder:
    return load_embedder(ModelStore(tmp_path_factory.mktemp("models")), "e5-small")


@pytest.fixture(scope="module")
def shipped(embedder: Embedder) -> dict[str, TagModel]:
    return {field: load_model(tagger.shipped_models() / field, embedder) for field in MODELS}


def test_they_say_what_the_record_takes(shipped: dict[str, TagModel]) -> None:
    assert set(shipped["issue_type"].labels) == set(ISSUE_TYPES)
    assert set(shipped["issue_subtype"].labels) == set(default_taxonomy().subtypes)
    assert set(shipped["sentiment"].labels) == set(SENTIMENTS)


@pytest.mark.parametrize("field", MODELS)
def test_they_are_small_and_say_how_good_they_are(field: str) -> None:
    folder = tagger.shipped_models() / field
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < LARGEST_BYTES
    assert {"accuracy", "macro_f1", "ece"} <= set(read_manifest(folder)["scores"])


@pytest.mark.parametrize("field", MODELS)
def test_they_keep_what_they_said_of_their_own_rows(field: str) -> None:
    """Else a model trained from them could not be compared with them on the rows that both have learnt."""
    folder = tagger.shipped_models() / field
    labels = read_manifest(folder)["labels"]
    rows = read_rows(DATA / ("sentiment.jsonl" if field == "sentiment" else "issue_type.jsonl"))
    kept = read_told(folder, len(labels))
    assert set(kept.verdicts) == {row_key(str(row["text"])) for row in rows}
    right = [labels[kept.verdicts[row_key(str(row["text"]))].label] == row[field] for row in rows]
    scored = read_manifest(folder)["scores"]["accuracy"]
    assert sum(right) / len(right) == pytest.approx(scored, abs=0.005), "they are those of the cross-validation"


@pytest.mark.parametrize("field", FIELDS)
def test_unseen_wordings(shipped: dict[str, TagModel], field: str) -> None:
    rows = read_rows(DATA / f"{field}_test.jsonl")[::3]  # every wording, clean and noisy; embedding all takes a minute
    model = shipped[field]
    found = model.predict([str(row["text"]) for row in rows])
    classes = np.array([model.labels.index(str(row[field])) for row in rows])
    probabilities = np.array([[one.distribution[label] for label in model.labels] for one in found])
    scores = score(probabilities, classes)
    majority = max(Counter(classes.tolist()).values()) / len(classes)
    assert scores.accuracy > majority + 0.3
    assert scores.macro_f1 > 0.8
    assert scores.ece < 0.1


@pytest.mark.parametrize("field", FIELDS)
def test_the_data_in_the_repository_is_what_the_generator_makes(field: str) -> None:
    made = make_rows(field)
    for name, test in ((field, False), (f"{field}_test", True)):
        lines = (DATA / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        held = [json.loads(line)["text"] for line in lines]
        assert held == [row["text"] for row in made if row["test"] is test]
    seen = {row["wording"] for row in made if not row["test"]}
    assert not seen & {row["wording"] for row in made if row["test"]}


@pytest.mark.parametrize("call", CALLS, ids=lambda call: call.name)
def test_scripted_call(shipped: dict[str, TagModel], call: ScriptedCall) -> None:
    started = datetime.fromisoformat("2026-11-23T10:00+08:00")
    tagger_of_call = CallTagger(
        issue=shipped["issue_type"],
        sentiment=shipped["sentiment"],
        fill_threshold=0.6,
        started_at=started,
        subtype=shipped["issue_subtype"],
    )
    found = []
    for number, (speaker, text) in enumerate(call.turns):
        utterance = Utterance(
            call_id="c",
            channel="caller" if speaker == "C" else "agent",
            segment_id=f"s{number}",
            start_ms=number * 5000,
            end_ms=number * 5000 + 4000,
            raw_text=text,
            text=text,
            language="en" if text.isascii() else "zh",
            confidence=0.9,
        )
        found += tagger_of_call.observe(utterance)
    found += tagger_of_call.finish()
    record = {one.field: one.value for one in found if one.fills and one.field != "tags"}
    tags = {one.value for one in found if one.fills and one.field == "tags"}
    assert record.get("issue_type") == call.issue_type
    finer = record.get("issue_subtype")
    assert finer is None or default_taxonomy().type_of(str(finer)) == call.issue_type
    assert record.get("sentiment") == call.sentiment
    assert record.get("priority") == call.priority
    assert record.get("needs_offline_inspection") == call.needs_offline_inspection
    assert record.get("lifecycle") == call.lifecycle
    scored = ("facts.phone", "facts.order_no", "facts.amount", "facts.purchase_date")
    assert {field: value for field, value in record.items() if field in scored} == {
        f"facts.{name}": value for name, value in call.facts.items()
    }
    assert set(call.tags) <= tags
    assert not set(call.not_tags) & tags
    for words in call.follow_up:
        assert words in str(record.get("follow_up"))
