"""Summaries of calls, and the instructions that a language model gets for them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callcue.app.cli.common import AsJson, AsRole, console, emit, quiet_logs, reader, run, settings
from callcue.core.errors import BadInput
from callcue.core.summaries import Moment

if TYPE_CHECKING:
    from callcue.core.roles import Role


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("summary")(summary)
    app.command("template")(template)


def summary(
    call_id: Annotated[str, typer.Argument(help="The call's id.")],
    moment: Annotated[
        str | None, typer.Option(help="running, transfer or end; default: the newest of any kind.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Make one now in the call's own words, and print it without keeping it.")
    ] = False,
    role: AsRole = "admin",
    as_json: AsJson = False,
) -> None:
    """Print a call's summary: what was wanted, done and promised, and what comes next."""
    quiet_logs()
    if moment not in (None, "running", "transfer", "end"):
        raise BadInput(f"there is no summary of the kind {moment!r}; there are running, transfer and end")
    kind: Moment | None = moment  # type: ignore[assignment]  # one of the three, as was just checked
    run(_summary(call_id, kind, fresh, reader(role), as_json))


async def _summary(call_id: str, moment: Moment | None, fresh: bool, role: "Role", as_json: bool) -> None:
    import asyncio
    from contextlib import AsyncExitStack

    from callcue.app.desks import record_keeper
    from callcue.app.storage import open_storage
    from callcue.calls.flows import FlowKeeper
    from callcue.calls.summaries import Summaries
    from callcue.calls.visibility import Visibility
    from callcue.core.clock import SystemClock
    from callcue.core.summaries import written_out
    from callcue.infra.codec import encode
    from models.embedders import load_embedder
    from models.store import ModelStore

    chosen = settings()
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        call = await storage.calls.get(call_id)
        store = ModelStore(chosen.cache_dir)
        embedder = await asyncio.to_thread(load_embedder, store, chosen.knowledge.embedder) if fresh else None
        summaries = Summaries(
            log=storage.log,
            records=record_keeper(chosen, storage, clock),
            flows=FlowKeeper(log=storage.log, cards=storage.cards, clock=clock),
            cards=storage.cards,
            clock=clock,
            embedder=embedder,
        )
        view = Visibility(schema=await storage.schemas.current(), role=role)
        if fresh:
            kind = moment or ("running" if call.ended_at is None else "end")
            made, language = await summaries.preview(call_id, kind)
            text = written_out(view.summary(made.parts), language)
            row: dict[str, Any] = {"call_id": call_id, "moment": kind, "text": text}
        else:
            found = await summaries.newest(call_id, moment)
            language = "en" if call.language == "en" else "zh"
            row = {**encode(view.event(found)), "text": written_out(view.summary(found.parts), language)}
    if as_json:
        emit(row)
        return
    out = console()
    out.print(row["text"])
    if row.get("note"):
        out.print(f"({row['note']})")


def template(
    file: Annotated[
        Path | None, typer.Argument(help="A template of your own to check; default: print the one in use.")
    ] = None,
) -> None:
    """Print the instructions for a language model that writes summaries, or check a file with your own."""
    from tagger.summary_prompt import SHIPPED, PromptTemplate

    if file is not None:
        PromptTemplate.read(file)
        console().print(f"{file} can be used: set summary.template to it")
        return
    chosen = settings().summary.template
    PromptTemplate.read(chosen)
    typer.echo((chosen or SHIPPED).read_text(encoding="utf-8"), nl=False)
