"""Identifiers: how they are made and what is accepted from outside."""

import re
import secrets
import time

from callcue.core.errors import BadInput

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_SAFE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}")

KB_STREAM = "kb"
"""The ``call_id`` of events that concern the knowledge base, not a call. Refused as the id of a call."""


def new_id(prefix: str) -> str:
    """``<prefix>-<time><random>``: sorts by creation time to the millisecond, 50 random bits after it."""
    millis = int(time.time() * 1000)
    stamp = "".join(_ALPHABET[(millis >> shift) & 31] for shift in range(45, -1, -5))
    return f"{prefix}-{stamp}" + "".join(secrets.choice(_ALPHABET) for _ in range(10))


def check_id(value: str, what: str) -> str:
    """Return ``value`` if it is usable as an id, else raise BadInput that names ``what``."""
    if not _SAFE_ID.fullmatch(value) or value == KB_STREAM:
        raise BadInput(
            f"{what} {value[:40]!r} is not usable: 1 to 128 letters, digits and . _ : @ - are, "
            f"the first a letter or digit, and {KB_STREAM!r} is reserved"
        )
    return value
