"""Files of queries, labels and utterances; figures over cards and tags; the picture."""

import json
import wave
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from asr.codec import mulaw_table
from callcue.core.errors import BadInput
from callcue.core.ports import Prediction
from eval.cards import Answer, load_cards, push_figures, rank_figures, read_queries
from eval.data import absence, data_dir, read_jsonl
from eval.plots import heat_map
from eval.report import show, write
from eval.speech_set import errors, load, load_over, read_set
from eval.tags import read_labelled, scores


def lines(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "一"}\n\n{"text": \n', encoding="utf-8")
    with pytest.raises(BadInput, match=r"rows\.jsonl, line 3"):
        read_jsonl(path)
    with pytest.raises(BadInput, match="cannot be read"):
        read_jsonl(tmp_path / "absent.jsonl")


def test_the_data_folder_comes_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLCUE_DATA", str(tmp_path))
    assert data_dir() == tmp_path
    monkeypatch.setenv("CALLCUE_DATA", str(tmp_path / "gone"))
    assert data_dir() is None
    assert "gone" in absence()
    assert "CALLCUE_DATA" in absence()


def test_queries_say_which_card_or_that_none_fits(tmp_path: Path) -> None:
    queries = read_queries(lines(tmp_path / "q.jsonl", {"text": "开票", "card": "a"}, {"text": "天气", "card": None}))
    assert [query.card for query in queries] == ["a", None]
    with pytest.raises(BadInput, match="'card'"):
        read_queries(lines(tmp_path / "q.jsonl", {"text": "没说"}))


def test_cards_that_an_import_refuses_are_counted_not_hidden(tmp_path: Path) -> None:
    good, bad = (
        {"id": "a", "title": "发票", "body": "正文"},
        {"id": "b", "title": "团购", "body": "正文", "colour": "红"},
    )
    cards, refused = load_cards(lines(tmp_path / "cards.jsonl", good, bad))
    assert ([card.id for card in cards], refused) == (["a"], 1)
    with pytest.raises(BadInput, match="no card that can be imported"):
        load_cards(lines(tmp_path / "cards.jsonl", bad))


def test_rank_figures() -> None:
    figures = rank_figures([("a", ["a", "b"]), ("b", ["c", "b"]), ("x", ["c", "b"]), (None, ["a"])])
    assert (figures["r1"], figures["r3"]) == (pytest.approx(1 / 3), pytest.approx(2 / 3))
    assert figures["mrr"] == pytest.approx(0.5)


def test_push_figures_tell_speaking_from_silence() -> None:
    answers = [
        Answer(wanted="a", found=("a",), score=0.9),
        Answer(wanted="b", found=("a", "b"), score=0.5),
        Answer(wanted="c", found=("c",), score=0.4),
        Answer(wanted=None, found=("a",), score=0.6),
        Answer(wanted=None, found=(), score=0.0),
    ]
    figures = push_figures(answers, 0.5)
    assert figures["pushed_when_null"] == 0.5
    assert figures["pushed_when_fits"] == pytest.approx(2 / 3)
    assert figures["right_when_pushed"] == pytest.approx(1 / 3)
    assert push_figures([], 0.5)["pushed_when_null"] is None


def test_tag_scores_and_rows(tmp_path: Path) -> None:
    predictions = [Prediction(label=label, probability=0.75, distribution={}) for label in ("技术", "账单")]
    figures = scores(["技术", "技术"], predictions)
    assert figures["accuracy"] == 0.5
    assert figures["ece"] == pytest.approx(0.25)
    with pytest.raises(BadInput, match="'issue_type'"):
        read_labelled(lines(tmp_path / "t.jsonl", {"text": "发票"}), "issue_type")


@pytest.mark.parametrize("size", [2, 40])
def test_the_picture_is_sound_xml_with_a_square_per_cell(size: int) -> None:
    labels = [f"<{number}&>" for number in range(size)]
    root = ElementTree.fromstring(heat_map(labels, [[1] * size for _ in labels], "技术 & 账单"))
    squares = [part for part in root if part.tag.endswith("rect") and part.get("stroke")]
    assert len(squares) == size * size
    assert labels[0] in [part.text for part in root]


def utterance_set(folder: Path, *, rate: int = 16000, **row: object) -> Path:
    tone = (np.sin(np.arange(rate) / 5) * 8000).astype("<i2")
    quiet = np.zeros(rate // 2, dtype="<i2")
    with wave.open(str(folder / "a.wav"), "wb") as out:
        out.setparams((1, 2, rate, 0, "NONE", ""))
        out.writeframes(np.concatenate([tone, quiet]).tobytes())
    lines(folder / "manifest.jsonl", {"file": "a.wav", "transcript": "二十块", "lang": "zh", **row})
    return folder


def test_an_utterance_is_resampled_and_its_end_of_speech_found(tmp_path: Path) -> None:
    utterance = read_set(utterance_set(tmp_path), None)[0]
    audio = load(utterance, 8000)
    assert audio.rate == 8000
    assert audio.duration_s == pytest.approx(1.5, abs=0.01)
    assert audio.speech_end_ms == pytest.approx(1000, abs=40)
    assert errors(utterance, "20块。").errors == 0
    assert errors(utterance, "20").errors == 1


def test_a_clean_line_keeps_the_band_of_the_file_and_a_telephone_line_is_mu_law(tmp_path: Path) -> None:
    utterance = read_set(utterance_set(tmp_path), None)[0]
    clean, telephone = load_over(utterance, "clean"), load_over(utterance, "telephone")
    assert (clean.rate, telephone.rate) == (16000, 8000)
    assert clean.speech_end_ms == pytest.approx(telephone.speech_end_ms, abs=40)
    assert clean.speech_start_ms == telephone.speech_start_ms == 0
    levels = set(np.frombuffer(telephone.pcm, dtype="<i2").tolist())
    assert levels <= set(mulaw_table().tolist())
    assert not set(np.frombuffer(clean.pcm, dtype="<i2").tolist()) <= set(mulaw_table().tolist())
    narrow = read_set(utterance_set(tmp_path, rate=8000), None)[0]
    assert load_over(narrow, "clean").rate == 8000


def test_sets_are_filtered_and_checked(tmp_path: Path) -> None:
    assert len(read_set(utterance_set(tmp_path), "zh")) == 1
    with pytest.raises(BadInput, match="no utterance with a transcript in en"):
        read_set(tmp_path, "en")
    with pytest.raises(BadInput, match="outside the folder"):
        read_set(utterance_set(tmp_path, file="../a.wav"), None)
    with pytest.raises(BadInput, match="zh or en"):
        read_set(utterance_set(tmp_path, lang="fr"), None)


def test_figures_are_written_and_shown(tmp_path: Path) -> None:
    write({"cer": 0.1, "名": None}, tmp_path / "deep" / "out.json")
    assert json.loads((tmp_path / "deep" / "out.json").read_text(encoding="utf-8")) == {"cer": 0.1, "名": None}
    assert show({"p50": 1234.5, "p95": None}) == "p50 1234, p95 –"
    assert show((0.1, 0.25)) == "0.100–0.250"
