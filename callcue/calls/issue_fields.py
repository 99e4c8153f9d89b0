"""Issue type and sub-type say one thing: a sub-type lies under the type that the record shows."""

from collections.abc import Sequence

from callcue.core.errors import BadInput
from callcue.core.records import CallRecord, FieldChange
from callcue.core.taxonomy import ISSUE_SUBTYPE, ISSUE_TYPE, Taxonomy


def agreed(record: CallRecord, changes: Sequence[FieldChange], taxonomy: Taxonomy) -> tuple[FieldChange, ...]:
    """The findings that leave the two in agreement. A sub-type of another type is not taken, and one that a model set
    goes when the type changes; where a person chose it, the type that contradicts it is not taken."""
    if _agree(record.apply(changes, record.version), taxonomy):
        return tuple(changes)
    kept = tuple(change for change in changes if change.field != ISSUE_SUBTYPE)
    if _agree(record.apply(kept, record.version), taxonomy):
        return kept
    held = record.fields.get(ISSUE_SUBTYPE)
    if held is not None and held.source == "person":
        return tuple(change for change in kept if change.field != ISSUE_TYPE)
    return (*kept, _cleared(record))


def edited(record: CallRecord, changes: Sequence[FieldChange], taxonomy: Taxonomy) -> tuple[FieldChange, ...]:
    """A person's changes, and the clearing of a sub-type that their type leaves without ground. Raises BadInput where
    they choose a sub-type of another type."""
    after = record.apply(changes, record.version)
    if _agree(after, taxonomy):
        return tuple(changes)
    chosen = next((change for change in changes if change.field == ISSUE_SUBTYPE), None)
    if chosen is not None:
        finer = str(after.value(ISSUE_SUBTYPE))
        raise BadInput(
            f"issue_subtype {finer!r} belongs to {taxonomy.type_of(finer)!r}, and issue_type is "
            f"{after.value(ISSUE_TYPE)!r}: set both. Nothing was written"
        )
    return (*changes, _cleared(record))


def _agree(record: CallRecord, taxonomy: Taxonomy) -> bool:
    issue, finer = record.value(ISSUE_TYPE), record.value(ISSUE_SUBTYPE)
    if not isinstance(issue, str) or not isinstance(finer, str) or finer not in taxonomy.subtypes:
        return True  # names of another taxonomy are what they were
    return taxonomy.type_of(finer) == issue


def _cleared(record: CallRecord) -> FieldChange:
    return FieldChange(field=ISSUE_SUBTYPE, old=record.value(ISSUE_SUBTYPE), new=None)
