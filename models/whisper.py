"""Where the recogniser's model lies."""

from pathlib import Path

from models.registry import resolve
from models.store import ModelStore


def whisper_folder(store: ModelStore, name: str) -> Path:
    """A CTranslate2 Whisper folder, ready to load: registry name, own folder or hub id. Raises ModelError."""
    return store.ensure(resolve(name, "whisper"))
