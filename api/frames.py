"""The frames of both sockets. Their JSON Schema is served, made from these models.

The text frames of a client are one JSON object each, with ``event`` saying which; unknown fields are refused by name.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from callcue.calls.flows import StepAction
from callcue.core.customers import CustomerProfile
from callcue.core.events import AckAction
from callcue.core.speech import Channel, Encoding, Framing, LanguageChoice

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$")]
"""1 to 128 letters, digits and . _ : @ -, the first a letter or digit."""


class _Frame(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


Value = Annotated[str, Field(max_length=60)]
Values = Annotated[tuple[Value, ...], Field(max_length=20)]


class CustomerFields(_Frame):
    """What is known of the customer; what is left out, or empty, is unknown."""

    name: Value = ""
    """As the customer is to be addressed."""
    customer_id: Annotated[str, Field(max_length=128)] = ""
    """Of the customer system: finds the customer's events where the caller's number does not."""
    birthday: Annotated[str, Field(max_length=10)] = ""
    """``YYYY-MM-DD``, or ``--MM-DD`` where the year is not known."""
    segment: Values = ()
    """Kinds of customer, such as VIP."""
    lifecycle: Value = ""
    region: Value = ""
    language: Value = ""
    risk: Values = ()
    """Flags, such as a number of complaints."""

    def profile(self) -> CustomerProfile:
        """For the layers below."""
        return CustomerProfile(**self.model_dump())


class StartFrame(_Frame):
    """Opens a call; the first frame of its socket. Audio may follow at once, without waiting for ``ready``."""

    event: Literal["start"]
    call_id: Id | None = None
    """The switch's id of the call; one is made where it is absent."""
    agent_id: Id | None = None
    """Whose desktop is to show the call."""
    caller: Annotated[str, Field(max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = None
    """The caller's number as the switch gave it."""
    channels: Annotated[tuple[Channel, ...], Field(min_length=1, max_length=2)] = ("caller", "agent")
    """Who speaks on each interleaved channel, in order, or which tracks there are; each at most once."""
    sample_rate: Literal[8000, 16000]
    """Hz."""
    encoding: Encoding
    language: LanguageChoice | None = None
    """The server's setting where it is absent."""
    framing: Framing = "interleaved"
    """How the audio comes: interleaved in binary frames, or in a media frame per packet and channel."""
    languages: Annotated[dict[Channel, LanguageChoice], Field(min_length=1)] | None = None
    """Of single channels, where they differ from ``language``. Only channels of this call may be named."""
    customer: CustomerFields | None = None
    """Who calls, where the intake knows it."""
    dialled: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = None
    """The number or line that was called, as the switch gave it; the configuration knows its channel and category."""
    origin: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]*$")] | None = None
    """The channel that brought the call, such as 抖音咨询转电话, where the intake knows it: goes into the record."""


class ResumeFrame(_Frame):
    """Goes on with a call whose socket dropped; the first frame of the new socket."""

    event: Literal["resume"]
    call_id: Id
    from_ms: Annotated[int, Field(ge=0, le=7 * 24 * 3600 * 1000)] | None = None
    """Call time of the first sample that this socket sends. What the server has already is skipped, what was lost is
    filled with silence. Absent, for senders that keep the audio: the server goes on where it stopped, which is
    ``received_ms`` of ``ready``."""


class MediaFrame(_Frame):
    """A packet of one channel, of a call that was started with ``framing`` ``packets``. Packets may come twice, out of
    order or not at all."""

    event: Literal["media"]
    channel: Channel
    seq: Annotated[int, Field(ge=0, lt=2**32)]
    """Counts the packets of this channel from any number; wraps around at 16 or 32 bits."""
    timestamp_ms: Annotated[int, Field(ge=0, le=7 * 24 * 3600 * 1000)]
    """Call time of the packet's first sample, by the same clock for all channels."""
    payload: Annotated[
        str,
        Field(min_length=1, max_length=12_000, json_schema_extra={"contentEncoding": "base64"}),
    ]
    """Base64 (RFC 4648, with padding) of mono audio in the call's encoding: whole samples, at least one."""


class StopFrame(_Frame):
    """The call is over; the server answers ``ended`` when everything heard is transcribed."""

    event: Literal["stop"]


class ReadyFrame(_Frame):
    """The call is open. Audio sent before it was kept."""

    event: Literal["ready"] = "ready"
    call_id: str
    received_ms: int
    """Milliseconds of audio received so far, on every channel: a sender that keeps its audio goes on here."""


class EndedFrame(_Frame):
    """The call is closed and its record complete; the socket closes after it."""

    event: Literal["ended"] = "ended"
    call_id: str
    duration_ms: int
    """Milliseconds of audio received."""


class ErrorFrame(_Frame):
    """What was wrong. On the audio socket the call ends with it; a desktop socket stays open."""

    event: Literal["error"] = "error"
    code: str
    """Stable, for programs."""
    message: str
    """For people."""
    re: str | None = None
    """Desktop only: the ``event`` of the frame that was refused, where it could be read."""


class WarningFrame(_Frame):
    """Something that the sender should look at; the call goes on."""

    event: Literal["warning"] = "warning"
    code: Literal["no_audio"]
    message: str


class AckFrame(_Frame):
    """What the agent did with a card."""

    event: Literal["ack"]
    call_id: Id
    push_seq: Annotated[int, Field(ge=1, le=2**53)]
    """``seq`` of the CardPush."""
    action: AckAction
    note: Annotated[str, Field(max_length=1000)] = ""


class FlowStepFrame(_Frame):
    """What the agent does with a flow. The answer is the FlowUpdated event."""

    event: Literal["flow_step"]
    call_id: Id
    card_id: Id
    action: StepAction = "answer"
    """``answer`` a step (or tick it off), go ``back``, or ``take_up`` the flow after another one."""
    step: Annotated[str, Field(max_length=64)] | None = None
    """The step that is answered, by default the current one, or gone back to, by default the one answered last.
    To answer a step of before takes the flow back to it."""
    answer: Annotated[str, Field(max_length=100)] = ""
    """One of the step's answers; empty ticks off a step that has none."""


class ShowFrame(_Frame):
    """The agent asks for a card. The answer is the CardPush event."""

    event: Literal["show"]
    call_id: Id
    card_id: Id


class PingFrame(_Frame):
    """Asks for a ``pong``: for browsers, which cannot send protocol pings."""

    event: Literal["ping"]


class PongFrame(_Frame):
    """The answer to ``ping``."""

    event: Literal["pong"] = "pong"


class FollowingFrame(_Frame):
    """The first frame of a desktop socket: it is open. Events, which have ``type`` and no ``event``, follow."""

    event: Literal["following"] = "following"
    call_id: str | None
    """The one call followed, or null."""
    agent_id: str | None
    """Whose calls are followed; null for one call or for all."""


OpeningFrame = Annotated[StartFrame | ResumeFrame, Field(discriminator="event")]
AudioFrameIn = Annotated[StartFrame | ResumeFrame | MediaFrame | StopFrame, Field(discriminator="event")]
AudioFrameOut = ReadyFrame | EndedFrame | ErrorFrame | WarningFrame
DesktopFrameIn = Annotated[AckFrame | FlowStepFrame | ShowFrame | PingFrame, Field(discriminator="event")]
DesktopFrameOut = FollowingFrame | ErrorFrame | PongFrame

AUDIO_IN: TypeAdapter[StartFrame | ResumeFrame | MediaFrame | StopFrame] = TypeAdapter(AudioFrameIn)
AUDIO_OUT: TypeAdapter[AudioFrameOut] = TypeAdapter(AudioFrameOut)
DESKTOP_IN: TypeAdapter[AckFrame | FlowStepFrame | ShowFrame | PingFrame] = TypeAdapter(DesktopFrameIn)
DESKTOP_OUT: TypeAdapter[DesktopFrameOut] = TypeAdapter(DesktopFrameOut)
