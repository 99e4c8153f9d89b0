"""Call records: show, list, overdue, report, export; the fields that a configuration adds."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from callcue.app.cli.common import AsJson, AsRole, console, emit, quiet_logs, reader, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from callcue.calls.record_book import RecordBook, RecordLine, SeenRecord
    from callcue.core.record_schema import FieldConfig, RecordSchema
    from callcue.core.roles import Role
    from callcue.infra.completions import DueFilter

app = typer.Typer(help="Call records: fields, completion, export. 通话记录。", no_args_is_help=True)

Agent = Annotated[str | None, typer.Option(help="Only this agent's calls.")]
Since = Annotated[str | None, typer.Option(help="First day, 2026-11-01 (UTC); default: 30 days ago.")]
Until = Annotated[str | None, typer.Option(help="Day after the last one; default: now.")]
STATES = ("open", "overdue", "done", "late")
DAY_MS = 86_400_000


@asynccontextmanager
async def opened() -> "AsyncIterator[RecordBook]":
    """The book over what is stored; no model is loaded."""
    from callcue.app.desks import record_book, record_keeper
    from callcue.app.storage import open_storage
    from callcue.core.clock import SystemClock

    chosen, clock = settings(), SystemClock()
    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        yield record_book(chosen, storage, record_keeper(chosen, storage, clock), clock)


@app.command()
def show(
    call_id: Annotated[str, typer.Argument(help="The call's id.")],
    version: Annotated[int | None, typer.Option(min=0, help="An older version.")] = None,
    since: Annotated[int | None, typer.Option(min=0, help="What changed since this version.")] = None,
    role: AsRole = "admin",
    as_json: AsJson = False,
) -> None:
    """Show a record: every field, who or what set it, what is missing, and how much time is left."""
    quiet_logs()
    run(_show(call_id, version, since, reader(role), as_json))


async def _show(call_id: str, version: int | None, since: int | None, role: "Role", as_json: bool) -> None:
    async with opened() as book:
        seen = await book.read(call_id, role, version)
        schema = await book.schemas.current()
        changed = None if since is None else await book.diff(call_id, since, seen.record.version, role)
    if as_json:
        told = {"record": _plain(seen)} if changed is None else {"differences": [asdict(each) for each in changed]}
        emit({"call_id": call_id, "version": seen.record.version, **told})
        return
    if changed is not None:
        _print([{"field": c.field, "before": _held(c.old), "now": _held(c.new)} for c in changed])
        return
    _print(_fields(seen, schema))
    done = seen.completion
    console().print(
        f"{call_id}, version {seen.record.version}: {done.state}" + (f", due {done.due_at}" * bool(done.due_at))
    )
    if done.missing:
        console().print(f"missing: {', '.join(done.missing)}")
    if done.confirmed_at:
        console().print(f"confirmed by {done.confirmed_by} at {done.confirmed_at}, version {done.confirmed_version}")


@app.command("list")
def list_records(
    state: Annotated[str | None, typer.Option(help="open, overdue, done or late.")] = None,
    agent: Agent = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the records of ended calls, the one that ended first leading."""
    quiet_logs()
    run(_list(state, (agent, since, until), limit, as_json))


