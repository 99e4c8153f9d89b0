"""What the system refuses the engine is an EngineFailed, and the slot is tried again; no real process is started."""

import os
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import pytest

from asr import engine as engine_module
from asr import worker
from asr.engine import EngineConfig, WhisperEngine
from callcue.core.errors import EngineFailed, ModelError
from callcue.core.speech import Hypothesis, Window

WINDOWS = [Window(pcm=bytes(32_000), language="zh", final=True)]


class System:
    """Stands in for the process pools of the engine. A fault of None: all is well."""

    def __init__(self) -> None:
        self.make: Exception | None = None
        """Raised when a pool is made."""
        self.submit: dict[Callable[..., Any], Exception] = {}
        """Raised at once when that function is submitted."""
        self.outcome: dict[Callable[..., Any], Exception] = {}
        """What that function ends with."""
        self.born_with: list[str | None] = []
        """What each process found in OMP_NUM_THREADS when it was started."""
        self.killed: list[int] = []
        self.made = 0
        self.shut_down = 0

    def pool(self, **options: Any) -> "Pool":
        if self.make is not None:
            raise self.make
        self.made += 1
        return Pool(self, pid=-self.made)


class Pool:
    def __init__(self, system: System, pid: int) -> None:
        self._system = system
        self._pid = pid

    def submit(self, function: Callable[..., Any], *args: Any) -> "Future[Any]":
        if function in self._system.submit:
            raise self._system.submit[function]
        future: Future[Any] = Future()
        if function in self._system.outcome:
            future.set_exception(self._system.outcome[function])
        elif function is worker.load:
            self._system.born_with.append(os.environ.get("OMP_NUM_THREADS"))
            future.set_result(self._pid)
        else:
            future.set_result([Hypothesis(text="好", language="zh", language_probability=1.0)])
        return future

    def shutdown(self, **options: Any) -> None:
        self._system.shut_down += 1


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> System:
    system = System()
    monkeypatch.setattr(engine_module, "ProcessPoolExecutor", system.pool)
    monkeypatch.setattr(os, "kill", lambda pid, sign: system.killed.append(pid))
    return system


async def started(folder: Path) -> WhisperEngine:
    engine = WhisperEngine(folder, EngineConfig(workers=1))
    await engine.start()
    return engine


async def goes_on(engine: WhisperEngine, system: System) -> bool:
    """The slot was not lost with the failure."""
    system.make = None
    system.submit.clear()
    system.outcome.clear()
    return [hypothesis.text for hypothesis in await engine.decode(WINDOWS)] == ["好"]


@pytest.mark.parametrize("own", [None, "7"])
async def test_a_process_is_born_with_one_thread_and_this_one_keeps_its_own(
    system: System, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: str | None
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if own is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", own)
    await started(tmp_path)
    assert system.born_with == ["1"]
    assert os.environ.get("OMP_NUM_THREADS") == own


@pytest.mark.parametrize("refusal", [OSError(11, "try again"), MemoryError(), RuntimeError("can't start new thread")])
@pytest.mark.parametrize("where", ["make", "submit"])
async def test_a_dead_process_that_cannot_be_replaced(
    system: System, tmp_path: Path, refusal: Exception, where: str
) -> None:
    engine = await started(tmp_path)
    system.outcome[worker.decode] = BrokenProcessPool("killed")
    if where == "make":
        system.make = refusal
    else:
        system.submit[worker.load] = refusal
    with pytest.raises(EngineFailed, match=type(refusal).__name__):
        await engine.decode(WINDOWS)
    assert system.killed == [-1]
    assert system.shut_down == system.made  # nothing is left behind
    assert await goes_on(engine, system)


@pytest.mark.parametrize("refusal", [OSError(24, "too many open files"), RuntimeError("after shutdown")])
async def test_windows_that_cannot_be_handed_over(system: System, tmp_path: Path, refusal: Exception) -> None:
    engine = await started(tmp_path)
    system.submit[worker.decode] = refusal
    with pytest.raises(EngineFailed, match=type(refusal).__name__):
        await engine.decode(WINDOWS)
    assert await goes_on(engine, system)


async def test_windows_that_kill_two_processes_are_given_up(system: System, tmp_path: Path) -> None:
    engine = await started(tmp_path)
    system.submit[worker.decode] = BrokenProcessPool("killed")
    with pytest.raises(EngineFailed, match="died twice"):
        await engine.decode(WINDOWS)
    assert engine.restarts == 2
    assert await goes_on(engine, system)


async def test_a_damaged_model_is_called_that(system: System, tmp_path: Path) -> None:
    system.outcome[worker.load] = ModelError("the model is damaged")
    with pytest.raises(ModelError, match="damaged"):
        await started(tmp_path)
