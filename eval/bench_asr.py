"""``python -m eval.bench_asr`` (``make bench-asr``): everything that is said about recognition, in one table.

Runs the parts one after the other, each a command of its own that is also usable alone, and gathers their figures. A
part that is not there or fails has a row that says so; the others go on. ``--quick`` takes less of everything.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import typer

from callcue.core.errors import BadInput
from eval.data import absence, data_dir
from eval.report import Figures, console, run, show, table, write

HEADS = ("part", "system", "error rate", "cpu", "final p50", "final p95", "first p50", "more")
_MORE = 6

Row = list[object]
"""Under ``HEADS``; CPU-seconds per second of audio, milliseconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A command and how its figures become rows."""

    name: str
    module: str
    arguments: Sequence[str]
    rows: Callable[[str, Figures], list[Row]]

    @property
    def exists(self) -> bool:
        """Whether the command is there."""
        return find_spec(self.module) is not None


def main(
    *,
    quick: Annotated[bool, typer.Option("--quick", help="Less of everything: about ten minutes.")] = False,
    only: Annotated[str | None, typer.Option(help="Only parts whose names begin so, as asr,load.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    plots: Annotated[Path | None, typer.Option(help="Write the picture of the sweep into this folder.")] = None,
) -> None:
    """Measure recognition beside its peers."""
    folder = data_dir()
    if folder is None:
        raise BadInput(absence())
    wanted = tuple(only.split(",")) if only else ("",)
    chosen = [part for part in parts(folder, quick=quick, plots=plots) if part.name.startswith(wanted)]
    if not chosen:
        raise BadInput(f"no part's name begins with {only}; there are {', '.join(_names(folder))}")
    figures: Figures = {"cores": len(os.sched_getaffinity(0)), "load_before": os.getloadavg()[0], "quick": quick}
    rows: list[Row] = []
    for part in chosen:
        found, said = measured(part)
        figures[part.name] = found
        rows += said
        write(figures, json_file)  # after each part: the whole takes long, and may be stopped
    table("recognition", HEADS, rows)


def _names(folder: Path) -> list[str]:
    return [part.name for part in parts(folder, quick=False, plots=None)]


def parts(folder: Path, *, quick: bool, plots: Path | None) -> list[Part]:
    """All that there is to measure, the short ones first."""
    speech = folder / "speech"
    found: list[Part] = []
    for lang in ("zh", "en"):
        for line in ("telephone",) if quick else ("clean", "telephone"):
            less = ("--limit", "12", "--latency-sample", "4") if quick else ()
            said = (str(speech / lang), "--channel", line, "--baseline", *less)
            found.append(Part(name=f"asr {lang} {line}", module="eval.asr", arguments=said, rows=asr_rows))
    for lang, line, streams in _QUICK_PEERS if quick else _PEERS:
        arguments = (str(speech / lang), "--lang", lang, "--line", line, "--streams", streams)
        length = ("--seconds", "20" if quick else "90")
        name = f"peers {lang} {line}"
        found.append(Part(name=name, module="eval.peers", arguments=(*arguments, *length), rows=peer_rows))
    zh = str(speech / "zh")
    few = ("--limit", "12", "--only", "least") if quick else ()
    found.append(Part(name="ablation", module="eval.ablation", arguments=(zh, *few), rows=ablation_rows))
    short = ("--seconds", "25") if quick else ()
    found.append(Part(name="load", module="eval.load", arguments=(zh, "--calls", "10", *short), rows=load_rows))
    steps = ("--steps", "6,16", *short) if quick else ()
    drawn = ("--plots", str(plots)) if plots is not None else ()
    found.append(Part(name="sweep", module="eval.load", arguments=(zh, "--sweep", *steps, *drawn), rows=sweep_rows))
    brief = ("--minutes", "0.1", "--utterances", "1") if quick else ()
    found.append(Part(name="silence", module="eval.silence", arguments=brief, rows=other_rows))
    found.append(Part(name="hotwords", module="eval.hotwords", arguments=(), rows=other_rows))
    long = (zh, "--minutes", "2" if quick else "60")
    found.append(Part(name="soak", module="eval.soak", arguments=long, rows=other_rows))
    return found


_PEERS = (
    ("zh", "telephone", "1,2,4"),
    ("zh", "clean", "2"),
    ("en", "telephone", "2"),
    ("en", "clean", "2"),
)
_QUICK_PEERS = (("zh", "telephone", "2"), ("en", "telephone", "1"))


def measured(part: Part) -> tuple[Figures, list[Row]]:
    """Run one part; its own table is printed as it comes."""
    if not part.exists:
        reason = f"{part.module} is not there"
        return {"failed": reason}, [failed_row(part.name, reason)]
    console.print(f"\n{part.name}", style="bold", highlight=False)
    with tempfile.TemporaryDirectory(prefix="callcue-bench-") as folder:
        path = Path(folder) / "figures.json"
        began = time.monotonic()
        command = [sys.executable, "-m", part.module, *part.arguments, "--json", str(path)]
        status = subprocess.run(command, check=False).returncode  # noqa: S603 - our own interpreter and modules
        if not path.exists():
            reason = f"{part.module} ended with status {status} and gave no figures"
            return {"failed": reason}, [failed_row(part.name, reason)]
        found: Figures = json.loads(path.read_text(encoding="utf-8"))
    rows = part.rows(part.name, found)
    if status:
        rows.append(failed_row(part.name, f"{part.module} ended with status {status}"))
    return {"took_s": time.monotonic() - began, "status": status, **found}, rows


def failed_row(name: str, reason: str) -> Row:
    """Instead of figures."""
    return [name, None, None, None, None, None, None, reason]


def figure_row(name: str, system: str, found: Figures, more: str) -> Row:
    """Of anything that has the usual figures."""
    finals: dict[str, Any] = found["final_latency_ms"]
    return [
        name,
        system,
        found.get("cer", found.get("wer")),
        found["cpu_s_per_audio_s"],
        _ms(finals["p50"]),
        _ms(finals["p95"]),
        _ms(found["first_partial_ms"]["p50"]),
        more,
    ]


def _ms(value: float | None) -> int | None:
    return None if value is None else round(value)


def asr_rows(name: str, found: Figures) -> list[Row]:
    """CallCue, and plain faster-whisper, on whole utterances."""
    live = show(found["live_cpu_s_per_audio_s"])
    above = next((value for key, value in found.items() if key.endswith("_above_baseline")), None)
    more = f"{found['utterances']} utterances; cpu at real speed {live}"
    if above is not None:
        more += f"; error rate {show(above)} above"
    rows = [figure_row(name, "CallCue", found, more)]
    if "baseline" in found:
        rows.append(figure_row(name, "faster-whisper", found["baseline"], "each file whole, after its end"))
    return rows


def ablation_rows(name: str, found: Figures) -> list[Row]:
    """A row per variant."""
    return [
        [f"{name}: {one['variant']}", "CallCue", one["error_rate"], one["cpu_s_per_audio_s"], None, None, None, ""]
        for one in found["variants"]
    ]


def peer_rows(name: str, found: Figures) -> list[Row]:
    """A row for every recogniser and number of streams, and for every one that did not run."""
    rows = []
    for one in found["rows"]:
        behind = "not done in time" if one["drain_s"] is None else f"{one['drain_s']:.1f} s behind at the end"
        streams = f"{one['streams']} stream{'s' if one['streams'] > 1 else ''}"
        rows.append(figure_row(f"{name}, {streams}", one["name"], one, behind))
    return rows + [failed_row(f"{name}: {peer}", reason) for peer, reason in found["failed"].items()]


def load_rows(name: str, found: Figures) -> list[Row]:
    """One run with many calls."""
    refused = sum(found["refused"].values())
    more = (
        f"lost {found['finals_lost']}, refused {refused}, longest wait {found['max_wait_s']:.1f} s, "
        f"{show(found['partials_per_speech_s'])} partials per s of speech"
    )
    return [figure_row(f"{name}, {found['calls']} calls", "CallCue", found, more)]


def sweep_rows(name: str, found: Figures) -> list[Row]:
    """Every step, the one beyond, and how many calls the machine holds."""
    steps = [*found["steps"], *([found["beyond"]] if found["beyond"] is not None else [])]
    rows = [row for step in steps for row in load_rows(name, step)]
    refusals = "; ".join(found["beyond"]["refusals"]) if found["beyond"] is not None else "limit not reached"
    return [*rows, failed_row(f"{name}: holds {found['holds_calls']} calls", refusals)]


def other_rows(name: str, found: Figures) -> list[Row]:
    """Of a part with figures of its own: the first few plain ones."""
    plain = [f"{key} {show(value)}" for key, value in found.items() if isinstance(value, int | float | str)]
    return [[name, "CallCue", None, None, None, None, None, ", ".join(plain[:_MORE])]]


if __name__ == "__main__":
    run(main)
