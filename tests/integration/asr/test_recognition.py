"""The real model on the demo call, and through a process's death."""

import asyncio
import itertools
import json
import os
import signal
import sys
from importlib.resources import files
from pathlib import Path

import psutil
import pytest

import asr
from asr.engine import EngineConfig, WhisperEngine
from asr.files import read_audio
from asr.resample import StreamResampler
from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from asr.vad import WebRtcVad
from callcue.core.errors import EngineFailed, ModelError
from callcue.core.speech import Channel, Hypothesis, LanguageChoice, Window

pytestmark = pytest.mark.asyncio(loop_scope="module")

ASSETS = Path(str(files("callcue.app") / "assets"))
RATE = 8000


def demo_channel(number: int, start_ms: int, end_ms: int) -> bytes:
    audio = read_audio(ASSETS / "demo_call.flac")
    assert audio.sample_rate == RATE
    return audio.channels[number][start_ms * RATE // 1000 * 2 : end_ms * RATE // 1000 * 2]


def turns(channel: Channel, start_ms: int, end_ms: int) -> str:
    rows = json.loads((ASSETS / "demo_call.json").read_text(encoding="utf-8"))["turns"]
    return "".join(
        row["text"]
        for row in rows
        if row["channel"] == channel and start_ms <= row["start_ms"] < row["end_ms"] <= end_ms
    )


def errors(wanted: str, got: str) -> float:
    """Character error rate without punctuation."""
    a, b = ([char for char in text if char.isalnum()] for text in (wanted, got))
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        previous, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            previous, row[j] = row[j], min(previous + (x != y), row[j] + 1, row[j - 1] + 1)
    return row[-1] / len(a)


async def recognise(
    scheduler: DecodeScheduler,
    pcm: bytes,
    *,
    channel: Channel = "caller",
    language: LanguageChoice = "zh",
    partial_interval_s: float = 0.0,
) -> list[TranscriptUpdate]:
    updates: list[TranscriptUpdate] = []

    async def emit(update: TranscriptUpdate) -> None:
        updates.append(update)

    recogniser = ChannelRecogniser(
        channel=channel,
        sample_rate=RATE,
        language=language,
        scheduler=scheduler,
        vad=WebRtcVad(2),
        config=StreamConfig(partial_interval_s=partial_interval_s),
        emit=emit,
    )
    for at in range(0, len(pcm), 3200):
        await recogniser.feed(pcm[at : at + 3200])
    await recogniser.finish()
    return updates


def text(updates: list[TranscriptUpdate]) -> str:
    return "".join(update.stable for update in updates if update.final)


async def test_both_channels_are_understood_apart(scheduler: DecodeScheduler) -> None:
    """16 s of both sides at once: each channel has its own words, in simplified characters, at the right times."""
    caller, agent = await asyncio.gather(
        recognise(scheduler, demo_channel(0, 0, 16_800), channel="caller"),
        recognise(scheduler, demo_channel(1, 0, 16_800), channel="agent"),
    )
    # Processors round differently, and one more wrong name in the agent's 17 characters is 0.2: so both sides together,
    # and each against the other's words.
    said = {"caller": turns("caller", 0, 16_800), "agent": turns("agent", 0, 16_800)}
    assert errors(said["caller"] + said["agent"], text(caller) + text(agent)) < 0.4
    assert errors(said["caller"], text(agent)) > 0.7
    assert errors(said["agent"], text(caller)) > 0.7
    assert "耳机" in text(caller)
    assert "服务" in text(agent)
    assert "耳机" not in text(agent)
    first = next(update for update in agent if update.final)
    assert abs(first.start_ms - 554) < 400
    assert first.hypothesis is not None
    words = first.hypothesis.words
    assert first.start_ms - 300 <= words[0].start_ms < words[-1].end_ms <= first.end_ms + 400
    assert all(a.start_ms <= b.start_ms for a, b in itertools.pairwise(words))


class Patient:
    """Lets a test wait until the running partials are done: it feeds faster than a person speaks."""

    def __init__(self, scheduler: DecodeScheduler) -> None:
        self._scheduler = scheduler
        self.running = 0
        self.partial_stretch = 1.0

    async def final(self, window: Window, key: str) -> Hypothesis:
        return await self._scheduler.final(window, key)

    async def partial(self, window: Window, key: str, *, urgent: bool = False) -> Hypothesis | None:
        self.running += 1
        try:
            return await self._scheduler.partial(window, key, urgent=urgent)
        finally:
            self.running -= 1


async def test_partials_and_the_detected_language(scheduler: DecodeScheduler) -> None:
    updates: list[TranscriptUpdate] = []
    patient = Patient(scheduler)

    async def emit(update: TranscriptUpdate) -> None:
        updates.append(update)

    recogniser = ChannelRecogniser(
        channel="agent", sample_rate=RATE, language="auto", scheduler=patient, vad=WebRtcVad(2),
        config=StreamConfig(), emit=emit,
    )  # fmt: skip
    pcm = demo_channel(1, 17_000, 22_200)
    for at in range(0, len(pcm), 3_200):
        await recogniser.feed(pcm[at : at + 3_200])
        await asyncio.sleep(0)
        while patient.running:  # noqa: ASYNC110 -- a real engine decodes meanwhile
            await asyncio.sleep(0.01)
    await recogniser.finish()
    partials = [update for update in updates if not update.final]
    assert len(partials) >= 2
    assert partials[-1].stable
    assert all(update.hypothesis is not None and update.hypothesis.language == "zh" for update in updates)
    for before, after in itertools.pairwise(partials):
        if before.segment_id == after.segment_id:
            assert after.stable.startswith(before.stable)


async def test_the_detector_decides_with_what_is_known(engine: WhisperEngine) -> None:
    """A prior overrules what a window sounds like, and the probability says so; a named language asks nobody."""
    pcm = StreamResampler(RATE, 16_000).push(demo_channel(1, 500, 6_000))
    zh, en, named = await engine.decode(
        [
            Window(pcm=pcm, language=None, final=True),
            Window(pcm=pcm, language=None, final=True, language_prior=-40.0),
            Window(pcm=pcm, language="zh", final=True, language_prior=-40.0),
        ]
    )
    assert (zh.language, en.language, named.language) == ("zh", "en", "zh")
    assert zh.language_probability > 0.9
    assert en.language_probability == pytest.approx(1.0 - zh.language_probability, abs=1e-6)
    assert named.language_probability == 1.0


async def test_a_process_killed_in_mid_call_loses_nothing(engine: WhisperEngine, scheduler: DecodeScheduler) -> None:
    pcm = demo_channel(1, 0, 4_800)
    before = await recognise(scheduler, pcm, channel="agent")
    task = asyncio.create_task(recognise(scheduler, pcm, channel="agent"))
    while not scheduler.lag_s:  # noqa: ASYNC110 -- a real engine decodes meanwhile
        await asyncio.sleep(0.01)
    (pid,) = engine.worker_pids
    os.kill(pid, signal.SIGKILL)
    after = await task
    assert engine.restarts == 1
    assert engine.worker_pids != (pid,)
    assert [(u.start_ms, u.stable) for u in after] == [(u.start_ms, u.stable) for u in before]


async def test_processes_end_with_the_engine(model_dir: Path) -> None:
    engine = WhisperEngine(model_dir, EngineConfig(workers=1))
    await engine.start()
    await engine.start()
    (pid,) = engine.worker_pids
    assert psutil.Process(pid).ppid() == os.getpid()
    os.kill(pid, signal.SIGINT)  # Ctrl-C reaches the whole group: the parent decides
    hypotheses = await engine.decode([Window(pcm=bytes(32_000), language="zh", final=True)])
    assert hypotheses[0].rejected == "no_speech"
    await engine.close()
    await engine.close()
    assert not psutil.pid_exists(pid)
    with pytest.raises(EngineFailed):
        await engine.decode([Window(pcm=bytes(32_000), language="zh", final=True)])


async def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(ModelError, match=str(folder)):
            await WhisperEngine(folder).start()


PARENT = """
import asyncio, sys
from pathlib import Path
import asr
from asr.engine import EngineConfig, WhisperEngine

async def main():
    engine = WhisperEngine(Path(sys.argv[1]), EngineConfig(workers=1))
    await engine.start()
    print(engine.worker_pids[0], flush=True)
    await asyncio.sleep(60)

if __name__ == "__main__":
    asyncio.run(main())
"""


async def test_processes_do_not_outlive_a_killed_parent(model_dir: Path, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(model_dir), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(asr.__file__).parents[1])},
    )  # fmt: skip
    assert parent.stdout is not None
    worker = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    await asyncio.to_thread(psutil.wait_procs, [worker], timeout=10)
    assert not worker.is_running() or worker.status() == psutil.STATUS_ZOMBIE
