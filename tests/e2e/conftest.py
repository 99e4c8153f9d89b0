"""A real `callcue serve` in a process of its own, on a fresh data folder."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from callcue.app.cli.live import ASSETS
from callcue.app.client import follow

DEMO_CALL = ASSETS / "demo_call.flac"
CARDS = ASSETS / "cards_zh.jsonl"
START_S = 60.0


def callcue(*arguments: str, data_dir: Path, timeout_s: float = 300.0) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would."""
    return subprocess.run(
        [sys.executable, "-m", "callcue.app", *arguments],
        env={**os.environ, "CALLCUE_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


@dataclass
class Service:
    """One server process; may be killed and started again on the same data."""

    data_dir: Path
    port: int
    extra: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Returns when /readyz says so."""
        environment = {
            **os.environ,
            "CALLCUE_DATA_DIR": str(self.data_dir),
            "CALLCUE_SERVER__PORT": str(self.port),
            "CALLCUE_LOG_LEVEL": "debug",
            **self.extra,
        }
        with (self.data_dir / "serve.log").open("ab") as log:
            command = [sys.executable, "-m", "callcue.app", "serve"]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                if urllib.request.urlopen(f"http://{self.address}/readyz", timeout=5).status == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        raise AssertionError("callcue serve did not become ready:\n" + self.log())

    def kill(self) -> None:
        """As the power cut would."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(timeout=60)

    def log(self) -> str:
        return (self.data_dir / "serve.log").read_text(encoding="utf-8", errors="replace")

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=30) as answer:
            return json.load(answer)


@contextlib.contextmanager
def served(data_dir: Path) -> Iterator[Service]:
    """A service with the Chinese cards; gone afterwards, however the test ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Service(data_dir, port)
    imported = callcue("kb", "import", str(CARDS), data_dir=data_dir)
    assert imported.returncode == 0, imported.stderr
    made.start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One service for the tests that leave it running."""
    with served(tmp_path_factory.mktemp("service")) as made:
        yield made


@pytest.fixture
def own_service(tmp_path: Path) -> Iterator[Service]:
    """A service that the test may kill."""
    with served(tmp_path) as made:
        yield made


@dataclass
class Desk:
    """What one desktop received."""

    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def durable(self) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] != "PartialTranscript"]

    def segments(self, channel: str) -> list[dict[str, Any]]:
        return [e for e in self.events if e["type"] == "FinalTranscript" and e["channel"] == channel]

    def finals(self, channel: str) -> list[str]:
        return [event["text"] for event in self.segments(channel) if event["text"]]

    async def follow(self, address: str, call_id: str) -> None:
        """The call's events, from before it begins until it has ended."""

        def take(event: dict[str, Any]) -> bool:
            if event.get("call_id") != call_id or "type" not in event:
                return True
            self.events.append(event)
            return event["type"] != "CallEnded"

        await follow(address, "agent_id=a1", take)

    async def until(self, count: int, kind: str) -> None:
        """Wait for so many events of a kind."""
        async with asyncio.timeout(120):
            while sum(event.get("type") == kind for event in self.events) < count:  # noqa: ASYNC110 - filled elsewhere
                await asyncio.sleep(0.05)
