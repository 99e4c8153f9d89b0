"""How figures are written: a table for people, JSON for comparison over time, and the same command line for all."""

import json
import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from callcue.core.errors import CallCueError

Figures = dict[str, Any]
"""JSON-ready. Names and units as in docs/evaluation.md."""

_WIDE = 160
"""Columns where there is no terminal whose width could be asked for: a table in a log is not cut to 80."""

console = Console(width=None if sys.stdout.isatty() else _WIDE)
_errors = Console(stderr=True)


def show(value: object) -> str:
    """A figure as people read it."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 100 else f"{value:.0f}"
    if isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(part, float) for part in value):
        return f"{value[0]:.3f}–{value[1]:.3f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {show(part)}" for name, part in value.items())
    return str(value)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; the first column is text, the others are figures."""
    console.print(f"\n{title}", style="bold", markup=False, highlight=False)
    drawn = Table()
    for place, column in enumerate(columns):
        drawn.add_column(column, justify="left" if place == 0 else "right")
    for row in rows:
        drawn.add_row(*(escape(show(value)) for value in row))
    console.print(drawn)


def warn(message: str) -> None:
    """Something that the reader of the figures must know, on the error stream."""
    _errors.print(message, highlight=False, markup=False, style="red")


def write(figures: Figures, path: Path | None) -> None:
    """Write the figures where ``--json`` says."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[], None]]:
    """A progress bar on a terminal, silence elsewhere; yields what is called once per item."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=_errors, disable=not _errors.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda: bar.advance(task)


def quiet() -> None:
    """Only warnings, on the error stream, so that a table stays a table."""
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, force=True)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def run(main: Callable[..., None]) -> None:
    """Run a typer command; an expected error is one line and exit status 2."""
    import typer

    quiet()
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(main)
    try:
        app()
    except CallCueError as error:
        warn(f"{error.code}: {error.message}")
        sys.exit(2)
