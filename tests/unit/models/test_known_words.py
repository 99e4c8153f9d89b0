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


def test_the_older_form_has_one_token_a_line(tmp_path: Path) -> None:
    lines = ["<|endoftext|>", "\u0120Charge", "ing", "\u0120the\r", "\u0120don't", "\u0120\u00e6\u0142", ""]
    (tmp_path / "vocabulary.txt").write_bytes("\n".join(lines).encode())
    assert known_words(tmp_path) == {"charge", "the"}


def test_the_newer_form_counts_where_both_are_there(tmp_path: Path) -> None:
    (tmp_path / "vocabulary.txt").write_text("\u0120old\n", encoding="utf-8")
    (tmp_path / "vocabulary.json").write_text('["\u0120new"]', encoding="utf-8")
    assert known_words(tmp_path) == {"new"}


def test_a_model_without_such_a_vocabulary_knows_none(tmp_path: Path) -> None:
    assert known_words(tmp_path) == frozenset()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("vocabulary.json", b"["),
        ("vocabulary.json", b'{"\xc4\xa0the": 1}'),
        ("vocabulary.json", b"7"),
        ("vocabulary.json", b"[" * 100_000),
        ("vocabulary.txt", b"\xc4\xa0the\n\xff\xfe\n"),
    ],
)
def test_a_broken_vocabulary_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=rf"{name}.*fetch the model again"):
        known_words(tmp_path)


@pytest.mark.parametrize("name", ["vocabulary.json", "vocabulary.txt"])
def test_a_file_that_no_model_has_is_not_read_whole(tmp_path: Path, name: str) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(80 * 1024 * 1024)  # a hole: takes no room on the disk
    with pytest.raises(ModelError, match=rf"{name} is larger than"):
        known_words(tmp_path)