@app.command()
def overdue(
    agent: Agent = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List the records whose time is over and that nobody has confirmed."""
    quiet_logs()
    run(_list("overdue", (agent, since, until), limit, as_json))


async def _list(state: str | None, of: tuple[str | None, ...], limit: int, as_json: bool) -> None:
    async with opened() as book:
        lines = await book.list(_filter(book, state, *of), "admin", limit=limit)
    _print([_line(line) for line in lines], as_json)


@app.command()
def report(agent: Agent = None, since: Since = None, until: Until = None, as_json: AsJson = False) -> None:
    """Show how many records were completed in time, by agent."""
    quiet_logs()
    run(_report((agent, since, until), as_json))


async def _report(of: tuple[str | None, ...], as_json: bool) -> None:
    async with opened() as book:
        lines = await book.report(_filter(book, None, *of))
    rows = [asdict(line) | {"agent_id": "all" if line.all else line.agent_id} for line in lines]
    for told in rows:
        del told["all"]
    _print(rows, as_json)
    if not as_json:
        console().print(f"In time: confirmed within {book.within_s / 60:g} minutes of the call's end.")


@app.command()
def export(
    form: Annotated[str, typer.Option("--format", help="csv or jsonl.")] = "jsonl",
    out: Annotated[Path | None, typer.Option(help="A file; default: standard output.")] = None,
    state: Annotated[str | None, typer.Option(help="open, overdue, done or late.")] = None,
    agent: Agent = None,
    since: Since = None,
    until: Until = None,
    personal: Annotated[bool, typer.Option("--personal", help="Also what says who the customer is.")] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="JSON lines with who set what, on which evidence.")
    ] = False,
    role: AsRole = "admin",
) -> None:
    """Export the records of ended calls: one row a call, one column a field."""
    from callcue.calls.record_export import ExportForm

    quiet_logs()
    if form not in get_args(ExportForm):
        raise BadInput(f"--format is one of {', '.join(get_args(ExportForm))}")
    if sources and (form != "jsonl" or not personal):
        raise BadInput("--sources gives JSON lines and masks nothing: it goes with --format jsonl and --personal")
    run(_export(form, out, (state, agent, since, until), personal, sources, reader(role)))


async def _export(
    form: str, out: Path | None, of: tuple[str | None, ...], personal: bool, sources: bool, role: "Role"
) -> None:
    import json
    import sys

    from callcue.calls.record_export import export as pieces
    from callcue.calls.record_export import full_row

    async with opened() as book:
        schema, lines = await book.schemas.current(), book.each(_filter(book, *of), role)
        try:
            with out.open("w", encoding="utf-8", newline="") if out else _kept(sys.stdout) as file:
                if sources:
                    async for line in lines:
                        file.write(json.dumps(full_row(line), ensure_ascii=False) + "\n")
                else:
                    async for piece in pieces(lines, schema, role, form, personal=personal):  # type: ignore[arg-type] # checked by the caller
                        file.write(piece)
        except OSError as error:
            raise BadInput(f"{out} cannot be written: {error.strerror or error}") from error


def _kept(stream: Any) -> Any:
    """Standard output, which is not closed after us."""
    from contextlib import nullcontext

    return nullcontext(stream)


@app.command()
def fields(
    load: Annotated[Path | None, typer.Option(help="A TOML or JSON file: replaces what is configured.")] = None,
    history: Annotated[bool, typer.Option("--history", help="Who changed it when and why.")] = False,
    by: Annotated[str, typer.Option(help="Who is named as having done it.")] = "cli",
    note: Annotated[str, typer.Option(help="Why.")] = "",
    as_json: AsJson = False,
) -> None:
    """Show the fields of a record, or load the ones that a configuration adds. A running service follows at once."""
    quiet_logs()
    run(_fields_command(load, history, by, note, as_json))


async def _fields_command(load: Path | None, history: bool, by: str, note: str, as_json: bool) -> None:
    async with opened() as book:
        if load is not None:
            config, said = read_config(load)
            await book.schemas.save(config, by=by, note=note or said)
        if history:
            versions = await book.schemas.versions()
            _print(
                [
                    {
                        "version": held.version,
                        "saved": held.saved_at,
                        "by": held.saved_by,
                        "fields": len(held.config.fields),
                        "standard": len(held.config.standard),
                        "note": held.note,
                    }
                    for held in versions
                ],
                as_json,
            )
            return
        schema = await book.schemas.current()
    _print(_schema_rows(schema), as_json)


def read_config(path: Path) -> "tuple[FieldConfig, str]":
    """A file's configuration and its note. Raises BadInput that says what is wrong with it."""
    import json
    import tomllib

    from pydantic import ValidationError

    from api.record_wire import SchemaBody
    from callcue.infra.codec import explain

    try:
        text = path.read_text(encoding="utf-8-sig")
        held = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
        if not isinstance(held, dict) or not {"fields", "standard"} & set(held):
            raise BadInput(
                f"{path.name} holds neither fields nor standard; nothing was loaded. A file is all of it: "
                "fields = [] retires every field that was added"
            )
        body = SchemaBody.model_validate_json(json.dumps(held, default=_written_out), strict=True)
    except ValidationError as error:
        raise BadInput(f"{path.name}: {explain(error)}") from None
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise BadInput(f"{path.name} is neither TOML nor JSON as it is needed here: {error}") from error
    return body.config(), body.note


def _written_out(value: object) -> str:
    """A day or a time of TOML as the fields take them."""
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is nothing that a field takes")


def _schema_rows(schema: "RecordSchema") -> list[dict[str, Any]]:
    return [
        {
            "field": spec.name,
            "label": spec.label,
            "kind": spec.kind + (", several" if spec.many else ""),
            "required": spec.required,
            "choices": " ".join(spec.choices) + (" …" if spec.open_choices else ""),
            "from": "retired" if spec.retired else " ".join(spec.sources),
            "edit": " ".join(spec.edit),
        }
        for spec in schema.fields.values()
    ]


def _fields(seen: "SeenRecord", schema: "RecordSchema") -> list[dict[str, Any]]:
    held = {**seen.computed, **seen.record.fields}
    names = [*(name for name in schema.fields if name in held), *(name for name in held if name not in schema.fields)]
    return [
        {
            "field": name,
            "label": schema.fields[name].label if name in schema.fields else "",
            "value": _value(held[name].value),
            "by": held[name].by,
            "source": held[name].source,
            "sure": round(held[name].probability, 2),
            "evidence": " ".join(held[name].evidence),
        }
        for name in names
    ]


def _plain(seen: "SeenRecord") -> dict[str, Any]:
    return {
        "fields": {name: asdict(held) for name, held in seen.record.fields.items()},
        "computed": {name: asdict(held) for name, held in seen.computed.items()},
        "completion": asdict(seen.completion),
        "schema_version": seen.schema_version,
    }


def _held(value: Any) -> str:
    return "–" if value is None else f"{_value(value.value)} ({value.by})"


def _value(value: object) -> str:
    if value is None:
        return "–"
    return "、".join(value) if isinstance(value, tuple) else str(value)


def _line(line: "RecordLine") -> dict[str, Any]:
    done = line.seen.completion
    return {
        "call_id": line.call.call_id,
        "agent_id": line.call.agent_id,
        "ended_at": line.call.ended_at,
        "state": done.state,
        "due_at": done.due_at,
        "missing": " ".join(done.missing),
        "confirmed_by": done.confirmed_by,
    }


def _filter(
    book: "RecordBook", state: str | None, agent: str | None, since: str | None, until: str | None
) -> "DueFilter":
    from callcue.infra.completions import DueFilter

    if state is not None and state not in STATES:
        raise BadInput(f"--state is one of {', '.join(STATES)}")
    end = None if until is None else _day(until)
    begin = (end or book.now_ms) - 30 * DAY_MS if since is None else _day(since)
    return DueFilter(state=state, agent_id=agent, since_ms=begin, until_ms=end)  # type: ignore[arg-type] # one of STATES


def _day(text: str) -> int:
    try:
        return int(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise BadInput(f"{text[:40]!r} is no day; write it as 2026-11-01") from None


def _print(rows: list[dict[str, Any]], as_json: bool = False) -> None:
    if as_json:
        for told in rows:
            emit(told)
        return
    from rich.table import Table

    table = Table(*(rows[0] if rows else ("nothing",)))
    for told in rows:
        table.add_row(*("–" if value is None else str(value) for value in told.values()))
    console().print(table)
