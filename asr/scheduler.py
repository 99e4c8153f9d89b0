"""Who is decoded next: windows of all calls on their way to the engine.

Finals go first, in order, and are never dropped; who submits one waits. Partials are lossy: the newest per key wins,
in the place of the one before, those of segments that nothing is shown of yet go before the others, they are decoded
only by what finals leave free, in batches so short that a final never waits long for one to end, and they become rarer
and stop when finals are late.
Windows of different calls with one language and kind make a batch.

While the engine is idle for more than half of the time, finals are decoded with patience: in longer windows, which give
better text.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from asr.load import BusyShare, SchedulerStats
from callcue.core.errors import CallCueError, EngineFailed
from callcue.core.ports import Clock, SpeechEngine
from callcue.core.speech import Hypothesis, Window

if TYPE_CHECKING:
    from callcue.core.settings import SpeechSettings

_log = logging.getLogger(__name__)

_WINDOW_OVERHEAD_S = 3.0  # a partial's window costs about as much as this much more audio: its padding
_MAX_STRETCH = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerConfig:
    """Bounds."""

    max_wait_s: float = 8.0
    """When a final has waited this long for its text, partials stop."""
    late_s: float = 0.6
    """When a final has waited this long, partials thin out; a decode takes half of it."""
    max_pending_finals: int = 512
    """Beyond this ``final`` waits before it queues."""
    max_pending_partials: int = 64
    """Beyond this one partial is dropped: the oldest of those that are not urgent, else the oldest."""
    partial_batch_s: float = 10.0
    """Audio, padding counted, in one batch of partials: bounds how long a final may have to wait for it."""
    patient_below: float = 0.5
    """Finals are decoded with patience while the engine is busy for less than this share of the time."""

    @classmethod
    def from_settings(cls, settings: "SpeechSettings") -> "SchedulerConfig":
        """The scheduler's part of the settings."""
        return cls(max_wait_s=settings.max_lag_s)


@dataclass(slots=True, eq=False)
class _Job:
    window: Window
    key: str
    queued_at: float
    done: "asyncio.Future[Hypothesis | None]" = field(repr=False)
    urgent: bool = False

    @property
    def audio_s(self) -> float:
        return self.window.duration_ms / 1000


