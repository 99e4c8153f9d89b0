"""Word times from an alignment of the decoder's cross-attention."""

from collections.abc import Iterable, Mapping
from typing import Any

from asr.script import to_simplified
from callcue.core.speech import Language, Word


def word_times(
    alignment: Iterable[Mapping[str, Any]], offset_ms: int, speech_ms: int, language: Language
) -> tuple[Word, ...]:
    """Words of one window. ``alignment`` rows hold ``word``, ``start``, ``end`` (s since the trimmed audio's start) and
    ``probability``; ``offset_ms`` is the trimmed audio's place in the window. Times never go back, punctuation joins
    the word before it, and Chinese is folded to simplified characters."""
    words: list[Word] = []
    last = 0
    for row in alignment:
        text = str(row["word"])
        if not text.strip() or "\ufffd" in text:
            continue
        if words and not any(char.isalnum() for char in text):
            words[-1] = Word(
                text=words[-1].text + text.strip(),
                start_ms=words[-1].start_ms,
                end_ms=words[-1].end_ms,
                probability=words[-1].probability,
            )
            continue
        start = min(max(last, round(float(row["start"]) * 1000)), speech_ms)
        end = min(max(start, round(float(row["end"]) * 1000)), speech_ms)
        last = end
        folded = to_simplified(text) if language == "zh" else text
        words.append(
            Word(
                text=folded.strip(),
                start_ms=offset_ms + start,
                end_ms=offset_ms + end,
                probability=min(1.0, max(0.0, float(row["probability"]))),
            )
        )
    return tuple(words)
