"""From transcript updates to what is written and shown: text, cards, tags, record. One instance serves one call."""

import asyncio
import math
from contextlib import AsyncExitStack

import structlog

from asr.streaming import TranscriptUpdate
from callcue.calls.felt import felt_events
from callcue.calls.filling import Filling
from callcue.calls.flows import FlowKeeper
from callcue.calls.orders import FactBook
from callcue.calls.patience import append_patiently
from callcue.calls.prompts import Prompter
from callcue.calls.pushes import CardPusher
from callcue.calls.stages import Stages
from callcue.calls.start import StartCall
from callcue.calls.voice import VoiceTally
from callcue.core.errors import CallCueError
from callcue.core.events import FinalTranscript, PartialTranscript, SentimentSummary
from callcue.core.questions import UnmetNeed
from callcue.core.speech import Hypothesis, Language, Utterance
from nlu.assist import CallAssistant
from tagger.call import CallTagger

_log = structlog.get_logger(__name__)


class Understanding:
    """Runs the stages after recognition, in order: a final is written before anything is made of it."""

    def __init__(
        self,
        *,
        call_id: str,
        request: StartCall,
        stages: Stages,
        tagger: CallTagger,
        flows: FlowKeeper,
        facts: FactBook,
        filling: Filling,
    ) -> None:
        self._call_id = call_id
        self.filling = filling
        self._stages = stages
        self._tagger = tagger
        self.facts = facts
        self.voice = VoiceTally()
        language: Language = "en" if request.spoken == "en" else "zh"
        self._nothing = Hypothesis(text="", language=language, language_probability=0.0, avg_logprob=-math.inf)
        """Stands for a segment that the engine could not decode: it only takes the partial down."""
        self.assistant = CallAssistant(
            config=stages.config.assist,
            knowledge=stages.knowledge.view,
            clock=stages.clock,
            language=request.spoken,
        )
        self.flows = flows.follow(call_id, request.channels)
        self._pusher = CardPusher(
            call_id=call_id,
            agent_id=request.agent_id,
            stages=stages,
            flows=self.flows,
            profile=lambda: self.prompter.profile,
        )
        self.prompter = Prompter(
            call_id=call_id,
            language=request.spoken,
            stages=stages,
            assistant=self.assistant,
            pusher=self._pusher,
        )

    async def take(self, update: TranscriptUpdate, at_ms: int) -> None:
        """One update of the recogniser; ``at_ms`` is the call time reached."""
        if update.final:
            await self._final(update, update.hypothesis or self._nothing, at_ms)
        else:
            await self._partial(update, at_ms)

    async def finish(self, at_ms: int) -> None:
        """The call is over: complete the record, and keep what was asked in vain."""
        await self._unmet(self.assistant.missed.finish())
        suggestions = await asyncio.to_thread(self._tagger.finish)
        await self._stages.records.suggest(self._call_id, suggestions, at_ms)
        await self.filling.finish(at_ms)
        if speakers := self._tagger.moods():
            summary = SentimentSummary(call_id=self._call_id, at_ms=at_ms, speakers=speakers)
            await append_patiently(self._stages.log, self._stages.clock, summary)
        await self._forecast(at_ms)
        await self.facts.finish()

    async def _forecast(self, at_ms: int) -> None:
        """What the customer may do next is no part of the call: a failure costs nothing else."""
        if self._stages.customers is None:
            return
        try:
            await self._stages.customers.ended(self._call_id, at_ms)
        except CallCueError as error:
            _log.warning("forecasts.not_made", call_id=self._call_id, code=error.code)

    async def _partial(self, update: TranscriptUpdate, at_ms: int) -> None:
        await self._stages.log.announce(
            PartialTranscript(
                call_id=self._call_id,
                at_ms=at_ms,
                channel=update.channel,
                segment_id=update.segment_id,
                revision=update.revision,
                start_ms=update.start_ms,
                stable=update.stable,
                unstable=update.unstable,
            )
        )
        cards = self.assistant.on_partial(update.channel, update.segment_id, update.stable, at_ms)
        await self._pusher.push(cards, at_ms)

    async def _final(self, update: TranscriptUpdate, hypothesis: Hypothesis, at_ms: int) -> None:
        hotwords = self._stages.knowledge.view().hotwords
        normalised = self._stages.normaliser.normalise(update.stable, hypothesis.language, hotwords)
        final = FinalTranscript(
            call_id=self._call_id,
            at_ms=at_ms,
            channel=update.channel,
            segment_id=update.segment_id,
            revision=update.revision,
            start_ms=update.start_ms,
            end_ms=update.end_ms,
            raw_text=update.stable,
            text=normalised.text,
            spans=normalised.spans,
            words=hypothesis.words,
            confidence=min(1.0, math.exp(hypothesis.avg_logprob)),
            language=hypothesis.language,
            engine=self._stages.engine_name,
            voice=update.voice,
        )
        await append_patiently(self._stages.log, self._stages.clock, final, give_up=False)
        self.voice.heard(final)
        # Call time goes on while the final is made, so the difference is what an agent waits, at real speed.
        self._stages.metrics.final_latency.observe(max(0, at_ms - final.end_ms) / 1000)
        if not final.text:
            return
        others = (self._stages.normaliser.normalise(t, final.language, hotwords).text for t in hypothesis.alternatives)
        utterance = final.utterance(alternatives=tuple(others))
        async with AsyncExitStack() as stages:  # last in, first out, and one that fails does not keep the others back
            stages.push_async_callback(self._tag, utterance, at_ms)
            stages.push_async_callback(self._cards, utterance, at_ms)
            stages.push_async_callback(self.flows.heard, utterance, at_ms)
            await self.prompter.spoken(utterance, at_ms)

    async def _tag(self, utterance: Utterance, at_ms: int) -> None:
        suggestions = await asyncio.to_thread(self._tagger.observe, utterance)
        await self._stages.records.suggest(self._call_id, suggestions, at_ms)
        await self.facts.update(self._tagger.take_facts(), at_ms, self._tagger.shown("return"))
        events = felt_events(self._call_id, self._tagger.felt, at_ms)
        await append_patiently(self._stages.log, self._stages.clock, *events)
        await self.filling.hear(utterance, suggestions, at_ms)
        await self.prompter.felt(suggestions, utterance, at_ms)

    async def _cards(self, utterance: Utterance, at_ms: int) -> None:
        cards = await self.assistant.on_final(utterance)
        await self._pusher.push(cards, at_ms)
        for _ in cards:
            self._stages.metrics.card_latency.observe(max(0, at_ms - utterance.end_ms) / 1000)
        await self._unmet(self.assistant.missed.take())

    async def _unmet(self, needs: list[UnmetNeed]) -> None:
        """A question that could not be kept costs nothing else."""
        if not needs or self._stages.questions is None:
            return
        try:
            await self._stages.questions.add(self._call_id, needs)
        except CallCueError as error:
            _log.warning("questions.not_kept", call_id=self._call_id, code=error.code, questions=len(needs))
