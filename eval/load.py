"""``python -m eval.load DIR``: many live calls at once, at real speed: latency, lag, cost, and what gives way.

The calls are made of the utterances of a set (``eval.live_calls``) and go through a service that is started for them,
by its audio and desktop sockets; latencies are those of a desk. ``--engine-only`` leaves the service out. ``--sweep``
raises the number of calls until finals are too late, and then goes far beyond it, with calls that come late.

Latencies count from the end of speech (known, since the calls are made here) to the last final that holds some of the
utterance, and from the beginning of speech to the first text. CPU time is per second of audio, where a call of a
minute has two minutes of audio, and is that of the service's processes; what this command itself uses is given apart.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from callcue.core.settings import Settings
from eval.curves import Axes, Line, curves
from eval.live_calls import Clip, make_calls, read_clips
from eval.load_run import Transport, arrivals, control, figures, missed, play_all
from eval.options import any_language
from eval.report import Figures, run, table, warn, write

LIMIT_MS = 3000.0
"""Finals whose 95th percentile is above this are too late."""
STEPS = (2, 4, 6, 8, 10, 12, 14, 16, 20, 24, 32, 40)
_BEYOND = 2.0
_LATE_CALLS = 4
_LATE_S = 15.0
_ROW = (
    "calls",
    "final p50",
    "final p95",
    "first p50",
    "wait",
    "lag",
    "cpu",
    "partials/s",
    "dropped",
    "lost",
    "refused",
)

OpenTransport = Callable[[], AbstractAsyncContextManager[Transport]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is played."""

    clips: Sequence[Clip]
    seconds: float
    """Length of a call."""
    seed: int = 7


def main(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder with manifest.jsonl and the audio.")],
    *,
    calls: Annotated[int, typer.Option(help="Calls at once.", min=1, max=200)] = 10,
    seconds: Annotated[float, typer.Option(help="Length of a call in seconds.", min=10, max=3600)] = 60.0,
    sweep_calls: Annotated[
        bool, typer.Option("--sweep", help="Raise the number of calls until finals are late.")
    ] = False,
    steps: Annotated[str | None, typer.Option(help="Numbers of calls for --sweep, as 2,4,8.")] = None,
    engine_only: Annotated[bool, typer.Option("--engine-only", help="Without the service around it.")] = False,
    lang: Annotated[str | None, typer.Option(help="Only utterances of this language: zh or en.")] = None,
    seed: Annotated[int, typer.Option(help="Other seeds make other calls.", min=0)] = 7,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Write the picture of a sweep into this folder.")] = None,
) -> None:
    """Load the service, or its recogniser alone, with live calls."""
    if plots is not None and not sweep_calls:
        raise typer.BadParameter("the picture is that of a --sweep", param_hint="--plots")
    plan = Plan(clips=read_clips(folder, any_language(lang)), seconds=seconds, seed=seed)
    opening = opener(engine_only=engine_only)
    if sweep_calls:
        found = asyncio.run(sweep(plan, opening, steps=_steps(steps), say=show_step))
        show_sweep(found)
        if plots is not None:
            draw(found, plots)
    else:
        found = asyncio.run(load(plan, opening, calls))
        show(found, str(folder))
    write(found, json_file)


def opener(*, engine_only: bool) -> OpenTransport:
    """How the calls get in."""

    @asynccontextmanager
    async def engine() -> AsyncIterator[Transport]:
        from eval.live_engine import into_the_engine

        async with into_the_engine(Settings()) as transport:
            yield transport

    @asynccontextmanager
    async def sockets() -> AsyncIterator[Transport]:
        from eval.live_socket import through_the_service

        async with through_the_service() as transport:
            yield transport

    return engine if engine_only else sockets


async def load(plan: Plan, opening: OpenTransport, calls: int, *, late: int = 0) -> Figures:
    """One run with so many calls; ``late`` more come in its second half to see whether they are taken."""
    made = make_calls(plan.clips, calls, seconds=plan.seconds, seed=plan.seed)
    others = make_calls(plan.clips, late, seconds=_LATE_S, seed=plan.seed + 1)
    async with opening() as transport:
        played = await play_all(transport, arrivals(made, others))
        lost, unheard = await control(transport, missed(played))
    return figures(played, lost=lost, unheard=unheard)


