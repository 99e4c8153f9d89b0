"""A set of utterances: ``manifest.jsonl`` (file, transcript, lang, duration_s) and audio files beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from asr.codec import decode_g711, encode
from asr.files import read_audio
from callcue.core.errors import BadInput
from callcue.core.speech import ENGINE_RATE, Language
from eval.data import read_jsonl, text_field
from eval.folding import fold_en, fold_zh
from eval.metrics import ErrorCount, count_errors, error_rate, error_rate_interval

Line = Literal["clean", "telephone"]
"""``clean``: 16 kHz where the file has it, else 8 kHz. ``telephone``: 8 kHz after a G.711 mu-law round trip."""

TELEPHONE_RATE = 8000
"""Hz."""
RATE_NAMES: tuple[tuple[Language, str], ...] = (("zh", "cer"), ("en", "wer"))
_FRAME_S = 0.02
_SPEECH_BELOW_PEAK_DB = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Utterance:
    """One line of the manifest."""

    path: Path
    transcript: str
    language: Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """One utterance as it is fed: mono, s16le."""

    pcm: bytes
    rate: int
    """Hz."""
    speech_start_ms: int
    """Start of the first 20 ms frame that is within 30 dB of the loudest one: when the speaker begins."""
    speech_end_ms: int
    """End of the last such frame: when the speaker has finished."""

    @property
    def duration_s(self) -> float:
        """Seconds, silence at both ends included."""
        return len(self.pcm) / 2 / self.rate


def read_set(folder: Path, lang: Language | None) -> list[Utterance]:
    """Every utterance with a transcript, of one language if asked for. Raises BadInput."""
    found = []
    for number, row in enumerate(read_jsonl(folder / "manifest.jsonl"), start=1):
        where = f"{folder / 'manifest.jsonl'}, line {number}"
        if not row.get("transcript"):
            continue
        language = row.get("lang", lang)
        if language not in ("zh", "en"):
            raise BadInput(f"{where} has lang {language!r}; zh or en is needed, or say --lang")
        if lang is not None and language != lang:
            continue
        path = folder / text_field(row, "file", where)
        if folder.resolve() not in path.resolve().parents:
            raise BadInput(f"{where} names a file outside the folder")
        found.append(Utterance(path=path, transcript=text_field(row, "transcript", where), language=language))
    if not found:
        raise BadInput(f"{folder} has no utterance with a transcript{f' in {lang}' if lang else ''}")
    return found


def load(utterance: Utterance, rate: int) -> Audio:
    """Read, mix to mono, resample to ``rate`` as the wire would carry it. Raises BadAudio."""
    mono, own_rate = _mono(utterance.path)
    return _audio(_resampled(mono, own_rate, rate), rate)


def load_over(utterance: Utterance, line: Line) -> Audio:
    """The same, as it arrives over a line of this kind. Raises BadAudio."""
    mono, own_rate = _mono(utterance.path)
    if line == "clean":
        rate = ENGINE_RATE if own_rate >= ENGINE_RATE else TELEPHONE_RATE
        return _audio(_resampled(mono, own_rate, rate), rate)
    audio = _audio(_resampled(mono, own_rate, TELEPHONE_RATE), TELEPHONE_RATE)
    return replace(audio, pcm=through_mulaw(audio.pcm))


def through_mulaw(pcm: bytes) -> bytes:
    """s16le samples after G.711 mu-law, there and back."""
    return decode_g711(encode(pcm, "pcmu"), "pcmu")


def _mono(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    audio = read_audio(path)
    channels = np.array([np.frombuffer(channel, dtype="<i2") for channel in audio.channels], dtype=np.float32)
    return channels.mean(axis=0), audio.sample_rate


def _resampled(mono: npt.NDArray[np.float32], own_rate: int, rate: int) -> npt.NDArray[np.int16]:
    import soxr

    if own_rate != rate:
        mono = soxr.resample(mono, own_rate, rate)
    return np.clip(np.rint(mono), -32768, 32767).astype("<i2")


def _audio(samples: npt.NDArray[np.int16], rate: int) -> Audio:
    start_ms, end_ms = _speech_ms(samples, rate)
    return Audio(pcm=samples.tobytes(), rate=rate, speech_start_ms=start_ms, speech_end_ms=end_ms)


def _speech_ms(samples: npt.NDArray[np.int16], rate: int) -> tuple[int, int]:
    """Where speech begins and ends; the whole where there is not one frame."""
    frame = int(_FRAME_S * rate)
    count = len(samples) // frame
    whole = (0, len(samples) * 1000 // rate)
    if count == 0:
        return whole
    power = (samples[: count * frame].astype(np.float64).reshape(count, frame) ** 2).mean(axis=1)
    loud = np.flatnonzero(power >= max(power.max() * 10 ** (-_SPEECH_BELOW_PEAK_DB / 10), 1e-9))
    if len(loud) == 0:
        return whole
    return int(loud[0]) * frame * 1000 // rate, int(loud[-1] + 1) * frame * 1000 // rate


def errors(utterance: Utterance, heard: str) -> ErrorCount:
    """Character errors of a Chinese utterance, word errors of an English one, after folding."""
    if utterance.language == "zh":
        return count_errors(fold_zh(utterance.transcript), fold_zh(heard))
    return count_errors(fold_en(utterance.transcript), fold_en(heard))


def error_figures(counts: Mapping[Language, Sequence[ErrorCount]]) -> dict[str, object]:
    """``cer`` where there is Chinese, ``wer`` where there is English."""
    figures: dict[str, object] = {}
    for language, name in RATE_NAMES:
        if language in counts:
            figures[name] = error_rate(counts[language])
            figures[f"{name}_interval"] = error_rate_interval(counts[language])
    return figures


def joined(texts: Sequence[str], language: Language) -> str:
    """The finals of one utterance as one text."""
    return ("" if language == "zh" else " ").join(texts)
