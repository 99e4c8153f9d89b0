"""A client of OpenAI-compatible chat endpoints (vLLM, Ollama, llama.cpp's server): one question, one text.

The address is resolved for every request and must lie in this machine or a private network, unless the settings say
otherwise; what is connected to is the address that was checked. Neither proxies of the environment nor redirects are
followed.
"""

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address

import httpx2

from callcue.core.errors import BadInput, EndpointFailed
from callcue.core.settings import SummarySettings

_MAX_ANSWER = 200_000
"""Bytes."""

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]


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
        self._resolve = resolve or _resolve
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

    @property
    def model(self) -> str:
        """The model's name, as it is written beside what it makes."""
        return self._config.model

    async def complete(self, prompt: str) -> str:
        """The model's answer to one message. Raises EndpointFailed, which says why and quotes neither side."""
        try:
            async with asyncio.timeout(self._config.timeout_s):
                return await self._complete(prompt)
        except TimeoutError as error:
            raise EndpointFailed(f"the endpoint did not answer within {self._config.timeout_s:g} s") from error
        except httpx2.HTTPError as error:
            raise EndpointFailed(f"the endpoint cannot be reached ({type(error).__name__})") from error

    async def _complete(self, prompt: str) -> str:
        host, port = self._url.host, self._url.port or (443 if self._url.scheme == "https" else 80)
        address = await self._checked(host, port)
        headers = {"Host": host if self._url.port is None else f"{host}:{port}"}
        if self._config.key:
            headers["Authorization"] = f"Bearer {self._config.key}"
        body = {
            "model": self._config.model,
            "messages": [{"role": "user", "content": prompt}],
            "max_tokens": self._config.max_tokens,
            "temperature": 0,
            "stream": False,
        }
        target = self._url.copy_with(host=address)
        async with (
            httpx2.AsyncClient(trust_env=False, follow_redirects=False, timeout=self._config.timeout_s) as client,
            client.stream("POST", target, json=body, headers=headers, extensions={"sni_hostname": host}) as response,
        ):
            if response.status_code != 200:
                raise EndpointFailed(f"the endpoint answered with status {response.status_code}")
            data = bytearray()
            async for chunk in response.aiter_bytes():
                data += chunk
                if len(data) > _MAX_ANSWER:
                    raise EndpointFailed(f"the endpoint's answer is longer than {_MAX_ANSWER} bytes")
        return _content(bytes(data))

    async def _checked(self, host: str, port: int) -> str:
        """The address to connect to: the first one, when all that the name stands for are allowed."""
        try:
            found = await self._resolve(host, port)
        except OSError as error:
            raise EndpointFailed("the endpoint's name cannot be resolved") from error
        if not found:
            raise EndpointFailed("the endpoint's name stands for no address")
        if not self._config.allow_public and not all(is_private(ip_address(one.split("%")[0])) for one in found):
            raise EndpointFailed(
                "summary.url lies outside this machine and private networks, so nothing was sent; summary.allow_public "
                "allows it"
            )
        return found[0]


def is_private(address: Address) -> bool:
    """Whether an address is this machine's or of a private network. Link-local ones are not: clouds answer there."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    found = mapped or address
    return found.is_loopback or (
        found.is_private
        and not (found.is_link_local or found.is_unspecified or found.is_multicast or found.is_reserved)
    )


async def _resolve(host: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def _content(data: bytes) -> str:
    try:
        answer = json.loads(data)
        text = answer["choices"][0]["message"]["content"]
    except (ValueError, KeyError, IndexError, TypeError, RecursionError) as error:
        raise EndpointFailed("the endpoint's answer is no chat completion") from error
    if not isinstance(text, str) or not text.strip():
        raise EndpointFailed("the endpoint's answer holds no text")
    return text
