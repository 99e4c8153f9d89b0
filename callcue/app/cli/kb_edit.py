"""The knowledge base, for editors: versions, steps of a card's life, warnings, hit test, proposed questions."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput, StaleCard

if TYPE_CHECKING:
    from callcue.app.storage import Storage
    from callcue.calls.editing import Saved

CardId = Annotated[str, typer.Argument(help="The card's id.")]
By = Annotated[str, typer.Option(help="Who is named as the author.")]
Note = Annotated[str, typer.Option(help="Why.")]
MadeFrom = Annotated[
    int | None, typer.Option(min=0, help="The version that you looked at; refused when it is no longer the newest.")
]


def _with_storage(work: "Callable[[Storage], Awaitable[None]]") -> None:
    """Open the database for a command; shows what somebody else changed where that stops it."""
    from contextlib import AsyncExitStack

    from callcue.app.cli.desk import show_diff
    from callcue.app.storage import open_storage

    async def opened() -> None:
        async with AsyncExitStack() as stack:
            await work(await open_storage(settings(), stack))

    quiet_logs()
    try:
        run(opened())
    except StaleCard as stale:
        show_diff(stale.current.changes)
        raise


def _say(saved: "Saved") -> None:
    console().print(f"{saved.card.id} is {saved.outcome}: version {saved.card.version}, {saved.card.status}.")


def list_cards(
    status: Annotated[str | None, typer.Option(help="draft, review, published or retired.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only cards of this owner.")] = None,
    expiring: Annotated[int | None, typer.Option(min=0, help="Whose validity ends within so many days.")] = None,
    as_json: AsJson = False,
) -> None:
    """List cards in their newest versions."""
    from typing import get_args

    from callcue.core.cards import CardStatus

    if status is not None and status not in get_args(CardStatus):
        raise BadInput(f"status {status!r} is not one of {', '.join(get_args(CardStatus))}")

    async def work(storage: "Storage") -> None:
        after: str | None = None
        while page := await storage.cards.list(
            status,  # type: ignore[arg-type] # checked above
            owner=owner,
            expiring_days=expiring,
            limit=500,
            after=after,
        ):
            for card in page:
                row = {"id": card.id, "version": card.version, "status": card.status, "title": card.title}
                row |= {"owner": card.owner, "valid_to": card.valid_to}
                if as_json:
                    emit(row)
                else:
                    console().print("  ".join(str(cell) for cell in row.values() if cell is not None))
            after = page[-1].id
        if after is None and not as_json:
            console().print("No card is like that.")

    _with_storage(work)


def show(
    card_id: CardId,
    version: Annotated[int | None, typer.Option(min=1, help="Default: the newest.")] = None,
) -> None:
    """Print a card as JSON, in the form in which it can be saved."""
    from kb_index.cards import card_to_json

    async def work(storage: "Storage") -> None:
        emit(card_to_json(await storage.cards.get(card_id, version)))

    _with_storage(work)


def save(
    file: Annotated[Path, typer.Argument(help="One card as JSON.")],
    made_from: Annotated[int, typer.Option(min=0, help="The version that you edited; 0: the card is new.")],
    by: By = "cli",
    note: Note = "",
) -> None:
    """Save one card that you edited. Refused, with what changed, when somebody else saved it meanwhile."""
    from callcue.app.cli.desk import editor_of
    from callcue.app.cli.kb import read_or_refuse

    cards = read_or_refuse(file)
    if len(cards) != 1:
        raise BadInput(f"{file.name} holds {len(cards)} cards; save takes one, on one line. Use import for more")

    async def work(storage: "Storage") -> None:
        _say(await editor_of(storage).save(cards[0], by=by, expected=made_from, note=note))

    _with_storage(work)


def versions(card_id: CardId, as_json: AsJson = False) -> None:
    """Who saved which version when, how and why; newest first."""
    from callcue.app.cli.desk import editor_of

    async def work(storage: "Storage") -> None:
        for found in await editor_of(storage).history.versions(card_id):
            if as_json:
                emit(asdict(found))
            else:
                why = f"  ({found.note})" if found.note else ""
                who = f"{found.saved_at[:19]}  {found.saved_by}"
                console().print(f"{found.version:4}  {who}  {found.action}  {found.status}  {found.title}{why}")

    _with_storage(work)


def diff(
    card_id: CardId,
    old: Annotated[int, typer.Argument(min=1, help="From this version.")],
    new: Annotated[int, typer.Argument(min=1, help="To this version.")],
    as_json: AsJson = False,
) -> None:
    """What changed from one version to another, field by field."""
    from callcue.app.cli.desk import editor_of, show_diff

    async def work(storage: "Storage") -> None:
        changes = await editor_of(storage).history.diff(card_id, old, new)
        if as_json:
            for change in changes:
                emit(asdict(change))
        else:
            show_diff(changes)

    _with_storage(work)


def restore(
    card_id: CardId,
    version: Annotated[int, typer.Argument(min=1, help="The version to bring back.")],
    by: By = "cli",
    note: Note = "",
    made_from: MadeFrom = None,
) -> None:
    """Make an older version the newest; its status stays as it is now."""
    from callcue.app.cli.desk import editor_of

    async def work(storage: "Storage") -> None:
        _say(await editor_of(storage).restore(card_id, version, by=by, expected=made_from, note=note))

    _with_storage(work)


def move(
    card_id: CardId,
    to: Annotated[str, typer.Argument(help="draft, review, published or retired.")],
    by: By = "cli",
    note: Note = "",
    made_from: MadeFrom = None,
) -> None:
    """Take a step of a card's life. A step back or out needs a note."""
    from typing import get_args

    from callcue.app.cli.desk import editor_of
    from callcue.core.cards import CardStatus

    if to not in get_args(CardStatus):
        raise BadInput(f"status {to!r} is not one of {', '.join(get_args(CardStatus))}")

    async def work(storage: "Storage") -> None:
        _say(await editor_of(storage).move(card_id, to, by=by, expected=made_from, note=note))  # type: ignore[arg-type]

    _with_storage(work)


