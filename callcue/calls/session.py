"""CallSession: one call's stages wired together; it owns their order, back-pressure, resume and closing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

import structlog

from asr.streaming import ChannelRecogniser, TranscriptUpdate
from callcue.calls.faults import place_of
from callcue.calls.filling import Filling
from callcue.calls.intake import Packet, Parts, Taken, intake_of
from callcue.calls.losses import LossReport
from callcue.calls.orders import FactBook
from callcue.calls.patience import append_patiently
from callcue.calls.prompts import Prompter
from callcue.calls.stages import Stages
from callcue.calls.start import StartCall
from callcue.calls.summaries import Summaries
from callcue.calls.understanding import Understanding
from callcue.core.errors import CallCueError, Conflict, EngineFailed
from callcue.core.events import Alert, CallEnded
from callcue.core.speech import Channel
from nlu.assist import CallAssistant

EndReason = Literal["hangup", "interrupted", "disconnected", "error", "shutdown"]
UPDATE_QUEUE = 64
"""Transcript updates waiting for the stages after recognition. When full, partials are dropped and finals make the
recogniser wait, which makes the socket wait."""

SETTLE_S = 0.02
SETTLED = 5
"""A connection that had nothing to deliver so many times in a row, ``SETTLE_S`` apart, has delivered everything."""
TAKE_OVER_S = 20.0
"""How long a new connection waits for an old one that is still delivering."""

_log = structlog.get_logger(__name__)


class CallSession:
    """A live call. Audio comes in through an AudioLink; everything else leaves through the event log."""

    def __init__(
        self,
        *,
        call_id: str,
        request: StartCall,
        stages: Stages,
        understanding: Understanding,
        summaries: Summaries,
        on_end: Callable[[str], None],
    ) -> None:
        self.call_id = call_id
        self.request = request
        self._stages = stages
        self._understanding = understanding
        self._summaries = summaries
        self._on_end = on_end
        self._intake = intake_of(request)
        self._losses = LossReport()
        self._updates: asyncio.Queue[TranscriptUpdate | None] = asyncio.Queue(UPDATE_QUEUE)
        self._recognisers: dict[Channel, ChannelRecogniser] = {
            channel: stages.recogniser(channel, request, self._enqueue) for channel in request.channels
        }
        self._worker = asyncio.create_task(self._understand(), name=f"understand-{call_id}")
        self._feeding = asyncio.Lock()
        self._grace: asyncio.Task[None] | None = None
        self._epoch = 0
        self._hearing = 0
        self._delivered = 0
        """Frames heard; tells a connection that is still delivering from one that has nothing more."""
        self._closing: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()
        """Set when CallEnded is written."""

    @property
    def received_ms(self) -> int:
        """Call time reached: milliseconds of audio received."""
        return self._intake.received_ms

    @property
    def resume_ms(self) -> int:
        """Where a sender that keeps its audio has to go on after a lost connection."""
        return self._intake.resume_ms

    @property
    def assistant(self) -> CallAssistant:
        """Decides which cards this call's agent sees."""
        return self._understanding.assistant

    @property
    def filling(self) -> Filling:
        """Fills the fields of the record that nobody types."""
        return self._understanding.filling

    @property
    def prompter(self) -> Prompter:
        """Shows cards that nothing said brought."""
        return self._understanding.prompter

    @property
    def facts(self) -> FactBook:
        """What was said in numbers and names, and how it agrees with the orders."""
        return self._understanding.facts

    @property
    def lag_ms(self) -> int:
        """Audio received and not yet decoded, of the channel that is furthest behind."""
        return max(recogniser.lag_ms for recogniser in self._recognisers.values())

    async def take_over(self) -> "AudioLink":
        """Hand the call to another connection once the old one has delivered what had already arrived on it."""
        idle, waited_s, delivered = 0, 0.0, self._delivered
        while self._grace is None and self._closing is None and idle < SETTLED and waited_s < TAKE_OVER_S:
            # The event loop's own time: this waits for its sockets, not for anything in the call.
            await asyncio.sleep(SETTLE_S)
            waited_s += SETTLE_S
            idle = idle + 1 if not self._hearing and delivered == self._delivered else 0
            delivered = self._delivered
        return self.attach()

    def attach(self) -> "AudioLink":
        """Hand the call's audio to a new connection; an older one that is still there loses it."""
        if self._closing is not None:
            raise Conflict(f"call {self.call_id!r} is over and takes no more audio; its record is kept")
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        self._epoch += 1
        self._intake.reconnect()
        return AudioLink(self, self._epoch)

    async def realign(self, from_ms: int) -> None:
        """A resumed stream goes on at ``from_ms``: skip what is known, fill what was lost with silence.

        Raises BadInput when that cannot be this call.
        """
        taken = self._intake.realign(from_ms)
        await self._feed(taken.parts)
        if taken.lost_ms:
            self._stages.metrics.audio_lost_seconds.inc(taken.lost_ms / 1000)
            await self._lost_audio(taken.lost_ms)

    async def hear(self, data: bytes | Packet, epoch: int) -> None:
        """Interleaved wire bytes of any size, or a packet, as the call was announced; returns when the recognisers have
        room for more."""
        if epoch != self._epoch:
            raise Conflict(f"another connection has taken over the audio of call {self.call_id!r}")
        if self._closing is not None:
            raise Conflict(f"call {self.call_id!r} is over; its audio after the end was not used")
        # Shielded: audio that has arrived is heard whole, also when its connection is cancelled in the middle.
        await asyncio.shield(asyncio.create_task(self._hear(self._intake.take(data)), name=f"hear-{self.call_id}"))

    async def _hear(self, taken: Taken) -> None:
        self._hearing += 1
        try:
            if taken.outcome is not None:
                self._stages.metrics.packets.labels(taken.outcome).inc()
            await self._feed(taken.parts)
            if taken.lost_ms:
                self._stages.metrics.audio_lost_seconds.inc(taken.lost_ms / 1000)
                if unsaid_ms := self._losses.note(taken.lost_ms, self.received_ms):
                    await self._lost_audio(unsaid_ms)
        finally:
            self._hearing -= 1
            self._delivered += 1

    async def _feed(self, parts: Parts) -> None:
        async with self._feeding:
            for channel, pcm in parts:
                if pcm:
                    async with self._decoding_may_fail():
                        await self._recognisers[channel].feed(pcm)

    async def _lost_audio(self, lost_ms: int) -> None:
        await self._alert("audio_gap", f"{lost_ms} ms of audio were lost on the way and are silence here")

    @contextlib.asynccontextmanager
    async def _decoding_may_fail(self) -> AsyncIterator[None]:
        """A segment that could not be decoded, even after a retry, costs its own text; the call goes on."""
        try:
            yield
        except EngineFailed as error:
            await self._alert("recognition_failed", error.message)

    async def _alert(self, kind: str, reason: str) -> None:
        alert = Alert(
            call_id=self.call_id, at_ms=self.received_ms, kind=kind, reason=reason, evidence=(), severity="warning"
        )
        await append_patiently(self._stages.log, self._stages.clock, alert)

    async def lost(self, epoch: int) -> None:
        """The audio socket is gone: wait for it to come back, then close the call as disconnected."""
        if epoch != self._epoch or self._closing is not None or self._grace is not None:
            return
        self._grace = asyncio.create_task(self._close_after_grace(), name=f"grace-{self.call_id}")

    async def _close_after_grace(self) -> None:
        grace_s = self._stages.config.resume_grace_s
        await self._stages.clock.sleep(grace_s)
        self._grace = None
        await self.close("disconnected", f"the audio connection dropped and did not come back within {grace_s:g} s")

    async def close(self, reason: EndReason, detail: str = "") -> None:
        """Drain every final, complete the record, write CallEnded. Later calls wait for the first."""
        if self._closing is None:
            if self._grace is not None:
                self._grace.cancel()
                self._grace = None
            self._closing = asyncio.create_task(self._close(reason, detail), name=f"close-{self.call_id}")
        await asyncio.shield(self._closing)

    async def _close(self, reason: EndReason, detail: str) -> None:
        try:
            sum_up = partial(self._sum_up, ask=reason != "shutdown")  # nobody waits for a model then
            # Each step is worth taking when one before it has failed.
            for step in (self._hear_rest, self._finish_all, self._complete, sum_up, self._write_voice):
                try:
                    await step()
                except CallCueError as error:
                    reason, detail = "error", error.message
                    _log.error("call.close_failed", call_id=self.call_id, code=error.code)
                except Exception as error:  # noqa: BLE001 - boundary: whatever fails, the call gets its end
                    reason, detail = "error", "the call could not be completed; everything written until then is kept"
                    _log.error("call.close_failed", call_id=self.call_id, fault=type(error).__name__)
        finally:
            self._worker.cancel()
            try:
                await self._write_end(reason, detail)
            finally:
                self._understanding.flows.close()
                self.ended.set()
                self._on_end(self.call_id)

    async def _hear_rest(self) -> None:
        """What the intake still held back."""
        await self._hear(self._intake.flush())

    async def _finish_all(self) -> None:
        """Every final of what has come. A channel that fails does not take the other's along."""
        async with self._feeding:
            finishing = (self._finish(recogniser) for recogniser in self._recognisers.values())
            failures = [found for found in await asyncio.gather(*finishing, return_exceptions=True) if found]
        if failures:
            raise failures[0]

    async def _complete(self) -> None:
        """The stages after recognition and the record."""
        await self._updates.put(None)
        await self._worker
        await self._understanding.finish(self.received_ms)
        if unsaid_ms := self._losses.rest():
            await self._lost_audio(unsaid_ms)

    async def _sum_up(self, *, ask: bool) -> None:
        if not self._stages.config.summary_at_end:
            return
        try:
            await self._summaries.finish(self.call_id, self.received_ms, ask=ask)
        except CallCueError as error:  # it can be made later, from what is written
            _log.warning("summary.not_made", call_id=self.call_id, code=error.code)

    async def _finish(self, recogniser: ChannelRecogniser) -> None:
        async with self._decoding_may_fail():
            await recogniser.finish()

    async def _write_voice(self) -> None:
        measured = {channel: recogniser.measures for channel, recogniser in self._recognisers.items()}
        summary = self._understanding.voice.summary(self.call_id, measured, self.received_ms)
        await append_patiently(self._stages.log, self._stages.clock, summary)

    async def _write_end(self, reason: EndReason, detail: str) -> None:
        at_ms = self.received_ms
        ended = CallEnded(call_id=self.call_id, at_ms=at_ms, reason=reason, duration_ms=at_ms, detail=detail)
        await append_patiently(self._stages.log, self._stages.clock, ended, give_up=False)
        _log.info("call.ended", call_id=self.call_id, reason=reason, duration_ms=at_ms)

    async def _enqueue(self, update: TranscriptUpdate) -> None:
        if update.final:
            await self._updates.put(update)
            return
        try:
            self._updates.put_nowait(update)
        except asyncio.QueueFull:
            self._stages.metrics.updates_dropped.inc()

    async def _understand(self) -> None:
        """Take transcript updates in order; a stage that fails costs its own result, never the transcript."""
        while (update := await self._updates.get()) is not None:
            try:
                await self._understanding.take(update, self.received_ms)
            except CallCueError as error:
                _log.error("call.stage_failed", call_id=self.call_id, code=error.code, reason=error.message)
            except Exception as error:  # noqa: BLE001 - boundary: a fault in one update must not stop the ones after it
                # Not the message: it may quote what was said.
                _log.error("call.stage_failed", call_id=self.call_id, fault=type(error).__name__, at=place_of(error))


@dataclass(frozen=True, slots=True)
class AudioLink:
    """One connection's hold on a call's audio."""

    session: CallSession
    epoch: int

    @property
    def call_id(self) -> str:
        """The call's id."""
        return self.session.call_id

    @property
    def received_ms(self) -> int:
        """Milliseconds of audio received so far, over all connections of the call."""
        return self.session.received_ms

    @property
    def resume_ms(self) -> int:
        """Call time at which a sender that keeps its audio has to go on."""
        return self.session.resume_ms

    async def audio(self, data: bytes | Packet) -> None:
        """Interleaved wire bytes of any size, or a packet. Waits while the recogniser is behind; raises BadInput for
        the form that was not announced, BadAudio, Conflict."""
        await self.session.hear(data, self.epoch)

    async def hangup(self, reason: EndReason = "hangup", detail: str = "") -> None:
        """The call is over: returns when its last final and its record are written."""
        if self.epoch == self.session._epoch:
            await self.session.close(reason, detail)

    async def drop(self) -> None:
        """The connection was lost: the call waits for a resume within the grace period."""
        await self.session.lost(self.epoch)
