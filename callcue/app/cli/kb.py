"""The knowledge base: import, export, search."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadCard, BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence

    from callcue.core.cards import Card, CardQuery

app = typer.Typer(help="Knowledge cards. 知识卡片。", no_args_is_help=True)
SHOWN_PROBLEMS = 20
MOST_AT_ONCE = 500
"""Cards of an import that are compared with the others."""


def form_of(path: Path) -> str:
    """``jsonl`` or ``csv``, by the file's ending. Raises BadInput."""
    forms = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv"}
    form = forms.get(path.suffix.lower())
    if form is None:
        raise BadInput(f"{path.name}: cards are read and written as .jsonl or .csv, and read from .html pages")
    return form


def read_or_refuse(path: Path) -> "tuple[Card, ...]":
    """All cards of a file, or BadCard that lists what is wrong with it."""
    from kb_index.formats import read_cards

    result = read_cards(_bytes(path), form_of(path))  # type: ignore[arg-type] # checked by form_of
    _refuse(path.name, [f"{problem.where}: {problem.message}" for problem in result.problems])
    return tuple(result.cards)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error


def _refuse(name: str, problems: "Sequence[str]") -> None:
    if problems:
        rows = "\n".join(f"  {problem}" for problem in problems[:SHOWN_PROBLEMS])
        more = len(problems) - SHOWN_PROBLEMS
        rest = f"\n  … and {more} more" if more > 0 else ""
        raise BadCard(f"{name} has {len(problems)} problem(s); nothing was imported:\n{rows}{rest}")


def read_pages(path: Path) -> "list[Card]":
    """The draft cards of one HTML page, or of every page in a folder. Raises BadCard that lists what is wrong."""
    from kb_index.html_cards import read_html

    found = sorted(file for file in path.rglob("*") if is_page(file)) if path.is_dir() else [path]
    cards: dict[str, Card] = {}
    problems: list[str] = []
    for file in found:
        result = read_html(_bytes(file), file.relative_to(path).as_posix() if path.is_dir() else file.name)
        cards |= {card.id: card for card in result.cards}
        problems += [f"{problem.where}: {problem.message}" for problem in result.problems]
    _refuse(path.name, problems if found else ["holds no .html page"])
    return list(cards.values())


def is_page(path: Path) -> bool:
    """Whether a file is named as an HTML page."""
    return path.suffix.lower() in (".html", ".htm", ".xhtml")


@app.command("import")
def import_cards(
    file: Annotated[Path, typer.Argument(help="Cards, .jsonl or .csv; an .html page, or a folder of pages.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change, field by field.")] = False,
    by: Annotated[str, typer.Option(help="Who is named as the author.")] = "cli",
    check: Annotated[
        bool, typer.Option("--check", help="Warn of near-duplicates and contradictions; embeds up to 500 cards first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Import cards; a running service takes them up within a second or two. All or nothing. Pages become drafts."""
    quiet_logs()
    pages = file.is_dir() or is_page(file)
    cards = read_pages(file) if pages else list(read_or_refuse(file))
    run(_import(cards, by, pages=pages, dry_run=dry_run, check=check, as_json=as_json))


async def _import(cards: "list[Card]", by: str, *, pages: bool, dry_run: bool, check: bool, as_json: bool) -> None:
    from contextlib import AsyncExitStack

    from callcue.app.cli.desk import editor_of, review_of, show_plan, show_warnings
    from callcue.app.storage import open_storage

    async with AsyncExitStack() as stack:
        storage = await open_storage(settings(), stack)
        editor = editor_of(storage)
        cards, onto = await editor.onto_stored(cards) if pages else (list(cards), {})
        plan = await editor.store.plan(cards)
        touched = {*plan.added, *(change.card_id for change in plan.changed)}
        fresh = [card for card in cards if card.id in touched]
        warnings = await (await review_of(storage)).of(fresh) if check and 0 < len(fresh) <= MOST_AT_ONCE else []
        if not dry_run:
            await editor.import_cards(cards, by=by, onto=onto)
    if as_json:
        counts = {"added": len(plan.added), "changed": len(plan.changed), "unchanged": len(plan.unchanged)}
        emit({**counts, "dry_run": dry_run})
    else:
        show_plan(plan, dry_run=dry_run)
        show_warnings(warnings)


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

    from callcue.app.storage import open_storage
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
    category: Annotated[str | None, typer.Option(help="Only cards below this path, such as 售后/发票.")] = None,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Only cards valid on this day.")] = None,
    lifecycle: Annotated[str | None, typer.Option(help="Leave out cards for other stages.")] = None,
    segment: Annotated[str | None, typer.Option(help="Leave out cards for other kinds of customer.")] = None,
    region: Annotated[str | None, typer.Option(help="Leave out cards for other regions.")] = None,
    as_json: AsJson = False,
) -> None:
    """Search the cards by one sentence, and show the scores. A call also looks at clauses, triggers and its past."""
    from callcue.core.cards import Audience
    from callcue.core.cards import CardQuery as Query

    quiet_logs()
    known = {"lifecycle": lifecycle, "segment": segment, "region": region}
    query = Query(
        text=text,
        top_k=top,
        lang=lang,
        category=tuple(part.strip() for part in category.split("/")) if category else None,
        audience=Audience(**{name: (value,) for name, value in known.items() if value}),
        valid_at=None if on is None else on.replace(hour=12).astimezone(),
    )
    run(_search(query, as_json))


async def _search(query: "CardQuery", as_json: bool) -> None:
    from rich.table import Table

    from callcue.app.cli.indexed import indexed

    chosen = settings()
    index, _ = await indexed(chosen)
    hits = await index.search(query)
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
        least = chosen.knowledge
        console().print(f"In a call, cards from {least.threshold:g} (zh) or {least.threshold_en:g} (en) may be pushed.")


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

    from callcue.app.storage import open_storage
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
