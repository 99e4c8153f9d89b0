"""What every SpeechEngine promises; subclass it, give ``engine`` (started) and ``spoken`` (audio and what it says)."""

import asyncio

import pytest

from callcue.core.errors import EngineFailed
from callcue.core.ports import SpeechEngine
from callcue.core.speech import ENGINE_RATE, Language, Window

Spoken = tuple[bytes, str, Language]


def window(pcm: bytes, language: Language | None, *, final: bool = True) -> Window:
    return Window(pcm=pcm, language=language, final=final)


SILENCE = window(bytes(2 * ENGINE_RATE), "zh")


class SpeechEngineContract:
    """Tests for the fixtures ``engine`` and ``spoken`` (s16le at 16 kHz, its text or a part of it, the language)."""

    async def test_speech_is_heard(self, engine: SpeechEngine, spoken: Spoken) -> None:
        pcm, text, language = spoken
        (heard,) = await engine.decode([window(pcm, language)])
        assert text in heard.text
        assert heard.language == language
        assert heard.rejected is None

    async def test_a_final_has_words_in_order_within_its_window(self, engine: SpeechEngine, spoken: Spoken) -> None:
        pcm, _, language = spoken
        sent = window(pcm, language)
        (heard,) = await engine.decode([sent])
        assert heard.words
        times = [time for word in heard.words for time in (word.start_ms, word.end_ms)]
        assert times == sorted(times)
        assert times[0] >= 0
        assert times[-1] <= sent.duration_ms
        assert all(0.0 <= word.probability <= 1.0 for word in heard.words)

    async def test_a_partial_needs_no_words(self, engine: SpeechEngine, spoken: Spoken) -> None:
        pcm, _, language = spoken
        (heard,) = await engine.decode([window(pcm, language, final=False)])
        assert heard.text
        assert heard.words == ()

    async def test_silence_says_nothing(self, engine: SpeechEngine) -> None:
        (heard,) = await engine.decode([SILENCE])
        assert heard.text == ""

    async def test_nothing_to_decode_is_fine(self, engine: SpeechEngine) -> None:
        assert await engine.decode([]) == []
        (heard,) = await engine.decode([window(b"", "zh")])
        assert heard.text == ""

    async def test_a_batch_is_answered_in_order(self, engine: SpeechEngine, spoken: Spoken) -> None:
        pcm, text, language = spoken
        batch = [window(pcm, language) if nth % 2 else SILENCE for nth in range(engine.max_batch)]
        heard = await engine.decode(batch)
        assert [text in one.text for one in heard] == [bool(nth % 2) for nth in range(engine.max_batch)]

    async def test_decodes_at_the_same_time_do_not_mix(self, engine: SpeechEngine, spoken: Spoken) -> None:
        pcm, text, language = spoken
        silent, loud = await asyncio.gather(engine.decode([SILENCE]), engine.decode([window(pcm, language)]))
        assert silent[0].text == ""
        assert text in loud[0].text

    async def test_a_closed_engine_says_so(self, unstarted: SpeechEngine) -> None:
        await unstarted.close()
        await unstarted.close()
        with pytest.raises(EngineFailed):
            await unstarted.decode([SILENCE])

    async def test_it_says_what_it_is(self, engine: SpeechEngine) -> None:
        assert engine.name
        assert engine.parallelism >= 1
        assert engine.max_batch >= 1
