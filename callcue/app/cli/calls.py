"""Calls that were heard: list, show."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from callcue.app.cli.common import AsJson, AsRole, console, emit, quiet_logs, reader, run, settings

if TYPE_CHECKING:
    from callcue.core.roles import Role

app = typer.Typer(help="Calls and their records. 通话与记录。", no_args_is_help=True)


@app.command("list")
def list_calls(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 20,
    agent: Annotated[str | None, typer.Option(help="Only this agent's calls.")] = None,
    as_json: AsJson = False,
) -> None:
    """List calls, newest first."""
    quiet_logs()
    run(_list(limit, agent, as_json))


async def _list(limit: int, agent: str | None, as_json: bool) -> None:
    from contextlib import AsyncExitStack

    from rich.table import Table

    from callcue.app.screen import clock
    from callcue.app.storage import open_storage
    from callcue.infra.calls import CallFilter

    async with AsyncExitStack() as stack:
        storage = await open_storage(settings(), stack)
        rows = await storage.calls.list(CallFilter(agent_id=agent), limit=limit)
    table = Table("call", "agent", "started", "length", "end")
    for row in rows:
        if as_json:
            emit(
                {
                    "call_id": row.call_id,
                    "agent_id": row.agent_id,
                    "started_at": str(row.started_at),
                    "duration_ms": row.duration_ms,
                    "end_reason": row.end_reason,
                }
            )
        table.add_row(
            row.call_id, row.agent_id or "", str(row.started_at), clock(row.duration_ms or 0), row.end_reason or "live"
        )
    if not as_json:
        console().print(table)


@app.command()
def show(
    call_id: Annotated[str, typer.Argument(help="The call's id.")],
    role: AsRole = "admin",
    as_json: AsJson = False,
) -> None:
    """Show a call: transcript, cards, record. With --json: its events, one a line."""
    quiet_logs()
    run(_show(call_id, reader(role), as_json))


async def _show(call_id: str, role: "Role", as_json: bool) -> None:
    from contextlib import AsyncExitStack

    from callcue.app.replay import print_summary
    from callcue.app.screen import Screen
    from callcue.app.storage import open_storage
    from callcue.calls.visibility import Visibility
    from callcue.infra.codec import encode

    async with AsyncExitStack() as stack:
        storage = await open_storage(settings(), stack)
        await storage.calls.get(call_id)
        view = Visibility(schema=await storage.schemas.current(), role=role)
        events: list[dict[str, Any]] = []
        while page := await storage.log.read(call_id, after=len(events), limit=500):
            events.extend(encode(view.event(event)) for event in page)
    screen = Screen(call_id)
    for event in events:
        if as_json:
            emit(event)
        screen.take(event)
    if not as_json:
        print_summary(screen, console())
