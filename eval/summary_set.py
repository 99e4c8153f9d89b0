"""Calls as text with the sentences that a summary is to point to; the file itself tells its form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, cast

from callcue.core.errors import BadInput
from callcue.core.speech import Channel, Language, Utterance
from callcue.core.summaries import Part
from eval.call_set import STARTED_AT
from nlu.normalise import Normaliser

SHIPPED = Path(__file__).parent / "summary_calls.txt"
MARKS: Mapping[str, Part] = {"W": "wanted", "D": "done", "P": "promised", "N": "next", "T": "tried"}
_HEAD = re.compile(r"## (\S+) (zh|en) (dev|test) (.+)")
_TURN = re.compile(r"([ca]) (-|[WDPNT]+(?:@\d{4}-\d\d-\d\d)?) (.+)")
_PER_CHARACTER_MS = 200
"""A turn lasts so long per character: about as fast as people talk."""
_PAUSE_MS = 600

Set = Literal["dev", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedCall:
    """One call."""

    id: str
    language: Language
    set: Set
    note: str
    heard: tuple[Utterance, ...]
    """The turns as perfect finals; ids ``s1``, ``s2``, …"""
    marks: Mapping[Part, frozenset[str]]
    """Part -> segment ids that say it."""
    due: Mapping[str, str]
    """Segment of a promise -> the day until which it holds."""

    @property
    def started_at(self) -> datetime:
        """When it began."""
        return datetime.fromisoformat(STARTED_AT)


def read_marked(path: Path) -> list[MarkedCall]:
    """The calls of a file. Raises BadInput that names the line."""
    calls: list[MarkedCall] = []
    head: re.Match[str] | None = None
    turns: list[re.Match[str]] = []
    lines = [*path.read_text(encoding="utf-8").splitlines(), "## end zh dev of the file"]
    for number, line in enumerate(lines, 1):
        if line.startswith("## "):
            if head is not None and turns:
                calls.append(_call(head, turns))
            head, turns = _HEAD.fullmatch(line), []
            if head is None:
                raise BadInput(f"{path}, line {number}: a call begins with '## ID zh|en dev|test NOTE'")
        elif line.strip() and not line.startswith("#"):
            turn = _TURN.fullmatch(line)
            if turn is None or head is None:
                raise BadInput(f"{path}, line {number}: a turn is 'c|a MARKS TEXT', MARKS '-' or of WDPNT")
            turns.append(turn)
    if not calls:
        raise BadInput(f"{path} holds no calls")
    return calls


def _call(head: re.Match[str], turns: list[re.Match[str]]) -> MarkedCall:
    normaliser = Normaliser()
    language = cast(Language, head[2])
    heard: list[Utterance] = []
    marks: dict[Part, set[str]] = {part: set() for part in MARKS.values()}
    due: dict[str, str] = {}
    at_ms = 500
    for number, turn in enumerate(turns, 1):
        end_ms = at_ms + _PER_CHARACTER_MS * (len(turn[3]) if language == "zh" else len(turn[3]) // 3)
        channel: Channel = "caller" if turn[1] == "c" else "agent"
        segment = f"s{number}"
        heard.append(
            Utterance(
                call_id=head[1],
                channel=channel,
                segment_id=segment,
                start_ms=at_ms,
                end_ms=end_ms,
                raw_text=turn[3],
                text=normaliser.normalise(turn[3], language).text,
                language=language,
                confidence=1.0,
            )
        )
        letters, _, day = turn[2].partition("@")
        for letter in letters.replace("-", ""):
            marks[MARKS[letter]].add(segment)
        if day:
            due[segment] = day
        at_ms = end_ms + _PAUSE_MS
    return MarkedCall(
        id=head[1],
        language=language,
        set=cast(Set, head[3]),
        note=head[4],
        heard=tuple(heard),
        marks={part: frozenset(segments) for part, segments in marks.items()},
        due=due,
    )
