"""Drives CallCue's own recogniser by the same protocol and from the same bytes, so that the figures can be compared.

Committed is what is final; a segment's partial, stable part included, is unstable, since a final replaces it.
"""

import asyncio
from pathlib import Path

from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from asr.vad import WebRtcVad
from callcue import __version__
from callcue.core.settings import Settings
from callcue.core.speech import LanguageChoice
from eval.peers.protocol import RATE, Message, Wire, drive
from eval.report import quiet
from eval.speech_run import recogniser


class _Stream:
    """One channel and its text."""

    def __init__(self, name: str, wire: Wire, *, scheduler: DecodeScheduler, language: LanguageChoice) -> None:
        self._name, self._wire = name, wire
        self._separator = "" if language == "zh" else " "
        self._finals: list[str] = []
        settings = Settings().speech
        self.recogniser = ChannelRecogniser(
            channel="caller",
            sample_rate=RATE,
            language=language,
            scheduler=scheduler,
            vad=WebRtcVad(settings.vad_aggressiveness),
            config=StreamConfig.from_settings(settings),
            emit=self._take,
            key=name,
        )

    async def _take(self, update: TranscriptUpdate) -> None:
        if update.final:
            self._finals.append(update.stable)
        partial = "" if update.final else self._separator + update.stable + update.unstable
        self._wire.text(self._name, self._separator.join(self._finals), partial)

    async def take(self, message: Message) -> None:
        """Audio, or the end."""
        if message.event == "audio":
            await self.recogniser.feed(message.pcm)
        else:
            await self.recogniser.finish()
            self._wire.say("closed", stream=self._name)


def main(wire: Wire, folder: str, language: str) -> None:
    """Until the measurement has closed the pipe."""
    quiet()
    asyncio.run(_serve(wire, Path(folder), "zh" if language == "zh" else "en"))


async def _serve(wire: Wire, folder: Path, language: LanguageChoice) -> None:
    async with recogniser(Settings(), folder) as scheduler, asyncio.TaskGroup() as group:
        wire.say("ready", name="callcue", version=__version__)
        queues: dict[str, asyncio.Queue[Message]] = {}
        async for message in wire.incoming():
            if message.event == "open":
                stream = _Stream(message.stream, wire, scheduler=scheduler, language=language)
                queues[message.stream] = asyncio.Queue()
                group.create_task(_consume(queues[message.stream], stream))
            else:
                queues[message.stream].put_nowait(message)


async def _consume(queue: "asyncio.Queue[Message]", stream: _Stream) -> None:
    """One stream's messages in order; a stream that waits does not hold up the others."""
    while True:
        message = await queue.get()
        await stream.take(message)
        if message.event == "close":
            return


if __name__ == "__main__":
    drive(main)
