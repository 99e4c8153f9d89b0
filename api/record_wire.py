"""The bodies of the routes for records: schema, values, versions, the completion clock."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, ConfigDict, Field, RootModel

from api.base import In, Out
from callcue.core.completion import CompletionState
from callcue.core.field_spec import READERS, FieldKind, FieldSource, FieldSpec
from callcue.core.record_schema import CUSTOM_GROUP, MAX_CUSTOM, FieldChoice, FieldConfig
from callcue.core.roles import Role
from callcue.infra.schemas import ConfigVersion

Text = Annotated[str, Field(max_length=2000)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Choices = Annotated[tuple[Annotated[str, Field(max_length=400)], ...], Field(max_length=300)]
Roles = Annotated[tuple[Role, ...], Field(max_length=5)]
Note = Annotated[str, Field(max_length=1000)]


class FieldView(Out):
    """A field's value and where it came from."""

    value: str | int | float | bool | tuple[str, ...] | None
    probability: float
    source: FieldSource
    by: str
    evidence: tuple[str, ...]
    """Ids of the segments that show it."""


class CompletionView(Out):
    """Where the record stands."""

    state: CompletionState
    """``open``: to be confirmed; ``overdue``: its time is over; ``done``, ``late``: confirmed in time, or after it."""
    missing: tuple[str, ...]
    """Required fields without a value."""
    hidden_missing: int
    """How many more there are that the caller may not see."""
    due_at: str | None
    """ISO 8601; null while the call runs."""
    left_s: float | None
    """Seconds until then, negative beyond it; null while the call runs and for confirmed records."""
    confirmed_at: str | None
    confirmed_by: str | None
    confirmed_version: int | None


class RecordView(Out):
    """The record of a call. ``version`` is also its ETag."""

    call_id: str
    version: int
    fields: dict[str, FieldView]
    """What is stored, of the fields that the caller may see."""
    computed: dict[str, FieldView]
    """What is worked out beside it: times, the response time, the number that called, defaults."""
    completion: CompletionView
    """Of the newest version."""
    schema_version: int


RecordValue = str | int | float | bool | Annotated[list[Text], Field(max_length=100)] | None


class RecordEdit(RootModel[dict[Annotated[str, Field(max_length=64)], RecordValue]]):
    """Fields to set, as a JSON merge patch (RFC 7396): null clears a field, what is absent stays."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)
    root: Annotated[dict[Annotated[str, Field(max_length=64)], RecordValue], Field(min_length=1, max_length=50)]


class RecordVersionQuery(In):
    """Which version of a record."""

    version: Annotated[int, Field(ge=0, le=2**53)] | None = None
    """The newest where it is absent; 0 is the empty one."""


class FieldChangeView(Out):
    """One field's change."""

    field: str
    old: str | int | float | bool | tuple[str, ...] | None
    new: FieldView | None


class RecordVersionView(Out):
    """What made one version."""

    version: int
    seq: int
    """The event that made it."""
    at_ms: int
    """Call time."""
    written_at: str
    """ISO 8601, UTC."""
    changes: tuple[FieldChangeView, ...]


class RecordVersions(Out):
    """Oldest first."""

    call_id: str
    versions: list[RecordVersionView]


class RecordDiffQuery(In):
    """Which versions to compare."""

    from_: Annotated[int, Field(ge=0, le=2**53, alias="from")]
    to: Annotated[int, Field(ge=0, le=2**53)]


class FieldDifferenceView(Out):
    """One field that differs; null: it was not set."""

    field: str
    old: FieldView | None
    new: FieldView | None


class RecordDiff(Out):
    """What differs between two versions, in the order of the schema."""

    call_id: str
    differences: list[FieldDifferenceView]


class RecordsQuery(In):
    """Which ended calls to list."""

    state: Literal["open", "overdue", "done", "late"] | None = None
    agent_id: Annotated[str, Field(max_length=128)] | None = None
    since: AwareDatetime | None = None
    """Ended at or after; ISO 8601 with offset. 30 days ago where it is absent."""
    until: AwareDatetime | None = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=128)] | None = None
    """``next`` of the page before."""


class RecordLineView(Out):
    """One ended call and where its record stands."""

    call_id: str
    agent_id: str | None
    started_at: str
    ended_at: str | None
    version: int
    completion: CompletionView


