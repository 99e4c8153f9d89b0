"""The schema's revision is shown and changed from the command line, but not under a service that runs."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from callcue.app.cli import app
from callcue.app.instance_lock import InstanceLock
from callcue.core.errors import BadInput, CallCueError, Conflict


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CALLCUE_DATA_DIR", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


def said(*options: str) -> str:
    return CliRunner().invoke(app, ["schema", *options]).stdout.strip()


def refused(*options: str) -> CallCueError:
    error = CliRunner().invoke(app, ["schema", *options]).exception
    assert isinstance(error, CallCueError)
    return error


def test_it_goes_down_and_up(folder: Path) -> None:
    assert said().startswith("none")
    assert said("--to", "head") == "0006"
    assert said("--to", "0004") == "0004"
    assert said() == "0004"
    assert said("--to", "head") == "0006"


def test_what_would_do_harm_is_refused(folder: Path) -> None:
    said("--to", "head")
    assert isinstance(refused("--to", "base"), BadInput)
    assert "there are 0001" in refused("--to", "0099").message
    with InstanceLock(folder / "callcue.sqlite3.lock"):
        assert isinstance(refused("--to", "0005"), Conflict)
        assert said() == "0006"
