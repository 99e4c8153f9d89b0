"""Digit strings: how well phone, order and other long numbers come through, apart from all other text.

A digit string is a run of three digits or more after both texts have been normalised, so that it does not matter who
wrote a number in words. Reference and transcript are aligned character by character (Levenshtein); what stands over
against a reference string, with digits that were slipped in at its ends, is what was heard of it. Runs of the
transcript that stand over against no reference string are counted as ``invented``.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from callcue.core.speech import Language
from eval.metrics import edit_distance, wilson
from eval.report import Figures
from nlu.normalise import Normaliser

LEAST = 3
"""Digits; shorter numbers are counted with the other text."""
_STRING = re.compile(rf"\d{{{LEAST},}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DigitScore:
    """The digit strings of one utterance."""

    wanted: tuple[str, ...]
    """As in the reference."""
    heard: tuple[str, ...]
    """What came of each, the digits only; empty: nothing."""
    invented: int
    """Digit strings of the transcript where the reference has none."""

    @property
    def errors(self) -> int:
        """Digits substituted, lost or slipped in."""
        return sum(edit_distance(wanted, heard) for wanted, heard in zip(self.wanted, self.heard, strict=True))


def score_digits(reference: str, transcript: str, language: Language) -> DigitScore:
    """Compare the digit strings of two texts, however they write them."""
    (said, strings), (got, other) = (_plain(text, language) for text in (reference, transcript))
    places = _alignment(said, got)
    taken = {place for char, place in zip(said, places, strict=True) if char.isdigit()}
    heard, covered = [], set[int]()
    for start, end in strings:
        own = [place for at in range(start, end) if (place := places[at]) is not None]
        low, high = (own[0], own[-1]) if own else _gap(places, start, len(got))
        while low > 0 and got[low - 1].isdigit() and low - 1 not in taken:
            low -= 1
        while high + 1 < len(got) and got[high + 1].isdigit() and high + 1 not in taken:
            high += 1
        covered |= set(range(low, high + 1))
        heard.append("".join(char for char in got[low : high + 1] if char.isdigit()))
    invented = sum(covered.isdisjoint(range(*found)) for found in other)
    return DigitScore(wanted=tuple(said[a:b] for a, b in strings), heard=tuple(heard), invented=invented)


def digit_figures(scores: Iterable[DigitScore]) -> Figures:
    """``count``, the share recovered ``exact`` with its interval, ``digit_error_rate``, ``invented``."""
    scores = list(scores)
    pairs = [pair for score in scores for pair in zip(score.wanted, score.heard, strict=True)]
    exact = sum(wanted == heard for wanted, heard in pairs)
    digits = sum(len(wanted) for wanted, _ in pairs)
    return {
        "count": len(pairs),
        "exact": exact / len(pairs) if pairs else None,
        "exact_interval": wilson(exact, len(pairs)),
        "digit_error_rate": sum(score.errors for score in scores) / digits if digits else None,
        "invented": sum(score.invented for score in scores),
    }


def _plain(text: str, language: Language) -> tuple[str, list[tuple[int, int]]]:
    """The text normalised and without what separates words, and where its digit strings lie in that."""
    written = Normaliser().normalise(text, language).text
    before = [0, *accumulate(int(char.isalnum()) for char in written)]
    strings = [(before[found.start()], before[found.end()]) for found in _STRING.finditer(written)]
    return "".join(char for char in written if char.isalnum()), strings


def _gap(places: Sequence[int | None], start: int, length: int) -> tuple[int, int]:
    """An empty stretch of the transcript where a string that was lost would have stood."""
    before = next((place for place in reversed(places[:start]) if place is not None), -1)
    return min(before + 1, length), before


def _alignment(said: str, got: str) -> list[int | None]:
    """For each character of ``said`` the one of ``got`` that it was heard as; None: lost.

    Of equally short ways the one is taken that pairs digits with digits.
    """
    rows, columns = len(said) + 1, len(got) + 1
    cost = [[float(column) for column in range(columns)]]
    for i in range(1, rows):
        row = [float(i)]
        for j in range(1, columns):
            paired = cost[i - 1][j - 1] + _price(said[i - 1], got[j - 1])
            row.append(min(paired, cost[i - 1][j] + 1, row[j - 1] + 1))
        cost.append(row)
    places: list[int | None] = [None] * len(said)
    i, j = len(said), len(got)
    while i and j:
        if cost[i][j] == cost[i - 1][j - 1] + _price(said[i - 1], got[j - 1]):
            i, j = i - 1, j - 1
            places[i] = j
        elif cost[i][j] == cost[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return places


def _price(one: str, other: str) -> float:
    if one == other:
        return 0.0
    return 1.0 if one.isdigit() == other.isdigit() else 1.0 + 2.0**-10
