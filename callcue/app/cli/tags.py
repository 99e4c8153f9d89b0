"""Tags: customer events, the rules and the vocabulary, shorthand, predictive tags with their scores and switches."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from callcue.core.customer_events import Customer, CustomerEvent
    from callcue.infra.forgetting import Forgotten
    from callcue.learning.forecasts import Forecaster
    from tagger.forecast_model import ForecastModel
    from tagger.forecast_train import Case

app = typer.Typer(help="Tags, customer events and predictive tags. 标签。", no_args_is_help=True)
COLUMNS = ("event_id", "kind", "at", "customer_id", "phone", "subject", "source")
SHOWN_PROBLEMS = 20
MAX_FILE_BYTES = 200_000_000
BATCH = 500
"""Events that are written in one transaction."""
PAUSE_S = 0.02
"""Between two of them: a service that writes at the same time looks again within so short a time."""


@asynccontextmanager
async def _forecaster() -> "AsyncIterator[Forecaster]":
    from callcue.app.customers import forecaster
    from callcue.app.storage import open_storage
    from callcue.core.clock import SystemClock

    chosen = settings()
    async with AsyncExitStack() as stack:
        yield forecaster(chosen, await open_storage(chosen, stack), SystemClock())


@app.command("import")
def import_events(
    file: Annotated[Path, typer.Argument(help="Customer events, .jsonl or .csv.", exists=True, dir_okay=False)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be added.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import what customers did elsewhere: orders, visits, page views; the same event once. A file with a mistake is
    refused whole; an import that is cut off is repeated."""
    quiet_logs()
    run(_import(read_events(file, datetime.now(UTC)), dry_run, as_json))


async def _import(events: "list[CustomerEvent]", dry_run: bool, as_json: bool) -> None:
    once = list({event.event_id: event for event in events}.values())
    added, different = 0, list[str]()
    async with _forecaster() as made:
        for start in range(0, len(once), BATCH):
            intake = await made.events.add(once[start : start + BATCH], dry_run=dry_run)
            added, different = added + len(intake.added), different + list(intake.different)
            if not dry_run:
                await made.late(intake.added)
                await asyncio.sleep(PAUSE_S)
    known = len(events) - added - len(different)
    told = {"added": added, "known": known, "different": len(different), "dry_run": dry_run}
    if as_json:
        emit({**told, "different_ids": different})
        return
    would = "would be added" if dry_run else "were added; a running service sees them from the next call on"
    console().print(f"{told['added']} events {would}. {told['known']} are known already.")
    if different:
        some = ", ".join(different[:SHOWN_PROBLEMS])
        console().print(f"{len(different)} ids are held with other contents, which stay as they are: {some}")


def read_events(path: Path, now: datetime) -> "list[CustomerEvent]":
    """All events of a file. Raises BadInput that lists what is wrong with it, by line."""
    from callcue.core.customer_events import checked_event

    rows = {".jsonl": _json_rows, ".ndjson": _json_rows, ".csv": _csv_rows}.get(path.suffix.lower())
    if rows is None:
        raise BadInput(f"{path.name}: customer events are read from .jsonl or .csv")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise BadInput(f"{path.name} is larger than {MAX_FILE_BYTES} bytes; split it")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise BadInput(f"cannot read {path} as UTF-8: {error}") from error
    events: list[CustomerEvent] = []
    seen: dict[str, CustomerEvent] = {}
    problems: list[str] = []
    for line, row in rows(text):
        try:
            event = checked_event(_event(row), now)
            if seen.setdefault(event.event_id, event) != event:
                raise BadInput(f"the event_id {event.event_id} stands twice in this file, for different events")
            events.append(event)
        except BadInput as error:
            problems.append(f"line {line}: {error.message}")
    if problems:
        more = len(problems) - SHOWN_PROBLEMS
        rest = f"\n  … and {more} more" if more > 0 else ""
        listed = "\n".join(f"  {problem}" for problem in problems[:SHOWN_PROBLEMS])
        raise BadInput(f"{path.name} has {len(problems)} problem(s); nothing was imported:\n{listed}{rest}")
    return events


