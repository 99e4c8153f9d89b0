"""What is known of the person who calls, as a customer system tells it. Whatever is empty is unknown."""

from dataclasses import dataclass
from datetime import date

from callcue.core.errors import BadInput
from callcue.core.ids import check_id

MAX_TEXT = 60
"""Characters of one value; the values of a card's conditions are as long."""
MAX_VALUES = 20
_LEAP_YEAR = 2000
"""Stands for an unknown year: it has a 29 February."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerProfile:
    """One customer."""

    name: str = ""
    """As the customer is to be addressed."""
    customer_id: str = ""
    """Of the customer system, under which its events come, too."""
    birthday: str = ""
    """``YYYY-MM-DD``, or ``--MM-DD`` where the year is not known."""
    segment: tuple[str, ...] = ()
    """Kinds of customer: 企业, VIP."""
    lifecycle: str = ""
    region: str = ""
    language: str = ""
    """The one preferred: ``zh``, ``en``, ``yue``."""
    risk: tuple[str, ...] = ()
    """Flags, such as 投诉3次以上."""

    def checked(self, today: date) -> "CustomerProfile":
        """The same without outer blanks and repeated values. Raises BadInput that names the field and the remedy."""
        for name in ("name", "lifecycle", "region", "language"):
            _check_text(f"customer.{name}", getattr(self, name))
        for name in ("segment", "risk"):
            values = getattr(self, name)
            if len(values) > MAX_VALUES:
                raise BadInput(f"customer.{name} has {len(values)} values; at most {MAX_VALUES} are taken")
            for value in values:
                _check_text(f"customer.{name}", value)
        if self.customer_id:
            check_id(self.customer_id, "customer.customer_id")
        if self.birthday:
            _check_birthday(self.birthday, today)
        return CustomerProfile(
            name=self.name.strip(),
            customer_id=self.customer_id,
            birthday=self.birthday,
            segment=_each_once(self.segment),
            lifecycle=self.lifecycle.strip(),
            region=self.region.strip(),
            language=self.language.strip(),
            risk=_each_once(self.risk),
        )


def _each_once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip() for value in values if value.strip()))


def month_and_day(birthday: str) -> tuple[int, int]:
    """Month and day of a birthday in either form. Raises BadInput for anything else."""
    text = birthday.replace("--", f"{_LEAP_YEAR}-", 1) if birthday.startswith("--") else birthday
    try:
        found = date.fromisoformat(text)
        sound = len(text) == len("2000-01-31") and text.isascii()
    except ValueError:
        sound = False
    if not sound:
        raise BadInput(
            "customer.birthday is no date: give YYYY-MM-DD, or --MM-DD where the year is not known, or leave it out"
        )
    return found.month, found.day


def _check_birthday(birthday: str, today: date) -> None:
    month_and_day(birthday)
    if not birthday.startswith("--") and date.fromisoformat(birthday) > today:
        raise BadInput("customer.birthday lies in the future; correct it, or give --MM-DD without a year")


def _check_text(name: str, value: str) -> None:
    if len(value) > MAX_TEXT:
        raise BadInput(f"{name} has {len(value)} characters; at most {MAX_TEXT} are taken")
    if any(not char.isprintable() for char in value):
        raise BadInput(f"{name} holds a character that cannot be shown; remove it")
