"""The roles that a token can have; what each may do is in ``callcue.infra.auth``."""

from typing import Literal

Role = Literal["agent", "supervisor", "editor", "integrator", "admin"]
