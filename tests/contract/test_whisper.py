"""The embedded recogniser, held to the contract on one caller's turn of the demo call."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from faster_whisper.audio import decode_audio

from asr.engine import EngineConfig, WhisperEngine
from callcue.core.ports import SpeechEngine
from callcue.core.settings import Settings
from models.store import ModelStore
from models.whisper import whisper_folder
from tests.contract.engine import SpeechEngineContract, Spoken

DEMO = Path(__file__).parents[2] / "callcue" / "app" / "assets"

SURE = "突然一点声音都没有"
"""Of what is said in the turn, a part that the small model hears right."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def whisper() -> SpeechEngine:
    return WhisperEngine(
        whisper_folder(ModelStore(Settings().cache_dir), "whisper-base"), EngineConfig(workers=1, max_batch=2)
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def started() -> AsyncIterator[SpeechEngine]:
    engine = whisper()
    await engine.start()
    yield engine
    await engine.close()


class TestWhisperEngine(SpeechEngineContract):
    @pytest.fixture
    def engine(self, started: SpeechEngine) -> SpeechEngine:
        return started

    @pytest.fixture
    def unstarted(self) -> SpeechEngine:
        return whisper()

    @pytest.fixture
    def spoken(self) -> Spoken:
        caller, _ = decode_audio(str(DEMO / "demo_call.flac"), sampling_rate=16_000, split_stereo=True)
        turn = json.loads((DEMO / "demo_call.json").read_text())["turns"][3]
        assert turn["channel"] == "caller"
        assert SURE in turn["text"]
        samples = caller[turn["start_ms"] * 16 : turn["end_ms"] * 16 + 4800]
        return (samples * 32767).astype("<i2").tobytes(), SURE, "zh"
