"""What came out of a live call, and what it is worth: when each utterance had its text, and whether it had any."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from callcue.core.speech import Channel
from eval.folding import fold_en, fold_zh
from eval.live_calls import CHANNELS, LiveCall, Spoken
from eval.metrics import ErrorCount, count_errors
from eval.speech_set import joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A text as it was shown."""

    at: float
    """Arrival, monotonic seconds."""
    channel: Channel
    segment_id: str
    final: bool
    start_ms: int
    """Call time at which the segment's speech begins."""
    end_ms: int | None
    """Call time at which it ends; a partial does not say."""
    text: str
    """As recognised; of a partial, stable and unstable together."""


@dataclass(slots=True)
class Trace:
    """One call as it was played."""

    call: LiveCall
    began: float = 0.0
    """When its first sample was spoken, monotonic seconds; call time counts from here."""
    shown: list[Shown] = field(default_factory=list)
    refused: str | None = None
    """Why the call was not taken: the code of the error."""
    refusal: str = ""
    """The same for people."""
    alerts: list[str] = field(default_factory=list)
    """Kinds of alerts."""
    late_ms: float = 0.0
    """By how much the audio was taken later than it was spoken, at worst."""

    def call_ms(self, moment: float) -> float:
        """Call time of a moment."""
        return (moment - self.began) * 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one utterance."""

    trace: Trace
    spoken: Spoken
    final_ms: float | None
    """From the end of its speech to the arrival of the last final that holds some of it; None: there was none."""
    first_ms: float | None
    """From the beginning of its speech to the first text of it, unstable text included; None: there was none."""


def outcomes(trace: Trace) -> list[Outcome]:
    """Of every utterance of a call, in order."""
    ends = {one.segment_id: one.end_ms for one in trace.shown if one.final}
    return [_outcome(trace, spoken, ends) for spoken in trace.call.spoken]


def _outcome(trace: Trace, spoken: Spoken, ends: Mapping[str, int | None]) -> Outcome:
    final_ms: float | None = None
    first_ms: float | None = None
    for one in trace.shown:
        now_ms = trace.call_ms(one.at)
        end_ms = ends.get(one.segment_id)
        # a partial that was taken back has no end: it spoke of what had been said when it came
        if one.channel != spoken.channel or not _overlap(one.start_ms, now_ms if end_ms is None else end_ms, spoken):
            continue
        if not one.text.strip() or now_ms < spoken.start_ms:
            continue
        if first_ms is None or now_ms - spoken.start_ms < first_ms:
            first_ms = now_ms - spoken.start_ms
        if one.final and (final_ms is None or now_ms - spoken.end_ms > final_ms):
            final_ms = now_ms - spoken.end_ms
    return Outcome(trace=trace, spoken=spoken, final_ms=final_ms, first_ms=first_ms)


def _overlap(start_ms: float, end_ms: float, spoken: Spoken) -> bool:
    return start_ms < spoken.end_ms and end_ms > spoken.start_ms


def channel_errors(trace: Trace) -> list[ErrorCount]:
    """Errors of each channel's finals, in order of time, against all that was said there."""
    fold = fold_zh if trace.call.language == "zh" else fold_en
    found = []
    for channel in CHANNELS:
        said = [spoken.text for spoken in trace.call.of(channel)]
        finals = sorted((one.start_ms, one.text) for one in trace.shown if one.final and one.channel == channel)
        reference = fold(joined(said, trace.call.language))
        heard = fold(joined([text for _, text in finals], trace.call.language))
        found.append(count_errors(reference, heard))
    return found


def invented(trace: Trace) -> int:
    """Finals with text where nobody spoke."""
    return sum(
        one.final and bool(one.text.strip()) and not _anybody(trace.call.of(one.channel), one) for one in trace.shown
    )


def _anybody(spoken: Sequence[Spoken], one: Shown) -> bool:
    return any(_overlap(one.start_ms, one.end_ms or one.start_ms + 1, said) for said in spoken)