async def sweep(
    plan: Plan, opening: OpenTransport, *, steps: Sequence[int] = STEPS, say: Callable[[Figures], None] = lambda _: None
) -> Figures:
    """Step by step until the finals are too late, then one step far beyond."""
    rows: list[Figures] = []
    holds = 0
    for calls in steps:
        rows.append(await load(plan, opening, calls))
        say(rows[-1])
        if too_late(rows[-1]):
            break
        holds = calls
    late = too_late(rows[-1])
    if late:
        beyond = await load(plan, opening, round(rows[-1]["calls"] * _BEYOND), late=_LATE_CALLS)
        say(beyond)
    return {"limit_ms": LIMIT_MS, "holds_calls": holds, "steps": rows, "beyond": beyond if late else None}


def too_late(row: Figures) -> bool:
    """Whether a step is beyond what the machine holds: late finals, none at all, or calls refused."""
    p95 = row["final_latency_ms"]["p95"]
    return p95 is None or p95 > LIMIT_MS or row["calls_taken"] < row["calls"]


def show(found: Figures, title: str) -> None:
    """One run."""
    hidden = {"waits", "refusals"}
    table(title, ["figure", "value"], [[name, value] for name, value in found.items() if name not in hidden])
    for reason in found["refusals"]:
        warn(f"refused: {reason}")


def row(found: Figures) -> list[Any]:
    """One step of a sweep, under ``_ROW``: seconds and counts."""
    finals, firsts = found["final_latency_ms"], found["first_partial_ms"]
    return [
        f"{found['calls_taken']} of {found['calls']}" if found["calls_taken"] < found["calls"] else str(found["calls"]),
        *(None if value is None else value / 1000 for value in (finals["p50"], finals["p95"], firsts["p50"])),
        found["max_wait_s"],
        found["max_lag_s"],
        found["cpu_s_per_audio_s"],
        found["partials_per_speech_s"],
        found["partials_dropped"] + found["partials_superseded"],
        found["finals_lost"],
        sum(found["refused"].values()),
    ]


def show_step(found: Figures) -> None:
    """Say at once how a step went: a sweep takes long."""
    table(f"{found['calls']} calls", _ROW, [row(found)])


def show_sweep(found: Figures) -> None:
    """All steps, and the conclusion."""
    rows = [row(step) for step in found["steps"]]
    if found["beyond"] is not None:
        rows.append(row(found["beyond"]))
    title = f"p95 of the finals stays below {LIMIT_MS / 1000:g} s with {found['holds_calls']} calls"
    table(title, _ROW, rows)
    if found["beyond"] is None:
        warn("the largest number of calls that was asked for was not too much; give larger --steps to find the limit")
    else:
        for reason in found["beyond"]["refusals"]:
            warn(f"refused: {reason}")


def draw(found: Figures, folder: Path) -> Path:
    """Latency and lag against the number of calls, as an SVG file in this folder."""
    steps = [*found["steps"], *([found["beyond"]] if found["beyond"] is not None else [])]

    def line(name: str, value: Callable[[Figures], float | None]) -> Line:
        points = [(float(step["calls_taken"]), value(step)) for step in steps]
        return Line(name=name, points=[(x, y) for x, y in sorted(points) if y is not None])

    def final_s(step: Figures, part: str) -> float | None:
        value = step["final_latency_ms"][part]
        return None if value is None else value / 1000

    picture = curves(
        [
            line("final, p50", lambda step: final_s(step, "p50")),
            line("final, p95", lambda step: final_s(step, "p95")),
            line("oldest wait, max", lambda step: step["max_wait_s"]),
            line("undecoded, max", lambda step: step["max_lag_s"]),
        ],
        Axes(
            title="Latency of finals and lag against live calls",
            x="live calls, two channels each",
            y="seconds",
            marks=[(found["limit_ms"] / 1000, "too late")],
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "load.svg"
    path.write_text(picture, encoding="utf-8")
    return path


def _steps(text: str | None) -> tuple[int, ...]:
    if text is None:
        return STEPS
    try:
        found = tuple(int(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or any(calls < 1 for calls in found) or list(found) != sorted(set(found)):
        raise typer.BadParameter("numbers of calls in rising order, as 2,4,8", param_hint="--steps")
    return found


if __name__ == "__main__":
    run(main)
