"""Where the recogniser's model lies."""

import json
from pathlib import Path

from callcue.core.errors import ModelError
from models.registry import resolve
from models.store import ModelStore

_SPACE = "\u0120"
"""How byte-level BPE writes the space before a word."""


def whisper_folder(store: ModelStore, name: str) -> Path:
    """A CTranslate2 Whisper folder, ready to load: registry name, own folder or hub id. Raises ModelError."""
    return store.ensure(resolve(name, "whisper"))


def known_words(folder: Path) -> frozenset[str]:
    """The English words, in lower case, that have a token of their own: those that the recogniser writes most easily.

    Empty where the model has no ``vocabulary.json`` with Whisper's byte-level tokens. Raises ModelError.
    """
    file = folder / "vocabulary.json"
    if not file.is_file():
        return frozenset()
    try:
        tokens = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"{file} cannot be read ({error}); convert or fetch the model again") from error
    words = (token[1:] for token in tokens if isinstance(token, str) and token.startswith(_SPACE))
    return frozenset(word.lower() for word in words if word.isascii() and word.isalpha())