class RecordPage(Out):
    """The call that ended first leads."""

    records: list[RecordLineView]
    next: str | None


class ReportQuery(In):
    """Of which calls."""

    agent_id: Annotated[str, Field(max_length=128)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None


class AgentLineView(Out):
    """How the records of one agent's calls were completed."""

    agent_id: str | None
    all: bool
    """The line of all agents together."""
    calls: int
    in_time: int
    late: int
    open: int
    overdue: int
    share_in_time: float | None
    """Of the calls that are confirmed or overdue."""
    median_min: float | None
    """Minutes from a call's end to the confirmation."""


class RecordReport(Out):
    """The share of records that were completed in time."""

    within_s: float
    lines: list[AgentLineView]


class RecordExportQuery(In):
    """How to export."""

    format: Literal["csv", "jsonl"] = "jsonl"
    state: Literal["open", "overdue", "done", "late"] | None = None
    agent_id: Annotated[str, Field(max_length=128)] | None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    personal: bool = False
    """Also what says who and where the customer is; masked otherwise."""


class FieldSpecView(Out):
    """One field, as a desk needs to know it."""

    name: str
    label: str
    label_en: str
    group: str
    kind: FieldKind
    choices: tuple[str, ...]
    open_choices: bool
    many: bool
    required: bool
    default: str | int | float | bool | None
    minimum: float | None
    maximum: float | None
    computed: bool
    retired: bool
    personal: bool
    sources: tuple[FieldSource, ...]
    may_edit: bool = False
    """Whether whoever asks may set it."""


class RecordSchemaView(Out):
    """The fields that the caller may see. ``version`` is also the ETag."""

    version: int
    fields: list[FieldSpecView]
    complete_within_s: float
    """Seconds from a call's end in which its record is to be confirmed."""


class CustomField(In):
    """A field to add."""

    name: Name
    """``x.`` and small letters, digits and ``_``."""
    label: Name
    label_en: Name | None = None
    """``label`` where it is absent."""
    kind: FieldKind = "text"
    choices: Choices = ()
    open_choices: bool = False
    many: bool = False
    required: bool = False
    default: str | int | float | bool | None = None
    minimum: float | None = None
    maximum: float | None = None
    see: Roles = READERS
    edit: Roles = READERS
    personal: bool = False

    def spec(self) -> FieldSpec:
        """The field."""
        return FieldSpec(**(self.model_dump() | {"label_en": self.label_en or self.label, "group": CUSTOM_GROUP}))


class StandardField(In):
    """What is changed about a standard field; what is absent stays."""

    name: Name
    required: bool | None = None
    choices: Choices | None = None
    see: Roles | None = None
    edit: Roles | None = None

    def choice(self) -> FieldChoice:
        """The same for the schema."""
        return FieldChoice(**self.model_dump())


class SchemaBody(In):
    """The whole configured part: what is not in it any more is retired."""

    fields: Annotated[tuple[CustomField, ...], Field(max_length=MAX_CUSTOM)] = ()
    standard: Annotated[tuple[StandardField, ...], Field(max_length=100)] = ()
    note: Note = ""
    """Why."""

    def config(self) -> FieldConfig:
        """The same for the schema."""
        return FieldConfig(
            fields=tuple(field.spec() for field in self.fields),
            standard=tuple(choice.choice() for choice in self.standard),
        )

    @classmethod
    def of(cls, config: FieldConfig, note: str = "") -> "SchemaBody":
        """The body that makes this configuration."""
        fields = [{name: getattr(spec, name) for name in CustomField.model_fields} for spec in config.fields]
        standard = [{name: getattr(each, name) for name in StandardField.model_fields} for each in config.standard]
        return cls.model_validate({"fields": fields, "standard": standard, "note": note})


class ConfigView(Out):
    """One version of the configured part."""

    version: int
    saved_at: str | None
    saved_by: str | None
    config: SchemaBody

    @classmethod
    def of(cls, held: ConfigVersion | None) -> "ConfigView":
        """The view; None: nothing was ever configured."""
        if held is None:
            return cls(version=0, saved_at=None, saved_by=None, config=SchemaBody())
        body = SchemaBody.of(held.config, held.note)
        return cls(version=held.version, saved_at=held.saved_at, saved_by=held.saved_by, config=body)


class ConfigVersions(Out):
    """Oldest first."""

    versions: list[ConfigView]
