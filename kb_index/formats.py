"""Card files: JSON lines and CSV, in and out. What is read is hostile until checked; sizes are bounded everywhere.

JSON lines: one card object a line, UTF-8. CSV: a header with the same names, in any order, comma-separated
(semicolons and tabs, which some spreadsheets write, are recognised). In a cell a list is either separated by ``|``
or, when it begins with ``[``, JSON; ``triggers`` written the short way are phrases with the default speaker and
match; ``steps``, ``audience`` and ``when`` are JSON. An empty cell is an absent field. A cell that begins with one
of ``= + - @
'`` is written with a ``'`` before it, so that a spreadsheet does not run it as a formula (OWASP, CSV injection), and
read back without it.

Encoding: UTF-8 with or without a byte order mark, UTF-16 with one, else GBK (as Chinese Excel saves CSV) when the text
makes sense as such; anything else is refused.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from callcue.core.cards import Audience, Card, Trigger
from callcue.core.errors import BadInput
from kb_index.cards import COLUMNS, card_to_json, check_card, default_match, parse_card

__all__ = ["CardFormat", "ImportResult", "Problem", "card_to_json", "parse_card", "read_cards", "write_cards"]

CardFormat = Literal["jsonl", "csv"]

MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_LINE = 1_000_000
"""Characters of one JSON line (escapes such as \\u53d1 count six)."""
MAX_CARDS = 200_000
MAX_PROBLEMS = 500
"""Problems listed; reading stops there."""

_LISTS = ("category", "questions", "negative", "triggers")
_FORMULA = ("=", "+", "-", "@", "'", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a card, or a whole file, was not taken."""

    where: str
    """``line 3, card 'kb-invoice'``; ``file`` when it concerns all of it."""
    message: str
    """What is wrong and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportResult:
    """The cards that are sound, and what is wrong with the others."""

    cards: tuple[Card, ...]
    problems: tuple[Problem, ...]
    encoding: str = "utf-8"
    """How the file was read: ``utf-8``, ``utf-16`` or ``gb18030``."""


@dataclass(frozen=True, slots=True)
class _Row:
    """One card of a file before it is checked: its line and either its object or why there is none."""

    line: int
    obj: object = None
    trouble: str = ""


def read_cards(data: bytes, format: CardFormat) -> ImportResult:  # noqa: A002 - the word users know
    """Read a card file. Never raises for what the file holds: every trouble is a Problem, sound cards are returned."""
    if len(data) > MAX_FILE_BYTES:
        return _refused(f"has {len(data)} bytes; split it into files of at most {MAX_FILE_BYTES}")
    decoded = _decode(data)
    if decoded is None:
        return _refused("is neither UTF-8 nor GBK text; save it as UTF-8 (in Excel: CSV UTF-8) and try again")
    text, encoding = decoded
    rows = _json_rows(text) if format == "jsonl" else _csv_rows(text)
    cards: dict[str, Card] = {}
    problems: list[Problem] = []
    for row in rows:
        if len(problems) >= MAX_PROBLEMS:
            problems.append(Problem(where="file", message=f"more than {MAX_PROBLEMS} problems; mend these first"))
            break
        if len(cards) >= MAX_CARDS:
            problems.append(Problem(where="file", message=f"holds more than {MAX_CARDS} cards; split it"))
            break
        _take(row, cards, problems)
    if not cards and not problems:
        return _refused("holds no card; export it again, or check that it is the right file")
    return ImportResult(cards=tuple(cards.values()), problems=tuple(problems), encoding=encoding)


def _refused(message: str) -> ImportResult:
    return ImportResult(cards=(), problems=(Problem(where="file", message=message),))


def _take(row: _Row, cards: dict[str, Card], problems: list[Problem]) -> None:
    """Check one row; it ends up among the cards or among the problems."""
    where = f"line {row.line}"
    if row.trouble:
        problems.append(Problem(where=where, message=row.trouble))
        return
    name = row.obj.get("id") if isinstance(row.obj, dict) else None
    if isinstance(name, str) and name:
        where += f", card {name[:60]!r}"
    card, findings = check_card(row.obj)
    problems += [Problem(where=where, message=finding) for finding in findings]
    if card is not None and card.id in cards:
        problems.append(Problem(where=where, message="field id: is used by an earlier line; give each card its own id"))
    elif card is not None:
        cards[card.id] = card


def _decode(data: bytes) -> tuple[str, str] | None:
    """The text and the name of its encoding."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    candidates = ("utf-16",) if marked else ("utf-8-sig", "gb18030")
    for encoding in candidates:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if encoding == "gb18030" and not plausible_gbk(text):
            return None
        return text, encoding.removesuffix("-sig")
    return None


def plausible_gbk(text: str) -> bool:
    """GB18030 decodes nearly anything. Real Chinese text stays almost wholly within GB 2312's everyday characters,
    which other encodings read as GBK do not.
    """
    foreign = [ch for ch in text if not ch.isascii()]
    everyday = sum(1 for ch in foreign if len(ch.encode("gb2312", "ignore")) == 2)
    return everyday >= 0.9 * len(foreign)


def _json_rows(text: str) -> Iterator[_Row]:
    """One row a line. Split at line feeds alone: other separators may stand inside a JSON string."""
    if text.lstrip()[:1] == "[":
        yield _Row(1, trouble="the file is one JSON array; write one card object a line instead")
        return
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE:
            yield _Row(number, trouble=f"has {len(line)} characters; a card must fit into {MAX_LINE}")
            continue
        yield _parse_json(line, number)


