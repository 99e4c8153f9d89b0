"""Commands that run the service or talk to it: serve, replay, demo."""

import asyncio
import contextlib
import re
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from callcue.app.cli.common import AsJson, Server, Token, console, quiet_logs, run, settings
from callcue.core.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console

    from callcue.app.client import Recording
    from callcue.core.settings import Settings

ASSETS = Path(__file__).parent.parent / "assets"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(serve)
    app.command()(replay)
    app.command()(demo)


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on, instead of server.host.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port, instead of server.port.")] = None,
    log_json: Annotated[bool, typer.Option("--log-json", help="Log JSON lines.")] = False,
) -> None:
    """Run the service: audio sockets in, desktop sockets and REST out."""
    from callcue.infra.logging import configure

    chosen = settings()
    server = chosen.server.model_copy(update={k: v for k, v in (("host", host), ("port", port)) if v is not None})
    chosen = chosen.model_copy(update={"server": server})
    configure(chosen.log_level, json=log_json)
    run(_serve(chosen))


async def _serve(chosen: "Settings") -> None:
    import signal

    from callcue.app.build import build
    from callcue.app.server import running

    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    app = build(chosen)
    starting = asyncio.create_task(_until(stopped))
    async with running(app) as address:
        out = console()
        out.print(f"CallCue serves http://{address}  (ready: /readyz, API: /openapi.json)")
        if not chosen.auth.tokens:
            out.print("No tokens are set: everybody on this machine is admin, and only this machine is listened to.")
        await starting
        out.print("Stopping: live calls are closed with everything they heard.")


async def _until(stopped: asyncio.Event) -> None:
    await stopped.wait()


def replay(
    file: Annotated[
        Path, typer.Argument(help="Recording: 2 channels (caller, agent) or 1.", exists=True, dir_okay=False)
    ],
    speed: Annotated[float, typer.Option(help="Seconds of audio per second; 0: as fast as possible.", min=0.0)] = 1.0,
    language: Annotated[str, typer.Option(help="zh, en or auto.")] = "zh",
    cards: Annotated[Path | None, typer.Option(help="Import these cards first (own server only).")] = None,
    agent: Annotated[str, typer.Option(help="Agent whose desktop is shown.")] = "replay",
    server: Server = None,
    token: Token = None,
    as_json: AsJson = False,
) -> None:
    """Stream a recording through the sockets and watch transcript, cards and record as the agent would."""
    from callcue.app.client import Recording

    if language not in ("zh", "en", "auto"):
        raise BadInput(f"language {language!r} is not one of zh, en, auto")
    recording = Recording(path=file, agent_id=agent, language=language, speed=speed)  # type: ignore[arg-type] # checked
    quiet_logs()
    if server is not None and cards is not None:
        raise BadInput("--cards imports into an own server; with --server use its REST import instead")
    run(_replay(recording, server=server, token=token, cards=cards, as_json=as_json))


def demo(
    speed: Annotated[float, typer.Option(help="Seconds of audio per second.", min=0.1)] = 1.0,
    svg: Annotated[Path | None, typer.Option(help="Also save the last screen as a picture.")] = None,
    as_json: AsJson = False,
) -> None:
    """A recorded call, a small knowledge base, and what the agent sees: nothing to set up."""
    from callcue.app.client import Recording

    quiet_logs()
    with tempfile.TemporaryDirectory(prefix="callcue-demo-") as folder:
        base = settings()
        chosen = base.model_copy(
            update={
                "data_dir": Path(folder),
                "server": base.server.model_copy(update={"host": "127.0.0.1", "port": 0}),
                "auth": base.auth.model_copy(update={"tokens": ()}),
                "database": base.database.model_copy(update={"url": None}),
                # the cards are always the same: what was embedded once is kept
                "knowledge": base.knowledge.model_copy(update={"vector_cache": base.cache_dir / "demo-vectors.npz"}),
            }
        )
        recording = Recording(path=ASSETS / "demo_call.flac", agent_id="demo", speed=speed)
        run(_own_server(chosen, recording, cards=ASSETS / "cards_zh.jsonl", as_json=as_json, svg=svg))


async def _replay(
    recording: "Recording", *, server: str | None, token: str | None, cards: Path | None, as_json: bool
) -> None:
    from callcue.app.replay import replay as play

    if server is not None:
        await play(server, recording, token=token, console=console(as_json=as_json), as_json=as_json)
        return
    base = settings()
    # An own server on a free port: its clients are in this process, and tokens would only lock them out.
    chosen = base.model_copy(
        update={
            "server": base.server.model_copy(update={"host": "127.0.0.1", "port": 0}),
            "auth": base.auth.model_copy(update={"tokens": ()}),
        }
    )
    await _own_server(chosen, recording, cards=cards, as_json=as_json, svg=None)


async def _own_server(
    chosen: "Settings", recording: "Recording", *, cards: Path | None, as_json: bool, svg: Path | None
) -> None:
    from callcue.app.build import build
    from callcue.app.cli.kb import read_or_refuse
    from callcue.app.client import load
    from callcue.app.replay import replay as play
    from callcue.app.server import running

    await load(recording.path)  # a damaged file is refused before anything is started
    found = read_or_refuse(cards) if cards is not None else ()
    out = console(as_json=as_json)
    app = build(chosen)
    async with _noted(out, "Loading the models 正在加载模型"), contextlib.AsyncExitStack() as stack:
        address = await stack.enter_async_context(running(app))
        if found:
            await app.services.knowledge.save(found, by="replay")
        kept = stack.pop_all()
    async with kept:
        if not app.services.knowledge.view().cards:
            out.print("The knowledge base is empty: import cards with `callcue kb import FILE` or say --cards FILE.")
        result = await play(address, recording, token=None, console=out, as_json=as_json)
        if svg is not None:
            _save_picture(result.screen, svg)


@contextlib.asynccontextmanager
async def _noted(out: "Console", what: str) -> AsyncIterator[None]:
    if out.is_terminal:
        with out.status(what):
            yield
    else:
        out.print(f"{what} …")
        yield


def _save_picture(screen: object, path: Path) -> None:
    import io

    from rich.console import Console

    canvas = Console(record=True, width=150, height=44, file=io.StringIO(), force_terminal=True)
    canvas.print(screen)
    # rich fixes the length of a text as if Chinese characters were one cell wide; without that they are drawn right.
    drawn = re.sub(r' textLength="[0-9.]+"', "", canvas.export_svg(title="callcue demo"))
    path.write_text(drawn, encoding="utf-8")
