"""Guards against invented text: what Whisper writes when nobody speaks, and its loops.

Pure functions of text and scores; the phrases are in ``asr.boilerplate``, the second opinion on the audio itself
(Silero) in ``asr.decode``. Thresholds: log probability -1.0 with no-speech 0.6 and compression ratio 2.4 are OpenAI
Whisper's; the others are ours, set so that telephone Chinese passes (对对对对, 喂喂喂, 8888 8888) and decoding loops do
not.
"""

import re
import zlib
from collections.abc import Sequence
from typing import Literal

from asr.boilerplate import said_on_calls
from asr.script import to_simplified
from callcue.core.speech import Language

Reason = Literal["no_speech", "low_confidence", "repetition", "too_long", "boilerplate"]

NO_SPEECH_PROB = 0.6
NO_SPEECH_LOGPROB = -1.0
LOW_LOGPROB = -1.6
"""Below this the text has nothing to do with the audio."""
BOILERPLATE_LOGPROB = -0.4
"""A farewell of which the recogniser is surer may have been said."""
COMPRESSION_RATIO = 2.4
MIN_COMPRESSION_CHARS = 24
_MAX_CHARS_PER_S: dict[Language, float] = {"zh": 11.0, "en": 30.0}
_SPARE_CHARS = 8
_LOOP_UNITS = ((1, 12), (2, 7), (3, 6), (4, 5), (6, 4), (40, 4))
"""(longest unit in characters, repeats that make a loop); the first row that fits the unit counts."""
_STUTTER_UNITS = ((6, 4), (40, 3))
_MAX_UNIT = 40

_DIGITS = re.compile(r"[\d零〇一二三四五六七八九十百千万两点]+")
_LATIN = re.compile(r"[a-z\u00e0-\u024f]")
_ENGLISH_RUN = re.compile(r"[A-Za-z']+(?:[ ,]+[A-Za-z']+)+")
_FUNCTION_WORD = re.compile(
    r"\b(?:the|an?|of|to|in|is|are|was|were|be|it|th(?:is|at|ey|ere)|what|how|where|why|your?|he|she|we|i|my|and|or|but|"
    r"do(?:es)?|did|ha(?:ve|s)|not|can|will|would|so|with|for|on|at)\b",
    re.IGNORECASE,
)
_IGNORED = re.compile(r"[\s\W_]+")


def bare(text: str) -> str:
    """Letters, digits and characters only, in lower case: what loops and phrases are looked for in."""
    return _IGNORED.sub("", text).lower()


def compression_ratio(text: str) -> float:
    """Bytes of UTF-8 per byte of their zlib compression; loops compress well."""
    data = text.encode()
    return len(data) / len(zlib.compress(data)) if data else 0.0


def _limit(limits: Sequence[tuple[int, int]], unit: int) -> int:
    return next(repeats for longest, repeats in limits if unit <= longest)


def _repeats(core: str, limits: Sequence[tuple[int, int]], units: range) -> bool:
    """Whether a stretch of so many characters follows itself as often as ``limits`` says."""
    for unit in units:
        run = 0  # how many characters in a row equal the one ``unit`` before them
        needed = unit * (_limit(limits, unit) - 1)
        for left, right in zip(core, core[unit:], strict=False):
            run = run + 1 if left == right else 0
            if run >= needed:
                return True
    return False


def has_loop(text: str) -> bool:
    """Whether a stretch of 1 to 40 characters follows itself more often than people do."""
    core = bare(text)
    if _repeats(core, _LOOP_UNITS, range(1, min(_MAX_UNIT, len(core) // 2) + 1)):
        return True
    return len(core) >= MIN_COMPRESSION_CHARS and compression_ratio(core) > COMPRESSION_RATIO


def stutters(text: str) -> bool:
    """Whether it repeats itself as people do and decoders too (您好 您好 您好 您好): worth a second try, no rejection.
    Numbers are left out: their digits do repeat."""
    core = _DIGITS.sub("", bare(text))
    return _repeats(core, _STUTTER_UNITS, range(2, min(_MAX_UNIT, len(core) // 2) + 1))


def english_phrase(text: str) -> bool:
    """Whether English words follow one another as in a sentence ("what are the"), not as in a name (Office Home)."""
    return any(_FUNCTION_WORD.search(run.group()) for run in _ENGLISH_RUN.finditer(text))


def is_boilerplate(text: str, avg_logprob: float, no_speech_prob: float = 0.0) -> bool:
    """Whether the whole text is a credit, farewell or appeal of a video, as in Whisper's training data, and there is
    not enough to say that somebody said it all the same."""
    said = said_on_calls(bare(to_simplified(text)))
    unsure, unheard = avg_logprob < BOILERPLATE_LOGPROB, no_speech_prob > NO_SPEECH_PROB
    return said == "never" or (said == "hardly" and (unsure or unheard)) or (said == "perhaps" and unsure and unheard)


def max_chars(duration_ms: int, language: Language) -> int:
    """The most characters that anybody says in this time."""
    return int(duration_ms / 1000 * _MAX_CHARS_PER_S[language]) + _SPARE_CHARS


def _length(core: str, language: Language) -> float:
    """In characters of the language: the letters of English words in Chinese are said as fast as in English."""
    if language != "zh":
        return len(core)
    return len(core) - len(_LATIN.findall(core)) * (1.0 - _MAX_CHARS_PER_S["zh"] / _MAX_CHARS_PER_S["en"])


def judge(text: str, *, speech_ms: int, language: Language, avg_logprob: float, no_speech_prob: float) -> Reason | None:
    """Why the text must not be believed; None when it may be. ``speech_ms`` is the speech in the window."""
    core = bare(text)
    silent = no_speech_prob > NO_SPEECH_PROB and avg_logprob < NO_SPEECH_LOGPROB
    checks: tuple[tuple[Reason, bool], ...] = (
        ("no_speech", not core or silent),
        ("repetition", has_loop(text)),
        ("too_long", _length(core, language) > max_chars(speech_ms, language)),
        ("boilerplate", is_boilerplate(text, avg_logprob, no_speech_prob)),
        ("low_confidence", avg_logprob < LOW_LOGPROB),
    )
    return next((reason for reason, applies in checks if applies), None)


def worth_a_second_try(reason: Reason | None, text: str) -> bool:
    """Whether a careful decode may do better: loops, runaway lengths and hopeless texts, not silence. Doubtful texts
    (Whisper's own limit is -1.0) gained nothing by it, at a third more cost [measured on 8 kHz calls]."""
    return reason in ("repetition", "too_long", "low_confidence") or (reason is None and stutters(text))
