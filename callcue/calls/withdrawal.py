"""What is left of a field of several values when one of those who filled it takes its findings back."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from callcue.core.events import TagUpdate
from callcue.core.records import FieldValue


def without(held: FieldValue, found: Sequence[TagUpdate], values: Collection[str], by: str) -> FieldValue | None:
    """``held`` without those of ``values`` that ``by`` alone found; None where nothing is left.

    ``found``: every finding of the field, oldest first. Probability, author and evidence are those of what is left.
    """
    others = [update for update in found if update.fills and not (update.model == by and update.value in values)]
    kept = {update.value for update in others}
    entries = held.value if isinstance(held.value, tuple) else ()
    left = tuple(entry for entry in entries if entry not in values or entry in kept)
    if left == entries:
        return held
    mine = [update for update in others if update.value in left]
    if not left or not mine:
        return replace(held, value=left) if left else None
    return FieldValue(
        value=left,
        probability=min(update.probability for update in mine),
        source=mine[-1].source,
        by=mine[-1].model,
        evidence=tuple(dict.fromkeys(one for update in mine for one in update.evidence)),
    )
