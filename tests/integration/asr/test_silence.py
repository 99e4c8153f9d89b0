"""What is no speech gives no text, in the real model, and does not cost the speech behind it."""

import pytest

from asr.scheduler import DecodeScheduler
from callcue.core.speech import LanguageChoice
from callcue.testing.sounds import Sound, non_speech
from tests.integration.asr.test_recognition import demo_channel, errors, recognise, text, turns

pytestmark = pytest.mark.asyncio(loop_scope="module")

SECONDS = 10.0


@pytest.mark.parametrize("sound", non_speech(), ids=lambda sound: sound.name)
async def test_what_is_no_speech_gives_no_text(scheduler: DecodeScheduler, sound: Sound) -> None:
    languages: tuple[LanguageChoice, ...] = ("zh", "en")
    for language in languages:
        updates = await recognise(scheduler, sound.pcm(SECONDS, seed=7), language=language, partial_interval_s=1.0)
        assert [update.stable + update.unstable for update in updates] == []


@pytest.mark.parametrize("name", ["white noise -40 dBFS", "hold music, bowed", "ring-back", "breathing"])
async def test_speech_right_after_a_sound_is_not_lost(scheduler: DecodeScheduler, name: str) -> None:
    (sound,) = [sound for sound in non_speech() if sound.name == name]
    pcm = sound.pcm(6.0)[: 6 * 16_000 if name != "ring-back" else 16_000] + demo_channel(1, 16_950, 22_200)
    updates = await recognise(scheduler, pcm, channel="agent")
    assert errors(turns("agent", 16_950, 22_200), text(updates)) < 0.35
