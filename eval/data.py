"""Where the evaluation data lies, and how its files are read. What cannot be used is said by file and line."""

import json
import os
from pathlib import Path

from callcue.core.errors import BadInput

VARIABLE = "CALLCUE_DATA"
_DEFAULT = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


def data_dir() -> Path | None:
    """The folder with ``speech/``, ``text/`` and ``calls_zh/``; None when there is none on this machine."""
    folder = Path(os.environ.get(VARIABLE) or _DEFAULT)
    return folder if folder.is_dir() else None


def absence() -> str:
    """What to tell people when ``data_dir`` is None."""
    return f"The evaluation data is not here ({os.environ.get(VARIABLE) or _DEFAULT}); set {VARIABLE} to its folder"


def read_bytes(path: Path) -> bytes:
    """A file's content. Raises BadInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror or error}") from error


def read_json(path: Path) -> dict[str, object]:
    """A file with one JSON object. Raises BadInput."""
    return _object(read_bytes(path), str(path))


def read_jsonl(path: Path) -> list[dict[str, object]]:
    """One JSON object a line; empty lines are skipped. Raises BadInput that names the line."""
    lines = read_bytes(path).splitlines()
    return [_object(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip()]


def text_field(row: dict[str, object], name: str, where: str) -> str:
    """A required text. Raises BadInput."""
    value = row.get(name)
    if not isinstance(value, str):
        raise BadInput(f"{where} has no text {name!r}")
    return value


def number_field(row: dict[str, object], name: str, where: str) -> float:
    """A required number. Raises BadInput."""
    value = row.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BadInput(f"{where} has no number {name!r}")
    return float(value)


def _object(data: bytes, where: str) -> dict[str, object]:
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{where} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadInput(f"{where} is not a JSON object")
    return value
