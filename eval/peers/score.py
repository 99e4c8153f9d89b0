"""How well, how soon and at what cost a recogniser heard some streams; the same for all of them.

None says which words belong to which utterance, so its text is aligned with all that was said in the stream (least
edits), and each utterance gets the part of the text that lies between its ends. An utterance has its text when the
committed text has become as long as the end of that part.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from callcue.core.speech import Language
from eval.folding import fold_en, fold_zh
from eval.metrics import ErrorCount, count_errors, percentile
from eval.peers.run import Heard, PeerRun
from eval.report import Figures
from eval.speech_set import error_figures


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Of one utterance; times in milliseconds, None where it has no text."""

    errors: ErrorCount
    committed_ms: float | None
    """From the end of its speech until all its text was committed."""
    complete_ms: float | None
    """From the end of its speech until it was first shown as it will stay, committed or not."""
    first_ms: float | None
    """From the beginning of its speech to its first text, committed or not."""


def fold(text: str, language: Language) -> list[str]:
    """Characters of a Chinese text, words of an English one, as they are compared."""
    return list(fold_zh(text)) if language == "zh" else fold_en(text)


def outcomes(heard: Heard) -> list[Outcome]:
    """Of every utterance of a stream, in order."""
    language = heard.stream.language
    said = [fold(spoken.text, language) for spoken in heard.stream.spoken]
    found = fold(heard.committed, language)
    ends = cuts(said, found)
    shown = [
        (
            text.at_ms,
            len(fold(text.committed, language)),
            fold(text.committed + " " + text.unstable, language),
        )
        for text in heard.texts
    ]
    results = []
    begin = 0
    for spoken, wanted, end in zip(heard.stream.spoken, said, ends, strict=True):
        has_text = end > begin
        committed = next((at for at, length, _ in shown if length >= end), None) if has_text else None
        since = [(at, text) for at, _, text in shown if at >= spoken.start_ms] if has_text else []
        complete = next((at for at, text in since if text[begin:end] == found[begin:end]), None)
        first = next((at for at, text in since if len(text) > begin), None)
        results.append(
            Outcome(
                errors=count_errors(wanted, found[begin:end]),
                committed_ms=None if committed is None else max(0.0, committed - spoken.end_ms),
                complete_ms=None if complete is None else max(0.0, complete - spoken.end_ms),
                first_ms=None if first is None else first - spoken.start_ms,
            )
        )
        begin = end
    return results


def cuts(said: Sequence[Sequence[str]], found: Sequence[str]) -> list[int]:
    """Where each part of what was said ends in what was found, by the alignment with the fewest edits.

    The last part ends where the text ends. Among equally good alignments words at a border go to the earlier part.
    """
    reference = [token for part in said for token in part]
    rows = _distances(reference, found)
    borders, total = [], 0
    for part in said:
        total += len(part)
        borders.append(total)
    place, at = len(found), len(reference)
    reached = {at: place}
    while at > 0:
        if place > 0 and rows[at][place] == rows[at - 1][place - 1] + (reference[at - 1] != found[place - 1]):
            at, place = at - 1, place - 1
        elif place > 0 and rows[at][place] == rows[at][place - 1] + 1:
            place -= 1
            continue
        else:
            at -= 1
        reached[at] = place
    return [*(reached[border] for border in borders[:-1]), len(found)] if borders else []


def _distances(reference: Sequence[str], found: Sequence[str]) -> list[list[int]]:
    rows = [list(range(len(found) + 1))]
    for i, wanted in enumerate(reference, start=1):
        above = rows[-1]
        row = [i]
        for j, token in enumerate(found, start=1):
            row.append(min(above[j - 1] + (wanted != token), above[j] + 1, row[j - 1] + 1))
        rows.append(row)
    return rows


def figures(run: PeerRun) -> Figures:
    """Of one run."""
    language = run.heard[0].stream.language
    found = [outcome for heard in run.heard for outcome in outcomes(heard)]
    audio_s = sum(heard.stream.duration_s for heard in run.heard)
    speech_s = sum(one.end_ms - one.start_ms for heard in run.heard for one in heard.stream.spoken) / 1000
    committed = [one.committed_ms for one in found if one.committed_ms is not None]
    complete = [one.complete_ms for one in found if one.complete_ms is not None]
    first = [one.first_ms for one in found if one.first_ms is not None]
    drains = [heard.drain_s for heard in run.heard]
    return {
        "version": run.version,
        "streams": len(run.heard),
        "utterances": len(found),
        "audio_s": audio_s,
        **error_figures({language: [one.errors for one in found]}),
        "cpu_s_per_audio_s": run.cpu_s / audio_s,
        "cpu_s_per_speech_s": run.cpu_s / speech_s,
        "final_latency_ms": {
            "p50": percentile(committed, 50),
            "p95": percentile(committed, 95),
            "max": max(committed, default=None),
        },
        "complete_ms": {"p50": percentile(complete, 50), "p95": percentile(complete, 95)},
        "first_partial_ms": {"p50": percentile(first, 50)},
        "without_text": len(found) - len(committed),
        "drain_s": None if None in drains else max(one for one in drains if one is not None),
    }
