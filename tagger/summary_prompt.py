"""What a language model is asked for a summary: a template with named places, and what is put there."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from callcue.core.errors import BadInput
from callcue.core.speech import Channel
from callcue.core.summaries import Moment, Part

SHIPPED = Path(__file__).parent / "data" / "summary_prompt.txt"
PLACES = ("transcript", "parts", "language", "moment", "characters")
"""Names that a template may use, as ``$name`` or ``${name}``; ``$$`` is a dollar sign."""
_NEEDED = ("transcript", "parts")
_MOST_CHARS = 20_000
_MOST_SEGMENTS = 400
"""Of a longer call the model is given the beginning and, twice as much, the end."""
_MEANS: dict[Part, str] = {
    "wanted": "what the customer wanted or complained of",
    "done": "what was done, found out or settled during the call",
    "promised": "who will do what after the call, and until when",
    "next": "what happens next that is not among the promises: what the customer is to do, appointments, hand-offs",
    "tried": "what was tried before and during the call",
    "open": "questions of the customer that were not answered",
    "mood": "how the customer felt, with the segment that shows it",
}
_MOMENTS: dict[Moment, str] = {
    "running": "it is still going on",
    "transfer": "it is being handed over to the colleague",
    "end": "it is over",
}
_LANGUAGES = {"zh": "simplified Chinese", "en": "English"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One segment as the model sees it."""

    number: int
    channel: Channel
    text: str


class PromptTemplate:
    """A checked template."""

    def __init__(self, text: str, where: str) -> None:
        """Raises BadInput that says what is wrong with the template; ``where`` names it."""
        if len(text) > _MOST_CHARS:
            raise BadInput(f"{where} is longer than {_MOST_CHARS} characters")
        template = Template(text)
        if not template.is_valid():
            raise BadInput(f"{where}: a $ that begins no name stands somewhere; write $$ for a dollar sign")
        names = set(template.get_identifiers())
        known = ", ".join(f"${name}" for name in PLACES)
        if strange := sorted(names - set(PLACES)):
            raise BadInput(f"{where} has a place ${strange[0]}, which nothing fills; there are {known}")
        if lacking := [name for name in _NEEDED if name not in names]:
            raise BadInput(f"{where} lacks ${lacking[0]}; a template needs ${_NEEDED[0]} and ${_NEEDED[1]}")
        self._template = template

    @classmethod
    def read(cls, path: Path | None) -> "PromptTemplate":
        """The template in a file; None: the shipped one. Raises BadInput."""
        file = path or SHIPPED
        try:
            return cls(file.read_text(encoding="utf-8"), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"the summary's template {file} cannot be read: {error}") from error

    def filled(
        self, lines: Sequence[Line], *, parts: Sequence[Part], language: str, moment: Moment, characters: int
    ) -> str:
        """The prompt."""
        speaker = {"caller": "客户", "agent": "坐席"} if language == "zh" else {"caller": "customer", "agent": "agent"}
        return self._template.substitute(
            transcript="\n".join(f"[{line.number}] {speaker[line.channel]}: {line.text}" for line in shortened(lines)),
            parts="\n".join(f'- "{part}": {_MEANS[part]}' for part in parts),
            language=_LANGUAGES[language],
            moment=_MOMENTS[moment],
            characters=characters,
        )


def shortened(lines: Sequence[Line]) -> Sequence[Line]:
    """The lines that the model is given."""
    if len(lines) <= _MOST_SEGMENTS:
        return lines
    first = _MOST_SEGMENTS // 3
    return [*lines[:first], *lines[-(_MOST_SEGMENTS - first) :]]
