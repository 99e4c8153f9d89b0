"""The embedded SpeechEngine: Whisper in worker processes of one core each.

Processes, because decoding holds a core for a second at a time and a crash in native code must not take calls down.
Each slot is an executor of one process; a slot whose process dies is started again and its windows are decoded once
more.
"""

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from asr import worker
from asr.config import EngineConfig
from callcue.core.errors import CallCueError, EngineFailed, ModelError
from callcue.core.speech import Hypothesis, Window

__all__ = ["EngineConfig", "WhisperEngine"]

_LOAD_TIMEOUT_S = 120.0


@dataclass(slots=True)
class _Slot:
    pool: ProcessPoolExecutor
    pid: int


class WhisperEngine:
    """SpeechEngine over a folder with a CTranslate2 Whisper model."""

    def __init__(self, model_dir: Path, config: EngineConfig | None = None) -> None:
        self._model_dir = Path(model_dir)
        self._config = config or EngineConfig()
        self._free: asyncio.Queue[_Slot | None] = asyncio.Queue()  # None: a slot without a process
        self._running: list[_Slot] = []
        self._restarts = 0
        self._started = False
        self._closed = False
        self._start_lock = asyncio.Lock()

    @property
    def name(self) -> str:
        """Model and precision, as written into transcripts."""
        return f"{self._model_dir.name}/{self._config.compute_type}"

    @property
    def parallelism(self) -> int:
        """How many ``decode`` calls make progress at the same time."""
        return self._config.workers

    @property
    def max_batch(self) -> int:
        """The largest number of windows in one call."""
        return self._config.max_batch

    @property
    def restarts(self) -> int:
        """How many dead or stuck processes were replaced."""
        return self._restarts

    @property
    def worker_pids(self) -> tuple[int, ...]:
        """Ids of the processes that live now."""
        return tuple(slot.pid for slot in self._running)

    async def start(self) -> None:
        """Start every process and load the model; safe to call twice. Raises ModelError."""
        async with self._start_lock:
            if self._started:
                return
            if self._closed:
                raise EngineFailed("the recogniser was closed; make a new one")
            if not self._model_dir.is_dir():
                raise ModelError(f"no model folder {self._model_dir}; `callcue models fetch` makes it")
            started = await asyncio.gather(*(self._open() for _ in range(self._config.workers)), return_exceptions=True)
            failures = [outcome for outcome in started if isinstance(outcome, BaseException)]
            if failures:
                await self._shut_down()
                raise failures[0]
            for outcome in started:
                if isinstance(outcome, _Slot):
                    self._free.put_nowait(outcome)
            self._started = True

    async def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """One hypothesis per window, in order. Waits for a free process. Raises EngineFailed after one retry."""
        if not self._started or self._closed:
            raise EngineFailed("the recogniser is not running; nothing was decoded")
        if not windows:
            return []
        slot = await self._free.get()
        try:
            for attempt in (1, 2):
                slot = slot or await self._open()
                try:
                    return await self._ask(slot, windows)
                except (BrokenProcessPool, TimeoutError) as error:
                    self._restarts += 1
                    self._drop(slot)
                    slot = None
                    if attempt == 2 or self._closed:
                        raise EngineFailed(
                            f"a recogniser process died twice on the same {len(windows)} windows; they were not decoded"
                        ) from error
            raise AssertionError("unreachable")
        finally:
            self._free.put_nowait(slot)

    async def close(self) -> None:
        """Stop the processes, the present decodes last; safe to call twice."""
        if self._closed:
            return
        self._closed = True
        await self._shut_down()

    async def _shut_down(self) -> None:
        slots, self._running = self._running, []
        for slot in slots:
            await asyncio.to_thread(slot.pool.shutdown, wait=True, cancel_futures=True)

    async def _open(self) -> _Slot:
        """A new process with its model. Raises ModelError, and EngineFailed when the system gives no process."""
        pool: ProcessPoolExecutor | None = None
        try:
            pool = ProcessPoolExecutor(
                max_workers=1, mp_context=multiprocessing.get_context("spawn"), initializer=worker.prepare
            )
            with worker.born_with(worker.environment()):  # the executor starts its process when it gets its first task
                loading = pool.submit(worker.load, self._model_dir, self._config)
            async with asyncio.timeout(_LOAD_TIMEOUT_S):
                pid = await asyncio.wrap_future(loading)
        except BaseException as error:
            if pool is not None:
                pool.shutdown(wait=False, cancel_futures=True)
            if isinstance(error, CallCueError) or not isinstance(error, Exception):
                raise
            # it died or got stuck, or there was no memory, process, thread or file descriptor for it
            raise EngineFailed(
                f"a recogniser process could not be started ({type(error).__name__}); "
                "is there enough memory, and room for processes and open files? Nothing was lost"
            ) from error
        slot = _Slot(pool, pid)
        self._running.append(slot)
        return slot

    async def _ask(self, slot: _Slot, windows: Sequence[Window]) -> list[Hypothesis]:
        try:
            future: Future[list[Hypothesis]] = slot.pool.submit(worker.decode, list(windows))
            async with asyncio.timeout(self._config.timeout_s):
                return await asyncio.wrap_future(future)
        except (CallCueError, BrokenProcessPool, TimeoutError):
            raise
        except Exception as error:  # a back end's call: whatever native code or the system raised comes back here
            raise EngineFailed(f"the windows could not be decoded: {type(error).__name__}: {error}") from error

    def _drop(self, slot: _Slot) -> None:
        if slot in self._running:
            self._running.remove(slot)
        with contextlib.suppress(ProcessLookupError):
            os.kill(slot.pid, signal.SIGKILL)
        slot.pool.shutdown(wait=False, cancel_futures=True)
