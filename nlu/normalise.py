"""Raw recogniser text -> normalised text, with spans that map back.

Outside the spans the two texts are the same, character by character. Rules claim stretches of the raw text in order;
what an idiom or an earlier rule has claimed no later rule touches. A rule that is not sure leaves the words alone: a
number that stays in words costs little, a 四舍五入 that became 4舍5入 cannot be mended.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Protocol

from callcue.core.speech import Language, TextSpan
from nlu import rules_en, rules_zh
from nlu.claims import Claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Normalised:
    """Normalised text and where it differs from the raw text."""

    text: str
    spans: tuple[TextSpan, ...]
    """In order, not overlapping."""


class Corrector(Protocol):
    """What knows words that the recogniser gets wrong."""

    def claims(self, text: str, language: Language) -> Iterator[Claim]:
        """Stretches of the text and what should stand there."""
        ...


class Normaliser:
    """Applies the rules of a language. Stateless and cheap to make."""

    def normalise(self, text: str, language: Language, corrector: Corrector | None = None) -> Normalised:
        """Write spoken numbers in digits and fold full-width letters and digits.

        ``corrector`` comes after the rules: it never reaches into a number or a set phrase.
        """
        folded = _fold_width(text)
        corrections = corrector.claims(folded, language) if corrector else ()
        claims = _resolve(chain(_claims(folded, language), corrections), len(text))
        return _build(text, folded, claims)


def _claims(text: str, language: Language) -> Iterator[Claim]:
    for rule in rules_zh.RULES if language == "zh" else rules_en.RULES:
        yield from rule(text)


def _fold_width(text: str) -> str:
    """Full-width ASCII letters, digits and the percent sign to half width, one character for one."""
    return "".join(_half(c) for c in text)


def _half(char: str) -> str:
    code = ord(char) - 0xFEE0
    if 0x21 <= code <= 0x7E:
        half = chr(code)
        return half if half.isalnum() or half == "%" else char
    return char


def _resolve(claims: Iterable[Claim], length: int) -> list[Claim]:
    """First come, first served; the survivors in text order."""
    taken = bytearray(length)
    kept: list[Claim] = []
    for claim in claims:
        if claim.start < claim.end and not any(taken[claim.start : claim.end]):
            taken[claim.start : claim.end] = b"\x01" * (claim.end - claim.start)
            kept.append(claim)
    return sorted(kept, key=lambda c: c.start)


def _build(raw: str, folded: str, claims: list[Claim]) -> Normalised:
    out: list[str] = []
    spans: list[TextSpan] = []
    length = 0

    def emit(start: int, end: int, text: str, kind: str) -> None:
        nonlocal length
        if text != raw[start:end]:
            span = TextSpan(start=length, end=length + len(text), raw_start=start, raw_end=end, kind=kind)
            spans.append(span)
        out.append(text)
        length += len(text)

    def emit_folded(start: int, end: int) -> None:
        at = start
        while at < end:
            changed = raw[at] != folded[at]
            stop = at + 1
            while stop < end and (raw[stop] != folded[stop]) == changed:
                stop += 1
            emit(at, stop, folded[at:stop], "script")
            at = stop

    at = 0
    for claim in claims:
        emit_folded(at, claim.start)
        if claim.text is None:
            emit_folded(claim.start, claim.end)
        else:
            emit(claim.start, claim.end, claim.text, claim.kind)
        at = claim.end
    emit_folded(at, len(raw))
    return Normalised(text="".join(out), spans=tuple(spans))
