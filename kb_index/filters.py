"""Which cards a query's filters admit, for all cards of a generation at once."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from callcue.core.cards import Audience, Card, CardQuery
from callcue.core.validity import validity

Mask = NDArray[np.bool_]

_REMEMBERED = 64
"""Masks kept per generation: calls ask with the same few filters again and again."""
_FIELDS = ("lifecycle", "segment", "region", "language")


class CardFilter:
    """Answers for one generation; thread-safe. Masks without a date are made once per combination of filters."""

    def __init__(self, cards: Sequence[Card], valid: Sequence[tuple[float, float]] | None = None) -> None:
        """``valid``: the ``bounds`` of each card, where they are known already."""
        self._cards = cards
        spans = [bounds(card) for card in cards] if valid is None else valid
        self._from = np.fromiter((first for first, _ in spans), dtype=np.float64, count=len(cards))
        self._to = np.fromiter((last for _, last in spans), dtype=np.float64, count=len(cards))
        self._dated = bool(np.isfinite(self._from).any() or np.isfinite(self._to).any())
        self._limited = np.flatnonzero([card.audience != Audience() for card in cards])
        self._masks: dict[object, Mask | None] = {}
        self._lock = threading.Lock()

    def admitted(self, query: CardQuery) -> Mask | None:
        """One truth value per card; None: all are admitted."""
        mask = self._lasting(query)
        if query.valid_at is None or not self._dated:
            return mask
        now = query.valid_at.timestamp()
        valid = (self._from <= now) & (now <= self._to)
        return valid if mask is None else mask & valid

    def _lasting(self, query: CardQuery) -> Mask | None:
        """Everything but the date. The customer is apart from the rest: nearly every call has another one."""
        rest = self._remembered((query.lang, query.category, query.status), lambda: self._mask(_tests(query)))
        known = query.audience
        if known is None or known == Audience() or not len(self._limited):
            return rest
        for_them = self._remembered(known, lambda: self._for_customer(known))
        if rest is None or for_them is None:
            return rest if for_them is None else for_them
        return rest & for_them

    def _mask(self, tests: Iterable[Callable[[Card], bool]]) -> Mask:
        mask = np.ones(len(self._cards), dtype=bool)
        for admits in tests:
            mask &= np.fromiter(map(admits, self._cards), dtype=bool, count=len(self._cards))
        return mask

    def _for_customer(self, known: Audience) -> Mask:
        """Only cards that are limited to somebody are looked at: they are few."""
        mask = np.ones(len(self._cards), dtype=bool)
        mask[self._limited] = [_for(known, self._cards[number].audience) for number in self._limited.tolist()]
        return mask

    def _remembered(self, key: object, make: Callable[[], Mask]) -> Mask | None:
        """None: it admits everything."""
        with self._lock:
            if key in self._masks:
                return self._masks[key]
        mask = make()
        found = None if mask.all() else mask
        with self._lock:
            if len(self._masks) >= _REMEMBERED:
                self._masks.clear()
            self._masks[key] = found
        return found


def _tests(query: CardQuery) -> Iterable[Callable[[Card], bool]]:
    if query.lang is not None:
        lang, regional = query.lang, query.lang + "-"
        yield lambda card: card.lang == lang or card.lang.startswith(regional)
    if query.category:
        path = query.category
        yield lambda card: card.category[: len(path)] == path
    if query.status is not None:
        status = frozenset(query.status)
        yield lambda card: card.status in status


def _for(known: Audience, limits: Audience) -> bool:
    """Whether the customer is inside every limit of the card that something is known about."""
    pairs: list[tuple[Any, Any]] = [(getattr(known, name), getattr(limits, name)) for name in _FIELDS]
    return all(not is_known or not limit or not set(limit).isdisjoint(is_known) for is_known, limit in pairs)


def bounds(card: Card) -> tuple[float, float]:
    """First and last moment in seconds since 1970; infinite where there is no limit."""
    if card.valid_from is None and card.valid_to is None:
        return -np.inf, np.inf
    first, last = validity(card)
    return (first.timestamp() if first else -np.inf), (last.timestamp() if last else np.inf)
