"""What the commands for editors share: the editing desk over the database, and how changes and warnings are printed."""

import asyncio
from collections.abc import Sequence

from callcue.app.cli.common import console, settings
from callcue.app.storage import Storage
from callcue.calls.editing import CardEditor
from callcue.calls.questions import QuestionProposals
from callcue.calls.review import CardReview
from callcue.calls.saving import AnnouncingSaver
from callcue.core.card_diff import FieldDiff
from callcue.core.clock import SystemClock
from callcue.infra.card_edits import Plan
from callcue.infra.card_history import CardHistory
from callcue.infra.searches import SearchLog
from kb_index.check import CardChecker, CardWarning

SHOWN = 50
"""Cards, and warnings, that a person is shown at once."""
_KINDS = {
    "contradiction": "say different things",
    "same_trigger": "are brought up by the same phrase",
    "near_duplicate": "are asked for in nearly the same words",
}


def editor_of(storage: Storage) -> CardEditor:
    """An editor whose changes running services hear of."""
    saver = AnnouncingSaver(storage.cards, storage.log)
    return CardEditor(store=storage.cards, history=CardHistory(storage.database), saver=saver)


def questions_of(storage: Storage) -> QuestionProposals:
    """Proposals over the same database."""
    return QuestionProposals(searches=SearchLog(storage.database), editor=editor_of(storage), clock=SystemClock())


async def review_of(storage: Storage) -> CardReview:
    """Warnings, with the vectors that a service has kept. Loads the embedding model."""
    from kb_index.vectors import load_table
    from models.embedders import load_embedder
    from models.store import ModelStore

    chosen = settings()
    embedder = await asyncio.to_thread(load_embedder, ModelStore(chosen.cache_dir), chosen.knowledge.embedder)
    table = await asyncio.to_thread(load_table, chosen.vector_cache, embedder.name, embedder.dims)
    published = {card.id: card for card in await storage.cards.published()}
    return CardReview(storage.cards, CardChecker(embedder, table.of), lambda: published)


def show_diff(changes: Sequence[FieldDiff]) -> None:
    """Field by field, in the lines of a diff."""
    out = console()
    for change in changes:
        out.print(f"  {change.field}")
        for line in change.lines:
            out.print(f"    {line}", style="red" if line[:1] == "-" else "green" if line[:1] == "+" else None)


def show_plan(plan: Plan, *, dry_run: bool) -> None:
    """What an import did or, with the fields of every changed card, would do."""
    out = console()
    if dry_run:
        for card_id in plan.added[:SHOWN]:
            out.print(f"new: {card_id}")
        for change in plan.changed[:SHOWN]:
            out.print(f"changed: {change.card_id} (version {change.version})")
            show_diff(change.fields)
        more = max(0, len(plan.added) - SHOWN) + max(0, len(plan.changed) - SHOWN)
        if more:
            out.print(f"… and {more} more")
        for card_id, why in plan.refused:
            out.print(f"refused: {card_id} {why}")
    did = "would be" if dry_run else "were"
    counts = f"{len(plan.added)} cards {did} added, {len(plan.changed)} changed; {len(plan.unchanged)} are the same."
    out.print(f"{counts} {len(plan.refused)} are refused, so nothing would be imported." if plan.refused else counts)


def show_warnings(warnings: Sequence[CardWarning]) -> None:
    """Warnings in words, each with the two texts."""
    out = console()
    for warning in warnings[:SHOWN]:
        out.print(f"{warning.card_id} and {warning.other_id} {_KINDS[warning.kind]}:")
        out.print(f"  {warning.here}\n  {warning.there}")
    if len(warnings) > SHOWN:
        out.print(f"… and {len(warnings) - SHOWN} more")
