"""A browser for the tests: headless Chromium over its DevTools protocol. No driver package is needed for so little.

https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import contextlib
import json
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--lang=zh-CN")
WAIT_S = 30.0


def installed() -> str | None:
    """The browser's program, where there is one."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._count = 0

    async def run(self, script: str) -> Any:
        """The value of an expression in the page; raises AssertionError for one that throws."""
        found = await self.command("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    async def until(self, script: str) -> Any:
        """The value of an expression as soon as it is true."""
        async with asyncio.timeout(WAIT_S):
            while not (value := await self.run(script)):  # noqa: ASYNC110 - the page tells nobody
                await asyncio.sleep(0.05)
        return value

    async def screenshot(self, path: Path) -> None:
        """What is seen, as a PNG file."""
        found = await self.command("Page.captureScreenshot", format="png")
        await asyncio.to_thread(path.write_bytes, base64.b64decode(found["data"]))

    async def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one command and wait for its answer; events in between are passed over."""
        self._count += 1
        await self._socket.send(json.dumps({"id": self._count, "method": method, "params": parameters}))
        async with asyncio.timeout(WAIT_S):
            while (answer := json.loads(await self._socket.recv())).get("id") != self._count:
                pass
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result


@contextlib.asynccontextmanager
async def opened(address: str, profile: Path, size: tuple[int, int] = (1500, 1000)) -> AsyncIterator[Page]:
    """A page at ``address``, in a browser of its own with an empty profile."""
    program = installed()
    assert program is not None
    ports = ("--remote-debugging-port=0", f"--user-data-dir={profile}", f"--window-size={size[0]},{size[1]}")
    browser = await asyncio.create_subprocess_exec(
        program, *FLAGS, *ports, address, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        async with connect(await _page_socket(profile), max_size=None, proxy=None) as socket:
            yield Page(socket)
    finally:
        browser.kill()
        await browser.wait()


async def _page_socket(profile: Path) -> str:
    import httpx2

    file = profile / "DevToolsActivePort"
    async with asyncio.timeout(WAIT_S), httpx2.AsyncClient(trust_env=False) as http:
        while not (file.exists() and file.read_text().strip()):  # noqa: ASYNC110 - the browser has no event for it
            await asyncio.sleep(0.05)
        port = file.read_text().split()[0]
        while True:
            pages = [
                tab for tab in (await http.get(f"http://127.0.0.1:{port}/json/list")).json() if tab["type"] == "page"
            ]
            if pages:
                return str(pages[0]["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)