def check(
    card_id: Annotated[str | None, typer.Argument(help="Only this card against all; default: all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Near-duplicates, phrases that bring up two cards, and answers that contradict each other."""
    from callcue.app.cli.desk import review_of, show_warnings

    async def work(storage: "Storage") -> None:
        if card_id is not None:
            await storage.cards.get(card_id)
        found = await (await review_of(storage)).check(None if card_id is None else {card_id}, patient=True)
        if as_json:
            for warning in found:
                emit(asdict(warning))
        else:
            show_warnings(found)
            console().print(f"{len(found)} warning(s).")

    _with_storage(work)


def questions(
    card_id: Annotated[str | None, typer.Argument(help="Only of this card; default: all.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="Learnt from the last days.")] = 90,
    as_json: AsJson = False,
) -> None:
    """Sample questions that calls and agents' searches suggest."""
    from callcue.app.cli.desk import questions_of

    async def work(storage: "Storage") -> None:
        for found in await questions_of(storage).propose(card_id, days):
            if as_json:
                emit({**asdict(found), "count": found.count})
            else:
                whence = ", ".join(f"{count} × {source}" for source, count in found.sources.items())
                console().print(f"{found.card_id}  {found.text}  ({whence}; {found.agents} agent(s))")

    _with_storage(work)


Text = Annotated[str, typer.Argument(help="The question as it was proposed.")]


def accept(
    card_id: CardId,
    text: Text,
    wording: Annotated[str | None, typer.Option(help="How it is to stand in the card.")] = None,
    by: By = "cli",
) -> None:
    """Make a proposed question one of the card, in a new version."""
    from callcue.app.cli.desk import questions_of

    async def work(storage: "Storage") -> None:
        _say(await questions_of(storage).accept(card_id, text, by=by, wording=wording))

    _with_storage(work)


def reject(card_id: CardId, text: Text, by: By = "cli") -> None:
    """Never propose this question for this card again."""
    from callcue.app.cli.desk import questions_of

    async def work(storage: "Storage") -> None:
        await questions_of(storage).reject(card_id, text, by=by)
        console().print("It will not be proposed again.")

    _with_storage(work)


def register(app: typer.Typer) -> None:
    """Add the commands for editors."""
    app.command("list")(list_cards)
    app.command("show")(show)
    app.command("save")(save)
    app.command("versions")(versions)
    app.command("diff")(diff)
    app.command("restore")(restore)
    app.command("status")(move)
    app.command("check")(check)
    app.command("questions")(questions)
    app.command("accept")(accept)
    app.command("reject")(reject)
