"""One card made ready for the index: its texts, and what the searches know of them. An unchanged card is made once."""

from collections.abc import Mapping
from dataclasses import dataclass

from callcue.core.cards import Card
from kb_index.lexical import TermVector, Vocabulary
from kb_index.vectors import text_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Vocabularies:
    """Terms by spelling and by sound; they only grow and are shared by the generations."""

    words: Vocabulary
    sounds: Vocabulary

    def __len__(self) -> int:
        return len(self.words) + len(self.sounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What is indexed of a card: title and sample questions. The body is not searched."""

    card: Card
    texts: tuple[str, ...]
    """Without doubles, the title first."""
    keys: tuple[bytes, ...]
    """``text_key`` of each."""
    words: TermVector
    sounds: TermVector


def make_entry(card: Card, vocabularies: Vocabularies, embedder_name: str, known: Mapping[str, Entry]) -> Entry:
    """The entry of a card; what ``known`` (by card id) has of the same texts is taken over."""
    before = known.get(card.id)
    if before is not None and before.card is card:
        return before
    texts = tuple(dict.fromkeys((card.title, *card.questions)))
    if before is not None and before.texts == texts:
        return Entry(card=card, texts=texts, keys=before.keys, words=before.words, sounds=before.sounds)
    document = "\n".join(texts)
    return Entry(
        card=card,
        texts=texts,
        keys=tuple(text_key(embedder_name, text) for text in texts),
        words=vocabularies.words.vector(document),
        sounds=vocabularies.sounds.vector(document),
    )
