"""Ports: what one layer needs and several things can provide. The embedded implementations are held to the same
contract tests as the fakes in ``callcue.testing``.
"""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from callcue.core.cards import Card, CardHit, CardQuery
from callcue.core.events import AnyEvent
from callcue.core.speech import Hypothesis, Window

TextRole = Literal["query", "passage"]
"""What a text that is embedded is for: some models put different words before the two."""


class Clock(Protocol):
    """Wall-clock and monotonic time."""

    def now(self) -> datetime:
        """Wall-clock time, aware, UTC."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary origin; never goes back."""

    async def sleep(self, seconds: float) -> None:
        """Wait at least this long without blocking the loop."""


class SpeechEngine(Protocol):
    """Decodes windows of audio. Stateless: nothing of one window influences another."""

    @property
    def name(self) -> str:
        """Model and precision, as written into transcripts."""

    @property
    def parallelism(self) -> int:
        """How many ``decode`` calls make progress at the same time."""

    @property
    def max_batch(self) -> int:
        """The largest number of windows in one call."""

    async def start(self) -> None:
        """Load the model; returns when the first decode would start at once. Raises ModelError."""

    async def decode(self, windows: Sequence[Window]) -> list[Hypothesis]:
        """One hypothesis per window, in order. Raises EngineFailed when the windows could not be decoded at all."""

    async def close(self) -> None:
        """Stop the workers; safe to call twice."""


class VoiceActivity(Protocol):
    """Says of short frames whether they hold speech. One instance serves one channel."""

    @property
    def frame_ms(self) -> int:
        """Milliseconds of audio that one call takes."""

    def is_speech(self, frame: bytes, sample_rate: int) -> bool:
        """``frame`` is s16le mono of exactly ``frame_ms``; ``sample_rate`` 8000 or 16000 Hz."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vectors:
    """Embeddings, without naming a numeric library: float32, little-endian, row-major, unit length."""

    data: bytes = field(repr=False)
    rows: int
    dims: int


class Embedder(Protocol):
    """Turns texts into unit vectors. Blocking and thread-safe: call it from a worker thread, never from the loop."""

    @property
    def name(self) -> str:
        """Model name and version; vectors of different names must not be compared."""

    @property
    def dims(self) -> int:
        """Length of one vector."""

    def embed(self, texts: Sequence[str], *, role: TextRole) -> Vectors:
        """One row per text. ``role`` picks the model's prefix where it has one."""


class CardIndex(Protocol):
    """Searches cards. Generations are immutable and swapped whole; a search sees exactly one."""

    @property
    def generation(self) -> int:
        """Number of the generation that serves searches; 0 before the first."""

    async def rebuild(self, cards: Iterable[Card], number: int | None = None) -> int:
        """Build the next generation off the loop and swap it in; returns its number: ``number``, by which two processes
        tell that they serve the same cards, or one more than the last. When it fails, the old one goes on serving.
        """

    async def search(self, query: CardQuery) -> list[CardHit]:
        """Best first, at most one hit per card, at most ``top_k``. Empty text gives no hits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """A classifier's verdict on one text."""

    label: str
    probability: float
    """Calibrated probability of ``label``."""
    distribution: dict[str, float]
    """Every label's probability; they add up to 1."""


class TagModel(Protocol):
    """A trained classifier of texts. Blocking and thread-safe."""

    @property
    def name(self) -> str:
        """Model name and version."""

    @property
    def labels(self) -> tuple[str, ...]:
        """What it can say."""

    def predict(self, texts: Sequence[str]) -> list[Prediction]:
        """One prediction per text, in order."""


class Subscription(Protocol):
    """A bounded stream of events from the bus; use as an async context manager."""

    async def __aenter__(self) -> "Subscription": ...

    async def __aexit__(self, *exc: object) -> None: ...

    def __aiter__(self) -> AsyncIterator[AnyEvent]: ...

    @property
    def dropped(self) -> int:
        """How many durable events did not fit since the subscription began: they are to be read from the event log.
        Lossy events that made room are not counted here; nobody has to go back for them."""


class EventBus(Protocol):
    """Announces events that are already written. Delivery is best effort by design: the event log is the truth."""

    async def publish(self, event: AnyEvent) -> None:
        """Hand the event to every matching subscription; never blocks on a slow one."""

    def subscribe(self, accepts: Callable[[AnyEvent], bool] | None = None, *, capacity: int = 256) -> Subscription:
        """Start receiving. When ``capacity`` is reached the oldest lossy event makes room first, then the oldest.

        ``accepts`` is asked once about each event, when it is published and in that order, also where the event then
        finds no room.
        """
