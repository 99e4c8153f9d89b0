"""What an intake says when it opens a call."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from callcue.core.customers import CustomerProfile
from callcue.core.errors import BadAudio, BadInput
from callcue.core.field_values import MAX_ENTRY
from callcue.core.ids import check_id
from callcue.core.speech import Channel, Encoding, Framing, LanguageChoice

SAMPLE_RATES = (8000, 16000)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartCall:
    """A request to open a call, from any intake."""

    call_id: str | None
    """The switch's id for the call; None: one is made."""
    agent_id: str | None
    caller: str | None
    channels: tuple[Channel, ...]
    """In the order in which their samples are interleaved, where they are."""
    sample_rate: int
    """Hz."""
    encoding: Encoding
    language: LanguageChoice
    source: str = "native"
    framing: Framing = "interleaved"
    languages: Mapping[Channel, LanguageChoice] = field(default_factory=dict)
    """Of channels that differ from ``language``."""
    customer: CustomerProfile | None = None
    """Who calls, where the intake knows it."""
    dialled: str | None = None
    """The number or line that was called, as the switch gave it."""
    origin: str | None = None
    """The channel that brought the call, in the record's words (抖音咨询转电话), where the intake knows it."""

    def language_of(self, channel: Channel) -> LanguageChoice:
        """What to expect on a channel."""
        return self.languages.get(channel, self.language)

    @property
    def spoken(self) -> LanguageChoice:
        """The call's language where all channels have the same; else ``auto``: each utterance says its own."""
        wanted = {self.language_of(channel) for channel in self.channels}
        return wanted.pop() if len(wanted) == 1 else "auto"

    def check(self) -> None:
        """Raise BadInput or BadAudio that names the first thing wrong."""
        if self.call_id is not None:
            check_id(self.call_id, "call_id")
        if self.agent_id is not None:
            check_id(self.agent_id, "agent_id")
        if self.caller is not None and len(self.caller) > 64:
            raise BadInput("caller is longer than 64 characters")
        for name, told in (("dialled", self.dialled), ("origin", self.origin)):
            if told is not None and not (0 < len(told.strip()) <= MAX_ENTRY and told.isprintable()):
                raise BadInput(f"{name} is a text of 1 to {MAX_ENTRY} characters that can be shown; or leave it out")
        if not self.channels or len(set(self.channels)) != len(self.channels):
            raise BadAudio("channels must name caller, agent or both, each once, in the order of interleaving")
        absent = [channel for channel in self.languages if channel not in self.channels]
        if absent:
            raise BadInput(
                f"languages names the channel {', '.join(absent)}, which is not among this call's channels "
                f"({', '.join(self.channels)}): leave it out, or add it to channels"
            )
        if self.sample_rate not in SAMPLE_RATES:
            raise BadAudio(f"sample_rate {self.sample_rate} is not supported; send 8000 or 16000 Hz")
