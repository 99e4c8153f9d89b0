"""The calls of ``eval.alerts``: calm ones out of the evaluation data and our own, and angry ones of our own."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from callcue.core.speech import Channel, Utterance, VoiceCues
from eval.call_set import read_calls
from eval.data import read_jsonl, text_field
from tagger.make_data import DATA

_TURNS = (6, 14)
"""What a caller says in a call made of single texts."""
_CHARS_PER_S = 4.5
_PAUSE_MS = 1200
_AGENT_MS = 4500
_REPLIES = ("好的，请稍等。", "我帮您看一下。", "请问还有别的需要吗？", "明白，我这边查询一下。", "这个可以的。")
_FAQ = ("faq_bank_dev_queries", "faq_pay_dev_queries", "faq_unionpay_dev_queries")
_CALM_DB, _CALM_SEMITONES, _CALM_RATE = 2.0, 1.2, 0.12
"""Spread between the utterances of one calm speaker."""
_RAISED = (5.0, 3.0, 0.3)
"""dB, semitones and share by which an angry voice rises, from the middle of the call on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertCall:
    """One call as both sides speak it."""

    name: str
    source: str
    kinds: tuple[str, ...]
    """Of which at least one alert has to come; empty: none may."""
    utterances: tuple[Utterance, ...]

    @property
    def hours(self) -> float:
        """Length."""
        return self.utterances[-1].end_ms / 3_600_000


def calm_calls(data: Path, per_source: int) -> Iterator[AlertCall]:
    """Calls in which nobody has a complaint: questions that customers asked, sentences read aloud, the test calls that
    are not labelled 负面."""
    for name in _FAQ:
        path = data / "text" / f"{name}.jsonl"
        texts = [text_field(row, "text", str(path)) for row in read_jsonl(path)]
        yield from _made(name, texts, per_source)
    path = data / "speech" / "zh" / "manifest.jsonl"
    yield from _made("speech", [text_field(row, "transcript", str(path)) for row in read_jsonl(path)], per_source)
    for call in read_calls(data / "calls_zh"):
        if call.record.get("sentiment") != "负面":
            yield _call(f"calls_zh/{call.id}", "calls_zh", (), [(turn.channel, turn.text) for turn in call.turns])


def own_calls() -> Iterator[AlertCall]:
    """``tagger/data/calls_alerts.txt``."""
    name, said = "", list[str]()
    kinds: tuple[str, ...] = ()
    for line in [*(DATA / "calls_alerts.txt").read_text(encoding="utf-8").splitlines(), "[end -]"]:
        if line.startswith("["):
            if said:
                yield _call(name, "own angry" if kinds else "own calm", kinds, _with_agent(said, random.Random(name)))
            name, listed = line.strip("[]").split()
            kinds, said = tuple(kind for kind in listed.split(",") if kind != "-"), []
        elif line and not line.startswith("#"):
            said.append(line)


def _made(source: str, texts: Sequence[str], calls: int) -> Iterator[AlertCall]:
    dice = random.Random(source)
    for number in range(calls):
        said = dice.sample(texts, min(len(texts), dice.randint(*_TURNS)))
        yield _call(f"{source}/{number}", source, (), _with_agent(said, dice))


def _with_agent(said: Sequence[str], dice: random.Random) -> list[tuple[Channel, str]]:
    turns: list[tuple[Channel, str]] = [("agent", "您好，很高兴为您服务，请讲。")]
    for text in said:
        turns += [("caller", text), ("agent", dice.choice(_REPLIES))]
    return turns


def _call(name: str, source: str, kinds: tuple[str, ...], turns: Sequence[tuple[Channel, str]]) -> AlertCall:
    dice = random.Random(name)
    at, made = 0, []
    for number, (channel, text) in enumerate(turns):
        length = int(len(text) / _CHARS_PER_S * 1000) if channel == "caller" else _AGENT_MS
        raised = bool(kinds) and channel == "caller" and number > len(turns) / 2
        made.append(
            Utterance(
                call_id=name,
                channel=channel,
                segment_id=f"s{number}",
                start_ms=at,
                end_ms=at + length,
                raw_text=text,
                text=text,
                language="zh",
                confidence=1.0,
                voice=_voice(length, dice, raised=raised),
            )
        )
        at += length + _PAUSE_MS
    return AlertCall(name=name, source=source, kinds=kinds, utterances=tuple(made))


def _voice(length_ms: int, dice: random.Random, *, raised: bool) -> VoiceCues:
    louder, higher, faster = _RAISED if raised else (0.0, 0.0, 0.0)
    return VoiceCues(
        voiced_ms=int(length_ms * 0.7),
        loudness_dbfs=dice.gauss(-24 + louder, _CALM_DB),
        pitch_hz=180 * 2 ** (dice.gauss(higher, _CALM_SEMITONES) / 12),
        rate=4.5 * (1 + faster) * max(0.3, dice.gauss(1, _CALM_RATE)),
    )
