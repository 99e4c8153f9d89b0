"""What is stored of a card: its content as JSON with a digest, and the columns that are searched."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, tzinfo
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from callcue.core.cards import Card
from callcue.core.errors import BadCard, BadInput
from callcue.infra.card_edits import Prepared
from callcue.infra.codec import STRICT, dump_json, explain

MAX_ID = 128
_CARDS: TypeAdapter[list[Card]] = TypeAdapter(list[Card], config=STRICT)
"""A list, because pydantic lets a dataclass take a configuration only from what it lies in."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def head_of(item: Prepared, version: int, zone: tzinfo | None) -> dict[str, Any]:
    """The row of ``cards``. Raises BadCard."""
    card = item.card
    return {
        "card_id": card.id,
        "version": version,
        "status": card.status,
        "lang": card.lang,
        "digest": item.digest,
        "owner": card.owner,
        "ends_ms": None if card.valid_to is None else _ends_ms(card.valid_to, zone),
    }


def _ends_ms(valid_to: str, zone: tzinfo | None) -> int:
    """Epoch milliseconds at which it is over: a day at its end, and without an offset in the machine's time, as the
    gate reads it. Raises BadCard."""
    try:
        moment = datetime.combine(date.fromisoformat(valid_to), time.max)
    except ValueError:
        try:
            moment = datetime.fromisoformat(valid_to)
        except ValueError as error:
            raise BadCard(f"valid_to is {valid_to[:40]!r}, which is no ISO 8601 date. Nothing was saved") from error
    return int(((moment if moment.tzinfo else moment.replace(tzinfo=zone)) - _EPOCH).total_seconds() * 1000)


def prepare(cards: Iterable[Card]) -> list[Prepared]:
    """Ready to be stored, in their order. Raises BadCard: an id twice or of a wrong length, a wrong type."""
    prepared: dict[str, Prepared] = {}
    for card in cards:
        if not card.id or len(card.id) > MAX_ID:
            raise BadCard(f"a card's id has 1 to {MAX_ID} characters, not {len(card.id)}. Nothing was saved")
        if card.id in prepared:
            raise BadCard(f"card {card.id!r} appears twice in one save. Nothing was saved; keep one of them")
        prepared[card.id] = _prepared(card)
    return list(prepared.values())


def _prepared(card: Card) -> Prepared:
    plain = replace(card, version=1)
    try:
        content: dict[str, Any] = _CARDS.dump_python([plain], mode="json", warnings="error")[0]
        del content["version"]
        _CARDS.validate_json(dump_json([content]).encode(), strict=True)
        # defaults are left out, so that a field which a later release adds does not make every card a changed one
        told = _CARDS.dump_python([plain], mode="json", exclude_defaults=True)
    except (PydanticSerializationError, UnicodeEncodeError) as error:
        raise BadCard(f"card {card.id!r} has a value of the wrong type. Nothing was saved") from error
    except BadInput as error:
        raise BadCard(f"card {card.id!r}: {error.message}. Nothing was saved") from error
    except ValidationError as error:
        raise BadCard(f"card {card.id!r}: {explain(error)}. Nothing was saved") from error
    return Prepared(card=card, content=content, digest=hashlib.sha256(dump_json(told).encode()).hexdigest())


def card_of(row: Any) -> Card:
    """The card of a row with ``version`` and ``content``."""
    return _CARDS.validate_json(dump_json([{**row.content, "version": row.version}]).encode(), strict=True)[0]
