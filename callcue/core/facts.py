"""Facts that are said on a call, as candidates: several of one kind may stand side by side, each with its role."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

FactKind = Literal["phone", "order_no", "amount", "date", "product", "address", "name", "staff"]
FactState = Literal["heard", "confirmed", "corrected", "incomplete", "withdrawn"]
"""``heard``: said once. ``confirmed``: heard alike twice, or read back and agreed to. ``corrected``: the speaker took
an earlier wording back. ``incomplete``: digits are missing, so it is no value to rely on. ``withdrawn``: replaced by
another candidate."""
FACT_KINDS: tuple[FactKind, ...] = ("phone", "order_no", "amount", "date", "product", "address", "name", "staff")


@dataclass(frozen=True, slots=True, kw_only=True)
class FactSpan:
    """Where a fact was said."""

    segment_id: str
    start: int
    """Offset into the segment's normalised text, characters."""
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FactCandidate:
    """One reading of one fact."""

    kind: FactKind
    value: str
    """Digits and capital letters of a number; a plain decimal of an amount; ``YYYY-MM-DD`` (``YYYY-MM``) of a date."""
    role: str
    """What it is in the call: of dates ``purchase``, ``visit``, ``received``, ``returned``; of amounts ``paid``,
    ``refund``, ``disputed``, ``budget``, ``quoted``; of people ``customer``, ``agent``; empty where there is one."""
    probability: float
    """0..1."""
    state: FactState
    evidence: tuple[FactSpan, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberShape:
    """How a shop's order numbers look, learnt from its orders."""

    lengths: frozenset[int] = frozenset()
    """Numbers of characters, separators aside; empty: unknown."""
    prefixes: frozenset[str] = frozenset()
    """Letters in front, where every order has some; empty: none are needed."""

    def fits(self, number: str) -> bool:
        """Whether ``number`` can be an order number; true where nothing is known."""
        right = not self.lengths or len(number) in self.lengths
        return right and (not self.prefixes or any(number.startswith(prefix) for prefix in self.prefixes))


def fold(updates: Iterable[Iterable[FactCandidate]]) -> list[FactCandidate]:
    """The candidates that stand after all ``updates``, the likeliest of each kind and role first."""
    held: dict[tuple[str, str, str], FactCandidate] = {}
    for update in updates:
        for found in update:
            held[found.kind, found.role, found.value] = found
    standing = [found for found in held.values() if found.state != "withdrawn"]
    order = {kind: place for place, kind in enumerate(FACT_KINDS)}
    return sorted(standing, key=lambda found: (order[found.kind], found.role, -found.probability))


def best(candidates: Iterable[FactCandidate]) -> Mapping[tuple[FactKind, str], FactCandidate]:
    """The likeliest candidate of each kind and role."""
    found: dict[tuple[FactKind, str], FactCandidate] = {}
    for candidate in candidates:
        held = found.get((candidate.kind, candidate.role))
        if candidate.state != "withdrawn" and (held is None or candidate.probability > held.probability):
            found[candidate.kind, candidate.role] = candidate
    return found
