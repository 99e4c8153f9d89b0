"""Back ends by name: ``name -> "module:factory"`` and the extra that installs it. Looked up at start-up.

Embedding models are not listed here: any sentence-transformers model goes through the model registry.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from callcue.core.errors import BadInput, MissingExtra


@dataclass(frozen=True, slots=True)
class Backend:
    """Where a back end's factory is found."""

    target: str
    """``module:factory``."""
    extra: str | None = None
    """The extra that installs what it needs; None: always there."""


SPEECH: Mapping[str, Backend] = {"whisper": Backend("asr.engine:WhisperEngine")}
VOICE_ACTIVITY: Mapping[str, Backend] = {"webrtc": Backend("asr.vad:WebRtcVad")}
CARD_INDEX: Mapping[str, Backend] = {"hybrid": Backend("kb_index.index:HybridIndex")}
EVENT_BUS: Mapping[str, Backend] = {"memory": Backend("callcue.infra.bus:InProcessBus")}


def factory(table: Mapping[str, Backend], name: str) -> Callable[..., Any]:
    """The factory of a back end. Raises BadInput for an unknown name, MissingExtra when its extra is not installed."""
    if name not in table:
        raise BadInput(f"there is no back end {name!r}; there are {', '.join(sorted(table))}")
    backend = table[name]
    module, _, attribute = backend.target.partition(":")
    try:
        made: Callable[..., Any] = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if backend.extra is None:
            raise
        raise MissingExtra(f"back end {name!r} ({error.name})", backend.extra) from error
    return made
