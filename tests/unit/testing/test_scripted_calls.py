"""A scripted call says its lines, whole and in parts, over the telephone too."""

from itertools import pairwise

import numpy as np
import pytest

from asr.codec import encode, to_pcm16
from callcue.core.errors import EngineFailed
from callcue.core.speech import ENGINE_RATE, Window
from callcue.testing import ScriptedCall, ScriptedEngine, ScriptedLine
from callcue.testing.tones import CODES, hear, tone

CALL = ScriptedCall(
    [
        ScriptedLine(channel="caller", start_ms=400, end_ms=2400, text="我要开发票"),
        ScriptedLine(channel="agent", start_ms=2600, end_ms=3600, text="好的"),
        ScriptedLine(channel="caller", start_ms=4000, end_ms=5000, text="谢谢"),
    ]
)


def window(pcm: bytes, *, final: bool = True) -> Window:
    return Window(pcm=pcm, language=None, final=final)


@pytest.mark.parametrize("sample_rate", [8000, 16000])
def test_every_code_is_told_from_every_other(sample_rate: int) -> None:
    for code in range(CODES):
        (heard,) = hear(bytes(sample_rate) + tone(code, 400, sample_rate) + bytes(sample_rate), sample_rate)
        assert heard.code == code
        assert abs(heard.start_ms - 500) <= 20
        assert abs(heard.end_ms - 900) <= 20


def test_noise_and_silence_say_nothing() -> None:
    noise = np.random.default_rng(7).normal(0, 3000, 32_000).astype("<i2").tobytes()
    assert hear(noise, 16_000) == hear(bytes(32_000), 16_000) == hear(b"", 16_000) == []


@pytest.mark.parametrize("encoding", ["pcm_s16le", "pcmu", "pcma"])
async def test_the_lines_of_a_channel_are_heard_over_the_telephone(encoding: str) -> None:
    engine = CALL.engine()
    await engine.start()
    wire = encode(CALL.pcm("caller", ENGINE_RATE), encoding)
    (heard,) = await engine.decode([window(to_pcm16(wire, encoding))])
    assert heard.text == "我要开发票谢谢"
    assert [word.text for word in heard.words] == list("我要开发票谢谢")
    assert abs(heard.words[0].start_ms - 400) <= 20
    assert abs(heard.words[-1].end_ms - 5000) <= 40


async def test_of_a_line_still_being_said_the_part_so_far_is_heard() -> None:
    engine = CALL.engine()
    await engine.start()
    pcm = CALL.pcm("caller", ENGINE_RATE)
    texts = []
    for so_far_ms in (300, 900, 1300, 1700, 2100, 2400):
        (heard,) = await engine.decode([window(pcm[: so_far_ms * 32], final=False)])
        texts.append(heard.text)
    assert texts[0] == ""
    assert texts[-1] == "我要开发票"
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert len(set(texts)) >= 5


async def test_english_lines_keep_their_spaces() -> None:
    call = ScriptedCall([ScriptedLine(channel="caller", start_ms=0, end_ms=900, text="where is my order")])
    engine = call.engine(language="en")
    await engine.start()
    (heard,) = await engine.decode([window(call.pcm("caller", ENGINE_RATE))])
    assert heard.text == "where is my order" == "".join(word.text for word in heard.words)
    assert heard.language == "en"


def test_channels_are_interleaved_sample_by_sample() -> None:
    mixed = np.frombuffer(CALL.interleaved(), dtype="<i2")
    assert mixed[0::2].tobytes() == CALL.pcm("caller")
    assert mixed[1::2].tobytes() == CALL.pcm("agent")


async def test_answers_and_failures_can_be_told_in_advance() -> None:
    engine = ScriptedEngine()
    await engine.start()
    engine.say(["第一", "第二"])
    engine.fail()
    with pytest.raises(EngineFailed):
        await engine.decode([window(bytes(32_000))])
    heard = await engine.decode([window(bytes(32_000)), window(bytes(32_000))])
    assert [one.text for one in heard] == ["第一", "第二"]
    assert [len(batch) for batch in engine.batches] == [1, 2]


def test_a_call_with_too_many_lines_is_refused() -> None:
    line = ScriptedLine(channel="caller", start_ms=0, end_ms=100, text="好")
    with pytest.raises(ValueError, match="at most"):
        ScriptedCall([line] * (CODES + 1))
