"""Utterances to build streams of: those of the packaged demo call, or of a set of the reader's own. 8 kHz, s16le."""

import json
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from asr.files import read_audio
from callcue.core.speech import Language
from eval.speech_set import load, read_set

RATE = 8000
"""Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """One utterance."""

    pcm: bytes = field(repr=False)
    text: str
    language: Language

    @property
    def duration_ms(self) -> int:
        """Milliseconds, silence at both ends included."""
        return len(self.pcm) // 2 * 1000 // RATE


def demo_spoken(shortest_ms: int, longest_ms: int) -> list[Spoken]:
    """The turns of the demo call that last so long, both sides', in order; cut where the turns begin and end."""
    assets = Path(str(files("callcue.app") / "assets"))
    channels = read_audio(assets / "demo_call.flac").channels
    call = json.loads((assets / "demo_call.json").read_text(encoding="utf-8"))
    found = []
    for turn in call["turns"]:
        start, end = turn["start_ms"], turn["end_ms"]
        if shortest_ms <= end - start <= longest_ms:
            pcm = channels[("caller", "agent").index(turn["channel"])]
            part = pcm[start * RATE // 1000 * 2 : end * RATE // 1000 * 2]
            found.append(Spoken(pcm=part, text=turn["text"], language=call["lang"]))
    return found


def set_spoken(folder: Path, language: Language | None, longest_ms: int) -> list[Spoken]:
    """Those of a set (``manifest.jsonl``) that are not longer than that. Raises BadInput."""
    pairs = ((utterance, load(utterance, RATE)) for utterance in read_set(folder, language))
    found = [
        Spoken(pcm=audio.pcm, text=utterance.transcript, language=utterance.language) for utterance, audio in pairs
    ]
    return [item for item in found if item.duration_ms <= longest_ms]
