"""The Whisper model: encode, search, align. Runs inside a recogniser's process, never in the event loop.

Whisper was trained on windows of 30 seconds, but its encoder takes fewer mel frames at proportionally lower cost.
Windows are encoded one by one: on the machines measured, four at once cost up to 1.7 times as much for each, since they
leave the cache, and every one would be padded to the longest. The decoder gains by company (a quarter less for four
greedy searches), so windows of one length share its steps. Lengths are rounded up to few values, which makes company
likely; what a window says does not depend on the company it is in.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from asr.config import EngineConfig
from asr.words import word_times
from callcue.core.errors import ModelError
from callcue.core.speech import ENGINE_RATE, Language, Word

Float32 = npt.NDArray[np.float32]

LANGUAGES: tuple[Language, ...] = ("zh", "en")
MAX_WINDOW_S = 30
MAX_SAMPLES = MAX_WINDOW_S * ENGINE_RATE
_STEP_S = 1.5
_MAX_LENGTH = 448
_SEED = 1
_LATIN = re.compile(r"[A-Za-z]")  # the vocabulary writes bytes beyond ASCII as other characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """How text is looked for."""

    beam: int
    repetition_penalty: float = 1.0
    temperature: float = 0.0
    """Above 0: sample instead of searching."""
    latin: bool = True
    """False: no letters of the Latin script."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """A window as the encoder heard it."""

    states: Float32
    """[1, frames, width]; a frame is 20 ms."""
    samples: int
    """Of speech in the window, at ``ENGINE_RATE``; the rest is padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One window to search for text."""

    encoded: Encoded
    language: Language
    max_tokens: int
    """Of text; what goes beyond is cut off."""
    before: str = ""
    """What was said before the window."""
    begin: str = ""
    """How the text begins: the search goes on from there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The text of one window."""

    tokens: tuple[int, ...]
    text: str
    avg_logprob: float
    """Mean over the tokens."""
    no_speech_prob: float
    others: tuple[str, ...] = ()
    """What the beam also ended with, best first; empty without a beam."""


class WhisperWindows:
    """A loaded CTranslate2 model. Not thread-safe; one per process."""

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
        multilingual: bool = self._model.model.is_multilingual
        self.languages: tuple[Language, ...] = LANGUAGES if multilingual else ("en",)
        self._tokenizers = {
            language: Tokenizer(self._model.hf_tokenizer, multilingual, task="transcribe", language=language)
            for language in self.languages
        }
        self._suppressed = list(get_suppressed_tokens(self._tokenizers[self.languages[0]], [-1]))

    def encode(self, audio: Float32, window_s: float) -> Encoded:
        """``audio`` (-1..1, ``ENGINE_RATE``) padded with silence to ``window_s`` or up to 1.5 s more, 30 s at most."""
        samples = min(MAX_SAMPLES, math.ceil(window_s / _STEP_S - 1e-9) * round(_STEP_S * ENGINE_RATE))
        samples = max(samples, min(MAX_SAMPLES, len(audio)))
        extract = self._model.feature_extractor
        frames = samples // extract.hop_length // 2 * 2  # the encoder makes one of two
        # the extractor drops its last frame, so one hop more than the frames that are wanted
        mels = extract(np.pad(audio, (0, max(0, samples - len(audio)))), padding=extract.hop_length)
        states = np.array(self._model.encode(np.ascontiguousarray(mels[None, :, :frames], dtype=np.float32)))
        return Encoded(states=states, samples=len(audio))

    def language_chances(self, encoded: Encoded) -> dict[str, float]:
        """Probability of each language that Whisper knows, by its code."""
        (row,) = self._model.model.detect_language(_view([encoded]))
        return {token[2:-2]: float(probability) for token, probability in row}

    def search(self, requests: Sequence[Request], how: Search) -> list[Found]:
        """One text per request, in order."""
        found: list[Found | None] = [None] * len(requests)
        prompts = [self._prompt(request) for request in requests]
        groups: dict[tuple[int, int], list[int]] = {}
        for index, (request, (_, before)) in enumerate(zip(requests, prompts, strict=True)):
            # CTranslate2 wants the start token at one place in the whole batch
            groups.setdefault((request.encoded.states.shape[1], before), []).append(index)
        for indices in groups.values():
            group = [requests[index] for index in indices]
            for index, text in zip(indices, self._search(group, [prompts[i][0] for i in indices], how), strict=True):
                found[index] = text
        return [text for text in found if text is not None]

    def word_times(self, request: Request, found: Found, offset_ms: int) -> tuple[Word, ...]:
        """When each word was said: milliseconds since ``offset_ms`` before the window's beginning."""
        if not found.tokens:
            return ()
        (alignment,) = self._model.find_alignment(
            self._tokenizers[request.language],
            [list(found.tokens)],
            _view([request.encoded]),
            [max(1, request.encoded.samples // self._model.feature_extractor.hop_length)],
        )
        return word_times(alignment, offset_ms, request.encoded.samples * 1000 // ENGINE_RATE, request.language)

    def _prompt(self, request: Request) -> tuple[list[int], int]:
        """The tokens that the search goes on from, and how many of them come before the start token."""
        tokenizer = self._tokenizers[request.language]
        before = tokenizer.encode(" " + request.before.strip())[-_MAX_LENGTH // 4 :] if request.before.strip() else []
        begin = request.begin.strip()
        begun = tokenizer.encode(begin if request.language == "zh" else " " + begin) if begin else []
        start = [tokenizer.sot_prev, *before] if before else []
        return [*start, *tokenizer.sot_sequence, tokenizer.no_timestamps, *begun], len(start)

    def _search(self, requests: Sequence[Request], prompts: list[list[int]], how: Search) -> list[Found]:
        sampling: dict[str, Any] = {"patience": 1.0}
        if how.temperature > 0:
            import ctranslate2

            ctranslate2.set_random_seed(_SEED)  # the same window gives the same text, whatever came before
            sampling = {"sampling_topk": 0, "sampling_temperature": how.temperature}
        longest = max(len(prompt) for prompt in prompts) + max(request.max_tokens for request in requests)
        generated = self._model.model.generate(
            _view([request.encoded for request in requests]),
            prompts,
            beam_size=how.beam,
            # a beam ends with that many texts in any case: to be told them costs nothing [measured]
            num_hypotheses=1 if how.temperature > 0 else how.beam,
            repetition_penalty=how.repetition_penalty,
            max_length=min(_MAX_LENGTH, 2 * longest),  # CTranslate2 allows half of it (src/models/whisper.cc)
            return_scores=True,
            return_no_speech_prob=True,
            suppress_blank=True,
            suppress_tokens=self._suppressed if how.latin else self._not_latin,
            **sampling,
        )
        return [self._found(request, result) for request, result in zip(requests, generated, strict=True)]

    @cached_property
    def _not_latin(self) -> list[int]:
        """What is always suppressed, and every token with a letter of the Latin script."""
        end = self._tokenizers[self.languages[0]].eot
        words = self._model.hf_tokenizer.get_vocab(with_added_tokens=False).items()
        return sorted({*self._suppressed, *(token for word, token in words if token < end and _LATIN.search(word))})

    def _found(self, request: Request, result: Any) -> Found:
        tokenizer = self._tokenizers[request.language]
        sequence = result.sequences_ids[0]
        first, *others = (
            tuple(token for token in tokens if token < tokenizer.eot)[: request.max_tokens]
            for tokens in result.sequences_ids
        )
        return Found(
            tokens=first,
            text=_written(tokenizer, first),
            others=tuple(_written(tokenizer, tokens) for tokens in others),
            # the score is the mean over the tokens; Whisper's own figure counts the end of text too
            avg_logprob=float(result.scores[0]) * len(sequence) / (len(sequence) + 1),
            no_speech_prob=float(result.no_speech_prob),
        )


def _written(tokenizer: Any, tokens: Sequence[int]) -> str:
    text: str = tokenizer.decode(list(tokens)).replace("\ufffd", "").strip()
    return text


def _view(encoded: Sequence[Encoded]) -> Any:
    import ctranslate2

    states = np.concatenate([item.states for item in encoded]) if len(encoded) > 1 else encoded[0].states
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(states))
