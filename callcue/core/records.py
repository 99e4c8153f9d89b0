"""The call record: what is filled in while the call runs, who set each value, and on what evidence."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

FieldSource = Literal["person", "model", "rule", "default"]
"""``default``: nothing was found and the field has its starting value, without evidence and with a probability of 0."""
Scalar = str | int | float | bool | None
Value = Scalar | tuple[str, ...]

ISSUE_TYPES = ("技术", "账单", "物流", "其他")
"""The types of the taxonomy that comes with CallCue (``callcue/core/taxonomy.toml``)."""
SENTIMENTS = ("正面", "中性", "负面")
LIFECYCLES = ("潜客", "新客", "复购", "忠诚")

FACTS = ("facts.phone", "facts.order_no", "facts.amount", "facts.purchase_date")
RECORD_FIELDS = (
    "issue_type",
    "issue_subtype",
    "sentiment",
    "tags",
    "lifecycle",
    "needs_offline_inspection",
    "priority",
    "follow_up",
    *FACTS,
)
"""Names of the standard fields, in the order in which they are shown. ``tags`` holds several values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSuggestion:
    """One finding of the tagger. For ``tags`` the value is one tag to add; for every other field it is the value."""

    field: str
    value: Scalar
    probability: float
    """Calibrated, 0..1."""
    evidence: tuple[str, ...]
    """Ids of the segments that show it."""
    model: str
    """Name and version of the model or rule set."""
    source: FieldSource = "model"
    fills: bool = True
    """Above the field's threshold: fills the field. Below it: only a suggestion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldValue:
    """A field's present value and where it came from."""

    value: Value
    probability: float
    """1.0 for a person."""
    source: FieldSource
    by: str
    """The model's name, the rule's name, or the user who set it."""
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field's change between two versions of a record."""

    field: str
    old: Value
    new: FieldValue | None
    """None: the field was cleared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """The record of one call. Versions count from 0 (empty); every change makes a new one."""

    call_id: str
    version: int = 0
    fields: Mapping[str, FieldValue] = field(default_factory=lambda: MappingProxyType({}))

    def value(self, name: str) -> Value:
        """The value of a field, None where it is not set."""
        held = self.fields.get(name)
        return None if held is None else held.value

    def apply(self, changes: Iterable[FieldChange], version: int) -> "CallRecord":
        """The record after ``changes``. The stored record is exactly this fold over the call's RecordUpdated events."""
        fields = dict(self.fields)
        for change in changes:
            if change.new is None:
                fields.pop(change.field, None)
            else:
                fields[change.field] = change.new
        return CallRecord(call_id=self.call_id, version=version, fields=MappingProxyType(fields))
