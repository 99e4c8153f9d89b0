"""The service as people run it: ``callcue serve`` in a process of its own, with a fresh data folder and a free port."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from socket import create_server

from prometheus_client.parser import text_string_to_metric_families

from callcue.core.errors import ModelError

SHIPPED_CARDS = Path(str(files("callcue.app") / "assets")) / "cards_zh.jsonl"
_READY_S = 90.0
_STOP_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A running one."""

    pid: int
    address: str
    """``host:port``."""
    ready_s: float
    """From its start until it was ready, in seconds."""

    def metrics(self) -> dict[str, float]:
        """Its metrics now. A metric with one label is ``name{value}``; its total is the sum over the values."""
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=30) as answer:
            return read_metrics(answer.read().decode())


def read_metrics(text: str) -> dict[str, float]:
    """Samples of the text form, labels as ``name{value,value}``."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(sample.labels.values())
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


@contextmanager
def service(cards: Path | None = None) -> Iterator[Service]:
    """Start it, with ``cards`` in its knowledge base, wait until it is ready, stop it. The settings in force are used,
    except where it listens and stores.

    Raises ModelError when it does not get ready.
    """
    with create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="callcue-eval-") as folder:
        environment = {**os.environ, **_environment(Path(folder), port)}
        if cards is not None:
            command = [sys.executable, "-m", "callcue.app", "kb", "import", str(cards)]
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:  # noqa: S603 -- ours
                raise ModelError(f"the cards in {cards} could not be imported; what is wrong is printed above")
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "callcue.app", "serve"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_ready(port, process)
            yield Service(pid=process.pid, address=f"127.0.0.1:{port}", ready_s=time.perf_counter() - began)
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _environment(folder: Path, port: int) -> dict[str, str]:
    return {
        "CALLCUE_DATA_DIR": str(folder),
        "CALLCUE_DATABASE__URL": f"sqlite+aiosqlite:///{folder / 'callcue.sqlite3'}",
        "CALLCUE_SERVER__HOST": "127.0.0.1",
        "CALLCUE_SERVER__PORT": str(port),
        "CALLCUE_AUTH__TOKENS": "[]",
        "CALLCUE_LOG_LEVEL": "error",
    }


def wait_ready(port: int, process: "subprocess.Popen[bytes]") -> None:
    """Until ``/readyz`` says so. Raises ModelError when the process ends before it, or takes too long."""
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ModelError(f"callcue serve ended with status {process.returncode} before it was ready")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise ModelError(f"callcue serve was not ready after {_READY_S:.0f} s")
