"""When a card is valid: its ``valid_from`` and ``valid_to`` as moments."""

from datetime import date, datetime, time, tzinfo

from callcue.core.cards import Card


def validity(card: Card, zone: tzinfo | None = None) -> tuple[datetime | None, datetime | None]:
    """The first and the last moment of a card, aware; None: no limit on that side.

    Dates without an offset are in ``zone``, by default the machine's local time; a ``valid_to`` without a time includes
    its day. Raises ValueError for what is no ISO 8601 date.
    """
    return _moment(card.valid_from, time.min, zone), _moment(card.valid_to, time.max, zone)


def _moment(text: str | None, day_time: time, zone: tzinfo | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.combine(date.fromisoformat(text), day_time)
    except ValueError:
        moment = datetime.fromisoformat(text)
    if moment.tzinfo:
        return moment
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()
