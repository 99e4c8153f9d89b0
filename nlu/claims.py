"""What the rules of the normaliser hand over."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Claim:
    """A rule's finding about a stretch of the raw text (offsets in characters)."""

    start: int
    end: int
    text: str | None
    """How it is to be written; None: as it is, and no later rule may touch it."""
    kind: str
    """As in ``TextSpan.kind``."""


def changed(text: str, start: int, end: int, written: str, kind: str) -> Iterator[Claim]:
    """A claim where the written form differs from the text."""
    if text[start:end] != written:
        yield Claim(start, end, written, kind)