def _parse_json(text: str, line: int) -> _Row:
    try:
        return _Row(line, obj=json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant))
    except BadInput as error:
        return _Row(line, trouble=error.message)
    except json.JSONDecodeError as error:
        return _Row(line, trouble=f"is not valid JSON at column {error.colno} ({error.msg}); mend or remove the line")
    except (ValueError, RecursionError):
        return _Row(line, trouble="holds a number too long or a nesting too deep to be a card; mend or remove the line")


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        double = next(name for name in names if names.count(name) > 1)
        raise BadInput(f"gives the field {double[:40]!r} twice in one object; keep one of them")
    return found


def _no_constant(name: str) -> object:
    raise BadInput(f"holds {name}, which is no JSON number; give a plain number")


def _csv_rows(text: str) -> Iterator[_Row]:
    """One row a record; the line given is the record's first."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    header: list[str] | None = None
    line = 1
    try:
        for cells in reader:
            first, line = line, reader.line_num + 1
            if not any(cell.strip() for cell in cells):
                continue
            if header is not None:
                yield _csv_row(header, cells, first)
                continue
            header = [cell.strip() for cell in cells]
            trouble = _header_trouble(header)
            if trouble:
                yield _Row(first, trouble=trouble)
                return
    except csv.Error as error:
        trouble = f"is not valid CSV ({error}); mend the quotes here"
        if "field limit" in str(error):
            trouble = f"has a cell of more than {csv.field_size_limit()} characters; shorten it, or close its quotes"
        yield _Row(line, trouble=f"{trouble}, the rest of the file was not read")


def _delimiter(text: str) -> str:
    """Comma, unless the header only makes sense with a semicolon or a tab."""
    head = text.split("\n", 1)[0][:10_000]
    for delimiter in (",", ";", "\t"):
        if "id" in {cell.strip().strip('"') for cell in head.split(delimiter)} and delimiter in head:
            return delimiter
    return ","


def _header_trouble(header: Sequence[str]) -> str:
    unknown = [name[:40] for name in header if name not in COLUMNS]
    if unknown:
        return (
            f"the header names unknown columns: {', '.join(map(repr, unknown[:10]))}; rename or remove them "
            f"(known: {', '.join(COLUMNS)})"
        )
    if len(set(header)) < len(header):
        return "the header names a column twice; keep one of them"
    missing = [name for name in ("id", "title", "body") if name not in header]
    return f"the header lacks {', '.join(missing)}; every card needs them" if missing else ""


def _csv_row(header: Sequence[str], cells: Sequence[str], line: int) -> _Row:
    if len(cells) > len(header):
        return _Row(line, trouble=f"has {len(cells)} cells under {len(header)} columns; quote cells that hold commas")
    obj: dict[str, object] = {}
    for name, cell in zip(header, cells, strict=False):
        value = cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell
        if name == "body":
            obj[name] = value
        elif value.strip():
            trouble = _read_cell(obj, name, value.strip(), line)
            if trouble:
                return _Row(line, trouble=trouble)
    return _Row(line, obj=obj)


def _read_cell(obj: dict[str, object], name: str, cell: str, line: int) -> str:
    """Put the cell's value into ``obj``; returns what is wrong with it, if anything."""
    if name in ("steps", "audience", "when") or (name in _LISTS and cell.startswith("[")):
        parsed = _parse_json(cell, line)
        obj[name] = parsed.obj
        return f"field {name}: the cell {parsed.trouble}" if parsed.trouble else ""
    if name in _LISTS:
        parts = [part.strip() for part in cell.split("|") if part.strip()]
        obj[name] = [{"phrase": part} for part in parts] if name == "triggers" else parts
    elif name in ("priority", "max_per_call", "cooldown_s"):
        obj[name] = _number(cell)
    else:
        obj[name] = cell
    return ""


def _number(cell: str) -> object:
    """An int or a float where the cell is one; else the cell, which the check then refuses by name."""
    try:
        value = float(cell) if len(cell) <= 40 and cell.isascii() and "_" not in cell else None
    except ValueError:
        return cell
    if value is None:
        return cell
    return int(value) if value.is_integer() else value


def write_cards(cards: Iterable[Card], format: CardFormat) -> bytes:  # noqa: A002
    """A card file that ``read_cards`` gives back unchanged. CSV begins with a byte order mark, for Excel's sake."""
    if format == "jsonl":
        lines = [json.dumps(card_to_json(card), ensure_ascii=False) + "\n" for card in cards]
        return "".join(lines).encode()
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for card in cards:
        obj = card_to_json(card)
        writer.writerow([_guard(_write_cell(card, name, obj[name])) for name in COLUMNS])
    return out.getvalue().encode("utf-8-sig")


def _write_cell(card: Card, name: str, value: object) -> str:
    if value is None or value == [] or (name == "audience" and card.audience == Audience()):
        return ""
    if name == "triggers":
        phrases = [trigger.phrase for trigger in card.triggers]
        if _plain(phrases) and all(trigger == _short(trigger.phrase) for trigger in card.triggers):
            return "|".join(phrases)
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list) and name != "steps":
        return _join(value)
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _short(phrase: str) -> Trigger:
    """The trigger that a bare phrase in a cell stands for."""
    return Trigger(phrase=phrase, match=default_match(phrase))


def _join(items: Sequence[str]) -> str:
    """``a|b`` where that reads back, else JSON."""
    return "|".join(items) if _plain(items) else json.dumps(list(items), ensure_ascii=False)


def _plain(items: Sequence[str]) -> bool:
    """Whether the items can stand in a cell separated by ``|``."""
    return all("|" not in item for item in items) and not items[0].startswith("[")


def _guard(cell: str) -> str:
    """Keep a spreadsheet from taking the cell for a formula."""
    return "'" + cell if cell.startswith(_FORMULA) else cell
