"""What the commands share: settings, output, errors."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from callcue.core.errors import BadInput, CallCueError

if TYPE_CHECKING:
    from rich.console import Console

    from callcue.core.roles import Role
    from callcue.core.settings import Settings

T = TypeVar("T")

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON lines, for programs.")]
Server = Annotated[
    str | None, typer.Option(help="host:port of a running `callcue serve`; default: an own one inside this command.")
]
Token = Annotated[
    str | None,
    typer.Option(envvar="CALLCUE_TOKEN", help="Bearer token for --server, of the role admin: audio is sent and read."),
]
AsRole = Annotated[
    str, typer.Option("--role", help="Only what this role may see: agent, supervisor or admin (who sees everything).")
]


def reader(role: str) -> "Role":
    """The role of ``--role``. Raises BadInput."""
    from callcue.core.field_spec import READERS

    if role not in READERS:
        raise BadInput(f"--role is one of {', '.join(READERS)}")
    return role


def settings(**overrides: Any) -> "Settings":
    """The settings in force. Raises BadInput that lists every setting that is wrong."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from callcue.core.settings import Settings

    try:
        return Settings(**overrides)
    except ValidationError as error:
        wrong = "\n".join(
            f"  {'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
            for item in error.errors(include_url=False)
        )
        raise BadInput(f"these settings are wrong (CALLCUE_* variables or callcue.toml):\n{wrong}") from error
    except (SettingsError, ValueError, OSError) as error:
        raise BadInput(f"the settings cannot be read: {error}") from error


def console(*, as_json: bool = False) -> "Console":
    """Where people read: standard output, or standard error when JSON goes to standard output."""
    from rich.console import Console

    return Console(stderr=as_json, highlight=False, markup=False)  # names of files may hold brackets


def emit(row: object) -> None:
    """One JSON line on standard output."""
    sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def quiet_logs() -> None:
    """Commands for people log only what is wrong, to standard error."""
    from callcue.infra.logging import configure

    configure("warning", json=False)


def run(task: Coroutine[Any, Any, T]) -> T:
    """Run a command's coroutine."""
    return asyncio.run(task)


def guarded(entry: Callable[[], object]) -> None:
    """Turn our errors into one line on standard error and exit code 1; an interrupt into 130."""
    try:
        entry()
    except CallCueError as error:
        sys.stderr.write(f"callcue: {error.message}\n")
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # The reader of our output (head, less) has gone: that is no error.
        sys.stderr.close()
        raise SystemExit(0) from None