def _json_rows(text: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            try:
                yield number, json.loads(line)
            except (ValueError, RecursionError):
                yield number, None


def _csv_rows(text: str) -> Iterator[tuple[int, Any]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        raise BadInput(f"line {reader.line_num} is no CSV: {error}") from error


def _event(row: Any) -> "CustomerEvent":
    from callcue.core.customer_events import CustomerEvent

    if not isinstance(row, Mapping):
        raise BadInput("not a JSON object")
    unknown = [str(name) for name in row if name not in COLUMNS]
    if unknown:
        raise BadInput(f"unknown fields {', '.join(unknown)[:200]}; known are {', '.join(COLUMNS)}")
    wrong = [name for name, value in row.items() if value is not None and not isinstance(value, str)]
    if wrong:
        raise BadInput(f"{', '.join(wrong)} must be texts")
    held = {name: row.get(name) or "" for name in COLUMNS}
    try:
        at = datetime.fromisoformat(held.pop("at"))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise BadInput("at must be an ISO 8601 time with an offset, such as 2026-11-23T10:00:00+08:00")
    return CustomerEvent(at_ms=int(at.timestamp() * 1000), **held)


@app.command()
def forget(
    phone: Annotated[str, typer.Option(help="The customer's number.")] = "",
    customer_id: Annotated[str, typer.Option(help="The customer system's id.")] = "",
    calls: Annotated[
        bool, typer.Option("--calls", help="Delete the customer's calls, too, with transcripts and records, for good.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Delete the events, forecasts and orders of one customer, also those under the ids and numbers that events tie to
    this one; with --calls everything."""
    from callcue.core.customer_events import Customer, plain_phone

    quiet_logs()
    customer = Customer(phone=plain_phone(phone), customer_id=customer_id)
    if not customer.known:
        raise BadInput("say whose events are to go: --phone with a number, or --customer-id")
    gone = run(_forget(customer, calls))
    if as_json:
        emit(asdict(gone))
        return
    console().print(f"{gone.events} events, {gone.forecasts} forecasts and {gone.orders} orders were deleted.")
    if calls:
        console().print(f"{gone.calls} calls were deleted. The number or id was blotted out in {gone.masked} rows.")
    if gone.kept_calls:
        why = "running: say it again when they are over" if calls else "not touched; --calls deletes them as well"
        console().print(f"{gone.kept_calls} calls of this customer are {why}.")


async def _forget(customer: "Customer", calls: bool) -> "Forgotten":
    from callcue.app.storage import open_storage
    from callcue.infra.forgetting import Forgetting

    async with AsyncExitStack() as stack:
        storage = await open_storage(settings(), stack)
        return await Forgetting(storage.database).forget(customer, calls=calls)


@app.command()
def rules(
    speech: Annotated[Path | None, typer.Option(help="Check these rules of tags from speech.", dir_okay=False)] = None,
    events: Annotated[Path | None, typer.Option(help="Check these rules of derived tags.", dir_okay=False)] = None,
    as_json: AsJson = False,
) -> None:
    """List every tag that can be given, by the files of the settings or the ones named, or say what is wrong there."""
    from callcue.app.customers import event_rules, forecast_model, tag_rules
    from tagger.event_rules import read_event_rules
    from tagger.rules import read_rules

    quiet_logs()
    chosen = settings()
    spoken = (tag_rules(chosen) if speech is None else read_rules(speech)).vocabulary
    derived = event_rules(chosen) if events is None else read_event_rules(events)
    rows = [{"tag": tag, "kind": str(kind)} for tag, kind in sorted(spoken.items())]
    rows += [{"tag": rule.tag, "kind": "derived"} for rule in derived]
    rows += [{"tag": tag.tag, "kind": "predictive"} for tag in forecast_model(chosen).tags]
    _print(rows, as_json)


@app.command()
def note(text: Annotated[str, typer.Argument(help="A note with → or ★.")], as_json: AsJson = False) -> None:
    """Read the shorthand of a note, and write it in its one form."""
    from tagger.shorthand import emit as written
    from tagger.shorthand import parse

    items = parse(text)
    if as_json:
        for item in items:
            emit({"kind": type(item).__name__.lower(), "text": written([item]), **json.loads(_plain(asdict(item)))})
    else:
        typer.echo(written(items))


def _plain(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


@app.command()
def forecasts(
    plots: Annotated[Path | None, typer.Option(help="Folder for the reliability picture (SVG).")] = None,
    as_json: AsJson = False,
) -> None:
    """Look up outcomes, judge the predictive tags, and show how they keep their word and what was switched off."""
    quiet_logs()
    picture = run(_forecasts(as_json))
    if plots is not None:
        plots.mkdir(parents=True, exist_ok=True)
        (plots / "reliability.svg").write_text(picture, encoding="utf-8")


async def _forecasts(as_json: bool) -> str:
    from callcue.app.reliability import reliability

    async with _forecaster() as made:
        await made.settle()
        await made.review()
        states, switches = await made.states(), await made.forecasts.switches()
    rows = []
    for state in states:
        scores = state.scores
        row: dict[str, Any] = {"name": state.tag.name, "tag": state.tag.tag, "state": state.state}
        row |= {"cases": scores.cases, "happened": scores.happened, "brier": scores.brier, "base": scores.base_brier}
        row["why"] = state.reason or state.open
        rows.append(row | ({"bins": [asdict(one) for one in scores.bins]} if as_json else {}))
    _print(rows, as_json)
    if not as_json:
        console().print(f"The weights: {made.model.trained_on or 'nothing is said of them'}")
        for one in switches:
            when = datetime.fromtimestamp(one.at_ms / 1000, UTC).isoformat(timespec="minutes")
            console().print(f"{when} {one.name}: {one.state}, by {one.by}. {one.reason}")
    return reliability({state.tag.name: state.scores for state in states}, "Predictive tags")


@app.command()
def switch(
    name: Annotated[str, typer.Argument(help="Such as visit_7d.")],
    state: Annotated[str, typer.Argument(help="watching (shown once it has kept its word again), shown, or off.")],
    by: Annotated[str, typer.Option(help="Who is named as having done it.")] = "cli",
    reason: Annotated[str, typer.Option(help="Why.")] = "",
) -> None:
    """Switch a predictive tag on again, or off. Forecasts made before do not count any more."""
    from typing import get_args

    from callcue.infra.forecasts import SwitchState

    quiet_logs()
    if state not in get_args(SwitchState):
        raise BadInput(f"{state!r} is not one of {', '.join(get_args(SwitchState))}")
    run(_switch(name, state, by, reason))


async def _switch(name: str, state: Any, by: str, reason: str) -> None:
    async with _forecaster() as made:
        await made.switch(name, state, by=by, reason=reason)
    console().print(f"{name} is {state}. A running service takes it up within an hour.")


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="The model file to write, .json.")],
    force: Annotated[bool, typer.Option("--force", help="Take the new weights even where they are no better.")] = False,
    as_json: AsJson = False,
) -> None:
    """Fit the predictive tags to the outcomes of own forecasts. Weights that are no better are not taken."""
    quiet_logs()
    from tagger.forecast_model import row_of, write_forecasts
    from tagger.forecast_train import train as fit

    cases, present = run(_cases())
    tags, reports = fit(cases, present, force=force)
    _print([asdict(report) for report in reports], as_json)
    if not any(report.taken for report in reports):
        raise BadInput("no tag got better: nothing was written, and the present weights go on (--force takes them)")
    if out.exists():
        out.replace(out.with_name(out.name + ".previous"))
    taken = ", ".join(report.name for report in reports if report.taken)
    told = (
        f"{taken}: outcomes of own forecasts until {datetime.now(UTC).date().isoformat()}; before: {present.trained_on}"
    )
    write_forecasts(out, [row_of(tag) for tag in tags], told[:500])
    console(as_json=True).print(f"Written to {out}. Serve it with CALLCUE_TAGGING__FORECAST_FILE={out}")


async def _cases() -> "tuple[dict[str, list[Case]], ForecastModel]":
    async with _forecaster() as made:
        await made.settle()
        return await made.training_cases(), made.model


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    from rich.table import Table

    if as_json:
        for row in rows:
            emit(row)
        return
    if not rows:
        console().print("Nothing.")
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table)


def _cell(value: object) -> str:
    return "–" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
