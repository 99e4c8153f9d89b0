"""What a long call got right: the time of every word against an offline decode, and utterances lost or heard twice."""

import difflib
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from asr.streaming import TranscriptUpdate
from callcue.core.speech import ENGINE_RATE, Language
from eval.folding import fold_en, fold_zh
from eval.metrics import ErrorCount, count_errors
from eval.soak_call import Placed
from eval.spoken import RATE, Spoken

_NEAR_MS = 1_200
"""Words this far outside an utterance may still be its own."""
_OVERLAP_MS = 300
_HAN = re.compile(r"[\u3400-\u9fff]|[^\W_]+(?:['’]\w+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timed:
    """A character of Chinese, or a word."""

    text: str
    start_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Of one utterance of the call."""

    start_ms: int
    """Where it lies."""
    errors_ms: tuple[float, ...]
    """Start of each word that both decodes have: live minus offline."""
    lost: bool
    """The offline decode has text, the live one none."""
    text: ErrorCount
    """Against what was said."""


def offline(spoken: Sequence[Spoken], model: Path, compute_type: str) -> list[tuple[Timed, ...]]:
    """Each utterance decoded alone by plain faster-whisper: its words, in milliseconds since its beginning."""
    from faster_whisper import WhisperModel

    whisper: Any = WhisperModel(str(model), device="cpu", compute_type=compute_type, local_files_only=True)
    found = []
    for item in spoken:
        samples = np.frombuffer(item.pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
        wide = np.asarray(soxr.resample(samples, RATE, ENGINE_RATE), dtype=np.float32)
        segments, _ = whisper.transcribe(wide, language=item.language, beam_size=5, word_timestamps=True)
        words = [word for segment in segments for word in segment.words or ()]
        found.append(tuple(unit for word in words for unit in units(word.word, word.start * 1000)))
    return found


def units(text: str, start_ms: float) -> tuple[Timed, ...]:
    """The first character or word of ``text``, with its time: those after it in the same token have none."""
    found = _HAN.findall(text.casefold())
    return (Timed(text=found[0], start_ms=start_ms),) if found else ()


def score(placed: Placed, wanted: Sequence[Timed], finals: Sequence[TranscriptUpdate]) -> Score:
    """``finals`` are those of the utterance's channel; ``wanted`` is its offline decode."""
    near = [
        unit
        for update in finals
        if update.start_ms < placed.end_ms + _NEAR_MS and update.end_ms > placed.start_ms - _NEAR_MS
        for word in (update.hypothesis.words if update.hypothesis is not None else ())
        if placed.start_ms - _NEAR_MS <= word.start_ms <= placed.end_ms + _NEAR_MS
        for unit in units(word.text, word.start_ms)
    ]
    matcher = difflib.SequenceMatcher(a=[w.text for w in wanted], b=[n.text for n in near], autojunk=False)
    errors = tuple(
        near[block.b + nth].start_ms - (placed.start_ms + wanted[block.a + nth].start_ms)
        for block in matcher.get_matching_blocks()
        for nth in range(block.size)
    )
    heard = "".join(update.stable + " " for update in _own(placed, finals))
    return Score(
        start_ms=placed.start_ms,
        errors_ms=errors,
        lost=bool(wanted) and not heard.strip(),
        text=count_errors(_fold(placed.spoken.text, placed.spoken.language), _fold(heard, placed.spoken.language)),
    )


def repeated(finals: Sequence[TranscriptUpdate]) -> int:
    """Segments of one channel that came twice: the same id, or speech that lies in that of the one before."""
    ids = [update.segment_id for update in finals]
    ordered = sorted(finals, key=lambda update: update.start_ms)
    overlaps = sum(b.start_ms < a.end_ms - _OVERLAP_MS for a, b in itertools.pairwise(ordered))
    return len(ids) - len(set(ids)) + overlaps


def _own(placed: Placed, finals: Sequence[TranscriptUpdate]) -> list[TranscriptUpdate]:
    """Finals whose middle lies in the utterance."""
    return [
        update
        for update in finals
        if update.stable and placed.start_ms - 200 <= (update.start_ms + update.end_ms) / 2 <= placed.end_ms + 200
    ]


def _fold(text: str, language: Language) -> Sequence[str]:
    return fold_zh(text) if language == "zh" else fold_en(text)
