"""One recogniser with the real model for all tests of the folder: loading it takes seconds."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from asr.engine import EngineConfig, WhisperEngine
from asr.scheduler import DecodeScheduler
from callcue.core.clock import SystemClock
from callcue.core.settings import Settings
from models.store import ModelStore
from models.whisper import whisper_folder


@pytest.fixture(scope="session")
def model_dir() -> Path:
    return whisper_folder(ModelStore(Settings().cache_dir), "whisper-base")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def engine(model_dir: Path) -> AsyncIterator[WhisperEngine]:
    engine = WhisperEngine(model_dir, EngineConfig(workers=1))
    await engine.start()
    yield engine
    await engine.close()


@pytest.fixture
def scheduler(engine: WhisperEngine) -> DecodeScheduler:
    return DecodeScheduler(engine, SystemClock())
