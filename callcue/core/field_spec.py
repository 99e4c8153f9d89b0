"""What a field of the call record is: type, choices, whether it must be filled, who may see it and who may set it."""

from dataclasses import dataclass
from typing import Literal

from callcue.core.roles import Role

Scalar = str | int | float | bool | None
Value = Scalar | tuple[str, ...]

FieldSource = Literal["person", "model", "rule", "default", "computed"]
"""``default``: nothing was found and the field has its starting value, without evidence and with a probability of 0.
``computed``: worked out of the call and of other fields whenever the record is read, and stored nowhere."""

FieldKind = Literal[
    "text", "notes", "choice", "flag", "integer", "number", "amount", "date", "time", "phone", "code", "path"
]
"""``text``: one line. ``notes``: several. ``amount``: a decimal number as text, so that cents are exact. ``date``:
``YYYY-MM-DD``, or ``YYYY-MM`` where only the month is known. ``time``: ISO 8601 with offset. ``code``: an order number,
a staff number. ``path``: levels of a category, from the general to the special."""

READERS: tuple[Role, ...] = ("agent", "supervisor", "admin")
"""The roles that read records at all; an agent its own calls' only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSpec:
    """One field. Its name never changes its meaning: records keep their values under it."""

    name: str
    label: str
    """As a Chinese desk shows it."""
    label_en: str
    group: str
    """Fields of one group are shown together, in the order of the declaration."""
    kind: FieldKind = "text"
    choices: tuple[str, ...] = ()
    """Of ``path``: each a whole path with ``/`` between its levels."""
    open_choices: bool = False
    """The choices are proposals; other values are taken, too."""
    many: bool = False
    """Holds several values, each once; a finding adds one and takes none away."""
    required: bool = False
    """A record is complete only with it."""
    default: Scalar = None
    """What stands in for a field that nobody has set."""
    minimum: float | None = None
    maximum: float | None = None
    """Of ``integer`` and ``number``, inclusive."""
    see: tuple[Role, ...] = READERS
    edit: tuple[Role, ...] = READERS
    """Empty: nobody sets it by hand."""
    sources: tuple[FieldSource, ...] = ("person", "model", "rule")
    """What may set it."""
    personal: bool = False
    """Says who or where a customer is: hidden in an export unless it is asked for."""
    retired: bool = False
    """Not asked for any more; values that records have are kept and shown, and can only be cleared."""

    @property
    def computed(self) -> bool:
        """Never stored."""
        return self.sources == ("computed",)
