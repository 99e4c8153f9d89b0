"""``callcue tagger``: train the classifiers of the record, on data of your own and on what agents corrected."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from callcue.core.settings import Settings

app = typer.Typer(help="The models that fill the record. 标签模型。", no_args_is_help=True)

LABELS = ("issue_type", "issue_subtype", "sentiment")
_BACKENDS = {"sentiment": "stacked"}
_PAGE = 500
_SHIPPED = {"issue_type": "issue_type.jsonl", "issue_subtype": "issue_type.jsonl", "sentiment": "sentiment.jsonl"}

Label = Annotated[str, typer.Option(help="The field that holds the label: issue_type, issue_subtype or sentiment.")]
Out = Annotated[Path, typer.Option(help="Folder of the models; the model is in OUT/LABEL.")]


@app.command("train")
def train(
    *,
    data: Annotated[
        list[Path] | None, typer.Argument(help="Labelled JSONL: text and the label.", exists=True, dir_okay=False)
    ] = None,
    label: Label,
    out: Out,
    shipped: Annotated[
        bool, typer.Option("--shipped", help="Also learn from the data that comes with CallCue.")
    ] = False,
    corrected: Annotated[bool, typer.Option("--corrections", help="Also learn from what agents corrected.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a model even if it scored better.")] = False,
    backend: Annotated[
        str | None,
        typer.Option(
            help="linear, stacked (also a kernel machine), or transformers (fine-tuning; extra `finetune`); default: "
            "stacked for sentiment, linear for the others."
        ),
    ] = None,
    base: Annotated[Path | None, typer.Option(help="transformers: folder of the model to begin with.")] = None,
    epochs: Annotated[int, typer.Option(help="transformers: passes over the data.", min=1, max=100)] = 3,
    folds: Annotated[int, typer.Option(help="transformers: fifths of the data to judge by.", min=1, max=5)] = 1,
) -> None:
    """Train a classifier, compare it with the present one, and keep the replaced one for `callcue tagger rollback`."""
    from models.embedders import load_embedder
    from models.store import ModelStore
    from tagger.train import lines
    from tagger.train import train as train_linear

    quiet_logs()
    chosen = settings()
    _check_label(label)
    rows = _rows(data or [], label, chosen, shipped=shipped, corrected=corrected)
    embedder = load_embedder(ModelStore(chosen.cache_dir), chosen.tagging.embedder)
    backend = backend or _BACKENDS.get(label, "linear")
    if backend == "linear":
        done = train_linear(rows, label, embedder, out / label, force=force)
    elif backend == "stacked":
        from tagger.train_stacked import train_stacked

        done = train_stacked(rows, label, embedder, out / label, force=force)
    elif backend == "transformers":
        from tagger.finetune import FinetuneConfig
        from tagger.train_transformers import train_transformers

        if base is None:
            raise BadInput("--backend transformers needs --base FOLDER: a local transformers model in safetensors")
        config = FinetuneConfig(base=base, epochs=epochs)
        done = train_transformers(rows, label, config, out / label, embedder=embedder, folds=folds, force=force)
    else:
        raise BadInput(f"backend {backend!r} is not one of linear, stacked, transformers")
    for line in lines(done):
        typer.echo(line)
    typer.echo(f"serve it with CALLCUE_TAGGING__MODEL_DIR={out}")


@app.command("rollback")
def rollback(label: Label, out: Out) -> None:
    """Put the model before the present one in force again; a second time undoes it."""
    from tagger.versions import roll_back

    _check_label(label)
    roll_back(out / label)
    typer.echo(f"{label}: the model before is in force again; the other one is kept. Restart `callcue serve`")


@app.command("corrections")
def corrections(label: Label, as_json: AsJson = False) -> None:
    """Show what agents corrected, as `train --corrections` learns it: what the model said, what is right, the words."""
    quiet_logs()
    _check_label(label)
    for row in run(_corrected(settings(), label)):
        if as_json:
            emit(row)
        else:
            typer.echo(f"{row['was']} → {row[label]}\t{row['text']}")


def _check_label(label: str) -> None:
    if label not in LABELS:
        raise BadInput(f"label {label!r} is not one of {', '.join(LABELS)}")


def _rows(
    files: list[Path], label: str, chosen: "Settings", *, shipped: bool, corrected: bool
) -> "list[dict[str, object]]":
    """Everything to learn from. Raises BadInput when there is nothing, or a label that the record does not take."""
    from tagger.make_data import DATA
    from tagger.rows import read_rows

    known = _known_labels(label, chosen)
    if shipped:
        files = [*files, DATA / _SHIPPED[label]]
    rows: list[dict[str, object]] = []
    for path in files:
        found = read_rows(path)
        strange = sorted({str(row.get(label)) for row in found} - known)
        if strange:
            raise BadInput(f"{path}: {label} is {', '.join(strange[:5])}; the record takes {', '.join(sorted(known))}")
        rows += [dict(row) for row in found]
    if corrected:
        usable = [row for row in run(_corrected(chosen, label)) if row[label] in known]
        typer.echo(f"{len(usable)} corrected utterances of {len({row['wording'] for row in usable})} calls")
        rows += usable
    if not rows:
        raise BadInput("there is nothing to learn from: name a file, or use --shipped or --corrections")
    return rows


def _known_labels(label: str, chosen: "Settings") -> set[str]:
    from callcue.core.records import SENTIMENTS
    from callcue.core.taxonomy import default_taxonomy, read_taxonomy

    own = chosen.tagging.taxonomy
    choices = (default_taxonomy() if own is None else read_taxonomy(own)).choices()
    return set(choices.get(label, SENTIMENTS))


async def _corrected(chosen: "Settings", label: str) -> "list[dict[str, object]]":
    """The corrections in the store, of all calls, newest call first."""
    from contextlib import AsyncExitStack

    from callcue.app.storage import open_storage
    from tagger.corrections import corrections as of_events

    rows: list[dict[str, object]] = []
    async with AsyncExitStack() as stack:
        storage = await open_storage(chosen, stack)
        before: str | None = None
        while calls := await storage.calls.list(limit=_PAGE, before=before):
            for call in calls:
                changed = await storage.log.read_type(call.call_id, "RecordUpdated")
                if changed:
                    finals = await storage.log.read_type(call.call_id, "FinalTranscript")
                    found = await storage.log.read_type(call.call_id, "TagUpdate")
                    rows += of_events(sorted([*changed, *finals, *found], key=lambda event: event.seq), label)
            before = calls[-1].call_id
    return rows
