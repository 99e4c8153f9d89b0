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
        log = (self.data_dir / "serve.log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "callcue.app", "serve"],
            env={
                **os.environ,
                "CALLCUE_DATA_DIR": str(self.data_dir),
                "CALLCUE_SERVER__PORT": str(self.port),
                **self.extra,
            },
            stdout=log,
            stderr=log,
        )
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


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    made = Service(tmp_path, port)
    imported = callcue("kb", "import", str(CARDS), data_dir=tmp_path)
    assert imported.returncode == 0, imported.stderr
    made.start()
    yield made
    if made.process is not None and made.process.poll() is None:
        made.process.kill()
        made.process.wait()


@dataclass
class Desk:
    """What one desktop received."""

    events: list[dict[str, Any]] = field(default_factory=list)

    @property
    def durable(self) -> list[dict[str, Any]]:
        return [event for event in self.events if "type" in event and event["type"] != "PartialTranscript"]

    def finals(self) -> list[tuple[str, str]]:
        return [(e["channel"], e["text"]) for e in self.events if e.get("type") == "FinalTranscript" and e["text"]]

    async def follow(self, address: str, query: str) -> None:
        """Until the call has ended."""

        def take(event: dict[str, Any]) -> bool:
            self.events.append(event)
            return event.get("type") != "CallEnded"

        await follow(address, query, take)

    async def until(self, count: int, kind: str) -> None:
        """Wait for so many events of a kind."""
        async with asyncio.timeout(120):
            while sum(event.get("type") == kind for event in self.events) < count:
                await asyncio.sleep(0.05)
