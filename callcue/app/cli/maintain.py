"""Keeping house: models, tokens, training."""

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from callcue.app.cli.common import AsJson, console, emit, quiet_logs, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from models.registry import ModelSpec

models_app = typer.Typer(help="Models: where from, which licence, whole or not. 模型。", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(token)
    app.command()(schema)


def token(
    name: Annotated[str, typer.Argument(help="Who will hold it.")],
    role: Annotated[str, typer.Option(help="agent, supervisor, editor, integrator or admin.")] = "agent",
) -> None:
    """Make a bearer token and the settings entry that admits it. The token is shown once and stored nowhere."""
    from callcue.core.ids import check_id
    from callcue.core.roles import Role
    from callcue.infra.auth import new_token

    check_id(name, "the name (an agent's is the agent_id of the calls)")
    if role not in get_args(Role):
        raise BadInput(f"role {role!r} is not one of {', '.join(get_args(Role))}")
    secret, digest = new_token()
    typer.echo(f"token: {secret}\n\nin callcue.toml:\n\n[[auth.tokens]]")
    typer.echo(f'name = "{name}"\nrole = "{role}"\nsha256 = "{digest}"')


def schema(
    to: Annotated[str, typer.Option(help="Bring the database to this revision, such as 0005.")] = "",
) -> None:
    """Show the revision of the database's schema, or change it so that an older CallCue can use it."""
    quiet_logs()
    if to == "base":
        raise BadInput("base would empty the database; to begin anew, remove the data folder")
    typer.echo(run(_schema(to)))


async def _schema(to: str) -> str:
    from callcue.app.build import lock_file
    from callcue.app.instance_lock import InstanceLock
    from callcue.infra.database import Database

    chosen = settings()
    database = Database(chosen.database_url)
    try:
        if to:
            with InstanceLock(lock_file(chosen)):
                await database.migrate(to)
        return await database.revision() or "none: the database is empty"
    finally:
        await database.close()


Kind = Annotated[
    str, typer.Option(help="What a folder or hub id holds: whisper (speech) or embedder (sentence-transformers).")
]


def known(name: str, kind: str) -> "ModelSpec":
    """The registry's model of this name, or a user's own of ``kind``. Raises ModelError, BadInput."""
    from models.registry import REGISTRY, resolve

    if kind not in ("whisper", "embedder"):
        raise BadInput(f"kind {kind!r} is not one of whisper, embedder")
    return REGISTRY.get(name) or resolve(name, kind)  # type: ignore[arg-type] # checked above


@models_app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the known models and their state."""
    from rich.table import Table

    from models.registry import REGISTRY
    from models.store import ModelStore

    store = ModelStore(settings().cache_dir)
    table = Table("model", "kind", "languages", "licence", "MB", "state")
    for spec in REGISTRY.values():
        status = store.status(spec)
        if as_json:
            emit(
                {
                    "name": spec.name,
                    "kind": spec.kind,
                    "licence": spec.licence,
                    "size_bytes": spec.size_bytes,
                    "sha256": spec.sha256,
                    "state": status.state,
                    "path": str(status.path),
                    "detail": status.detail,
                }
            )
        size = f"{spec.size_bytes / 1e6:.0f}" if spec.size_bytes else "?"
        table.add_row(spec.name, spec.kind, " ".join(spec.languages), spec.licence, size, status.state)
    if not as_json:
        console().print(table)


@models_app.command("fetch")
def fetch_models(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Names, folders or hub ids; default: what the settings name."),
    ] = None,
    kind: Kind = "whisper",
) -> None:
    """Put models together and verify them, so that nothing is left to do when the service starts."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from models.registry import embedder_names, resolve
    from models.store import ModelStore

    chosen = settings()
    quiet_logs()
    store = ModelStore(chosen.cache_dir)
    specs = (
        [known(name, kind) for name in names]
        if names
        else [
            resolve(chosen.speech.model, "whisper"),
            *{
                name: resolve(name, "embedder")
                for both in (chosen.knowledge.embedder, chosen.tagging.embedder)
                for name in embedder_names(both)
            }.values(),
        ]
    )
    out = console()
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), console=out, disable=not out.is_terminal
    ) as progress:
        for spec in specs:
            task = progress.add_task(spec.name, total=spec.size_bytes or None)

            def update(done: int, total: int, task: object = task) -> None:
                progress.update(task, completed=done, total=total)  # type: ignore[arg-type] # a TaskID

            folder = store.ensure(spec, progress=update)
            progress.console.print(f"{spec.name}: ready in {folder}")


@models_app.command("check")
def check_models(
    names: Annotated[list[str] | None, typer.Argument(help="Models; default: all of `callcue models list`.")] = None,
    kind: Kind = "whisper",
    as_json: AsJson = False,
) -> None:
    """Compute the checksums again; exit code 1 when one is wrong."""
    from models.registry import REGISTRY
    from models.store import ModelStore

    store = ModelStore(settings().cache_dir)
    specs = [known(name, kind) for name in names] if names else list(REGISTRY.values())
    bad = False
    for spec in specs:
        status = store.check(spec)
        bad = bad or status.state == "damaged" or (bool(names) and status.state != "ready")
        if as_json:
            emit({"name": spec.name, "state": status.state, "detail": status.detail})
        else:
            typer.echo(f"{spec.name}: {status.state}{'  ' + status.detail if status.detail else ''}")
    if bad:
        raise typer.Exit(1)
