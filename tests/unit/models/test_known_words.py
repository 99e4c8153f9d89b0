"""The words that the recogniser has tokens of its own for."""

import json
from pathlib import Path

import pytest

from callcue.core.errors import ModelError
from models.whisper import known_words


def test_whole_english_words_in_lower_case(tmp_path: Path) -> None:
    tokens = ["\u0120Charge", "ing", "\u0120the", "\u0120don't", "\u0120\u00e6\u0142", "<|zh|>", 7]
    (tmp_path / "vocabulary.json").write_text(json.dumps(tokens), encoding="utf-8")
    assert known_words(tmp_path) == {"charge", "the"}


def test_a_model_without_such_a_vocabulary_knows_none(tmp_path: Path) -> None:
    assert known_words(tmp_path) == frozenset()


def test_a_broken_vocabulary_is_named(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.json").write_text("[", encoding="utf-8")
    with pytest.raises(ModelError, match=r"vocabulary\.json cannot be read"):
        known_words(tmp_path)
