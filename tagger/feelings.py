"""How both speakers of a call feel: each utterance by its words and its voice, and the course over the call.

Words decide. The classifier's distribution is moved by rules that saw plain words, then by the voice, and the voice can
only strengthen a feeling that the words already show. At full arousal the odds of that feeling double: a text that the
classifier holds neutral with two thirds or more stays neutral however it is shouted, and one that is torn gets decided.
There is no labelled telephone speech behind that weight (see docs/record.md), which is the reason for keeping it small.
"""

import math
from collections.abc import Iterable, Mapping
from statistics import fmean

from callcue.core.feelings import Course, Feeling, SpeakerFeelings
from callcue.core.ports import Prediction
from callcue.core.records import SENTIMENTS
from callcue.core.speech import Channel, Utterance
from tagger.aggregate import content_length
from tagger.arousal import VoiceBaseline

VOICE_WEIGHT = math.log(2.0)
"""Log-odds that an arousal of 1 adds to the feeling that the words show."""
RULE_WEIGHT = 1.5
"""Log-odds per unit of a rule's strength."""
_LEAST_SHOWN = 0.25
"""Probability by the words below which a feeling is not there to be strengthened."""
_STEP = 0.35
"""How far the trend moves to the newest score."""
_LEAST_CONTENT = 2
_LEAST_UTTERANCES = 4
"""Without so many, a course would be made of single sentences."""
_CHANGE = 0.3
"""Between the thirds of a call: a sixth of what lies between sure praise and a sure complaint."""


def fuse(
    distribution: Mapping[str, float], rules: Mapping[str, float], arousal: float | None = None
) -> dict[str, float]:
    """The distribution over ``SENTIMENTS`` after rules (label -> strength) and voice; adds up to 1."""
    positive, _, negative = SENTIMENTS
    logs = {label: math.log(max(distribution.get(label, 0.0), 1e-6)) for label in SENTIMENTS}
    for label, strength in rules.items():
        logs[label] += RULE_WEIGHT * strength
    by_words = _normal(logs)
    shown = max((positive, negative), key=lambda label: by_words[label])
    if arousal is None or arousal <= 0 or by_words[shown] < _LEAST_SHOWN:
        return by_words  # a calm voice says nothing: the politest complaints are calm
    logs[shown] += VOICE_WEIGHT * min(1.0, arousal)
    return _normal(logs)


def _normal(logs: Mapping[str, float]) -> dict[str, float]:
    top = max(logs.values())
    powers = {label: math.exp(value - top) for label, value in logs.items()}
    return {label: power / sum(powers.values()) for label, power in powers.items()}


class Feelings:
    """The feelings of one call."""

    def __init__(self) -> None:
        self._voice = VoiceBaseline()
        self._trend: dict[Channel, float] = {}
        self._heard: list[Feeling] = []

    def hear(self, u: Utterance, prediction: Prediction, rules: Mapping[str, float]) -> Feeling | None:
        """One utterance; ``rules``: label -> how strongly rules speak for it. None for small talk without content."""
        arousal = self._voice.arousal(u.channel, u.voice)
        if content_length(u.text) < _LEAST_CONTENT and not rules:
            return None
        held = fuse(prediction.distribution, rules, arousal)
        label = max(held, key=lambda name: held[name])
        score = held[SENTIMENTS[0]] - held[SENTIMENTS[2]]
        before = self._trend.get(u.channel, 0.0)
        trend = self._trend[u.channel] = before + _STEP * (score - before)
        feeling = Feeling(
            channel=u.channel,
            segment_id=u.segment_id,
            label=label,
            probability=round(held[label], 3),
            score=round(score, 3),
            arousal=arousal,
            trend=round(trend, 3),
        )
        self._heard.append(feeling)
        return feeling

    def summary(self) -> tuple[SpeakerFeelings, ...]:
        """Each speaker so far."""
        return summarise(self._heard)


def summarise(heard: Iterable[Feeling]) -> tuple[SpeakerFeelings, ...]:
    """Each speaker that said something, in the order in which they began; ``heard`` in the order of the call."""
    by_speaker: dict[Channel, list[Feeling]] = {}
    for feeling in heard:
        by_speaker.setdefault(feeling.channel, []).append(feeling)
    return tuple(_summary(channel, own) for channel, own in by_speaker.items())


def _summary(channel: Channel, heard: list[Feeling]) -> SpeakerFeelings:
    third = max(1, len(heard) // 3)
    begins = fmean(feeling.score for feeling in heard[:third])
    ends = fmean(feeling.score for feeling in heard[-third:])
    return SpeakerFeelings(
        channel=channel,
        utterances=len(heard),
        positive=sum(feeling.label == SENTIMENTS[0] for feeling in heard),
        negative=sum(feeling.label == SENTIMENTS[2] for feeling in heard),
        begins=round(begins, 3),
        ends=round(ends, 3),
        course=course_of(begins, ends) if len(heard) >= _LEAST_UTTERANCES else "unknown",
    )


def course_of(begins: float, ends: float) -> Course:
    """What a change of the mean score is called."""
    if abs(ends - begins) < _CHANGE:
        return "steady"
    return "rose" if ends > begins else "fell"
