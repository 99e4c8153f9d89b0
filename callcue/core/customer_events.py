"""What a customer did elsewhere: orders, visits, page views, complaints, as other systems tell it.

An event is known by its id: a source that sends it again changes nothing. Whose it is says a customer id, a phone
number, or both; an event with both also tells that this number belongs to this customer.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from callcue.core.errors import BadInput
from callcue.core.ids import check_id

MAX_SUBJECT = 120
MAX_SOURCE = 60
MAX_BATCH = 1000
"""Events of one request."""
AHEAD = timedelta(days=1)
"""How far a source's clock may be ahead."""
_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MOBILE = re.compile(r"(?:0{0,2}86)?(1[3-9]\d{9})")
_PHONE = re.compile(r"[+()\- .0-9]{3,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomerEvent:
    """One thing that a customer did."""

    event_id: str
    """The source's own id: the same id is the same event."""
    kind: str
    """``page_view``, ``order``, ``visit``, ``complaint``, ``inquiry``, ... : small letters, digits and _, any word."""
    at_ms: int
    """When it happened, epoch milliseconds."""
    customer_id: str = ""
    phone: str = ""
    """As ``plain_phone`` writes it. This or ``customer_id`` is there."""
    subject: str = ""
    """What it was about: a product, a page, a store."""
    source: str = ""
    """Which system or channel: 小程序, POS, ..."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """Whose events are wanted. Empty: unknown."""

    phone: str = ""
    """As ``plain_phone`` writes it."""
    customer_id: str = ""

    @property
    def known(self) -> bool:
        """Whether there is anything to look for."""
        return bool(self.phone or self.customer_id)


def plain_phone(number: str) -> str:
    """Digits alone, a Chinese mobile number without its country code; empty for what is no number (``anonymous``)."""
    if not _PHONE.fullmatch(number.strip()):
        return ""
    digits = re.sub(r"\D", "", number)
    mobile = _MOBILE.fullmatch(digits)
    return mobile[1] if mobile else digits if len(digits) >= 3 else ""


def checked_event(event: CustomerEvent, now: datetime) -> CustomerEvent:
    """The event in the form in which it is kept. Raises BadInput that says what is wrong with it."""
    check_id(event.event_id, "event_id")
    if event.customer_id:
        check_id(event.customer_id, "customer_id")
    if not _KIND.fullmatch(event.kind):
        raise BadInput(
            f"kind {event.kind[:40]!r} is no kind: small letters, digits and _, the first a letter, at most 32, "
            "such as page_view, order, visit, complaint"
        )
    phone = plain_phone(event.phone)
    if event.phone and not phone:
        raise BadInput("phone is no telephone number: 3 to 32 digits, blanks, + ( ) . and -")
    if not phone and not event.customer_id:
        raise BadInput("an event needs a customer_id or a phone, else it is nobody's")
    if event.at_ms < 0 or event.at_ms > int((now + AHEAD).timestamp() * 1000):
        raise BadInput("at lies before 1970 or more than a day in the future; correct the source's clock")
    return CustomerEvent(
        event_id=event.event_id,
        kind=event.kind,
        at_ms=event.at_ms,
        customer_id=event.customer_id,
        phone=phone,
        subject=_text("subject", event.subject, MAX_SUBJECT),
        source=_text("source", event.source, MAX_SOURCE),
    )


def _text(name: str, value: str, most: int) -> str:
    value = value.strip()
    if len(value) > most:
        raise BadInput(f"{name} has {len(value)} characters; at most {most} are taken")
    if not value.isprintable():
        raise BadInput(f"{name} holds a character that cannot be shown; remove it")
    return value
