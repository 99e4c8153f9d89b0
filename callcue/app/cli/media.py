"""Bulk work on recordings: transcribe."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput, CallCueError

if TYPE_CHECKING:
    from callcue.app.transcribe import Format, Segment

FORMATS = ("json", "srt", "vtt", "txt")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(transcribe)


def transcribe(
    files: Annotated[list[Path], typer.Argument(help="Recordings (wav, flac, mp3, …) of 1 or 2 channels.")],
    form: Annotated[str, typer.Option("--format", "-f", help="json, srt, vtt or txt.")] = "txt",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the transcripts.")] = None,
    language: Annotated[str, typer.Option(help="zh, en or auto.")] = "zh",
    as_json: AsJson = False,
) -> None:
    """Transcribe recordings. A file that cannot be read is reported and the others go on; the exit code is then 1."""
    if form not in FORMATS:
        raise BadInput(f"format {form!r} is not one of {', '.join(FORMATS)}")
    if language not in ("zh", "en", "auto"):
        raise BadInput(f"language {language!r} is not one of zh, en, auto")
    if output is not None and len({file.stem for file in files}) != len(files):
        raise BadInput(
            "two of the files have the same name but for their folder or ending: one would overwrite another"
        )
    quiet_logs()
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    failed = run(_transcribe(files, form, output, language, as_json))
    if failed:
        raise typer.Exit(1)


async def _transcribe(files: list[Path], form: str, output: Path | None, language: str, as_json: bool) -> int:
    from rich.progress import Progress

    from callcue.app.transcribe import Transcriber

    out = console(as_json=True)
    failed = 0
    async with Transcriber(settings()) as transcriber:
        with Progress(console=out, disable=not out.is_terminal) as progress:
            for file in files:
                task = progress.add_task(file.name, total=None)

                def update(done: int, total: int, task: object = task) -> None:
                    progress.update(task, completed=done, total=total)  # type: ignore[arg-type] # a TaskID

                try:
                    segments = await transcriber.transcribe(file, language, update)  # type: ignore[arg-type] # checked
                except CallCueError as error:
                    failed += 1
                    progress.console.print(f"callcue: {error.message}", style="red", soft_wrap=True)
                    continue
                _deliver(file, segments, form, output, as_json)  # type: ignore[arg-type] # checked
    return failed


def _deliver(file: Path, segments: "list[Segment]", form: "Format", output: Path | None, as_json: bool) -> None:
    from callcue.app.transcribe import render

    speakers = len({segment.channel for segment in segments}) > 1
    text = render(segments, form, speakers=speakers)
    if output is not None:
        target = output / f"{file.stem}.{form}"
        partial = target.with_name(target.name + ".part")
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
        if as_json:
            emit({"file": str(file), "transcript": str(target), "segments": len(segments)})
    elif as_json:
        emit({"file": str(file), **json.loads(render(segments, "json", speakers=speakers))})
    else:
        typer.echo(text, nl=False)
