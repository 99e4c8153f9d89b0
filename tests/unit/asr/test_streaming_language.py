"""What a channel knows of its language goes to the engine with each window, and what a final heard comes back."""

import asyncio
import math
from collections.abc import Sequence

from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from callcue.core.speech import Hypothesis, LanguageChoice, Window
from tests.unit.asr.fakes import LoudIsSpeech, StillClock, pcm, settle


class Detector:
    """An engine that hears ``log_odds`` of zh in one final after the other, and adds the prior as asr.decode does."""

    name, parallelism, max_batch = "detector", 1, 1

    def __init__(self, log_odds: Sequence[float]) -> None:
        self._heard = list(log_odds)
        self.windows: list[Window] = []

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        return [self._one(window) for window in windows]

    def _one(self, window: Window) -> Hypothesis:
        self.windows.append(window)
        if window.language is not None:
            return Hypothesis(text="x", language=window.language, language_probability=1.0)
        heard = self._heard.pop(0) if window.final else self._heard[0]
        p_zh = 1.0 / (1.0 + math.exp(-heard))
        zh = heard + window.language_prior >= 0
        return Hypothesis(text="x", language="zh" if zh else "en", language_probability=p_zh if zh else 1.0 - p_zh)


async def languages(log_odds: Sequence[float], ms: Sequence[int], choice: LanguageChoice) -> tuple[list[str], Detector]:
    """The languages of the finals of utterances of these lengths."""
    detector = Detector(log_odds)
    updates: list[TranscriptUpdate] = []

    async def emit(update: TranscriptUpdate) -> None:
        updates.append(update)

    channel = ChannelRecogniser(
        channel="caller",
        sample_rate=8000,
        language=choice,
        scheduler=DecodeScheduler(detector, StillClock()),
        vad=LoudIsSpeech(),
        config=StreamConfig(early_lead_ms=0),
        emit=emit,
    )
    for length in ms:
        await channel.feed(pcm(("talk", length), ("quiet", 1300)))
        await settle()
    await channel.finish()
    return [update.hypothesis.language for update in updates if update.final and update.hypothesis], detector


async def test_a_hello_does_not_decide_the_call_and_unclear_ones_follow_the_channel() -> None:
    heard, detector = await languages(
        [-3.0, 5.0, 5.0, 5.0, -2.5, 5.0, -1.0], [600, 3500, 4000, 3000, 700, 3500, 3500], "auto"
    )
    assert heard == ["en", "zh", "zh", "zh", "zh", "zh", "zh"]
    finals = [window for window in detector.windows if window.final]
    assert finals[0].language_prior == 0.0
    assert finals[1].language_prior < 0 < finals[4].language_prior
    assert all(window.language is None for window in finals)


async def test_a_clear_sentence_of_the_other_language_is_decoded_in_it_and_changes_nothing() -> None:
    heard, _ = await languages([6.0, 6.0, 6.0, -7.0, -2.0], [4000, 4000, 4000, 4000, 4000], "auto")
    assert heard == ["zh", "zh", "zh", "en", "zh"]


async def test_partials_ask_the_detector_only_until_the_language_is_settled() -> None:
    _, detector = await languages([6.0] * 5, [4000] * 5, "auto")
    asked = [window.language for window in detector.windows if not window.final]
    assert asked[0] is None
    assert asked[-1] == "zh"


async def test_a_given_language_asks_nobody() -> None:
    heard, detector = await languages([], [1000, 4000], "en")
    assert heard == ["en", "en"]
    assert {(window.language, window.language_prior) for window in detector.windows} == {("en", 0.0)}


class Slow:
    """A scheduler whose finals (clearly Mandarin) wait for ``gate``; partials hear English until told otherwise."""

    partial_stretch = 1.0

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.partials: list[Window] = []

    async def final(self, window: Window, key: str) -> Hypothesis:
        await self.gate.wait()
        return Hypothesis(text="我想查一下订单", language="zh", language_probability=0.99)

    async def partial(self, window: Window, key: str, *, urgent: bool = False) -> Hypothesis | None:
        self.partials.append(window)
        language = window.language or "en"
        text = "我想查一下订单" if language == "zh" else "what should I do"
        return Hypothesis(text=text, language=language, language_probability=0.9)


async def test_a_partial_never_goes_on_from_text_of_the_other_language() -> None:
    """The language is settled, by finals that come late, in the middle of a segment that sounded like the other one."""
    scheduler = Slow()

    async def emit(update: TranscriptUpdate) -> None:
        pass

    channel = ChannelRecogniser(
        channel="caller", sample_rate=8000, language="auto", scheduler=scheduler, vad=LoudIsSpeech(),
        config=StreamConfig(early_lead_ms=0, first_partial_s=0.9, partial_interval_s=1.0), emit=emit,
    )  # fmt: skip
    await channel.feed(pcm(("talk", 3200), ("quiet", 1300)) * 2)

    async def talk(pieces: int) -> list[tuple[str | None, str]]:
        scheduler.partials.clear()
        for _ in range(pieces):
            await channel.feed(pcm(("talk", 100)))
            await settle()
        return [(window.language, window.begin) for window in scheduler.partials]

    undecided = await talk(24)
    assert undecided == [(None, "")] * len(undecided)
    assert len(undecided) >= 2
    scheduler.gate.set()
    await settle()
    decided = await talk(24)
    assert decided == [("zh", "")] * len(decided)
    assert len(decided) >= 2
    await channel.feed(pcm(("quiet", 1300)))
    await settle()
    assert (await talk(36))[-1] == ("zh", "我想查一下订单")
    await channel.abort()
