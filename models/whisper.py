"""Where the recogniser's model lies, and which words it has tokens of their own for."""

from pathlib import Path

from callcue.core.errors import ModelError
from models.registry import resolve
from models.store import ModelStore
from models.validate import read_json, read_text

_SPACE = "\u0120"
"""How byte-level BPE writes the space before a word."""


def whisper_folder(store: ModelStore, name: str) -> Path:
    """A CTranslate2 Whisper folder, ready to load: registry name, own folder or hub id. Raises ModelError."""
    return store.ensure(resolve(name, "whisper"))


def known_words(folder: Path) -> frozenset[str]:
    """The English words, in lower case, that have a token of their own: those that the recogniser writes most easily.

    Empty where the model has no vocabulary with Whisper's byte-level tokens. Raises ModelError.
    """
    words = (token[1:] for token in _tokens(folder) if isinstance(token, str) and token.startswith(_SPACE))
    return frozenset(word.lower() for word in words if word.isascii() and word.isalpha())


def _tokens(folder: Path) -> list[object]:
    """Those of ``vocabulary.json``, else of ``vocabulary.txt``: CTranslate2's older form, one token a line."""
    listed, lines = folder / "vocabulary.json", folder / "vocabulary.txt"
    if listed.is_file():
        tokens = read_json(listed)
        if not isinstance(tokens, list):
            raise ModelError(f"{listed} is not a JSON list of tokens; convert or fetch the model again")
        return tokens
    if not lines.is_file():
        return []
    return [line.removesuffix("\r") for line in read_text(lines).split("\n")]  # splitlines() splits at more than that
