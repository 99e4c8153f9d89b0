"""The errors of CallCue, one tree.

CallCueError                  code
├── BadInput                  bad_input            what arrived from outside is wrong; the caller can mend it
│   ├── BadAudio              bad_audio            audio that cannot be decoded, a wrong rate or encoding
│   └── BadCard               bad_card             a card that breaks the import format
├── NotFound                  not_found
├── Conflict                  conflict             the state forbids it: a call id in use, a stale version
├── NotAllowed                not_allowed          authenticated, but the role forbids it
├── NotAuthenticated          not_authenticated
├── Overloaded                overloaded           no capacity now; nothing was started
├── ModelError                model_error          a model is unknown, damaged or cannot be loaded
│   └── ChecksumMismatch      checksum_mismatch
├── MissingExtra              missing_extra        an optional back end is not installed; names the extra
├── EngineFailed              engine_failed        a worker died or a decode failed after its retry
└── StorageFailed             storage_failed       the database refused or cannot be reached

Each message says what happened, what was lost (normally nothing), and what to do.
"""


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


class StorageFailed(CallCueError):
    code = "storage_failed"
