"""Records as rows of a table: JSON lines and CSV. What says who a customer is is masked unless it is asked for."""

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from callcue.calls.record_book import RecordLine
from callcue.core.field_spec import FieldSpec, Value
from callcue.core.record_schema import RecordSchema, held_or_default
from callcue.core.roles import Role
from callcue.infra.masking import MASK, masked

ExportForm = Literal["csv", "jsonl"]
CALL_COLUMNS = ("call_id", "agent_id", "state", "due_at", "confirmed_at", "confirmed_by", "version")
BETWEEN = " | "
"""Stands between several values in a cell of CSV; between the levels of a path it is `` / ``."""
BOM = "\ufeff"
"""Begins a CSV file: without it a spreadsheet takes Chinese in UTF-8 for another encoding."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+\-]?[0-9][0-9 ().\-]*")
_FREE_TEXT = ("text", "notes")


def columns(schema: RecordSchema, role: Role) -> tuple[FieldSpec, ...]:
    """The fields of a table, in the order of the schema; retired ones too, since records may hold values of them."""
    return schema.seen_by(role)


def row(line: RecordLine, fields: Sequence[FieldSpec], *, personal: bool = False) -> dict[str, Any]:
    """One record, column by column, ready for JSON."""
    seen = line.seen
    told: dict[str, Any] = {
        "call_id": line.call.call_id,
        "agent_id": line.call.agent_id,
        **{name: getattr(seen.completion, name) for name in ("state", "due_at", "confirmed_at", "confirmed_by")},
        "version": seen.record.version,
    }
    for spec in fields:
        known = seen.computed.get(spec.name)
        value = held_or_default(seen.record, spec, None if known is None else known.value)
        told[spec.name] = value if personal else _masked(spec, value)
    return told


def full_row(line: RecordLine) -> dict[str, Any]:
    """One record with who or what set each field, its probability and its evidence: nothing masked."""
    return {
        "call_id": line.call.call_id,
        "agent_id": line.call.agent_id,
        "version": line.seen.record.version,
        "fields": {name: asdict(held) for name, held in line.seen.record.fields.items()},
        "computed": {name: asdict(held) for name, held in line.seen.computed.items()},
        "completion": asdict(line.seen.completion),
    }


async def export(
    lines: AsyncIterator[RecordLine], schema: RecordSchema, role: Role, form: ExportForm, *, personal: bool = False
) -> AsyncIterator[str]:
    """The file, piece by piece."""
    fields = columns(schema, role)
    if form == "csv":
        yield BOM + _csv([*CALL_COLUMNS, *(spec.name for spec in fields)])
    async for line in lines:
        told = row(line, fields, personal=personal)
        if form == "csv":
            kinds = {spec.name: spec.kind for spec in fields}
            yield _csv([_cell(value, " / " if kinds.get(name) == "path" else BETWEEN) for name, value in told.items()])
        else:
            yield json.dumps(told, ensure_ascii=False) + "\n"


def _masked(spec: FieldSpec, value: Value) -> Value:
    if value is None:
        return None
    if spec.personal:
        return MASK
    if spec.kind not in _FREE_TEXT and not spec.open_choices:
        return value
    if isinstance(value, tuple):
        return tuple(masked(entry) for entry in value)
    return masked(value) if isinstance(value, str) else value


def _csv(cells: Sequence[str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow(cells)
    return file.getvalue()


def _cell(value: Value, between: str) -> str:
    """Text for a cell. What callers say ends up here: nothing that a spreadsheet would take for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = between.join(value) if isinstance(value, tuple) else str(value)
    return f"'{text}" if text.startswith(_FORMULA) and not _NUMBER.fullmatch(text) else text
