"""The errors of CallCue, one tree.

CallCueError                  code
├── BadInput                  bad_input            what arrived from outside is wrong; the caller can mend it
│   ├── BadAudio              bad_audio            audio that cannot be decoded, a wrong rate or encoding
│   └── BadCard               bad_card             a card that breaks the import format
├── NotFound                  not_found
├── Conflict                  conflict             the state forbids it: a call id in use, a stale version
│   └── StaleCard             stale_version        a card was changed since the version that an edit was made from
│       └── VersionNeeded     version_needed       an edit of a stored card that does not say what it was made from
├── NotAllowed                not_allowed          authenticated, but the role forbids it
├── NotAuthenticated          not_authenticated
├── Overloaded                overloaded           no capacity now; nothing was started
├── ModelError                model_error          a model is unknown, damaged or cannot be loaded
│   └── ChecksumMismatch      checksum_mismatch
├── MissingExtra              missing_extra        an optional back end is not installed; names the extra
├── EngineFailed              engine_failed        a worker died or a decode failed after its retry
├── OrdersUnavailable         orders_unavailable   the order service cannot be asked; nothing else is touched
├── EndpointFailed            endpoint_failed      a language model's endpoint was late, refused, or answered nonsense
└── StorageFailed             storage_failed       the database refused or cannot be reached

Each message says what happened, what was lost (normally nothing), and what to do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callcue.core.card_diff import FieldDiff


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentCard:
    """The stored card that an edit would have overwritten."""

    card_id: str
    based_on: int
    """The version that the edit was made from; 0 where it named none."""
    version: int
    """The newest."""
    saved_by: str
    saved_at: str
    """ISO 8601, UTC."""
    changes: Sequence[FieldDiff]
    """From ``based_on`` to ``version``; empty where ``based_on`` is no version of the card."""


class CallCueError(Exception):
    """Base of all. ``code`` is stable and goes to clients; the message is for people."""

    code = "internal"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadInput(CallCueError):
    code = "bad_input"


class BadAudio(BadInput):
    code = "bad_audio"


class BadCard(BadInput):
    code = "bad_card"


class NotFound(CallCueError):
    code = "not_found"


class Conflict(CallCueError):
    code = "conflict"


class StaleCard(Conflict):
    """Somebody else changed the card; says who, when and what, so that the edit can be made again on top of it."""

    code = "stale_version"

    def __init__(self, message: str, current: "CurrentCard") -> None:
        super().__init__(message)
        self.current = current


class VersionNeeded(StaleCard):
    code = "version_needed"


class NotAllowed(CallCueError):
    code = "not_allowed"


class NotAuthenticated(CallCueError):
    code = "not_authenticated"


class Overloaded(CallCueError):
    code = "overloaded"


class ModelError(CallCueError):
    code = "model_error"


class ChecksumMismatch(ModelError):
    code = "checksum_mismatch"


class MissingExtra(CallCueError):
    code = "missing_extra"

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the extra {extra!r}, which is not installed: pip install 'callcue[{extra}]'")


class EngineFailed(CallCueError):
    code = "engine_failed"


class OrdersUnavailable(CallCueError):
    code = "orders_unavailable"


class EndpointFailed(CallCueError):
    code = "endpoint_failed"


class StorageFailed(CallCueError):
    code = "storage_failed"
