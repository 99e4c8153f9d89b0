"""REST: records with their schema, versions and completion clock; the configured part of the schema."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Annotated

import structlog
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.auth import needs
from api.body import json_body
from api.calls import Parts, Reader, RecordEditor, services_of
from api.etag import expected_version, tag
from api.openapi import takes
from api.problems import StaleVersion
from api.record_wire import (
    AgentLineView,
    ConfigVersions,
    ConfigView,
    FieldDifferenceView,
    FieldSpecView,
    RecordDiff,
    RecordDiffQuery,
    RecordEdit,
    RecordExportQuery,
    RecordLineView,
    RecordPage,
    RecordReport,
    RecordSchemaView,
    RecordsQuery,
    RecordVersionQuery,
    RecordVersions,
    RecordVersionView,
    RecordView,
    ReportQuery,
    SchemaBody,
)
from api.services import Services
from api.sight import visible_agent, visible_call
from callcue.calls.record_book import RecordLine, SeenRecord
from callcue.calls.record_export import export
from callcue.core.errors import Conflict
from callcue.infra.auth import Principal
from callcue.infra.completions import DueFilter

router = APIRouter(prefix="/v1", tags=["records"])

Exporter = Annotated[Principal, Depends(needs("records.export"))]
SchemaKeeper = Annotated[Principal, Depends(needs("records.schema"))]

PERIOD = timedelta(days=30)
_MEDIA = {"csv": "text/csv; charset=utf-8", "jsonl": "application/jsonl"}
_log = structlog.get_logger(__name__)


async def _base(request: Request) -> int | None:
    """The version that If-Match names, if it names one."""
    return expected_version(request, "record")


Base = Annotated[int | None, Depends(_base)]


@router.get("/calls/{call_id}/record")
async def get_record(
    call_id: str, principal: Reader, parts: Parts, response: Response, query: Annotated[RecordVersionQuery, Query()]
) -> RecordView:
    """The record, with what is missing in it and the clock. Its version is the ETag."""
    await visible_call(parts.calls, call_id, principal)
    return _record(await parts.book.read(call_id, principal.role, query.version), response)


@router.patch("/calls/{call_id}/record", openapi_extra=takes("RecordEdit", "application/merge-patch+json"))
async def edit_record(
    call_id: str,
    principal: RecordEditor,
    edit: Annotated[RecordEdit, Depends(json_body(RecordEdit, "application/merge-patch+json"))],
    request: Request,
    response: Response,
) -> RecordView:
    """Set or clear fields. With If-Match the edit is refused (412) when the record has another version by now."""
    parts = services_of(request)
    await visible_call(parts.calls, call_id, principal)
    expected = expected_version(request, "record")
    changes = {name: tuple(value) if isinstance(value, list) else value for name, value in edit.root.items()}
    try:
        seen = await parts.book.edit(call_id, changes, by=principal.name, role=principal.role, expected=expected)
    except Conflict as conflict:
        if expected is None:
            raise
        raise StaleVersion(conflict.message) from conflict
    if "cross_channel_id" in changes:
        await parts.manager.link_customer(call_id, str(changes["cross_channel_id"] or "").strip())
    return _record(seen, response)


@router.post("/calls/{call_id}/record/confirm")
async def confirm_record(
    call_id: str, principal: RecordEditor, expected: Base, parts: Parts, response: Response
) -> RecordView:
    """Say that the record is right, once the call is over and nothing is missing. With If-Match it is refused (412)
    when the record has another version by now."""
    await visible_call(parts.calls, call_id, principal)
    try:
        seen = await parts.book.confirm(call_id, by=principal.name, role=principal.role, expected=expected)
    except Conflict as conflict:
        if expected is None or (await parts.book.read(call_id, principal.role)).record.version == expected:
            raise
        raise StaleVersion(conflict.message) from conflict
    return _record(seen, response)


@router.get("/calls/{call_id}/record/versions")
async def list_record_versions(call_id: str, principal: Reader, parts: Parts) -> RecordVersions:
    """Who or what set which field when, on which evidence."""
    await visible_call(parts.calls, call_id, principal)
    found = await parts.book.history(call_id, principal.role)
    return RecordVersions(call_id=call_id, versions=[RecordVersionView.model_validate(step) for step in found])


@router.get("/calls/{call_id}/record/diff")
async def diff_record(
    call_id: str, principal: Reader, parts: Parts, query: Annotated[RecordDiffQuery, Query()]
) -> RecordDiff:
    """What differs between two versions."""
    await visible_call(parts.calls, call_id, principal)
    found = await parts.book.diff(call_id, query.from_, query.to, principal.role)
    return RecordDiff(call_id=call_id, differences=[FieldDifferenceView.model_validate(each) for each in found])


@router.get("/records")
async def list_records(principal: Reader, parts: Parts, query: Annotated[RecordsQuery, Query()]) -> RecordPage:
    """Ended calls by when they ended, and where their records stand; an agent gets its own."""
    lines = await parts.book.list(
        _filter(query, principal, parts), principal.role, limit=query.limit, after=query.cursor
    )
    return RecordPage(
        records=[_line(line) for line in lines],
        next=lines[-1].call.call_id if len(lines) == query.limit else None,
    )


@router.get("/records/report")
async def report_records(principal: Reader, parts: Parts, query: Annotated[ReportQuery, Query()]) -> RecordReport:
    """The share of records that were completed in time, by agent; an agent gets its own."""
    lines = await parts.book.report(_filter(query, principal, parts))
    return RecordReport(within_s=parts.book.within_s, lines=[AgentLineView.model_validate(line) for line in lines])


@router.get("/records/export", response_class=StreamingResponse)
async def export_records(
    principal: Exporter, parts: Parts, query: Annotated[RecordExportQuery, Query()]
) -> StreamingResponse:
    """The records of ended calls as a table: one row a call, one column a field."""
    schema = await parts.book.schemas.current()
    lines = parts.book.each(_filter(query, principal, parts), principal.role)
    text = export(lines, schema, principal.role, query.format, personal=query.personal)
    _log.info("records.exported", by=principal.name, personal=query.personal)
    headers = {"Content-Disposition": f'attachment; filename="records.{query.format}"', "Cache-Control": "no-store"}
    return StreamingResponse(_bytes(text), media_type=_MEDIA[query.format], headers=headers)


@router.get("/record-schema")
async def get_schema(principal: Reader, parts: Parts, response: Response) -> RecordSchemaView:
    """The fields of a record that the caller may see: what they are called and take, who may set them."""
    schema = await parts.book.schemas.current()
    tag(response, schema.version)
    able = principal.may("records.edit")
    fields = [
        FieldSpecView.model_validate(spec).model_copy(update={"may_edit": able and principal.role in spec.edit})
        for spec in schema.seen_by(principal.role)
    ]
    return RecordSchemaView(version=schema.version, fields=fields, complete_within_s=parts.book.within_s)


@router.get("/record-schema/config")
async def get_config(_principal: SchemaKeeper, parts: Parts, response: Response) -> ConfigView:
    """The configured part of the schema: added fields, and what is changed about standard ones."""
    versions = await parts.book.schemas.versions()
    view = ConfigView.of(versions[-1] if versions else None)
    tag(response, view.version)
    return view


@router.put("/record-schema/config", openapi_extra=takes("SchemaBody"))
async def put_config(
    principal: SchemaKeeper,
    body: Annotated[SchemaBody, Depends(json_body(SchemaBody))],
    expected: Base,
    parts: Parts,
    response: Response,
) -> ConfigView:
    """Replace the configured part. Holds at once; fields that are left out are retired, and records keep their values.
    With If-Match it is refused (412) when there is another version by now."""
    schemas = parts.book.schemas
    try:
        await schemas.save(body.config(), by=principal.name, note=body.note, expected=expected)
    except Conflict as conflict:
        if expected is None:
            raise
        raise StaleVersion(conflict.message) from conflict
    view = ConfigView.of((await schemas.versions())[-1])
    tag(response, view.version)
    return view


@router.get("/record-schema/versions")
async def list_configs(_principal: SchemaKeeper, parts: Parts) -> ConfigVersions:
    """Who changed the configured part when, how and why."""
    return ConfigVersions(versions=[ConfigView.of(held) for held in await parts.book.schemas.versions()])


async def _bytes(text: AsyncIterator[str]) -> AsyncIterator[bytes]:
    async for piece in text:
        yield piece.encode()


def _filter(query: RecordsQuery | ReportQuery | RecordExportQuery, principal: Principal, parts: Services) -> DueFilter:
    until_ms = None if query.until is None else _ms(query.until)
    latest = parts.book.now_ms if until_ms is None else until_ms
    return DueFilter(
        state=None if isinstance(query, ReportQuery) else query.state,
        agent_id=visible_agent(query.agent_id, principal),
        since_ms=latest - int(PERIOD.total_seconds() * 1000) if query.since is None else _ms(query.since),
        until_ms=until_ms,
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _line(line: RecordLine) -> RecordLineView:
    return RecordLineView.model_validate(
        {
            "call_id": line.call.call_id,
            "agent_id": line.call.agent_id,
            "started_at": line.call.started_at,
            "ended_at": line.call.ended_at,
            "version": line.seen.record.version,
            "completion": line.seen.completion,
        }
    )


def _record(seen: SeenRecord, response: Response) -> RecordView:
    tag(response, seen.record.version)
    response.headers["Cache-Control"] = "no-store"
    return RecordView.model_validate(
        {
            "call_id": seen.record.call_id,
            "version": seen.record.version,
            "fields": seen.record.fields,
            "computed": seen.computed,
            "completion": seen.completion,
            "schema_version": seen.schema_version,
        }
    )
