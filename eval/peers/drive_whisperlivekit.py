"""Drives ``whisperlivekit``: its engine once, an AudioProcessor per stream, as its own server does it.

Policy LocalAgreement with the faster-whisper back end. Its default policy (SimulStreaming) wants the model as a
PyTorch checkpoint and cannot load CTranslate2 files. Silero VAD comes with the package; warming up would fetch a file
and is switched off; everything else is as it comes.
"""

import asyncio
import sys
from importlib.metadata import version
from typing import Any

from whisperlivekit import AudioProcessor, TranscriptionEngine

from eval.peers.protocol import Wire, drive


def main(wire: Wire, folder: str, language: str) -> None:
    """Until the measurement has closed the pipe."""
    engine = TranscriptionEngine(
        backend="faster-whisper",
        backend_policy="localagreement",
        model_path=folder,
        lan=language,
        pcm_input=True,
        warmup_file="",
    )
    asyncio.run(_serve(wire, engine))


async def _serve(wire: Wire, engine: Any) -> None:
    loop = asyncio.get_running_loop()
    wire.say("ready", name="whisperlivekit", version=version("whisperlivekit"))
    processors: dict[str, Any] = {}
    following: list[asyncio.Task[None]] = []
    async for message in wire.incoming():
        if message.event == "open":
            processor = AudioProcessor(transcription_engine=engine)
            processors[message.stream] = processor
            results = await processor.create_tasks()
            following.append(loop.create_task(_follow(wire, message.stream, processor, results)))
        else:
            await processors[message.stream].process_audio(message.pcm if message.event == "audio" else b"")
    await asyncio.gather(*following)


async def _follow(wire: Wire, stream: str, processor: Any, results: Any) -> None:
    """Its lines are what was committed; beside them stands what is not."""
    async for front in results:
        committed = " ".join(line.text for line in front.lines if line.text)
        wire.text(stream, committed, front.buffer_transcription or "")
    await processor.cleanup()
    wire.say("closed", stream=stream)


if __name__ == "__main__":
    print(f"whisperlivekit under {sys.version.split()[0]}", file=sys.stderr)
    drive(main)
