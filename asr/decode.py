"""From a window of audio to a hypothesis: trim to the speech, decode, judge, try again where it looks wrong.

Runs inside a recogniser's process, never in the event loop. Each window is trimmed to its speech, padded with a few
seconds of silence (without them the decoder does not find the end of text) and decoded with its length bound by the
audio's. Only a result that looks wrong is decoded again, at last in Whisper's full 30 seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from asr.alternatives import otherwise
from asr.config import EngineConfig
from asr.guards import Reason, english_phrase, judge, stutters, worth_a_second_try
from asr.script import to_simplified
from asr.speech_check import SpeechCheck
from asr.whisper import MAX_SAMPLES, MAX_WINDOW_S, Encoded, Float32, Found, Request, Search, WhisperWindows
from callcue.core.errors import BadAudio
from callcue.core.speech import ENGINE_RATE, Hypothesis, Language, Window

_TOKENS_PER_S: dict[Language, float] = {"zh": 12.0, "en": 8.0}
_SPARE_TOKENS = 12
_LEAST = 1e-9
"""Probability below which the detector's figure is noise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """A window that holds speech."""

    window: Window
    audio: Float32
    """The trimmed speech, -1..1."""
    offset_ms: int
    """Where it begins in the window."""

    @property
    def speech_ms(self) -> int:
        return len(self.audio) * 1000 // ENGINE_RATE


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded:
    """What came out for one job, before it is judged."""

    job: _Job
    request: Request
    language_probability: float
    found: Found

    @property
    def rank(self) -> tuple[bool, bool, float]:
        """Orders several decodes of one window: believable, free of repetition, probable."""
        return self.verdict is None, not stutters(self.found.text), self.found.avg_logprob

    @property
    def verdict(self) -> Reason | None:
        return judge(
            self.found.text,
            speech_ms=self.job.speech_ms,
            language=self.request.language,
            avg_logprob=self.found.avg_logprob,
            no_speech_prob=self.found.no_speech_prob,
        )

    @property
    def switched(self) -> bool:
        """Whether Chinese turned into an English sentence: Whisper does so where it understands little."""
        return self.request.language == "zh" and english_phrase(self.found.text)

    @property
    def doubtful(self) -> bool:
        return worth_a_second_try(self.verdict, self.found.text)


