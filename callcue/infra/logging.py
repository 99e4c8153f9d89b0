"""Log lines: JSON for machines or coloured text for people, on standard error, and never with what somebody said.

Two guards stand behind the rule that no transcript, number or name is logged: fields with such names are withheld, and
mobile numbers are masked wherever they turn up. Other libraries are heard from WARNING on, since at DEBUG the database
driver and the WebSocket library print whole rows and frames; tracebacks are plain, without local variables.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

Level = Literal["debug", "info", "warning", "error"]

WITHHELD = "[withheld]"
MASKED = "[number]"
PERSONAL = frozenset(
    {
        *("text", "raw_text", "stable", "unstable", "transcript", "words", "query", "matched", "phrase", "prompt"),
        *("caller", "phone", "number", "name", "value", "old", "new", "fields", "changes", "note", "body", "content"),
        *("token", "authorization", "password"),
    }
)
"""Names of log fields that are never written: what was said, who called, secrets."""
_MOBILE = re.compile(r"(?<!\d)(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}(?!\d)")
_LOUD = {"uvicorn.error": logging.INFO, "uvicorn.access": logging.WARNING, "alembic": logging.WARNING}


def configure(level: Level = "info", json: bool = True, stream: TextIO | None = None) -> None:
    """Set logging up for this process; calling it again replaces what was set."""
    out = stream or sys.stderr
    least = logging.getLevelNamesMapping()[level.upper()]
    renderer: list[Processor] = (
        [structlog.processors.format_exc_info, mask_numbers, structlog.processors.JSONRenderer(ensure_ascii=False)]
        if json
        else [
            structlog.processors.format_exc_info,
            mask_numbers,
            structlog.dev.ConsoleRenderer(
                colors=out.isatty(), exception_formatter=structlog.dev.plain_traceback, pad_event_to=0
            ),
        ]
    )
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        withhold_personal,
    ]
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(least),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    _configure_others(least, out, shared, renderer)


def withhold_personal(logger: object, method: str, entry: EventDict) -> EventDict:
    """A structlog processor: replaces the value of every field that may hold personal data, nested ones included."""
    for key in tuple(entry):
        entry[key] = WITHHELD if key in PERSONAL else _plain(entry[key]) if key != "exc_info" else entry[key]
    return entry


def mask_numbers(logger: object, method: str, entry: EventDict) -> EventDict:
    """A structlog processor: masks mobile numbers in what was rendered after the first guard, tracebacks above all."""
    for key, value in entry.items():
        if isinstance(value, str):
            entry[key] = _MOBILE.sub(MASKED, value)
    return entry


def _plain(value: object) -> object:
    """Scalars as they are, collections looked through, of anything else only its type: a repr may say anything."""
    if isinstance(value, str):
        return _MOBILE.sub(MASKED, value)
    if value is None or isinstance(value, int | float | bool):
        return value
    if isinstance(value, Mapping):
        return {str(key): WITHHELD if key in PERSONAL else _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return f"<{type(value).__name__}>"


def _configure_others(least: int, out: TextIO, shared: list[Processor], renderer: list[Processor]) -> None:
    """Libraries that use the standard logging come out in the same form."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.WARNING))
    for name, floor in _LOUD.items():
        logger = logging.getLogger(name)
        logger.setLevel(max(least, floor))
        logger.handlers.clear()
        logger.propagate = True
    logging.captureWarnings(True)
