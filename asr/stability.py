"""What of a running transcript may be shown as settled: LocalAgreement-2.

Two consecutive hypotheses that agree from the start make the agreed part stable (Liu et al. 2020, "Low-latency
sequence-to-sequence speech recognition and translation by partial hypothesis selection"; Machacek et al. 2023, "Turning
Whisper into real-time transcription system"). Stable text only grows. A hypothesis that loops is not looked at, so two
equal loops cannot agree with each other. Units are characters in Chinese and words elsewhere; punctuation and case do
not count as disagreement.
"""

import re
from dataclasses import dataclass

from asr.guards import has_loop

_HAN = "\u3400-\u9fff\uf900-\ufaff"
_LETTER = rf"[^\W_{_HAN}]"
_UNIT = re.compile(rf"[{_HAN}]|{_LETTER}(?:{_LETTER}|['’](?=\w))*")


@dataclass(frozen=True, slots=True)
class _Unit:
    key: str
    """What is compared."""
    end: int
    """Offset in the text after the unit."""


def _units(text: str) -> list[_Unit]:
    return [_Unit(match.group().casefold(), match.end()) for match in _UNIT.finditer(text)]


def _continuation(stable: list[str], heard: list[str]) -> int:
    """How many units of ``heard`` stand for all of ``stable``: the prefix with the smallest edit distance to it."""
    row = list(range(len(heard) + 1))
    for i, key in enumerate(stable, start=1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, start=1):
            substitution = previous + (key != other)
            previous, row[j] = row[j], min(substitution, row[j] + 1, row[j - 1] + 1)
    return min(range(len(row)), key=lambda j: (row[j], abs(j - len(stable))))


class LocalAgreement:
    """The stable and the unstable text of one segment."""

    def __init__(self) -> None:
        self._stable = ""
        self._last: list[str] = []  # what the previous hypothesis had after the stable text

    @property
    def stable(self) -> str:
        """Only ever grows at its end."""
        return self._stable

    def update(self, text: str) -> tuple[str, str]:
        """Take the next hypothesis for the whole segment; returns (stable, unstable)."""
        text = text.strip()
        if has_loop(text):
            return self._stable, ""
        units = _units(text)
        done = _continuation([unit.key for unit in _units(self._stable)], [unit.key for unit in units])
        fresh = units[done:]
        agreed = 0
        for unit, before in zip(fresh, self._last, strict=False):
            if unit.key != before:
                break
            agreed += 1
        begin = units[done - 1].end if done else 0
        end = fresh[agreed - 1].end if agreed else begin
        self._stable += text[begin:end]
        self._last = [unit.key for unit in fresh[agreed:]]
        return self._stable, text[end:]
