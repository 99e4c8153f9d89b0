"""The documentation says what is there: every setting with its default, every command, links that lead somewhere."""

import json
import re
from pathlib import Path

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from callcue.core.settings import Settings, TokenSettings

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted((ROOT / "docs").rglob("*.md"))
PAGES = [*sorted(ROOT.glob("README*.md")), *DOCS]

_ROW = re.compile(r"^\| `([a-z0-9_.\[\]]+)` \| ([^|]+) \|", re.MULTILINE)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_COMMAND = re.compile(r"(?:^|`|\$ |/)callcue ((?:[a-z]+)(?: [a-z]+)?)", re.MULTILINE)


def _shown(field: FieldInfo) -> str:
    """A default as the tables write it."""
    default = field.default
    if default is PydanticUndefined:
        return "required"
    if default is None:
        return "unset"
    return f"`{json.dumps(str(default) if isinstance(default, Path) else default)}`"


def _expected() -> dict[str, str]:
    found: dict[str, str] = {}
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= {f"{name}.{part}": _shown(inner) for part, inner in kind.model_fields.items()}
        else:
            found[name] = _shown(field)
    return found | {f"auth.tokens[].{part}": _shown(inner) for part, inner in TokenSettings.model_fields.items()}


def test_every_setting_stands_in_the_documentation_with_its_default() -> None:
    rows = _ROW.findall((ROOT / "docs/configuration.md").read_text(encoding="utf-8"))
    documented = {name: default.strip() for name, default in rows}
    assert len(documented) == len(rows), "a setting is described twice"
    assert documented == _expected()


def test_the_example_file_of_the_documentation_is_accepted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    example = re.search(r"```toml\n(.*?)```", text, re.DOTALL)
    assert example is not None
    file = tmp_path / "callcue.toml"
    file.write_text(example.group(1).replace("…64 hex digits…", "0" * 64), encoding="utf-8")
    monkeypatch.setenv("CALLCUE_CONFIG", str(file))
    settings = Settings()
    assert settings.speech.workers == 3
    assert settings.auth.tokens[0].name == "switch-1"


def _anchors(page: Path) -> set[str]:
    """GitHub's anchors of a page's headings."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_project_lead_somewhere(page: Path) -> None:
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in _LINK.findall(text):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in _anchors(target), f"{page.name} links to {link}: no such heading"


def test_both_readmes_point_to_each_other_and_name_both_commands() -> None:
    english = (ROOT / "README.md").read_text(encoding="utf-8")
    chinese = (ROOT / "README.zh.md").read_text(encoding="utf-8")
    assert "(README.zh.md)" in english
    assert "(README.md)" in chinese
    for text in (english, chinese):
        assert "make demo" in text
        assert "make test" in text


def test_every_decision_is_numbered_once_and_says_what_follows() -> None:
    files = sorted((ROOT / "docs/adr").glob("*.md"))
    numbers = [file.name[:4] for file in files]
    assert numbers == [f"{n:04}" for n in range(1, len(files) + 1)]
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert text.startswith(f"# {file.name[:4]} — "), f"{file.name}: the heading begins with its number"
        for part in ("**Decided.**", "**Why.**", "**What follows.**"):
            assert part in text, f"{file.name} lacks {part}"


def test_commands_named_in_the_documentation_exist() -> None:
    import typer
    from typer.core import TyperGroup

    from callcue.app.cli import app

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    named = {command for page in PAGES for command in _COMMAND.findall(page.read_text(encoding="utf-8"))}
    assert named, "no command was found in the documentation"
    for command in named:
        first, *rest = command.split()
        assert first in root.commands, f"callcue {command}"
        found = root.commands[first]
        if isinstance(found, TyperGroup) and rest:
            assert rest[0] in found.commands, f"callcue {command}"


def test_every_group_and_command_is_mentioned_somewhere() -> None:
    import typer
    from typer.core import TyperGroup

    from callcue.app.cli import app

    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    for name, command in root.commands.items():
        parts = [f"{name} {inner}" for inner in command.commands] if isinstance(command, TyperGroup) else [name]
        for part in parts:
            assert f"callcue {part}" in text, f"callcue {part} is not described"