class WindowDecoder:
    """A loaded model and the second opinion on speech. Not thread-safe; one per process."""

    def __init__(self, model_dir: Path, config: EngineConfig) -> None:
        self._config = config
        self._model = WhisperWindows(model_dir, config)
        self._speech = SpeechCheck()

    def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """One hypothesis per window, in order. Raises BadAudio for a window of more than 30 s."""
        prepared = [self._prepare(window) for window in windows]
        decoded: dict[int, _Decoded] = {}
        for final in (True, False):
            indices = [i for i, job in enumerate(prepared) if job is not None and job.window.final == final]
            jobs = [job for job in prepared if job is not None and job.window.final == final]
            decoded.update(zip(indices, self._first_try(jobs, final=final), strict=True))
        return [
            self._finish(decoded[index]) if index in decoded else _nothing(window)
            for index, window in enumerate(windows)
        ]

    def _prepare(self, window: Window) -> _Job | None:
        samples = np.frombuffer(window.pcm, dtype="<i2").astype(np.float32) / 32768.0
        if len(samples) > MAX_SAMPLES:
            raise BadAudio(f"a window of {window.duration_ms} ms is too long; at most {MAX_WINDOW_S} s can be decoded")
        span = self._speech.span(samples)
        if span is None:
            return None
        return _Job(window=window, audio=samples[span[0] : span[1]], offset_ms=span[0] * 1000 // ENGINE_RATE)

    def _first_try(self, jobs: Sequence[_Job], *, final: bool) -> list[_Decoded]:
        encoded = [self._model.encode(job.audio, self._length_s(job)) for job in jobs]
        languages = [self._detect(job, heard) for job, heard in zip(jobs, encoded, strict=True)]
        requests = [
            Request(
                encoded=heard,
                language=language,
                max_tokens=int(job.speech_ms / 1000 * _TOKENS_PER_S[language]) + _SPARE_TOKENS,
                before=job.window.prompt,
                begin=job.window.begin,
            )
            for job, heard, (language, _) in zip(jobs, encoded, languages, strict=True)
        ]
        found = self._model.search(requests, Search(beam=self._config.beam_size if final else 1))
        return [
            _Decoded(job=job, request=request, language_probability=probability, found=text)
            for job, request, (_, probability), text in zip(jobs, requests, languages, found, strict=True)
        ]

    def _length_s(self, job: _Job) -> float:
        """Of the window that the encoder gets."""
        config, speech_s = self._config, job.speech_ms / 1000
        if not job.window.final:
            return speech_s + min(config.partial_padding_s, config.padding_s)
        least_s = config.patient_window_s if job.window.patient else config.min_window_s
        return max(least_s, speech_s + config.padding_s)

    def _detect(self, job: _Job, encoded: Encoded) -> tuple[Language, float]:
        """The language, and its probability as the audio alone has it; only the product's languages compete. The
        window's prior decides with the detector, but is not mixed into what is reported: it is no news."""
        spoken = self._model.languages
        if job.window.language in spoken:
            return job.window.language, 1.0
        if len(spoken) == 1:
            return spoken[0], 1.0
        chances = self._model.language_chances(encoded)
        zh, en = chances.get("zh", 0.0) + chances.get("yue", 0.0), chances.get("en", 0.0)
        p_zh = zh / (zh + en) if zh + en > 0 else 0.5
        log_odds = math.log(max(p_zh, _LEAST) / max(1.0 - p_zh, _LEAST)) + job.window.language_prior
        return ("zh", p_zh) if log_odds >= 0.0 else ("en", 1.0 - p_zh)

    def _finish(self, item: _Decoded) -> Hypothesis:
        """The judged hypothesis. A final that looks wrong gets its second try here."""
        final = item.job.window.final
        second = final and (item.doubtful or item.switched)
        if final and item.switched:
            item = self._in_chinese(item)
        if final and item.doubtful:
            item = self._second_try(item)
        verdict, found, language = item.verdict, item.found, item.request.language
        hypothesis = Hypothesis(
            text="",
            language=language,
            language_probability=item.language_probability,
            avg_logprob=found.avg_logprob,
            no_speech_prob=found.no_speech_prob,
            rejected=verdict,
            fallback=second,
        )
        if verdict is not None:
            return hypothesis
        text, *others = (to_simplified(t) if language == "zh" else t for t in (found.text, *found.others))
        return replace(
            hypothesis,
            text=text,
            words=self._model.word_times(item.request, found, item.job.offset_ms) if final else (),
            alternatives=otherwise(text, others) if final else (),
        )

    def _in_chinese(self, first: _Decoded) -> _Decoded:
        """Without Latin letters, if that is as probable. Else somebody may have said it in English: so two of 38 such
        sentences became Chinese; a margin of 0.3 made that six, and won nothing that had been Mandarin [measured].
        """
        found = self._model.search([first.request], Search(beam=self._config.beam_size, latin=False))[0]
        again = replace(first, found=found)
        believable = again.verdict is None and found.avg_logprob >= first.found.avg_logprob
        return again if believable else first

    def _second_try(self, first: _Decoded) -> _Decoded:
        """Careful decodes, until one is believable: with a penalty for repetition, which ends most loops at the price
        of the first try; then in the full window; then with some chance. Returns the best, which may still be wrong."""
        beam = self._config.beam_size
        best = again = first
        for search, full in (
            (Search(beam=beam, repetition_penalty=1.2), False),
            (Search(beam=beam, repetition_penalty=1.1), True),
            (Search(beam=1, repetition_penalty=1.1, temperature=0.4), True),
        ):
            request = again.request
            if full and again.request is first.request:
                request = replace(request, encoded=self._model.encode(first.job.audio, MAX_WINDOW_S))
            again = replace(again, request=request, found=self._model.search([request], search)[0])
            best = max(best, again, key=lambda item: item.rank)
            if best.verdict is None and not best.doubtful:
                break
        return best


def _nothing(window: Window) -> Hypothesis:
    return Hypothesis(text="", language=window.language or "zh", language_probability=0.0, rejected="no_speech")
