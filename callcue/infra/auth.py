"""Who may do what: bearer tokens with roles, and the table of what each role is for.

Only the SHA-256 of a token is known here. Tokens are 256 random bits, so a plain hash is enough; a salted, slow one is
for passwords that people choose.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from callcue.core.errors import BadInput, NotAllowed, NotAuthenticated
from callcue.core.roles import Role
from callcue.core.settings import AuthSettings

Permission = Literal[
    "calls.stream",  # open, feed and close the audio of a call
    "calls.read",  # calls, transcripts and records, live and past; agents: their own
    "calls.supervise",  # the same of every agent
    "records.edit",
    "records.export",  # the records of many calls as one file
    "records.schema",  # add and change the fields of records
    "cards.read",  # look up and search
    "cards.write",  # import, change, retire
    "cards.export",
    "learning.read",  # unanswered questions, top issues, ledger, audit
    "learning.write",  # draft and settle topics, draw an audit, record verdicts
    "outcomes.write",  # say what became of a call
    "cards.ack",  # say what was done with a pushed card, tick off steps of a flow, ask for a card
    "customers.write",  # say who the customer of a live call is; agents: of their own
    "orders.write",  # import the shop's orders
    "metrics.read",
]

_EVERYTHING: frozenset[Permission] = frozenset(
    (
        "calls.stream",
        "calls.read",
        "calls.supervise",
        "records.edit",
        "records.export",
        "records.schema",
        "cards.read",
        "cards.write",
        "cards.export",
        "cards.ack",
        "learning.read",
        "learning.write",
        "outcomes.write",
        "customers.write",
        "orders.write",
        "metrics.read",
    )
)
PERMISSIONS: Mapping[Role, frozenset[Permission]] = MappingProxyType(
    {
        "agent": frozenset(("calls.read", "records.edit", "cards.read", "cards.ack", "customers.write")),
        "supervisor": frozenset(
            (
                "calls.read",
                "calls.supervise",
                "records.edit",
                "records.export",
                "cards.read",
                "cards.ack",
                "learning.read",
                "learning.write",
                "outcomes.write",
                "customers.write",
                "metrics.read",
            )
        ),
        "editor": frozenset(("cards.read", "cards.write", "cards.export", "learning.read", "learning.write")),
        "integrator": frozenset(
            ("calls.stream", "cards.read", "customers.write", "outcomes.write", "orders.write", "metrics.read")
        ),
        "admin": _EVERYTHING,
    }
)
"""What each role may do. An integrator is a telephone system: it sends audio and does not read what was said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is calling."""

    name: str
    """An agent's token bears the agent's id."""
    role: Role

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it."""
        return permission in PERMISSIONS[self.role]


LOCAL = Principal(name="local", role="admin")
"""Everybody, on a server without tokens that only this machine can reach."""


class Authenticator:
    """Knows tokens by their hash. Raises BadInput for settings under which strangers could come in."""

    def __init__(self, auth: AuthSettings, loopback_only: bool) -> None:
        if not auth.tokens and not loopback_only:
            raise BadInput(
                "the server would listen beyond this machine with no token set. Nothing was started; make one with "
                "'callcue token', put it into auth.tokens, or set server.host to 127.0.0.1"
            )
        self._known = [
            (bytes.fromhex(token.sha256), Principal(name=token.name, role=token.role)) for token in auth.tokens
        ]
        if len({digest for digest, _ in self._known}) < len(self._known):
            raise BadInput("auth.tokens holds the same sha256 twice: it would be unclear whose token it is")

    @property
    def open(self) -> bool:
        """No token is set: everybody on this machine is admin."""
        return not self._known

    def authenticate(self, token: str | None) -> Principal:
        """Whose token this is. Raises NotAuthenticated; takes the same time whichever token it is or is not."""
        if self.open:
            return LOCAL
        if not token:
            raise NotAuthenticated("a token is needed: send 'Authorization: Bearer TOKEN'")
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found: Principal | None = None
        for known, principal in self._known:
            if hmac.compare_digest(digest, known):
                found = principal
        if found is None:
            raise NotAuthenticated("this is not a token of this server; ask its administrator for one")
        return found


def require(principal: Principal, permission: Permission) -> None:
    """Raise NotAllowed unless the principal's role has the permission."""
    if not principal.may(permission):
        able = ", ".join(role for role, allowed in PERMISSIONS.items() if permission in allowed)
        raise NotAllowed(f"the role {principal.role} may not do this ({permission}); these may: {able}")


def new_token() -> tuple[str, str]:
    """A fresh token and its SHA-256 in hex: the first is for its holder alone, the second for the settings."""
    token = f"cc_{secrets.token_urlsafe(32)}"
    return token, hashlib.sha256(token.encode()).hexdigest()
