"""The knowledge base: import, export, search."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadCard, BadInput

if TYPE_CHECKING:
    from callcue.core.cards import Card

app = typer.Typer(help="Knowledge cards. 知识卡片。", no_args_is_help=True)
SHOWN_PROBLEMS = 20
NAMED_CARDS = 100


def form_of(path: Path) -> str:
    """``jsonl`` or ``csv``, by the file's ending. Raises BadInput."""
    forms = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise BadInput(f"{path.name}: cards are read and written as .jsonl or .csv")
    return form


def read_or_refuse(path: Path) -> "tuple[Card, ...]":
    """All cards of a file, or BadCard that lists what is wrong with it."""
    from kb_index.formats import read_cards

    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    result = read_cards(data, form_of(path))  # type: ignore[arg-type] # checked by form_of
    if result.problems:
        rows = "\n".join(f"  {problem.where}: {problem.message}" for problem in result.problems[:SHOWN_PROBLEMS])
        more = len(result.problems) - SHOWN_PROBLEMS
        rest = f"\n  … and {more} more" if more > 0 else ""
        raise BadCard(f"{path.name} has {len(result.problems)} problem(s); nothing was imported:\n{rows}{rest}")
    return tuple(result.cards)


@app.command("import")
def import_cards(
    file: Annotated[Path, typer.Argument(help="Cards, .jsonl or .csv.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    by: Annotated[str, typer.Option(help="Who is named as the author.")] = "cli",
    as_json: AsJson = False,
) -> None:
    """Import cards; a running service takes them up within a second or two. All or nothing."""
    quiet_logs()
    run(_import(read_or_refuse(file), by, dry_run=dry_run, as_json=as_json))


async def _import(cards: "tuple[Card, ...]", by: str, *, dry_run: bool, as_json: bool) -> None:
    from contextlib import AsyncExitStack

    from callcue.app.build import open_storage
    from callcue.core.events import KbChanged
    from callcue.core.ids import KB_STREAM

    async with AsyncExitStack() as stack:
        storage = await open_storage(settings(), stack)
        result = await (storage.cards.compare(cards) if dry_run else storage.cards.save(cards, by=by))
        touched = (*result.added, *result.changed)
        if touched and not dry_run:
            await storage.log.append(
                KbChanged(call_id=KB_STREAM, at_ms=0, card_ids=touched[:NAMED_CARDS], total=len(touched), by=by)
            )
    counts = {"added": len(result.added), "changed": len(result.changed), "unchanged": len(result.unchanged)}
    if as_json:
        emit({**counts, "dry_run": dry_run})
    else:
        did = "would be" if dry_run else "were"
        console().print(
            f"{counts['added']} cards {did} added, {counts['changed']} changed; {counts['unchanged']} are the same."
        )


@app.command("export")
def export_cards(
    file: Annotated[Path, typer.Argument(help="Where to, .jsonl or .csv.")],
    status: Annotated[str | None, typer.Option(help="Only cards of this status.")] = None,
) -> None:
    """Export cards in the form in which they can be imported."""
    quiet_logs()
    form = form_of(file)
    run(_export(file, form, status))


async def _export(file: Path, form: str, status: str | None) -> None:
    from contextlib import AsyncExitStack
    from typing import get_args

    from callcue.app.build import open_storage
    from callcue.core.cards import CardStatus
    from kb_index.formats import write_cards

    if status is not None and status not in get_args(CardStatus):
        raise BadInput(f"status {status!r} is not one of {', '.join(get_args(CardStatus))}")
    async with AsyncExitStack() as stack:
        storage = await open_storage(settings(), stack)
        cards: list[Card] = []
        after: str | None = None
        while page := await storage.cards.list(status=status, limit=500, after=after):  # type: ignore[arg-type] # checked
            cards.extend(page)
            after = page[-1].id
    partial = file.with_name(file.name + ".part")
    partial.write_bytes(write_cards(cards, form))  # type: ignore[arg-type] # checked by form_of
    partial.replace(file)
    console(as_json=True).print(f"{len(cards)} cards were written to {file}.")


@app.command()
def search(
    text: Annotated[str, typer.Argument(help="What a customer says.")],
    top: Annotated[int, typer.Option(min=1, max=50, help="Number of cards.")] = 5,
    lang: Annotated[str | None, typer.Option(help="Only cards in this language.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search the cards by one sentence, and show the scores. A call also looks at clauses, triggers and its past."""
    quiet_logs()
    run(_search(text, top, lang, as_json))


async def _search(text: str, top: int, lang: str | None, as_json: bool) -> None:
    from contextlib import AsyncExitStack

    from rich.table import Table

    from callcue.app.build import learning_loop, open_storage
    from callcue.core.cards import CardQuery
    from callcue.core.clock import SystemClock
    from callcue.learning.likeness import QuestionVectors
    from callcue.learning.ranking import FeedbackIndex
    from kb_index.index import HybridIndex, IndexConfig
    from models.embedders import load_embedder
    from models.store import ModelStore

    chosen = settings()
    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        cards = await storage.cards.published()
        if not cards:
            raise BadInput("the knowledge base is empty: import cards with `callcue kb import FILE`")
        embedder = load_embedder(ModelStore(chosen.cache_dir), chosen.knowledge.embedder)
        vectors = QuestionVectors(embedder)
        index = FeedbackIndex(HybridIndex(embedder, IndexConfig(cache_file=chosen.vector_cache)), vectors)
        if chosen.knowledge.learn_from_feedback:
            loop = learning_loop(chosen, storage, lambda: vectors, SystemClock(), learned=index.learn)
            await loop.refresh_feedback()
    await index.rebuild(cards)
    hits = await index.search(CardQuery(text=text, top_k=top, lang=lang))
    table = Table("score", "card", "title", "nearest question", "dense", "lexical", "feedback")
    for hit in hits:
        row = {"score": round(hit.score, 3), "card_id": hit.card.id, "title": hit.card.title, "matched": hit.matched}
        if as_json:
            extra = {"lexical": round(hit.lexical, 3), "feedback": round(hit.feedback, 3)}
            emit({**row, "dense": round(hit.dense, 4), **extra})
        numbers = (f"{hit.dense:.3f}", f"{hit.lexical:.2f}", f"{hit.feedback:+.2f}" if hit.feedback else "")
        table.add_row(*(str(cell) for cell in row.values()), *numbers)
    if not as_json:
        console().print(table)
        console().print(f"In a call, cards from a score of {chosen.knowledge.threshold:g} may be pushed.")


@app.command()
def rebuild(as_json: AsJson = False) -> None:
    """Index every published card from the database and compute all vectors anew, whatever was cached.

    The cached vectors are replaced at the end, whole: when this is interrupted, what was there stays. A running service
    goes on with what it has in memory and takes the new vectors at its next start.
    """
    quiet_logs()
    run(_rebuild(as_json))


async def _rebuild(as_json: bool) -> None:
    import time
    from contextlib import AsyncExitStack

    from callcue.app.build import open_storage
    from kb_index.index import HybridIndex, IndexConfig
    from models.embedders import load_embedder
    from models.store import ModelStore

    chosen = settings()
    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        snapshot = await storage.cards.snapshot()
    began = time.perf_counter()
    embedder = load_embedder(ModelStore(chosen.cache_dir), chosen.knowledge.embedder)
    index = HybridIndex(embedder, IndexConfig(cache_file=chosen.vector_cache, distrust_cache=True))
    generation = await index.rebuild(snapshot.cards, snapshot.number)
    took = round(time.perf_counter() - began, 1)
    if as_json:
        emit({"generation": generation, "cards": len(index), "embedded": index.embedded, "took_s": took})
    else:
        console().print(
            f"Generation {generation}: {len(index)} cards, {index.embedded} texts embedded in {took} s. "
            f"The vectors are in {chosen.vector_cache}."
        )
