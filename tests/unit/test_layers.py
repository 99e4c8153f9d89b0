"""Imports go down only, and the check that says so notices every kind of wrong import."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("callcue", "api", "asr", "nlu", "kb_index", "tagger", "models", "eval")


def lint(folder: Path) -> tuple[int, str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=120)
    return done.returncode, " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages' code without anything else, to spoil."""
    for package in PACKAGES:
        for source in (ROOT / package).rglob("*.py"):
            target = tmp_path / source.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_the_tree_keeps_its_layers() -> None:
    status, said = lint(ROOT)
    assert status == 0, said


def test_wrong_imports_are_noticed_lazy_and_for_typing_too(copy: Path) -> None:
    (copy / "asr/wrong_plain.py").write_text("import callcue.infra.bus\n")
    (copy / "nlu/wrong_lazy.py").write_text("def late():\n    from callcue.infra.database import Database\n")
    (copy / "kb_index/wrong_typing.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from api.services import Services\n"
    )
    (copy / "tagger/wrong_sibling.py").write_text("from nlu import triggers\n")
    (copy / "callcue/core/wrong_up.py").write_text("import callcue.testing\n")
    (copy / "callcue/calls/wrong_up.py").write_text("import callcue.app\n")
    status, said = lint(copy)
    assert status != 0
    for importer, imported in [
        ("asr.wrong_plain", "callcue.infra.bus"),
        ("nlu.wrong_lazy", "callcue.infra.database"),
        ("kb_index.wrong_typing", "api.services"),
        ("tagger.wrong_sibling", "nlu.triggers"),
        ("callcue.core.wrong_up", "callcue.testing"),
        ("callcue.calls.wrong_up", "callcue.app"),
    ]:
        assert f"{importer} -> {imported}" in said


def test_the_contracts_stay_free_of_libraries(copy: Path) -> None:
    with (copy / "callcue/core/events.py").open("a") as file:
        file.write("\n\ndef late() -> None:\n    import pydantic\n")
    status, said = lint(copy)
    assert status != 0
    assert "callcue.core.events -> pydantic" in said
