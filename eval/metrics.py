"""The figures, as pure functions. Rates are fractions of 1, times milliseconds; None where nothing was measured."""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Z95 = 1.959964
_RESAMPLES = 1000
_SEED = 20261123

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorCount:
    """Edit errors of one transcript: substitutions, deletions and insertions together."""

    errors: int
    length: int
    """Characters or words of the reference."""

    @property
    def rate(self) -> float | None:
        """Errors per reference token; may exceed 1."""
        return self.errors / self.length if self.length else None


def edit_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Levenshtein distance with unit costs."""
    if len(reference) < len(hypothesis):
        reference, hypothesis = hypothesis, reference
    row = list(range(len(hypothesis) + 1))
    for i, wanted in enumerate(reference, start=1):
        diagonal, row[0] = row[0], i
        for j, found in enumerate(hypothesis, start=1):
            kept = diagonal if wanted == found else 1 + min(diagonal, row[j], row[j - 1])
            diagonal, row[j] = row[j], kept
    return row[-1]


def count_errors(reference: Sequence[str], hypothesis: Sequence[str]) -> ErrorCount:
    """Errors of one (folded) transcript against its reference."""
    return ErrorCount(errors=edit_distance(reference, hypothesis), length=len(reference))


def error_rate(counts: Sequence[ErrorCount]) -> float | None:
    """CER or WER of a whole set: all errors over all reference tokens."""
    length = sum(count.length for count in counts)
    return sum(count.errors for count in counts) / length if length else None


def error_rate_interval(counts: Sequence[ErrorCount]) -> tuple[float, float] | None:
    """95 % interval of ``error_rate``, by bootstrap over utterances (Bisani and Ney 2004)."""
    return bootstrap(counts, error_rate)


def error_rate_gap(ours: Sequence[ErrorCount], theirs: Sequence[ErrorCount]) -> tuple[float, float] | None:
    """95 % interval of ``error_rate`` of the one minus that of the other, for the same utterances in the same order.

    They are drawn together: what is hard for both does not widen it.
    """

    def gap(pairs: Sequence[tuple[ErrorCount, ErrorCount]]) -> float | None:
        one, other = error_rate([pair[0] for pair in pairs]), error_rate([pair[1] for pair in pairs])
        return None if one is None or other is None else one - other

    return bootstrap(list(zip(ours, theirs, strict=True)), gap)


def bootstrap(
    sample: Sequence[_T], statistic: Callable[[Sequence[_T]], float | None], *, resamples: int = _RESAMPLES
) -> tuple[float, float] | None:
    """95 % percentile interval; None for fewer than two items. The same sample always gives the same interval."""
    if len(sample) < 2:
        return None
    chance = random.Random(_SEED)
    drawn = (statistic(chance.choices(sample, k=len(sample))) for _ in range(resamples))
    values = [value for value in drawn if value is not None]
    low, high = percentile(values, 2.5), percentile(values, 97.5)
    return None if low is None or high is None else (low, high)


def wilson(hits: int, total: int) -> tuple[float, float] | None:
    """95 % interval of a proportion (Wilson 1927); sound for small samples and rates near 0 or 1."""
    if total == 0:
        return None
    rate, z2 = hits / total, Z95 * Z95
    middle = (rate + z2 / (2 * total)) / (1 + z2 / total)
    spread = Z95 * math.sqrt(rate * (1 - rate) / total + z2 / (4 * total * total)) / (1 + z2 / total)
    # At 0 and at 1 the bound is exact; floating point would miss it by an ulp.
    low = 0.0 if hits == 0 else middle - spread
    high = 1.0 if hits == total else middle + spread
    return low, high


def percentile(values: Sequence[float], q: float) -> float | None:
    """``q`` in 0..100, linear between the two nearest values."""
    if not values:
        return None
    ordered = sorted(values)
    place = (len(ordered) - 1) * q / 100
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean."""
    return math.fsum(values) / len(values) if values else None


def rank_of(wanted: str, found: Sequence[str]) -> int | None:
    """1 for the first; None when it is not among them."""
    return found.index(wanted) + 1 if wanted in found else None


def recall_at(ranks: Sequence[int | None], k: int) -> float | None:
    """Share of queries whose card is among the first ``k``."""
    return mean([float(rank is not None and rank <= k) for rank in ranks])


def mrr(ranks: Sequence[int | None]) -> float | None:
    """Mean reciprocal rank; 0 for a query whose card was not found."""
    return mean([0.0 if rank is None else 1 / rank for rank in ranks])


def accuracy(truth: Sequence[str], predicted: Sequence[str]) -> float | None:
    """Share of labels that are right."""
    return mean([float(t == p) for t, p in zip(truth, predicted, strict=True)])


def macro_f1(truth: Sequence[str], predicted: Sequence[str]) -> float | None:
    """Unweighted mean of the F1 of every label that occurs on either side; a label never hit counts 0."""
    hits = Counter(t for t, p in zip(truth, predicted, strict=True) if t == p)
    wanted, found = Counter(truth), Counter(predicted)
    return mean([2 * hits[label] / (wanted[label] + found[label]) for label in sorted(wanted | found)])


def expected_calibration_error(confidence: Sequence[float], right: Sequence[bool], *, bins: int = 10) -> float | None:
    """Mean distance between confidence and accuracy over equal-width bins, weighted by bin size (Guo et al. 2017)."""
    if not confidence:
        return None
    members: dict[int, list[tuple[float, bool]]] = {}
    for value, ok in zip(confidence, right, strict=True):
        members.setdefault(min(bins - 1, int(value * bins)), []).append((value, ok))
    gaps = (abs(sum(value for value, _ in group) - sum(ok for _, ok in group)) for group in members.values())
    return math.fsum(gaps) / len(confidence)


def confusion(truth: Sequence[str], predicted: Sequence[str]) -> tuple[list[str], list[list[int]]]:
    """Labels, most frequent first, and counts: one row per true label, one column per predicted one."""
    wanted = Counter(truth)
    labels = sorted(set(truth) | set(predicted), key=lambda label: (-wanted[label], label))
    place = {label: index for index, label in enumerate(labels)}
    table = [[0] * len(labels) for _ in labels]
    for t, p in zip(truth, predicted, strict=True):
        table[place[t]][place[p]] += 1
    return labels, table