class DecodeScheduler:
    """Shares one SpeechEngine among all calls. All methods belong to one event loop."""

    def __init__(self, engine: SpeechEngine, clock: Clock, config: SchedulerConfig | None = None) -> None:
        self._engine = engine
        self._clock = clock
        self._config = config or SchedulerConfig()
        self._finals: deque[_Job] = deque()
        self._partials: dict[str, _Job] = {}  # in the order in which their keys began to wait
        self._running: set[asyncio.Task[None]] = set()
        self._busy_finals: dict[asyncio.Task[None], list[_Job]] = {}  # the batch of each running task, oldest first
        self._busy_partials = 0
        self._busy = BusyShare(clock)
        self._room = asyncio.Condition()
        self._stats = SchedulerStats()
        self._wake_up_pending = False
        self._closed = False

    @property
    def engine_name(self) -> str:
        """Model and precision of the engine."""
        return self._engine.name

    @property
    def lag_s(self) -> float:
        """Seconds of final audio that is not decoded yet, waiting or under way."""
        running = (job for batch in self._busy_finals.values() for job in batch)
        return sum(job.audio_s for job in (*self._finals, *running))

    @property
    def wait_s(self) -> float:
        """Seconds that the oldest final without its text has waited: how late the recogniser is. Undecoded audio alone
        says little, since a few long segments at once are no overload.
        """
        oldest = [batch[0].queued_at for batch in self._busy_finals.values()]
        if self._finals:
            oldest.append(self._finals[0].queued_at)
        return self._clock.monotonic() - min(oldest) if oldest else 0.0

    @property
    def partial_stretch(self) -> float:
        """By how much partial decodes should be spaced out now: 1 without load, up to 4."""
        return min(_MAX_STRETCH, max(1.0, self.wait_s / self._config.late_s))

    def stats(self) -> SchedulerStats:
        """A snapshot."""
        return replace(
            self._stats,
            pending_finals=len(self._finals),
            pending_partials=len(self._partials),
            lag_s=self.lag_s,
        )

    async def start(self) -> None:
        """Start the engine. Raises ModelError."""
        await self._engine.start()

    async def close(self) -> None:
        """Let running decodes end, refuse what waits (EngineFailed), stop the engine; safe to call twice."""
        self._closed = True
        for job in self._finals:
            _settle(job, EngineFailed("the recogniser is shutting down; this segment was not decoded"))
        self._finals.clear()
        for job in self._partials.values():
            _settle(job, None)
        self._partials.clear()
        async with self._room:
            self._room.notify_all()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._engine.close()

    async def final(self, window: Window, key: str) -> Hypothesis:
        """Decode with care; waits as long as it takes. Raises EngineFailed when the engine cannot decode it."""
        async with self._room:
            await self._room.wait_for(lambda: self._closed or len(self._finals) < self._config.max_pending_finals)
        if self._closed:
            raise EngineFailed("the recogniser is shut down; this segment was not decoded")
        self._discard(key)
        job = self._job(window, key)
        self._finals.append(job)
        self._wake_up()
        hypothesis = await job.done
        if hypothesis is None:
            raise EngineFailed("the recogniser gave no result; this segment was not decoded")
        return hypothesis

    async def partial(self, window: Window, key: str, *, urgent: bool = False) -> Hypothesis | None:
        """Decode quickly if there is room, ``urgent`` ones first; None: dropped, superseded by a newer one of ``key``,
        or failed."""
        if self._closed or self.wait_s >= self._config.max_wait_s:
            self._count(partials_dropped=1)
            return None
        job = self._job(window, key)
        job.urgent = urgent
        older = self._partials.get(key)
        self._partials[key] = job  # in its place: who asks often must not stand at the end of the queue for ever
        if older is not None:
            _settle(older, None)
            self._count(partials_superseded=1)
        self._bound_partials()
        self._wake_up()
        return await job.done

    def _bound_partials(self) -> None:
        if len(self._partials) <= self._config.max_pending_partials:
            return
        self._forget_cancelled()
        while len(self._partials) > self._config.max_pending_partials:
            oldest = next(iter(self._partials))
            # an urgent one is the first text of its segment; the others only renew what is on the screen
            self._discard(next((key for key, job in self._partials.items() if not job.urgent), oldest))
            self._count(partials_dropped=1)

    def _job(self, window: Window, key: str) -> _Job:
        return _Job(window, key, self._clock.monotonic(), asyncio.get_running_loop().create_future())

    def _discard(self, key: str) -> bool:
        """Give up the waiting partial of ``key``."""
        job = self._partials.pop(key, None)
        if job is not None:
            _settle(job, None)
        return job is not None

    def _count(self, **more: float) -> None:
        self._stats = replace(
            self._stats, **{name: getattr(self._stats, name) + amount for name, amount in more.items()}
        )

    def _wake_up(self) -> None:
        """Dispatch once the callers of this turn of the loop have all submitted: their windows make one batch."""
        if not self._wake_up_pending:
            self._wake_up_pending = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._wake_up_pending = False
        while (batch := self._next_batch()) is not None:
            final = batch[0].window.final
            task = asyncio.get_running_loop().create_task(self._run(batch))
            self._running.add(task)
            if final:
                self._busy_finals[task] = batch
                self._count(wait_s=sum(self._clock.monotonic() - job.queued_at for job in batch))
            else:
                self._busy_partials += 1
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._busy_finals.pop(task, None) is None:
            self._busy_partials -= 1
        if not self._closed:
            self._wake_up()

    def _next_batch(self) -> list[_Job] | None:
        free = self._engine.parallelism - len(self._busy_finals) - self._busy_partials
        if self._closed or free <= 0:
            return None
        self._forget_cancelled()
        if self._finals:
            # waiting finals are spread over the free processes before they are batched: batches cost less, not faster
            return self._take_finals(math.ceil(len(self._finals) / free))
        return self._take_partials() if self._partials else None

    def _forget_cancelled(self) -> None:
        if any(job.done.done() for job in self._finals):
            self._finals = deque(job for job in self._finals if not job.done.done())
        for key in [key for key, job in self._partials.items() if job.done.done()]:
            del self._partials[key]

    def _take_finals(self, wanted: int) -> list[_Job]:
        language = self._finals[0].window.language
        size = min(wanted, self._engine.max_batch)
        batch = [job for job in self._finals if job.window.language == language][:size]
        taken = set(batch)
        self._finals = deque(job for job in self._finals if job not in taken)
        return batch

    def _take_partials(self) -> list[_Job]:
        waiting = sorted(self._partials.values(), key=lambda job: not job.urgent)  # else in the order of arrival
        first = waiting[0]
        batch: list[_Job] = []
        cost = 0.0
        for job in waiting:
            if job.window.language != first.window.language:
                continue
            cost += job.audio_s + _WINDOW_OVERHEAD_S
            full = len(batch) >= self._engine.max_batch or (batch and cost > self._config.partial_batch_s)
            if full:
                break
            batch.append(job)
        for job in batch:
            del self._partials[job.key]
        return batch

    async def _run(self, batch: list[_Job]) -> None:
        """Decode a batch and settle every job of it, whatever happens: somebody waits for each."""
        try:
            async with self._room:
                self._room.notify_all()
            try:
                await self._decode(batch)
            except Exception as error:  # noqa: BLE001 -- a back end's call: nobody may wait for ever because of it
                await self._failed(batch, _as_engine_failure(error))
        except asyncio.CancelledError:
            for job in batch:
                job.done.cancel()
            raise

    async def _failed(self, batch: list[_Job], error: CallCueError) -> None:
        if not batch[0].window.final:
            self._count(partials_failed=len(batch))
            for job in batch:
                _settle(job, None)
        elif len(batch) == 1:
            self._count(finals_failed=1)
            _settle(batch[0], error)
        else:  # one window may have taken the others down with it: each gets a chance of its own
            for job in batch:
                await self._run([job])

    async def _decode(self, batch: Sequence[_Job]) -> None:
        idle = self._busy.share(self._engine.parallelism) < self._config.patient_below
        patient = idle and not self._finals  # a burst is no time for patience, however long nothing was to do
        windows = [replace(job.window, patient=True) if patient and job.window.final else job.window for job in batch]
        began = self._clock.monotonic()
        try:
            hypotheses = await self._engine.decode(windows)
        finally:
            self._busy.add(self._clock.monotonic() - began)
        if len(hypotheses) != len(batch):
            raise EngineFailed(f"the engine gave {len(hypotheses)} results for {len(batch)} windows")
        final = batch[0].window.final
        self._count(
            batches=1,
            finals=len(batch) if final else 0,
            partials=0 if final else len(batch),
            rejected=sum(hypothesis.rejected is not None for hypothesis in hypotheses),
            fallbacks=sum(hypothesis.fallback for hypothesis in hypotheses),
            audio_s=sum(job.audio_s for job in batch),
        )
        for job, hypothesis in zip(batch, hypotheses, strict=True):
            _settle(job, hypothesis)


def _as_engine_failure(error: Exception) -> CallCueError:
    """An engine should raise CallCueErrors alone. Of any other only the kind is told: its text may hold anything."""
    if isinstance(error, CallCueError):
        return error
    _log.error("the engine raised %s", type(error).__name__)
    failure = EngineFailed(
        f"the recogniser failed ({type(error).__name__}); this segment was not decoded, later ones are tried again"
    )
    failure.__cause__ = error
    return failure


def _settle(job: _Job, outcome: Hypothesis | CallCueError | None) -> None:
    if job.done.done():
        return
    if isinstance(outcome, CallCueError):
        job.done.set_exception(outcome)
    else:
        job.done.set_result(outcome)
