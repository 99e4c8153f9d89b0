"""Synthetic live calls: utterances of a set taken in turns by a caller and an agent, over a mu-law line or none.

Who speaks alternates; between turns there are natural pauses, now and then somebody interrupts. So about half of each
channel or more is silence, which is a quiet noise here, as on a line. A seed and a number always make the same call.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from callcue.core.errors import BadInput
from callcue.core.speech import ENGINE_RATE, Channel, Language
from eval.report import warn
from eval.speech_set import TELEPHONE_RATE, Line, load, read_set, through_mulaw

CHANNELS: tuple[Channel, Channel] = ("caller", "agent")
MIN_CLIP_MS = 600
"""Shorter clips are single words, which nobody says as a whole turn."""
MAX_CLIP_MS = 12_000
"""Longer ones are read paragraphs."""

_MARGIN_MS = 120
_FADE_MS = 10
_LEAD_MS = 300
_TAIL_MS = 1500
_TRIES = 8
_NOISE_RMS = 6.0  # of 32768: -75 dB, below what any voice activity detector hears


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """One utterance, cut to its speech with a little around it."""

    pcm: bytes
    """s16le, mono."""
    rate: int
    """Hz."""
    speech_start_ms: int
    """Within the clip."""
    speech_end_ms: int
    text: str
    language: Language

    @property
    def duration_ms(self) -> int:
        """Milliseconds, margins included."""
        return len(self.pcm) // 2 * 1000 // self.rate


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One utterance in a call."""

    channel: Channel
    start_ms: int
    """Call time at which speech begins."""
    end_ms: int
    """Call time at which it ends."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveCall:
    """One call and what is said in it."""

    id: str
    language: Language
    rate: int
    """Hz."""
    tracks: Mapping[Channel, bytes]
    """s16le, all of one length."""
    spoken: tuple[Spoken, ...]
    """In order of their start."""

    @property
    def duration_ms(self) -> int:
        """Milliseconds."""
        return len(self.tracks[CHANNELS[0]]) // 2 * 1000 // self.rate

    @property
    def speech_ms(self) -> int:
        """Milliseconds of speech, both channels together."""
        return sum(spoken.end_ms - spoken.start_ms for spoken in self.spoken)

    def of(self, channel: Channel) -> list[Spoken]:
        """What one side says."""
        return [spoken for spoken in self.spoken if spoken.channel == channel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """How people take turns."""

    pause_ms: tuple[int, int] = (500, 2500)
    """Between two turns, from and to."""
    interruptions: float = 0.06
    """Share of turns that begin before the one before them has ended."""
    interruption_ms: tuple[int, int] = (100, 400)
    """By how much."""


def read_clips(folder: Path, lang: Language | None = None, *, line: Line = "telephone") -> list[Clip]:
    """The utterances of a set that could be turns of a call; 16 kHz of a clean line. Raises BadInput, BadAudio."""
    clips = []
    rate = TELEPHONE_RATE if line == "telephone" else ENGINE_RATE
    utterances = read_set(folder, lang)
    for utterance in utterances:
        audio = load(utterance, rate)
        if not MIN_CLIP_MS <= audio.speech_end_ms - audio.speech_start_ms <= MAX_CLIP_MS:
            continue
        begin = max(0, audio.speech_start_ms - _MARGIN_MS)
        clips.append(
            Clip(
                pcm=cut(audio.pcm, rate, begin, audio.speech_end_ms + _MARGIN_MS),
                rate=rate,
                speech_start_ms=audio.speech_start_ms - begin,
                speech_end_ms=audio.speech_end_ms - begin,
                text=utterance.transcript,
                language=utterance.language,
            )
        )
    if not clips:
        raise BadInput(f"{folder} has no utterance between {MIN_CLIP_MS} and {MAX_CLIP_MS} ms of speech")
    if len(clips) < len(utterances):
        warn(f"{len(utterances) - len(clips)} of {len(utterances)} utterances are too short or too long for a turn")
    return clips


def make_calls(
    clips: Sequence[Clip], count: int, *, seconds: float, seed: int, talk: Talk | None = None
) -> list[LiveCall]:
    """``count`` calls of about ``seconds``. The languages of the clips take turns from call to call."""
    languages: list[Language] = sorted({clip.language for clip in clips})
    calls = []
    for number in range(count):
        language = languages[number % len(languages)]
        own = [clip for clip in clips if clip.language == language]
        calls.append(make_call(own, number, seconds=seconds, seed=seed, talk=talk or Talk()))
    return calls


def make_call(clips: Sequence[Clip], number: int, *, seconds: float, seed: int, talk: Talk) -> LiveCall:
    """One call; ``number`` tells it from others of the same seed. Raises BadInput when not one clip fits."""
    chance = random.Random(f"{seed}-{number}")
    end_ms = int(seconds * 1000)
    placed: list[tuple[int, Channel, Clip]] = []
    at_ms = _LEAD_MS + chance.randrange(1000)
    turn = chance.randrange(2)
    too_long = 0
    busy_until = dict.fromkeys(CHANNELS, 0)
    for clip in _deck(clips, chance):
        channel = CHANNELS[turn % 2]
        at_ms = max(at_ms, busy_until[channel] + talk.pause_ms[0])
        if at_ms + clip.duration_ms > end_ms - _TAIL_MS:
            too_long += 1
            if too_long > _TRIES:
                break
            continue
        placed.append((at_ms, channel, clip))
        busy_until[channel] = at_ms + clip.duration_ms
        if chance.random() < talk.interruptions:
            at_ms += clip.duration_ms - chance.randint(*talk.interruption_ms)
        else:
            at_ms += clip.duration_ms + chance.randint(*talk.pause_ms)
        turn += 1
    if not placed:
        raise BadInput(f"a call of {seconds:g} s is too short for the utterances of this set; make it longer")
    return lay_out(f"load-{seed}-{number}", placed, end_ms, noise_seed=seed * 1000 + number)


def lay_out(name: str, placed: Sequence[tuple[int, Channel, Clip]], duration_ms: int, *, noise_seed: int) -> LiveCall:
    """A call from clips of one rate and the times at which they begin. 8 kHz: they go over a mu-law line."""
    rate = placed[0][2].rate
    noise = np.random.default_rng(noise_seed)
    tracks = {channel: noise.normal(0.0, _NOISE_RMS, duration_ms * rate // 1000) for channel in CHANNELS}
    for at_ms, channel, clip in placed:
        samples = _faded(np.frombuffer(clip.pcm, dtype="<i2").astype(np.float64), rate)
        start = at_ms * rate // 1000
        tracks[channel][start : start + len(samples)] += samples
    spoken = [
        Spoken(
            channel=channel,
            start_ms=at_ms + clip.speech_start_ms,
            end_ms=at_ms + clip.speech_end_ms,
            text=clip.text,
        )
        for at_ms, channel, clip in placed
    ]
    return LiveCall(
        id=name,
        language=placed[0][2].language,
        rate=rate,
        tracks={channel: _over_the_line(track, rate) for channel, track in tracks.items()},
        spoken=tuple(sorted(spoken, key=lambda one: one.start_ms)),
    )


def _deck(clips: Sequence[Clip], chance: random.Random) -> Iterator[Clip]:
    """Every clip once in random order, again and again."""
    while True:
        yield from chance.sample(clips, len(clips))


def _faded(samples: npt.NDArray[np.float64], rate: int) -> npt.NDArray[np.float64]:
    """Without a click at either end."""
    length = min(len(samples) // 2, _FADE_MS * rate // 1000)
    ramp = np.linspace(0.0, 1.0, length, endpoint=False)
    samples[:length] *= ramp
    samples[len(samples) - length :] *= ramp[::-1]
    return samples


def _over_the_line(track: npt.NDArray[np.float64], rate: int) -> bytes:
    pcm = np.clip(np.rint(track), -32768, 32767).astype("<i2").tobytes()
    return through_mulaw(pcm) if rate == TELEPHONE_RATE else pcm


def cut(pcm: bytes, rate: int, start_ms: int, end_ms: int) -> bytes:
    """The samples between two times."""
    return pcm[max(0, start_ms) * rate // 1000 * 2 : end_ms * rate // 1000 * 2]
