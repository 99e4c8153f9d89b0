"""One card made ready for the index: its texts, and what the searches know of them. An unchanged card is made once."""

from dataclasses import dataclass, replace

from callcue.core.cards import Card
from kb_index.filters import bounds
from kb_index.lexical import Vocabulary
from kb_index.postings import TermVector
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
    valid: tuple[float, float]
    """First and last moment at which it is valid, in seconds since 1970; infinite where there is no limit."""


def make_entry(card: Card, vocabularies: Vocabularies, embedder_name: str, before: Entry | None) -> Entry:
    """The entry of a card; what ``before``, an earlier one of the card, has of the same texts is taken over."""
    texts = tuple(dict.fromkeys((card.title, *card.questions)))
    valid = bounds(card)
    if before is not None and before.texts == texts:
        return replace(before, card=card, valid=valid)
    document = "\n".join(texts)
    return Entry(
        card=card,
        texts=texts,
        keys=tuple(text_key(embedder_name, text) for text in texts),
        words=vocabularies.words.vector(document),
        sounds=vocabularies.sounds.vector(document),
        valid=valid,
    )
