"""What else a window may say: the other texts that the search ended with, where they differ in a word."""

from collections.abc import Iterable

MOST = 3
"""Alternatives that are kept."""


def otherwise(text: str, others: Iterable[str]) -> tuple[str, ...]:
    """Those of ``others``, best first, that are not ``text`` or each other but for punctuation, spaces and case."""
    seen = {_bare(text), ""}
    kept: list[str] = []
    for other in others:
        bare = _bare(other)
        if bare not in seen and len(kept) < MOST:
            seen.add(bare)
            kept.append(other)
    return tuple(kept)


def _bare(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())
