"""Tokens open what their role is for, and nothing tells a token."""

import hashlib
from typing import get_args

import pytest

from callcue.core.errors import BadInput, NotAllowed, NotAuthenticated
from callcue.core.roles import Role
from callcue.core.settings import AuthSettings, TokenSettings
from callcue.infra.auth import PERMISSIONS, Authenticator, Permission, Principal, new_token, require


def settings(*holders: tuple[str, Role, str]) -> AuthSettings:
    return AuthSettings(
        tokens=tuple(
            TokenSettings(name=name, role=role, sha256=hashlib.sha256(token.encode()).hexdigest())
            for name, role, token in holders
        )
    )


TWO = settings(("a1", "agent", "secret-one"), ("pbx", "integrator", "secret-two"))


@pytest.mark.parametrize("loopback_only", [True, False])
def test_a_token_is_recognised(loopback_only: bool) -> None:
    auth = Authenticator(TWO, loopback_only)
    assert auth.authenticate("secret-one") == Principal(name="a1", role="agent")
    assert auth.authenticate("secret-two") == Principal(name="pbx", role="integrator")
    assert not auth.open


@pytest.mark.parametrize("token", [None, "", "secret-on", "secret-one ", "秘密", "\ud800", "x" * 100_000])
def test_any_other_is_not(token: str | None) -> None:
    with pytest.raises(NotAuthenticated) as caught:
        Authenticator(TWO, loopback_only=True).authenticate(token)
    if token:
        assert token not in caught.value.message


def test_without_tokens_this_machine_is_admin() -> None:
    auth = Authenticator(AuthSettings(), loopback_only=True)
    assert auth.open
    assert auth.authenticate(None) == auth.authenticate("whatever") == Principal(name="local", role="admin")


def test_without_tokens_nobody_else_gets_in() -> None:
    with pytest.raises(BadInput, match=r"auth\.tokens"):
        Authenticator(AuthSettings(), loopback_only=False)


def test_a_token_of_two_holders_is_refused() -> None:
    with pytest.raises(BadInput, match="twice"):
        Authenticator(settings(("a", "agent", "same"), ("b", "admin", "same")), loopback_only=True)


def test_every_role_has_its_permissions_and_no_other() -> None:
    granted: dict[Role, set[Permission]] = {
        "agent": {"calls.read", "records.edit", "cards.read", "cards.ack", "customers.write"},
        "supervisor": {
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
        },
        "editor": {"cards.read", "cards.write", "cards.export", "learning.read", "learning.write"},
        "integrator": {"calls.stream", "cards.read", "customers.write", "outcomes.write", "metrics.read"},
        "admin": set(get_args(Permission)),
    }
    assert set(granted) == set(get_args(Role)) == set(PERMISSIONS)
    for role, allowed in granted.items():
        for permission in get_args(Permission):
            principal = Principal(name="x", role=role)
            if permission in allowed:
                require(principal, permission)
            else:
                with pytest.raises(NotAllowed, match=role):
                    require(principal, permission)


def test_a_new_token_fits_the_settings_and_opens() -> None:
    token, digest = new_token()
    auth = AuthSettings(tokens=(TokenSettings(name="n", role="admin", sha256=digest),))
    assert Authenticator(auth, loopback_only=False).authenticate(token).name == "n"
    assert token != new_token()[0]
    assert len(token) >= 43
