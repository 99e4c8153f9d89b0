"""From utterances to a call: the issue type that the caller's problem has, and how the caller feels overall."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from callcue.core.ports import Prediction

_SMALL_TALK = re.compile(
    r"喂+|你好|您好|在吗|听得到吗?|听得?见吗?|嗯+|哦+|啊+|好的?|行|对|是的?|没错|可以|谢谢|多谢|感谢|再见|拜拜|"
        r"知道了|明白了?|没事了?|不客气|麻烦你?了?|"
    r"等一下|稍等|你?(?:能|可以)?听(?:得)?到(?:我说话)?|我姓.|不好意思|打扰(?:你|您)?(?:一下|了)?|\b(?:hi|"
        r"hello|okay|ok|yes|yeah|sure|thanks?|thank you|bye|good (?:morning|afternoon))\b",
    re.IGNORECASE,
)  # fmt: skip
_NOT_WORDS = re.compile(r"[\W\d_零一二三四五六七八九十幺吧呢吗呀的了那个就]+")
_LEAST_CONTENT = 4
"""Characters of content below which an utterance says nothing about the matter."""


def content_length(text: str) -> int:
    """Characters that are neither small talk, digits, nor particles."""
    return len(_NOT_WORDS.sub("", _SMALL_TALK.sub("", text)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a call's utterances add up to."""

    label: str
    probability: float
    evidence: tuple[str, ...]
    """Segment ids, those that spoke most for it first."""


class IssueVote:
    """A weighted product of the utterances' distributions.

    People state their matter first and come to side questions later, so weights fall with the order. What a model calls
    ``other`` beside a problem is mostly a remark, or anger about the service, so it counts less, also when it came
    first. The sum of weights is capped, for the utterances of a call are not independent.
    """

    _ORDER = (1.0, 0.9, 0.7, 0.5, 0.4)
    _LATER = 0.25
    _OTHER_BESIDE = 0.4
    _MATTER = 0.5
    """Certainty from which another type than ``other`` is a problem."""
    _OTHER_NEEDS = 3
    """Utterances before a running call is ``other``: an unclear opening is no matter yet."""
    _CAP = 2.0
    _RULE = 1.2
    """Log-odds that a rule adds to its label."""
    _MOST = 0.97
    _MOST_EVIDENCE = 4

    def __init__(self, other: str) -> None:
        self._other = other
        self._matter = False
        self._remark: tuple[float, dict[str, float]] | None = None
        self._sums: dict[str, float] = {}
        self._weight = 0.0
        self._count = 0
        self._shown: list[tuple[float, str, str]] = []

    def add(self, text: str, segment_id: str, prediction: Prediction, rules: Iterable[str]) -> None:
        """One caller utterance; ``rules`` are the issue types that rules saw in it."""
        spoken_for = set(rules)
        if content_length(text) < _LEAST_CONTENT and not spoken_for:
            return
        weight = self._ORDER[self._count] if self._count < len(self._ORDER) else self._LATER
        logs = {label: math.log(max(p, 1e-3)) for label, p in prediction.distribution.items()}
        for label in spoken_for & set(logs):
            logs[label] += self._RULE
        best = max(logs, key=lambda label: logs[label])
        if best == self._other and self._count:
            weight *= self._OTHER_BESIDE
        certainty = prediction.probability if not spoken_for else 1.0
        weight *= certainty
        self._matter = self._matter or (best != self._other and certainty >= self._MATTER)
        if best == self._other and not self._count:
            self._remark = weight, logs
        self._take(weight, logs)
        if self._matter and self._remark is not None:
            weight_then, logs_then = self._remark
            self._take((self._OTHER_BESIDE - 1) * weight_then, logs_then)
            self._remark = None
        self._count += 1
        self._shown.append((weight * certainty, best, segment_id))

    def _take(self, weight: float, logs: Mapping[str, float]) -> None:
        for label, value in logs.items():
            self._sums[label] = self._sums.get(label, 0.0) + weight * value
        self._weight += weight

    def verdict(self, *, ended: bool = True) -> Verdict | None:
        """None before anything was said to the matter, and, while the call runs, when all that can be said is that the
        first few utterances were about something else.
        """
        verdict = self._verdict()
        early = not ended and self._count < self._OTHER_NEEDS
        return None if early and verdict is not None and verdict.label == self._other else verdict

    def _verdict(self) -> Verdict | None:
        if not self._weight:
            return None
        shrink = min(1.0, self._CAP / self._weight)
        top = max(self._sums.values())
        powers = {label: math.exp((value - top) * shrink) for label, value in self._sums.items()}
        label = max(powers, key=lambda name: powers[name])
        probability = min(self._MOST, powers[label] / sum(powers.values()))
        shown = sorted((item for item in self._shown if item[1] == label), key=lambda item: -item[0])
        evidence = tuple(segment for _, _, segment in (shown or self._shown)[: self._MOST_EVIDENCE])
        return Verdict(label=label, probability=round(probability, 3), evidence=evidence)


class SentimentTrend:
    """How the caller feels overall: strong moments count, recent ones more, one lukewarm guess does not."""

    _DECAY = 0.97
    """Per utterance with content."""
    _ENOUGH = 1.0
    _MODEL_SHARE = 0.6
    """What one utterance can add by the model alone: a single sure guess is not yet a mood."""
    _MOST = 0.97
    _MOST_EVIDENCE = 4

    def __init__(self, positive: str, neutral: str, negative: str) -> None:
        self._labels = (positive, neutral, negative)
        self._score = {positive: 0.0, negative: 0.0}
        self._shown: dict[str, list[tuple[float, str]]] = {positive: [], negative: []}
        self._heard: list[str] = []

    def add(self, text: str, segment_id: str, prediction: Prediction, rules: Mapping[str, float]) -> None:
        """One caller utterance; ``rules``: label -> how strongly rules speak for it."""
        if content_length(text) < 2 and not rules:
            return
        self._heard.append(segment_id)
        for label in self._score:
            said = max(0.0, prediction.distribution.get(label, 0.0) - 0.5) * 2 * self._MODEL_SHARE
            if rules and label not in rules:
                said = 0.0  # plain words for the other side outweigh a guess
            strength = min(1.2, said + rules.get(label, 0.0))
            self._score[label] = self._score[label] * self._DECAY + strength
            if strength > 0.2:
                self._shown[label].append((strength, segment_id))

    def verdict(self) -> Verdict:
        """Neutral where nothing speaks for more."""
        neutral = self._labels[1]
        label = max(self._score, key=lambda name: self._score[name])
        score = self._score[label] - 0.5 * min(self._score.values())
        if score < self._ENOUGH:
            probability = max(0.5, self._MOST - 0.35 * score / self._ENOUGH)
            return Verdict(label=neutral, probability=round(probability, 3), evidence=tuple(self._heard[-1:]))
        probability = min(self._MOST, 1 - 0.35 * math.exp(-(score - self._ENOUGH)))
        shown = sorted(self._shown[label], key=lambda item: -item[0])[: self._MOST_EVIDENCE]
        return Verdict(label=label, probability=round(probability, 3), evidence=tuple(s for _, s in shown))
