"""The yardstick: plain faster-whisper, ``transcribe(beam_size=5)``, one finished file after the other."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.speech import ENGINE_RATE, Language
from eval.digits import DigitScore, digit_figures, score_digits
from eval.metrics import ErrorCount, percentile
from eval.report import Figures, progress
from eval.resources import cpu_seconds
from eval.speech_set import Audio, Utterance, error_figures, errors

_BEAM = 5


def transcribe_all(
    pairs: Sequence[tuple[Utterance, Audio]], model: Path, compute_type: str
) -> tuple[Figures, list[str]]:
    """The same keys as the product's, from the same audio after the same resampling, and the texts in the order given.
    Runs in this process."""
    from faster_whisper import WhisperModel

    whisper = WhisperModel(str(model), device="cpu", compute_type=compute_type, local_files_only=True)
    counts: dict[Language, list[ErrorCount]] = {}
    digits: list[DigitScore] = []
    texts: list[str] = []
    decode_ms: list[float] = []
    first_text_ms: list[float] = []
    before, began = cpu_seconds(), time.monotonic()
    with progress("baseline", len(pairs)) as done:
        for utterance, audio in pairs:
            start = time.monotonic()
            segments, _ = whisper.transcribe(_samples(audio), language=utterance.language, beam_size=_BEAM)
            text = "".join(segment.text for segment in segments)
            texts.append(text)
            took = (time.monotonic() - start) * 1000
            decode_ms.append(took)
            first_text_ms.append(audio.duration_s * 1000 + took)
            counts.setdefault(utterance.language, []).append(errors(utterance, text))
            digits.append(score_digits(utterance.transcript, text, utterance.language))
            done()
    cpu, wall = cpu_seconds() - before, time.monotonic() - began
    audio_s = sum(audio.duration_s for _, audio in pairs)
    figures = {
        "utterances": len(pairs),
        "audio_s": audio_s,
        **error_figures(counts),
        "digit_strings": digit_figures(digits),
        "cpu_s_per_audio_s": cpu / audio_s,
        "wall_s": wall,
        "final_latency_ms": {"p50": percentile(decode_ms, 50), "p95": percentile(decode_ms, 95)},
        "first_partial_ms": {"p50": percentile(first_text_ms, 50)},
    }
    return figures, texts


def _samples(audio: Audio) -> npt.NDArray[np.float32]:
    import soxr

    samples = np.frombuffer(audio.pcm, dtype="<i2").astype(np.float32) / np.float32(32768)
    if audio.rate == ENGINE_RATE:
        return samples
    return np.asarray(soxr.resample(samples, audio.rate, ENGINE_RATE), dtype=np.float32)
