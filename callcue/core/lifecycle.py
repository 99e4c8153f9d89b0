"""The life of a card: draft, review, published, retired, and which steps lead from one to the other."""

from collections.abc import Mapping
from types import MappingProxyType

from callcue.core.cards import CardStatus
from callcue.core.errors import BadInput, Conflict

STEPS: Mapping[CardStatus, tuple[CardStatus, ...]] = MappingProxyType(
    {
        "draft": ("review", "retired"),
        "review": ("published", "draft", "retired"),
        "published": ("review", "draft", "retired"),
        "retired": ("draft",),
    }
)
"""Status -> what it may become. Nothing is published unreviewed, and a retired card begins again as a draft."""
_FORWARD = frozenset({("draft", "review"), ("review", "published")})
MAX_NOTE = 1000


def step_trouble(old: CardStatus, new: CardStatus) -> str:
    """Why ``old`` cannot become ``new``; empty where it can."""
    if old == new or new in STEPS[old]:
        return ""
    return f"is {old} and cannot become {new} in one step; from {old} it may become {' or '.join(STEPS[old])}"


def check_step(card_id: str, old: CardStatus, new: CardStatus, note: str) -> None:
    """Raise Conflict for a step that there is not, BadInput for one back or out without its reason."""
    if old == new:
        raise Conflict(f"card {card_id!r} is {old} already; nothing was changed")
    trouble = step_trouble(old, new)
    if trouble:
        raise Conflict(f"card {card_id!r} {trouble}. Nothing was changed")
    if (old, new) not in _FORWARD and not note.strip():
        raise BadInput(f"say in the note why card {card_id!r} goes from {old} to {new}. Nothing was changed")
