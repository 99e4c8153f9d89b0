"""Conditional requests: which version an edit was made from (RFC 9110, If-Match and If-None-Match)."""

import re

from fastapi import Request, Response

from callcue.core.errors import BadInput


def expected_version(request: Request, what: str) -> int | None:
    """The version that If-Match names; None for none and for ``*``. Raises BadInput for anything else."""
    if_match = request.headers.get("if-match")
    if if_match is None or if_match.strip() == "*":
        return None
    found = re.fullmatch(r'\s*"(\d{1,15})"\s*', if_match, re.ASCII)
    if found is None:
        raise BadInput(f'If-Match must be the ETag of the {what} as it was read, such as "3", or *')
    return int(found[1])


def demanded_version(request: Request, what: str) -> int | None:
    """The same for an edit that must say what it was made from: 0, which stands for "is new", without If-Match."""
    return expected_version(request, what) if "if-match" in request.headers else 0


def tag(response: Response, version: int) -> None:
    """Give the version as the ETag."""
    response.headers["ETag"] = f'"{version}"'
