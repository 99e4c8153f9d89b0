"""The fakes and the real implementations, held to the same contracts."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from callcue.core.clock import SystemClock
from callcue.core.ports import Clock, Embedder, EventBus, SpeechEngine, VoiceActivity
from callcue.core.settings import Settings
from callcue.infra.bus import InProcessBus
from callcue.testing import FakeVoiceActivity, HashEmbedder, ManualClock, ScriptedCall, ScriptedEngine, ScriptedLine
from tests.contract.bus import EventBusContract
from tests.contract.clock import ClockContract, PassTime
from tests.contract.embedder import EmbedderContract
from tests.contract.engine import SpeechEngineContract, Spoken
from tests.contract.voice import VoiceActivityContract


class TestInProcessBus(EventBusContract):
    @pytest.fixture
    def bus(self) -> EventBus:
        return InProcessBus()


class TestManualClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock()

    @pytest.fixture
    def pass_time(self, clock: ManualClock) -> PassTime:
        return clock.advance


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()

    @pytest.fixture
    def pass_time(self) -> PassTime:
        return asyncio.sleep

    def test_now_is_the_time_of_this_machine(self, clock: Clock) -> None:
        before = datetime.now(UTC)
        assert before <= clock.now() <= datetime.now(UTC)


class TestHashEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self) -> Embedder:
        return HashEmbedder()


@pytest.fixture(scope="module")
def e5() -> Embedder:
    from models.embedders import load_embedder
    from models.store import ModelStore

    return load_embedder(ModelStore(Settings().cache_dir), "e5-small")


class TestBuiltInEmbedder(EmbedderContract):
    @pytest.fixture
    def embedder(self, e5: Embedder) -> Embedder:
        return e5


class TestFakeVoiceActivity(VoiceActivityContract):
    @pytest.fixture
    def voice(self) -> VoiceActivity:
        return FakeVoiceActivity()


class TestWebRtcVad(VoiceActivityContract):
    @pytest.fixture
    def voice(self) -> VoiceActivity:
        from asr.vad import WebRtcVad

        return WebRtcVad(2)


CALL = ScriptedCall([ScriptedLine(channel="caller", start_ms=300, end_ms=1800, text="我要开发票")])


class TestScriptedEngine(SpeechEngineContract):
    @pytest.fixture
    async def engine(self) -> AsyncIterator[SpeechEngine]:
        engine = CALL.engine(parallelism=2)
        await engine.start()
        yield engine
        await engine.close()

    @pytest.fixture
    def unstarted(self) -> SpeechEngine:
        return ScriptedEngine()

    @pytest.fixture
    def spoken(self) -> Spoken:
        return CALL.pcm("caller", 16_000), "我要开发票", "zh"
