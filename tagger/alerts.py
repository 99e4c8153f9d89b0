"""When to tell a supervisor: words of escalation meant so, a mood that stays low, a raised voice with a complaint.

An alert must be rarely wrong, or nobody looks: a word counts only where the words around it, or the call so far, are
negative (``needs``); a mood has to be heard several times, once in plain words or a raised voice; a voice never brings
one alone. Each kind is told once per call. A mood that recovered and fell again is told again, after a pause
(hysteresis). What comes on top of two other causes is critical. The causes are data (``data/alerts.toml``).
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from callcue.core.errors import ModelError
from callcue.core.feelings import Escalation, Feeling, Severity
from callcue.core.records import SENTIMENTS
from callcue.core.speech import Utterance
from tagger.rules import AROUND

_FILE = Path(__file__).parent / "data" / "alerts.toml"
_NEGATIVE = SENTIMENTS[2]
_MANY = 2
"""Causes told before, from which on another one is critical."""
_MOST_EVIDENCE = 6
_MAX_CHARS = 1000
_SHOWN_CHARS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """Words that may be a reason to tell a supervisor."""

    kind: str
    reason: str
    severity: Severity
    needs: float
    """Probability of a negative meaning that the words must have, 0..1."""
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None

    def said(self, text: str) -> str | None:
        """The words that match, None where there are none."""
        for match in self.pattern.finditer(text):
            around = text[max(0, match.start() - AROUND) : match.end() + AROUND]
            if self.unless is None or not self.unless.search(around):
                return match.group()[:_SHOWN_CHARS]
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class MoodCause:
    """A mood that stays low."""

    kind: str
    reason: str
    severity: Severity
    trend_below: float
    rearm_above: float
    """The trend that counts as recovered."""
    least_negative: int
    """Negative utterances that must have been heard since the call began or the mood recovered."""
    rearm_ms: int
    """Milliseconds of call time after an alert without another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCause:
    """A voice that was raised in complaint."""

    kind: str
    reason: str
    severity: Severity
    arousal_above: float
    times: int
    """So many negative utterances with such a voice ..."""
    within: int
    """... among the last so many utterances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertRules:
    """When to tell a supervisor."""

    causes: tuple[Cause, ...]
    mood: MoodCause
    voice: VoiceCause


class EscalationWatch:
    """Watches the caller of one call."""

    def __init__(self, rules: AlertRules | None = None) -> None:
        self._rules = rules or shipped_alerts()
        self._told: dict[str, int] = {}
        self._recent: list[Feeling] = []
        self._negative: list[str] = []
        self._sure = False
        """Whether the low mood rests on more than the classifier's guesses: plain words, or a raised voice."""
        self._armed = True
        self._mood_at_ms: int | None = None

    def hear(self, u: Utterance, feeling: Feeling, negative: float, *, plain: bool) -> list[Escalation]:
        """One utterance of the caller. ``negative``: the classifier's probability, before rules and voice; ``plain``:
        rules saw plain words of displeasure."""
        self._recent = [*self._recent, feeling][-self._rules.voice.within :]
        if feeling.label == _NEGATIVE:
            self._negative.append(u.segment_id)
            self._sure = self._sure or plain or self._is_raised(feeling)
        meant = max(negative, -feeling.trend)
        found = [*self._words(u, meant), *self._mood(u, feeling), *self._voice(u)]
        for escalation in found:
            self._told[escalation.kind] = u.end_ms
        return found

    def _words(self, u: Utterance, meant: float) -> Iterator[Escalation]:
        text = u.text[:_MAX_CHARS]
        for cause in self._rules.causes:
            if cause.kind in self._told or meant < cause.needs:
                continue
            words = cause.said(text)
            if words is not None:
                yield self._found(cause.kind, f"{cause.reason}：“{words}”", cause.severity, (u.segment_id,))

    def _mood(self, u: Utterance, feeling: Feeling) -> Iterator[Escalation]:
        mood = self._rules.mood
        if feeling.trend > mood.rearm_above and not self._armed:
            self._armed, self._sure, self._negative = True, False, []
        rested = self._mood_at_ms is None or u.end_ms - self._mood_at_ms >= mood.rearm_ms
        low = feeling.trend < mood.trend_below and len(self._negative) >= mood.least_negative
        if self._armed and rested and low and self._sure:
            self._armed, self._mood_at_ms = False, u.end_ms
            yield self._found(mood.kind, mood.reason, mood.severity, tuple(self._negative[-_MOST_EVIDENCE:]))

    def _voice(self, u: Utterance) -> Iterator[Escalation]:
        voice = self._rules.voice
        raised = [
            feeling.segment_id for feeling in self._recent if feeling.label == _NEGATIVE and self._is_raised(feeling)
        ]
        if voice.kind not in self._told and len(raised) >= voice.times and raised[-1] == u.segment_id:
            yield self._found(voice.kind, voice.reason, voice.severity, tuple(raised))

    def _is_raised(self, feeling: Feeling) -> bool:
        return feeling.arousal is not None and feeling.arousal >= self._rules.voice.arousal_above

    def _found(self, kind: str, reason: str, severity: Severity, evidence: tuple[str, ...]) -> Escalation:
        others = len(set(self._told) - {kind})
        return Escalation(
            kind=kind, reason=reason, evidence=evidence, severity="critical" if others >= _MANY else severity
        )


@cache
def shipped_alerts() -> AlertRules:
    """The rules that come with CallCue."""
    return read_alerts(_FILE)


def read_alerts(path: Path) -> AlertRules:
    """The rules of a file. Raises ModelError that names what is wrong."""
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
        causes = tuple(_cause(row) for row in held["cause"])
        mood, voice = (_severe(held[name]) for name in ("mood", "voice"))
        return AlertRules(causes=causes, mood=MoodCause(**mood), voice=VoiceCause(**voice))
    except (OSError, ValueError, KeyError, TypeError, re.error) as error:
        raise ModelError(f"The alert rules in {path} cannot be used: {error}. Restore or correct the file") from error


def _cause(row: Mapping[str, Any]) -> Cause:
    compiled = {name: re.compile(row[name], re.IGNORECASE) if name in row else None for name in ("pattern", "unless")}
    if compiled["pattern"] is None or not 0.0 <= float(row["needs"]) <= 1.0:
        raise ValueError(f"cause {row.get('kind')!r} lacks a pattern, or its needs is not from 0 to 1")
    return Cause(**{**_severe(row), **compiled})


def _severe(row: Mapping[str, Any]) -> dict[str, Any]:
    if row.get("severity") not in get_args(Severity):
        raise ValueError(f"severity of {row.get('kind')!r} must be one of {', '.join(get_args(Severity))}")
    return dict(row)
