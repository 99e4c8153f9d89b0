"""Settings: from ``CALLCUE_*`` environment variables (nested with ``__``), over a TOML file, over these defaults.

The file is ``callcue.toml`` in the working directory, or the one that ``CALLCUE_CONFIG`` names.
"""

import os
import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from callcue.core.roles import Role
from callcue.core.speech import LanguageChoice

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


def _hotword(word: str) -> str:
    if not re.fullmatch(r"[\u4e00-\u9fff]{2,12}|[A-Za-z]{2,30}", word):
        raise ValueError(f"{word!r} is neither 2 to 12 Chinese characters nor an English word of 2 to 30 letters")
    return word


Hotword = Annotated[str, AfterValidator(_hotword)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(_Section):
    """The HTTP and WebSocket server."""

    host: str = "127.0.0.1"
    """Address to listen on. Anything but loopback needs ``auth.tokens``."""
    port: int = Field(8765, ge=0, le=65535)
    resume_grace_s: float = Field(30.0, ge=0.0, le=600.0)
    """How long a call whose audio socket dropped waits for it to come back."""
    max_silence_s: float = Field(120.0, ge=10.0)
    """Seconds without any audio frame after which a connected intake's call is closed as disconnected."""
    max_frame_bytes: int = Field(1_048_576, ge=1024)
    """Largest WebSocket frame and HTTP body for calls; larger ones are refused."""
    max_import_bytes: int = Field(50_000_000, ge=1024)
    """Largest card import over HTTP."""


class TokenSettings(_Section):
    """One bearer token. ``callcue token`` makes the pair of token and hash."""

    name: str
    """Who holds it; appears in the record and the audit trail."""
    role: Role
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """SHA-256 of the token, in hex; the token itself is stored nowhere."""


class AuthSettings(_Section):
    """Who may connect."""

    tokens: tuple[TokenSettings, ...] = ()
    """Without tokens the server listens on loopback only, everyone there is admin, and it says so at start-up."""


class SpeechSettings(_Section):
    """Recognition."""

    model: str = "whisper-base"
    """A registry name, a folder with a CTranslate2 Whisper model, or a hub id."""
    compute_type: str = "int8"
    workers: int | None = Field(None, ge=1, le=64)
    """Decoding processes; default: one per core, at most 4."""
    max_batch: int = Field(4, ge=1, le=32)
    beam_size: int = Field(5, ge=1, le=10)
    """For finals; partials are decoded greedily."""
    padding_s: float = Field(5.0, ge=0.0, le=30.0)
    """Silence appended to each window; less than 3 s makes Whisper run on."""
    language: LanguageChoice = "zh"
    """For calls that do not say."""
    partial_interval_s: float = Field(1.5, gt=0.0, le=30.0)
    """Seconds of speech between partial decodes."""
    vad_aggressiveness: int = Field(2, ge=0, le=3)
    end_silence_ms: int = Field(560, ge=200, le=5000)
    """Silence that ends a segment."""
    max_segment_s: float = Field(14.0, ge=2.0, le=28.0)
    """Longer speech is cut at its quietest place."""
    max_lag_s: float = Field(8.0, gt=0.0)
    """When a segment has waited so many seconds for its final text, partials stop and new calls are refused."""
    max_calls: int = Field(64, ge=1)
    """Calls at the same time; more are refused."""
    hotwords: tuple[Hotword, ...] = Field((), max_length=5000)
    """Names and terms that finals are to have right, besides those of the cards."""


class KnowledgeSettings(_Section):
    """When a card is shown."""

    embedder: str = "e5-small"
    """A registry name, a sentence-transformers folder, or a hub id (the last two need the extra ``embedders``)."""
    threshold: Fraction = 0.2
    """Calibrated score below which a search result stays silent, for Mandarin."""
    threshold_en: Fraction = 0.4
    """The same for English, where questions about something else come nearer."""
    max_cards_per_utterance: int = Field(2, ge=1, le=10)
    max_cards_per_minute: int = Field(6, ge=1, le=60)
    """Half of them, rounded up, for guesses; the rest is kept for trigger words and for scores of one half and more."""
    join_gap_ms: int = Field(1200, ge=0, le=10_000)
    """Finals of one speaker closer than this are looked up together."""
    expiry_s: float = Field(180.0, gt=0.0)
    """How long a pushed card stays useful, in call time."""
    partial_triggers: bool = True
    """Scan stable text for trigger phrases before the utterance ends."""
    vector_cache: Path | None = None
    """File that keeps the cards' vectors between starts; default: ``vectors.npz`` in ``data_dir``."""
    learn_from_feedback: bool = True
    """Whether what agents made of a card moves its score."""
    question_owner: str = Field("editors", min_length=1, max_length=128)
    """Whose an unanswered question is when the card that came nearest has no owner."""
    question_due_h: float = Field(24.0, gt=0.0)
    """Hours from a topic's first question to its card."""
    repeat_days: float = Field(7.0, gt=0.0, le=90.0)
    """A second call about the same within so many days is a repeat."""


class TaggingSettings(_Section):
    """What fills the record."""

    model_dir: Path | None = None
    """A folder made by ``callcue tagger train``; default: the models that come with CallCue."""
    taxonomy: Path | None = None
    """A TOML file with the types and sub-types of issues; default: the one that comes with CallCue."""
    embedder: str = "e5-small"
    """The embedder that the models were trained with; those that come with CallCue know ``e5-small`` alone."""
    rules_file: Path | None = None
    """Rules of the tags from speech, TOML; default: those that come with CallCue, which ``extends`` can add to."""
    event_rules_file: Path | None = None
    """Rules of derived tags, TOML; default: those that come with CallCue."""
    forecast_file: Path | None = None
    """Weights of the predictive tags, as ``callcue tags train`` writes them; default: those that come with CallCue."""
    fill_threshold: Fraction = 0.6
    """Probability from which a finding fills its field; below it, it is a suggestion."""


class OrderSettings(_Section):
    """The shop's orders, against which a call's facts are checked."""

    number_url: str | None = None
    """Address of one order, with ``{order_no}``; default: only imported orders are looked up."""
    phone_url: str | None = None
    """Address of a customer's orders, with ``{phone}``."""
    authorization: SecretStr | None = None
    """Value of the Authorization header of both, such as ``Bearer …``."""
    timeout_s: float = Field(2.0, gt=0.0, le=30.0)
    """How long one question to the order service may take, from the first byte to the last."""
    environment_proxies: bool = False
    """Whether the proxies that the environment names (HTTP_PROXY and the like) are used; they then see the numbers."""
    breaker_failures: int = Field(3, ge=1, le=100)
    """Failures in a row after which it is left alone."""
    breaker_pause_s: float = Field(30.0, gt=0.0, le=3600.0)
    """For how long."""
    return_days: int = Field(7, ge=0, le=3650)
    """Days after an order within which goods are taken back."""

    @model_validator(mode="after")
    def _addresses(self) -> "OrderSettings":
        for name, blank in (("number_url", "{order_no}"), ("phone_url", "{phone}")):
            address = getattr(self, name)
            if address is not None and not (re.match(r"https?://[^/\s]", address) and blank in address):
                raise ValueError(f"{name} has to be an http or https address that holds {blank}")
        if self.phone_url is not None and self.number_url is None:
            raise ValueError("phone_url needs number_url, too")
        return self


class SummarySettings(_Section):
    """How calls are summed up. Without ``url`` in the call's own words; nothing leaves this machine."""

    at_end: bool = True
    """Sum a call up when it ends, into its record."""
    url: str | None = None
    """Base address of an OpenAI-compatible endpoint, such as ``http://127.0.0.1:11434/v1``; needs ``model``."""
    model: str = ""
    """The name that the endpoint knows its model by."""
    key_env: str = Field("CALLCUE_SUMMARY_KEY", pattern=r"^[A-Z][A-Z0-9_]{0,99}$")
    """The environment variable that holds the endpoint's key; none is sent where it is not set."""
    timeout_s: float = Field(12.0, gt=0.0, le=120.0)
    """Seconds after which the call's own words are used instead; at the end of a call its socket waits so long."""
    max_tokens: int = Field(600, ge=50, le=8000)
    template: Path | None = None
    """File with the instructions for the model; default: the one that ``callcue call template`` prints."""
    allow_public: bool = False
    """Whether ``url`` may lie outside this machine and private networks."""

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.url is not None and not self.model:
            raise ValueError("url needs model: the name by which the endpoint knows it")
        return self


class RecordSettings(_Section):
    """When a record is done, and what a centre's configuration knows of its fields."""

    complete_within_min: float = Field(10.0, gt=0.0, le=1440.0)
    """Minutes from a call's end in which its record is to be completed and confirmed."""
    rules_file: Path | None = None
    """Lines with their channels and categories, coordinators, and the order of channels, TOML; default: none."""
    trace_days: float = Field(30.0, gt=0.0, le=730.0)
    """Days back from a call from which what the customer did elsewhere stands in its record."""


class DatabaseSettings(_Section):
    """Where everything durable lives."""

    url: str | None = None
    """An SQLAlchemy URL; default: SQLite in ``data_dir``."""


class Settings(BaseSettings):
    """All settings. Unknown names are refused."""

    model_config = SettingsConfigDict(
        env_prefix="CALLCUE_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    data_dir: Path = Path("callcue-data")
    """Folder for the database; made when missing."""
    model_cache: Path | None = None
    """Folder for assembled models; default: ``~/.cache/callcue/models`` (``XDG_CACHE_HOME`` is respected)."""
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    server: ServerSettings = ServerSettings()
    auth: AuthSettings = AuthSettings()
    database: DatabaseSettings = DatabaseSettings()
    speech: SpeechSettings = SpeechSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    tagging: TaggingSettings = TaggingSettings()
    records: RecordSettings = RecordSettings()
    orders: OrderSettings = OrderSettings()
    summary: SummarySettings = SummarySettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Explicit arguments, then the environment, then the TOML file."""
        toml = Path(os.environ.get("CALLCUE_CONFIG", "callcue.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=toml)

    @property
    def database_url(self) -> str:
        """The URL in force."""
        return self.database.url or f"sqlite+aiosqlite:///{self.data_dir / 'callcue.sqlite3'}"

    @property
    def vector_cache(self) -> Path:
        """Where the cards' vectors are kept."""
        return self.knowledge.vector_cache or self.data_dir / "vectors.npz"

    @property
    def cache_dir(self) -> Path:
        """Where assembled models lie."""
        if self.model_cache is not None:
            return self.model_cache
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        return Path(base) / "callcue" / "models"
