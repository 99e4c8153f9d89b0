"""Streaming recognition of one channel: samples in, partial and final transcripts out.

``feed`` cuts the audio into segments and hands windows to the scheduler; it waits only when too many finals of this
channel are undecoded, and lets others have a turn after every 500 ms of audio. Results come back through ``emit`` in
the order in which the segments began.

The final decode begins early, in a pause that may turn out to be the end: by the time the silence is long enough the
text is often there. If speech goes on, that decode was a partial.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from asr.config import StreamConfig
from asr.cues import Measures, somebody_spoke
from asr.language import LanguageBelief
from asr.segmenter import Closed, Running, Segmenter
from asr.stability import LocalAgreement
from asr.updates import TranscriptUpdate, in_call_time
from callcue.core.errors import CallCueError
from callcue.core.ports import VoiceActivity
from callcue.core.speech import ENGINE_RATE, Channel, Hypothesis, Language, LanguageChoice, Window

__all__ = ["ChannelRecogniser", "StreamConfig", "TranscriptUpdate"]

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_PAUSE_MS = 240
_BYTES_PER_MS = ENGINE_RATE * 2 // 1000
_LONG_SEGMENT_SHARE = 0.25  # partials of long segments are spaced by this share of what was decoded last


class Scheduler(Protocol):
    """What the recogniser needs of ``asr.scheduler.DecodeScheduler``."""

    @property
    def partial_stretch(self) -> float: ...

    async def final(self, window: Window, key: str) -> Hypothesis: ...

    async def partial(self, window: Window, key: str, *, urgent: bool = False) -> Hypothesis | None: ...


@dataclass(slots=True, eq=False)
class _Live:
    """A segment that is running or waits for its final."""

    number: int
    segment_id: str
    asked_ms: int  # audio time of the newest partial request
    asked: bool = False
    agreement: LocalAgreement = field(default_factory=LocalAgreement)
    heard_in: set[Language] = field(default_factory=set)  # of all texts that ``agreement`` has looked at
    revision: int = 0
    seen_ms: int = 0  # audio time of the newest partial result
    shown: bool = False
    done: bool = False
    held: TranscriptUpdate | None = None  # a partial that waits for the finals of earlier segments
    early: "asyncio.Task[Hypothesis | None] | None" = None  # a final decode begun in advance
    early_end_ms: int = 0  # where the window of that decode ends

    def going_on(self, window: Window) -> Window:
        """With the settled text as its beginning, where all of that was heard in the window's language: the channel's
        may have been found out, or found wrong, since."""
        return replace(window, begin=self.agreement.stable) if self.heard_in == {window.language} else window


class ChannelRecogniser:
    """One channel of one call. ``feed`` and ``finish`` must not overlap each other."""

    def __init__(
        self,
        *,
        channel: Channel,
        sample_rate: int,
        language: LanguageChoice,
        scheduler: Scheduler,
        vad: VoiceActivity,
        config: StreamConfig,
        emit: Callable[[TranscriptUpdate], Awaitable[None]],
        key: str | None = None,
    ) -> None:
        """``key`` names the channel to the scheduler and must differ between calls; default: one of its own."""
        self._channel: Channel = channel
        self._scheduler = scheduler
        self._config = config
        self._emit = emit
        self._key = key or f"{channel}@{id(self):x}"
        self._belief = LanguageBelief(language)
        self._segmenter = Segmenter(vad, sample_rate, config.endpointing)
        self._measures = Measures()
        self._live: _Live | None = None
        self._count = 0
        self._next_to_end = 1  # number of the oldest segment without its final
        self._pending: dict[int, tuple[_Live, int]] = {}  # segments on their way to the final, and their length in ms
        self._room = asyncio.Semaphore(config.max_pending_finals)
        self._turn = asyncio.Condition()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._failure: BaseException | None = None
        self._finished = False

    @property
    def lag_ms(self) -> int:
        """Milliseconds of ended speech whose final is still out."""
        return sum(length for _, length in self._pending.values())

    @property
    def received_ms(self) -> int:
        """Milliseconds of audio taken so far."""
        return self._segmenter.received_ms

    @property
    def measures(self) -> Measures:
        """Of the channel's speech, as far as its finals have come."""
        return self._measures

    async def feed(self, pcm: bytes) -> None:
        """Take s16le samples, any number of bytes. Waits while too many finals are out. A segment that could not be
        decoded (EngineFailed) or whose update could not be delivered is raised here once; the audio was taken."""
        if self._finished:
            raise ValueError("the channel was finished")
        for event in self._segmenter.push(pcm):
            if event is None:
                if not await self._breathe():
                    return
            elif isinstance(event, Closed):
                await self._close(event)
            else:
                self._go_on(event)
        self._raise_failure()

    async def _breathe(self) -> bool:
        """One long chunk must not hold up the other calls. False: this one was given up meanwhile."""
        await asyncio.sleep(0)
        return not self._finished

    async def finish(self) -> None:
        """The channel has ended: decode what is left; returns when the last final was emitted. Raises as feed does."""
        if not self._finished:
            self._finished = True
            for closed in self._segmenter.finish():
                await self._close(closed)
        async with self._turn:
            await self._turn.wait_for(lambda: not self._pending)
        await self._stop_tasks()
        self._raise_failure()

    async def abort(self) -> None:
        """Give the channel up: nothing more is emitted."""
        self._finished = True
        await self._stop_tasks()
        self._pending.clear()

    async def _stop_tasks(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _raise_failure(self) -> None:
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _open(self, started_ms: int) -> _Live:
        self._count += 1
        return _Live(number=self._count, segment_id=f"{self._channel}-{self._count}", asked_ms=started_ms)

    def _go_on(self, event: Running) -> None:
        """A frame of the running segment: perhaps it is time for a partial."""
        if self._live is None:
            self._live = self._open(event.start_ms)
        live = self._live
        self._maybe_early(live, event)
        if self._config.partial_interval_s <= 0:
            return
        config = self._config
        interval_s = config.partial_interval_s if live.asked else min(config.first_partial_s, config.partial_interval_s)
        interval_ms = interval_s * 1000 * self._scheduler.partial_stretch
        interval_ms = max(interval_ms, _LONG_SEGMENT_SHARE * (live.asked_ms - event.window_start_ms))
        # in a pause the final may be near: a partial would cost as much and say no more
        speaking = event.silence_ms < _PAUSE_MS
        if speaking and event.now_ms - live.asked_ms >= interval_ms:
            live.asked_ms = event.now_ms
            live.asked = True
            window = self._window(self._segmenter.window(event.window_start_ms), final=False)
            self._spawn(self._partial(live, event, live.going_on(window)))

    def _maybe_early(self, live: _Live, event: Running) -> None:
        """Begin the final decode in advance, or give up one that speech has overtaken."""
        if live.early is not None and event.window_end_ms != live.early_end_ms:
            live.early.cancel()
            live.early = None
        soon = event.silence_ms >= _PAUSE_MS and event.missing_silence_ms <= self._config.early_lead_ms
        if soon and self._config.early_lead_ms and live.early is None and self._scheduler.partial_stretch <= 1.0:
            pcm = self._segmenter.window(event.window_start_ms, event.window_end_ms)
            live.early_end_ms = event.window_end_ms
            live.early = self._spawn(self._early(live, event, self._window(pcm, final=True)))

    async def _early(self, live: _Live, event: Running, window: Window) -> Hypothesis | None:
        try:
            hypothesis = await self._scheduler.final(window, self._key)
        except CallCueError:
            return None  # the final itself will try again, and say so
        self._spawn(self._take(live, event, hypothesis))
        return hypothesis

    async def _close(self, event: Closed) -> None:
        live = self._live or self._open(event.segment.start_ms)
        self._live = None
        await self._room.acquire()
        self._pending[live.number] = (live, event.segment.window_end_ms - event.segment.window_start_ms)
        self._spawn(self._final(live, event))

    def _window(self, pcm: bytes, *, final: bool) -> Window:
        # Finals are always checked, so that a change of language is noticed; partials, which come often, only until the
        # language is settled. The detector costs a fourteenth of the encoder [measured].
        language = self._belief.given if final else self._belief.settled
        prior = self._belief.prior(len(pcm) // _BYTES_PER_MS) if language is None else 0.0
        patient = final and self._config.patient
        return Window(pcm=pcm, language=language, final=final, language_prior=prior, patient=patient)

    def _spawn(self, work: Coroutine[Any, Any, _T]) -> "asyncio.Task[_T]":
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            self._failure = self._failure or task.exception()

    async def _partial(self, live: _Live, event: Running, window: Window) -> None:
        hypothesis = await self._scheduler.partial(window, self._key, urgent=not live.shown)
        if hypothesis is not None:
            await self._take(live, event, hypothesis)

    async def _take(self, live: _Live, event: Running, hypothesis: Hypothesis) -> None:
        """What was heard of a segment that is not final yet."""
        if live.done or event.now_ms <= live.seen_ms:
            return
        live.seen_ms = event.now_ms
        if hypothesis.rejected or not hypothesis.text:
            return
        live.heard_in.add(hypothesis.language)
        stable, unstable = live.agreement.update(hypothesis.text)
        if not stable and not unstable:
            return
        live.held = TranscriptUpdate(
            final=False,
            channel=self._channel,
            segment_id=live.segment_id,
            revision=0,
            start_ms=event.start_ms,
            end_ms=event.voiced_end_ms,
            stable=stable,
            unstable=unstable,
            hypothesis=replace(hypothesis, words=()),  # an early final's are in the window's time
        )
        async with self._turn:
            await self._show_held(live)

    async def _show_held(self, live: _Live) -> None:
        """Emit the newest partial of a segment whose turn it is. ``self._turn`` is held."""
        if live.held is None or live.done or live.number != self._next_to_end:
            return
        update, live.held = live.held, None
        live.revision += 1
        live.shown = True
        await self._emit(replace(update, revision=live.revision))

    async def _final(self, live: _Live, event: Closed) -> None:
        hypothesis: Hypothesis | None = None
        failure: Exception | None = None
        try:
            if live.early is not None and live.early_end_ms == event.segment.window_end_ms:
                hypothesis = await live.early
            elif live.early is not None:
                live.early.cancel()
            if hypothesis is None:
                hypothesis = await self._scheduler.final(self._window(event.pcm, final=True), self._key)
        except Exception as error:  # noqa: BLE001 -- a back end's call: raised again below, after its turn was passed on
            _log.error("a segment of %d ms could not be decoded: %s", len(event.pcm) // 32, type(error).__name__)
            failure = error
        async with self._turn:
            await self._turn.wait_for(lambda: live.number == self._next_to_end)
            try:
                await self._deliver(live, event, hypothesis)
            finally:
                self._end(live)
        if failure is not None:
            raise failure

    async def _deliver(self, live: _Live, event: Closed, hypothesis: Hypothesis | None) -> None:
        live.done = True
        segment = event.segment
        if hypothesis is not None:
            self._belief.observe(hypothesis, segment.end_ms - segment.start_ms)
            hypothesis = in_call_time(hypothesis, segment.window_start_ms, segment.window_end_ms)
        if somebody_spoke(hypothesis):
            self._measures.add(event.measures)
        text = hypothesis.text if hypothesis is not None and not hypothesis.rejected else ""
        if not text and not live.shown:
            return
        await self._emit(
            TranscriptUpdate(
                final=True,
                channel=self._channel,
                segment_id=live.segment_id,
                revision=live.revision + 1,
                start_ms=segment.start_ms,
                end_ms=segment.end_ms,
                stable=text,
                unstable="",
                hypothesis=hypothesis,
                voice=event.measures.of(hypothesis) if text and hypothesis else None,
            )
        )

    def _end(self, live: _Live) -> None:
        live.done = True
        del self._pending[live.number]
        self._next_to_end += 1
        self._room.release()
        self._turn.notify_all()
        following = self._pending.get(self._next_to_end, (self._live, 0))[0]
        if following is not None and following.held is not None:
            self._spawn(self._show_later(following))

    async def _show_later(self, live: _Live) -> None:
        async with self._turn:
            await self._show_held(live)
