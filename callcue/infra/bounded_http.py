"""HTTP to a service that is not ours: bounded in time as a whole, in size and in number, on the loop's own time.

No thread waits for an answer. Only names are looked up in threads, and those are few and used for nothing else, so that
a service that lets its answers drip in, or a name server that is away, holds up nobody. Redirects are not followed, and
an answer that was packed is refused before it is unpacked. What is connected to are the addresses that were checked,
one after the other until one takes the connection.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address, ip_address
from socket import SOCK_STREAM, getaddrinfo
from typing import Any, Literal
from urllib.request import getproxies_environment, proxy_bypass

import httpx2

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], Awaitable[list[str]]]
Why = Literal["late", "unreachable", "unresolved", "outside", "too_large", "packed"]
_LOOK_UPS = 2
"""Names that are looked up at the same time."""


class AskFailedError(Exception):
    """No usable answer."""

    def __init__(self, why: Why, detail: str = "") -> None:
        super().__init__(why, detail)
        self.why = why
        self.detail = detail
        """For people; never what was asked or answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question."""

    method: Literal["GET", "POST"]
    url: httpx2.URL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    json: Any = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What an answer may cost."""

    seconds: float
    """From the question to the last byte, waiting for a turn included."""
    most_bytes: int
    at_once: int = 4
    """Questions under way; more wait for their turn."""


class BoundedHttp:
    """Asks."""

    def __init__(
        self,
        bounds: Bounds,
        *,
        allowed: Callable[[Address], bool] | None = None,
        environment_proxies: bool = False,
        resolve: Resolve | None = None,
    ) -> None:
        """``allowed``: which addresses may be connected to, every one that a name stands for; None: all.
        ``environment_proxies``: use the proxies that the environment names; they look names up themselves."""
        self._bounds = bounds
        self._allowed = allowed
        self._proxies = getproxies_environment() if environment_proxies else {}
        self._threads = ThreadPoolExecutor(_LOOK_UPS, thread_name_prefix="callcue-names")
        self._resolve = resolve or self._look_up
        self._turns = asyncio.Semaphore(bounds.at_once)
        self._tls = ssl.create_default_context()

    async def ask(self, ask: Ask) -> tuple[int, bytes]:
        """Status and body; of an answer that is not 200 the body is not read. Raises AskFailedError."""
        try:
            async with asyncio.timeout(self._bounds.seconds), self._turns:
                return await self._asked(ask)
        except (TimeoutError, httpx2.TimeoutException):
            raise AskFailedError("late", f"within {self._bounds.seconds:g} s") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, httpx2.StreamError, OSError, ValueError) as error:
            raise AskFailedError("unreachable", type(error).__name__) from None

    async def _asked(self, ask: Ask) -> tuple[int, bytes]:
        url, headers = ask.url, {"Accept-Encoding": "identity", **ask.headers}
        proxy = self._proxy(url)
        if proxy is not None:
            return await self._sent(ask, url, headers, proxy=proxy, connect_s=self._bounds.seconds)
        headers["Host"] = url.netloc.decode("ascii")
        found = list(dict.fromkeys(await self._checked(url.host, url.port or _PORTS[url.scheme])))
        connect_s = self._bounds.seconds / len(found)  # one that does not answer leaves the others their time
        for address in found[:-1]:
            try:
                return await self._sent(ask, url.copy_with(host=address), headers, connect_s=connect_s)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                continue  # nothing was sent yet
        return await self._sent(ask, url.copy_with(host=found[-1]), headers, connect_s=connect_s)

    async def _sent(
        self, ask: Ask, url: httpx2.URL, headers: Mapping[str, str], *, connect_s: float, proxy: str | None = None
    ) -> tuple[int, bytes]:
        """``url``: with the address to connect to in the place of the name."""
        timeout = httpx2.Timeout(self._bounds.seconds, connect=connect_s)
        client = httpx2.AsyncClient(
            trust_env=False, follow_redirects=False, timeout=timeout, verify=self._tls, proxy=proxy
        )
        extensions = {"sni_hostname": ask.url.host}
        async with (
            client,
            client.stream(ask.method, url, json=ask.json, headers=headers, extensions=extensions) as response,
        ):
            return response.status_code, await self._body(response) if response.status_code == _OK else b""

    async def _body(self, response: httpx2.Response) -> bytes:
        if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise AskFailedError("packed")
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) > self._bounds.most_bytes:
                raise AskFailedError("too_large", f"more than {self._bounds.most_bytes:,} bytes")
        return bytes(data)

    def _proxy(self, url: httpx2.URL) -> str | None:
        found = self._proxies.get(url.scheme) or self._proxies.get("all")
        bypassed = bool(found) and proxy_bypass(url.netloc.decode("ascii"))
        return None if bypassed else found

    async def _checked(self, host: str, port: int) -> list[str]:
        """The addresses to connect to: all that the name stands for, when every one of them is allowed."""
        try:
            found = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise AskFailedError("unresolved") from None
        if not found:
            raise AskFailedError("unresolved")
        if self._allowed is not None and not all(self._allowed(ip_address(one.split("%")[0])) for one in found):
            raise AskFailedError("outside")
        return found

    async def _look_up(self, host: str, port: int) -> list[str]:
        try:
            return [str(ip_address(host))]
        except ValueError:
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._threads, _addresses, host, port)
            return [str(entry[4][0]) for entry in found]


_OK = 200
_PORTS = {"http": 80, "https": 443}


def _addresses(host: str, port: int) -> Sequence[Any]:
    return getaddrinfo(host, port, type=SOCK_STREAM)
