"""Decoding of short windows by Whisper (CTranslate2). Runs inside a recogniser's process, never in the event loop.

Whisper was trained on windows of 30 seconds, but its encoder takes fewer mel frames at proportionally lower cost. Each
window is trimmed to its speech, padded with a few seconds of silence (without them the decoder does not find the end
of text) and decoded with its length bound by the audio's. Only a result that looks wrong is decoded again in the full
window.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asr.config import EngineConfig
from asr.guards import Reason, judge, stutters, worth_a_second_try
from asr.script import to_simplified
from asr.speech_check import SpeechCheck
from asr.words import word_times
from callcue.core.errors import BadAudio, ModelError
from callcue.core.speech import ENGINE_RATE, Hypothesis, Language, Window

Float32 = npt.NDArray[np.float32]

MAX_WINDOW_S = 30
_MAX_SAMPLES = MAX_WINDOW_S * ENGINE_RATE
_GRAIN = 320  # samples per encoder frame: two mel frames of 10 ms
_TOKENS_PER_S: dict[Language, float] = {"zh": 12.0, "en": 8.0}
_SPARE_TOKENS = 12
_MAX_LENGTH = 448
_MAX_PROMPT_TOKENS = 96
_SEED = 1
_LANGUAGES: tuple[Language, ...] = ("zh", "en")
_LEAST = 1e-9
"""Probability below which the detector's figure is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """How text is looked for."""

    beam: int
    full: bool = False
    """Pad to 30 s."""
    repetition_penalty: float = 1.0
    temperature: float = 0.0
    """Above 0: sample instead of searching."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A window that holds speech."""

    index: int
    audio: Float32
    """The trimmed speech, -1..1."""
    offset_ms: int
    """Where it begins in the window."""
    language: Language | None
    final: bool
    prompt: str
    language_prior: float = 0.0
    """Log-odds of zh against en, where the language is to be detected."""

    @property
    def speech_ms(self) -> int:
        return len(self.audio) * 1000 // ENGINE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """What came out for one job, before it is judged."""

    job: _Job
    language: Language
    language_probability: float
    tokens: list[int]
    text: str
    avg_logprob: float
    no_speech_prob: float
    encoded: Any
    """The encoder's output of the batch, for the alignment."""
    row: int

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Orders several decodes of one window: believable, free of repetition, probable."""
        return self.verdict is None, not stutters(self.text), self.avg_logprob

    @property
    def verdict(self) -> Reason | None:
        return judge(
            self.text,
            speech_ms=self.job.speech_ms,
            language=self.language,
            avg_logprob=self.avg_logprob,
            no_speech_prob=self.no_speech_prob,
        )


class WindowDecoder:
    """A loaded model. Not thread-safe; one per process."""

    def __init__(self, model_dir: Path, config: EngineConfig) -> None:
        if not (model_dir / "tokenizer.json").is_file() or not (model_dir / "model.bin").is_file():
            raise ModelError(
                f"{model_dir} is not a CTranslate2 Whisper model: model.bin and tokenizer.json are needed; "
                "see `callcue models list`"
            )
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer
        from faster_whisper.transcribe import get_suppressed_tokens

        try:
            self._model = WhisperModel(
                str(model_dir),
                device=config.device,
                compute_type=config.compute_type,
                cpu_threads=1,
                num_workers=1,
                local_files_only=True,
            )
        except (RuntimeError, ValueError, OSError) as error:
            raise ModelError(f"the Whisper model in {model_dir} cannot be loaded: {error}") from error
        self._config = config
        multilingual: bool = self._model.model.is_multilingual
        self._languages: tuple[Language, ...] = _LANGUAGES if multilingual else ("en",)
        self._tokenizers = {
            language: Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)
            for language in self._languages
        }
        first = self._tokenizers[self._languages[0]]
        self._suppressed = list(get_suppressed_tokens(first, [-1]))
        self._speech = SpeechCheck()

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """One hypothesis per window, in order. Raises BadAudio for a window of more than 30 s."""
        results: list[Hypothesis | None] = [None] * len(windows)
        jobs: list[_Job] = []
        for index, window in enumerate(windows):
            job = self._prepare(index, window)
            if job is None:
                results[index] = Hypothesis(
                    text="", language=window.language or "zh", language_probability=0.0, rejected="no_speech"
                )
            else:
                jobs.append(job)
        for final in (True, False):
            group = [job for job in jobs if job.final == final]
            for job, hypothesis in zip(group, self._group(group, final=final), strict=True):
                results[job.index] = hypothesis
        return [result for result in results if result is not None]

    def _prepare(self, index: int, window: Window) -> _Job | None:
        samples = np.frombuffer(window.pcm, dtype="<i2").astype(np.float32) / 32768.0
        if len(samples) > _MAX_SAMPLES:
            raise BadAudio(f"a window of {window.duration_ms} ms is too long; at most {MAX_WINDOW_S} s can be decoded")
        span = self._speech.span(samples)
        if span is None:
            return None
        language = window.language
        if language not in self._languages:
            language = self._languages[0] if len(self._languages) == 1 else None
        return _Job(
            index=index,
            audio=samples[span[0] : span[1]],
            offset_ms=span[0] * 1000 // ENGINE_RATE,
            language=language,
            final=window.final,
            prompt=window.prompt,
            language_prior=window.language_prior,
        )

    def _group(self, jobs: list[_Job], *, final: bool) -> list[Hypothesis]:
        if not jobs:
            return []
        decoded = self._run(jobs, _Search(beam=self._config.beam_size if final else 1))
        times = self._words(decoded) if final else {}
        return [self._finish(item, times.get(item.job.index, ()), final=final) for item in decoded]

    def _finish(self, item: _Decoded, words: Sequence[Any], *, final: bool) -> Hypothesis:
        verdict, second = item.verdict, False
        if final and worth_a_second_try(verdict, item.text):
            second = True
            item, words = self._second_try(item)
            verdict = item.verdict
        base = Hypothesis(
            text="",
            language=item.language,
            language_probability=item.language_probability,
            avg_logprob=item.avg_logprob,
            no_speech_prob=item.no_speech_prob,
            fallback=second,
        )
        if verdict is not None:
            return replace(base, rejected=verdict)
        text = to_simplified(item.text) if item.language == "zh" else item.text
        return replace(base, text=text, words=tuple(words))

    def _second_try(self, item: _Decoded) -> tuple[_Decoded, Sequence[Any]]:
        """Careful decodes, until one is believable: with a penalty for repetition, which ends most loops at the price
        of the first try; then in the full window; then with some chance. Returns the best, which may still be wrong."""
        job = replace(item.job, language=item.language)
        best = item
        beam = self._config.beam_size
        for search in (
            _Search(beam=beam, repetition_penalty=1.2),
            _Search(beam=beam, repetition_penalty=1.1, full=True),
            _Search(beam=1, repetition_penalty=1.1, full=True, temperature=0.4),
        ):
            again = self._run([job], search)[0]
            better = again.rank > best.rank
            best = again if better else best
            if not worth_a_second_try(best.verdict, best.text):
                break
        return best, self._words([best]).get(job.index, ())

    def _run(self, jobs: list[_Job], search: _Search) -> list[_Decoded]:
        encoded = self._model.encode(self._features(jobs, full=search.full))
        languages = self._detect(jobs, encoded)
        prompts = self._prompts(jobs, [language for language, _ in languages])
        budget = max(
            job.speech_ms / 1000 * _TOKENS_PER_S[language] for job, (language, _) in zip(jobs, languages, strict=True)
        )
        sampling: dict[str, Any] = {"patience": 1.0}
        if search.temperature > 0:
            import ctranslate2

            ctranslate2.set_random_seed(_SEED)  # the same window gives the same text, whatever came before
            sampling = {"sampling_topk": 0, "sampling_temperature": search.temperature}
        generated = self._model.model.generate(
            encoded,
            prompts,
            beam_size=search.beam,
            repetition_penalty=search.repetition_penalty,
            max_length=min(_MAX_LENGTH, len(prompts[0]) + int(budget) + _SPARE_TOKENS),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed,
            **sampling,
        )
        return [
            self._decoded(job, language, result, encoded, row)
            for row, (job, language, result) in enumerate(zip(jobs, languages, generated, strict=True))
        ]

    def _decoded(self, job: _Job, language: tuple[Language, float], result: Any, encoded: Any, row: int) -> _Decoded:
        tokenizer = self._tokenizers[language[0]]
        tokens = [token for token in result.sequences_ids[0] if token < tokenizer.eot]
        length = len(result.sequences_ids[0])
        return _Decoded(
            job=job,
            language=language[0],
            language_probability=language[1],
            tokens=tokens,
            text=tokenizer.decode(tokens).replace("\ufffd", "").strip(),
            # the score is the mean over the tokens; Whisper's own figure counts the end of text too
            avg_logprob=float(result.scores[0]) * length / (length + 1),
            no_speech_prob=float(result.no_speech_prob),
            encoded=encoded,
            row=row,
        )

    def _features(self, jobs: Sequence[_Job], *, full: bool) -> Float32:
        """[batch, mels, frames]: every window padded to the longest one's speech + padding, or to 30 s."""
        audios = [job.audio for job in jobs]
        wanted_s = max(len(audio) for audio in audios) / ENGINE_RATE + self._config.padding_s
        if jobs[0].final:
            wanted_s = max(wanted_s, self._config.min_window_s)
        wanted = _MAX_SAMPLES if full else round(wanted_s * ENGINE_RATE)
        samples = min(_MAX_SAMPLES, math.ceil(wanted / _GRAIN) * _GRAIN)
        extract = self._model.feature_extractor
        # the extractor drops its last frame, so one hop more than the frames that are wanted
        rows = [extract(np.pad(audio, (0, samples - len(audio))), padding=160) for audio in audios]
        frames = samples // extract.hop_length
        return np.ascontiguousarray(np.stack([row[:, :frames] for row in rows]), dtype=np.float32)

    def _detect(self, jobs: list[_Job], encoded: Any) -> list[tuple[Language, float]]:
        """Per job the language, and its probability as the audio alone has it; only the product's languages compete.
        The window's prior decides with the detector, but is not mixed into what is reported: it is no news."""
        if all(job.language is not None for job in jobs) or len(self._languages) == 1:
            return [(job.language or self._languages[0], 1.0) for job in jobs]
        found: list[tuple[Language, float]] = []
        for job, row in zip(jobs, self._model.model.detect_language(encoded), strict=True):
            chances = {token[2:-2]: float(probability) for token, probability in row}
            zh, en = chances.get("zh", 0.0) + chances.get("yue", 0.0), chances.get("en", 0.0)
            p_zh = zh / (zh + en) if zh + en > 0 else 0.5
            log_odds = math.log(max(p_zh, _LEAST) / max(1.0 - p_zh, _LEAST)) + job.language_prior
            guess: tuple[Language, float] = ("zh", p_zh) if log_odds >= 0.0 else ("en", 1.0 - p_zh)
            found.append((job.language, 1.0) if job.language is not None else guess)
        return found

    def _prompts(self, jobs: list[_Job], languages: Iterable[Language]) -> list[list[int]]:
        """Start sequences of equal length: CTranslate2 wants the start token at one place in the whole batch."""
        tokenizers = [self._tokenizers[language] for language in languages]
        before = [
            tokenizer.encode(" " + job.prompt.strip())[-_MAX_PROMPT_TOKENS:] if job.prompt.strip() else []
            for job, tokenizer in zip(jobs, tokenizers, strict=True)
        ]
        shared = min(len(tokens) for tokens in before)
        return [
            ([tokenizer.sot_prev, *tokens[-shared:]] if shared else [])
            + [*tokenizer.sot_sequence, tokenizer.no_timestamps]
            for tokens, tokenizer in zip(before, tokenizers, strict=True)
        ]

    def _words(self, decoded: Sequence[_Decoded]) -> dict[int, Sequence[Any]]:
        """Word times of the believable results, by job index; one alignment per language."""
        times: dict[int, Sequence[Any]] = {}
        believable = [item for item in decoded if item.verdict is None and item.tokens]
        for language in self._languages:
            same = [item for item in believable if item.language == language]
            if not same:
                continue
            encoded = same[0].encoded
            if len(same) < len(decoded):  # the alignment takes a whole batch: pick this language's rows
                import ctranslate2

                encoded = ctranslate2.StorageView.from_array(
                    np.ascontiguousarray(np.array(encoded)[[item.row for item in same]])
                )
            found = self._model.find_alignment(
                self._tokenizers[language],
                [item.tokens for item in same],
                encoded,
                [max(1, len(item.job.audio) // 160) for item in same],
            )
            for item, alignment in zip(same, found, strict=True):
                times[item.job.index] = word_times(alignment, item.job.offset_ms, item.job.speech_ms, language)
        return times
