"""A client of OpenAI-compatible chat endpoints (vLLM, Ollama, llama.cpp's server): one question, one text.

The address is resolved for every request and must lie in this machine or a private network, unless the settings say
otherwise; what is connected to is the address that was checked. Neither proxies of the environment nor redirects are
followed.
"""

import json
import os
from dataclasses import dataclass, field
from ipaddress import IPv6Address

import httpx2

from callcue.core.errors import BadInput, EndpointFailed
from callcue.core.settings import SummarySettings
from callcue.infra.bounded_http import Address, Ask, AskFailedError, BoundedHttp, Bounds, Resolve, Why

_MAX_ANSWER = 200_000
"""Bytes."""
_AT_ONCE = 16
_OK = 200
_WHY: dict[Why, str] = {
    "late": "the endpoint did not answer {}",
    "unreachable": "the endpoint cannot be reached ({})",
    "unresolved": "the endpoint's name cannot be resolved",
    "outside": "summary.url lies outside this machine and private networks, so nothing was sent; summary.allow_public "
    "allows it",
    "too_large": "the endpoint's answer is longer than allowed ({})",
    "packed": "the endpoint's answer is packed, which was not asked for",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """Where to ask, and how."""

    url: str
    """Base address; ``/chat/completions`` is put behind it."""
    model: str
    key: str | None = field(default=None, repr=False)
    timeout_s: float = 12.0
    max_tokens: int = 600
    allow_public: bool = False

    @classmethod
    def from_settings(cls, settings: SummarySettings) -> "EndpointConfig | None":
        """None where no endpoint is set."""
        if settings.url is None:
            return None
        return cls(
            url=settings.url,
            model=settings.model,
            key=os.environ.get(settings.key_env) or None,
            timeout_s=settings.timeout_s,
            max_tokens=settings.max_tokens,
            allow_public=settings.allow_public,
        )


class ChatEndpoint:
    """Asks. Raises BadInput at once for an address that cannot be one."""

    def __init__(self, config: EndpointConfig, resolve: Resolve | None = None) -> None:
        self._config = config
        try:
            self._url = httpx2.URL(config.url.rstrip("/") + "/chat/completions")
        except httpx2.InvalidURL as error:
            raise BadInput(f"summary.url is no address: {error}") from error
        if self._url.scheme not in ("http", "https") or not self._url.host:
            raise BadInput("summary.url is no http:// or https:// address, such as http://127.0.0.1:11434/v1")
        if self._url.userinfo or self._url.query:
            raise BadInput(
                "summary.url holds a name, a password or a query; a key belongs in the variable that "
                "summary.key_env names"
            )
        self._http = BoundedHttp(
            Bounds(seconds=config.timeout_s, most_bytes=_MAX_ANSWER, at_once=_AT_ONCE),
            allowed=None if config.allow_public else is_private,
            resolve=resolve,
        )

    @property
    def model(self) -> str:
        """The model's name, as it is written beside what it makes."""
        return self._config.model

    async def complete(self, prompt: str) -> str:
        """The model's answer to one message. Raises EndpointFailed, which says why and quotes neither side."""
        headers = {"Authorization": f"Bearer {self._config.key}"} if self._config.key else {}
        body = {
            "model": self._config.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self._config.max_tokens,
            "temperature": 0,
            "stream": False,
        }
        try:
            status, data = await self._http.ask(Ask(method="POST", url=self._url, headers=headers, json=body))
        except AskFailedError as error:
            raise EndpointFailed(_WHY[error.why].format(error.detail)) from None
        if status != _OK:
            raise EndpointFailed(f"the endpoint answered with status {status}")
        return _content(data)


def is_private(address: Address) -> bool:
    """Whether an address is this machine's or of a private network. Link-local ones are not: clouds answer there."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    found = mapped or address
    return found.is_loopback or (
        found.is_private
        and not (found.is_link_local or found.is_unspecified or found.is_multicast or found.is_reserved)
    )


def _content(data: bytes) -> str:
    try:
        answer = json.loads(data)
        text = answer["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise EndpointFailed("the endpoint's answer is no chat completion") from error
    if not isinstance(text, str) or not text.strip():
        raise EndpointFailed("the endpoint's answer holds no text")
    return text
