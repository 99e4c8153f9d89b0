"""How well probabilities kept their word, and when a predictive tag may be shown or has to go.

Brier score (Brier 1950) beside that of always saying the base rate; the two z-scores are Spiegelhalter's (1986) and
that of calibration in the large (expected against observed number). Under the hypothesis that the probabilities are
right, both are about standard normal.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

BINS = 10

State = Literal["watching", "shown", "off"]
"""``watching``: made and scored, not shown; ``off``: the same, until a person switches it on again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bin:
    """The forecasts of one range of probability, a tenth wide."""

    low: float
    cases: int
    happened: int
    mean: float
    """Of the probabilities."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """What became of a tag's forecasts."""

    cases: int
    happened: int
    brier: float | None
    base_brier: float | None
    """Of a forecaster who knows the base rate of these very cases, and nothing else: a hard one to beat."""
    worse: float | None
    """z of the mean difference of both, case by case: above 1.64 the tag is worse than the base rate."""
    spiegelhalter: float | None
    large: float | None
    """z of observed minus expected number."""
    bins: tuple[Bin, ...]
    """Only those that hold cases."""

    @property
    def rate(self) -> float | None:
        """How often it happened."""
        return self.happened / self.cases if self.cases else None

    @property
    def skill(self) -> float | None:
        """1 - brier / base_brier; 0 or less: no better than the base rate."""
        return None if not self.base_brier or self.brier is None else 1 - self.brier / self.base_brier


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchRule:
    """When a tag is shown, and when it is switched off."""

    show_cases: int = 200
    """Scored forecasts before anything is shown."""
    show_each: int = 20
    """Of them that came true, and that did not, at least."""
    show_z: float = 2.58
    """Neither z-score may be beyond it (1 % two-sided)."""
    off_cases: int = 100
    off_each: int = 5
    off_z: float = 3.89
    """A z-score beyond it switches off (0.01 % two-sided: it is asked every night)."""
    worse_z: float = 2.33
    """Worse than the base rate by so much (1 % one-sided)."""
    window: int = 300
    """The newest cases that count."""


RULE = SwitchRule()


def score(cases: Sequence[tuple[float, bool]], owners: Sequence[str] | None = None) -> Scores:
    """``cases``: probability and whether it happened; ``owners``: whose each is, by default another one's each.

    One visit may make three forecasts about the same customer true. So the z-scores divide by what the customers' sums
    vary by (Liang and Zeger 1986), or by what the probabilities say that the cases vary by, where that is more.
    """
    n, happened = len(cases), sum(hit for _, hit in cases)
    if not n:
        return Scores(
            cases=0, happened=0, brier=None, base_brier=None, worse=None, spiegelhalter=None, large=None, bins=()
        )
    whose = list(map(str, range(n))) if owners is None else owners
    rate = happened / n
    losses = [(p - hit) ** 2 for p, hit in cases]
    excess = [loss - (rate - hit) ** 2 for loss, (_, hit) in zip(losses, cases, strict=True)]
    mean = math.fsum(excess) / n
    spread = math.fsum(p * (1 - p) for p, _ in cases)
    skewed = math.fsum((1 - 2 * p) ** 2 * p * (1 - p) for p, _ in cases)
    return Scores(
        cases=n,
        happened=happened,
        brier=math.fsum(losses) / n,
        base_brier=rate * (1 - rate),
        worse=_ratio(mean * n, _varies([value - mean for value in excess], whose)),
        spiegelhalter=_z([(hit - p) * (1 - 2 * p) for p, hit in cases], whose, skewed),
        large=_z([hit - p for p, hit in cases], whose, spread),
        bins=_bins(cases),
    )


def judge(state: State, scores: Scores, rule: SwitchRule = RULE) -> tuple[State, str]:
    """The state after these scores and why; ``off`` is left by a person only."""
    if state == "shown":
        wrong = _lost(scores, rule)
        return ("off", wrong) if wrong else ("shown", "")
    if state == "watching":
        missing = _not_yet(scores, rule)
        return ("watching", missing) if missing else ("shown", f"{scores.cases} forecasts kept their word")
    return "off", ""


def _lost(scores: Scores, rule: SwitchRule) -> str:
    """What is wrong with a shown tag; empty: nothing, or too few cases to tell."""
    if scores.cases < rule.off_cases or min(_expected(scores)) < rule.off_each:
        return ""
    told = f"of {scores.cases} forecasts {scores.happened} came true, {_expected(scores)[0]:.0f} were expected"
    if _beyond(scores.large, rule.off_z):
        return f"calibration is lost: {told}"
    if _beyond(scores.spiegelhalter, rule.off_z):
        return f"calibration is lost by Spiegelhalter's test (z = {scores.spiegelhalter:.1f}): {told}"
    if scores.worse is not None and scores.worse > rule.worse_z:
        return f"worse than the base rate: Brier score {scores.brier:.3f} against {scores.base_brier:.3f}; {told}"
    return ""


def _not_yet(scores: Scores, rule: SwitchRule) -> str:
    """What a watched tag still lacks; empty: nothing."""
    if scores.cases < rule.show_cases:
        return f"{scores.cases} of {rule.show_cases} forecasts have an outcome"
    if min(scores.happened, scores.cases - scores.happened) < rule.show_each:
        return f"{scores.happened} of {scores.cases} came true: {rule.show_each} of each kind are needed"
    if _beyond(scores.large, rule.show_z) or _beyond(scores.spiegelhalter, rule.show_z):
        return f"not calibrated: {scores.happened} came true, {_expected(scores)[0]:.0f} were expected"
    if scores.skill is None or scores.skill <= 0:
        return "no better than the base rate"
    return ""


def _expected(scores: Scores) -> tuple[float, float]:
    """The numbers that should have come true, and not."""
    yes = math.fsum(one.mean * one.cases for one in scores.bins)
    return yes, scores.cases - yes


def _beyond(z: float | None, limit: float) -> bool:
    return z is not None and abs(z) > limit


def _ratio(distance: float, variance: float) -> float | None:
    return distance / math.sqrt(variance) if variance > 0 else None


def _z(values: Sequence[float], owners: Sequence[str], variance: float) -> float | None:
    return _ratio(math.fsum(values), max(variance, _varies(values, owners)))


def _varies(values: Sequence[float], owners: Sequence[str]) -> float:
    """The variance of a sum whose terms belong together by owner."""
    sums: dict[str, float] = {}
    for value, owner in zip(values, owners, strict=True):
        sums[owner] = sums.get(owner, 0.0) + value
    return math.fsum(value * value for value in sums.values())


def _bins(cases: Sequence[tuple[float, bool]]) -> tuple[Bin, ...]:
    held: dict[int, list[tuple[float, bool]]] = {}
    for p, hit in cases:
        held.setdefault(min(BINS - 1, int(p * BINS)), []).append((p, hit))
    return tuple(
        Bin(
            low=number / BINS,
            cases=len(members),
            happened=sum(hit for _, hit in members),
            mean=math.fsum(p for p, _ in members) / len(members),
        )
        for number, members in sorted(held.items())
    )
