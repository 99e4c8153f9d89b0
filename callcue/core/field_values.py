"""Values of record fields: what each kind takes, and the form in which it is kept.

Whatever sets a field goes through ``check_value``: a person, a model, an import. Errors name the field and what it
takes, and do not repeat the value, which may be personal.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType

from callcue.core.errors import BadInput
from callcue.core.field_spec import FieldKind, FieldSpec, Scalar, Value

MAX_VALUES = 50
MAX_ENTRY = 64
"""Characters of one of several values, of a choice and of a level of a path."""
MAX_LINE = 200
MAX_TEXT = 2000
MAX_LEVELS = 6

_PHONE = re.compile(r"\+?[0-9][0-9 ()\-]{1,24}[0-9](?:\s*(?:转|分机|ext\.?|x|#)\s*[0-9]{1,8})?", re.IGNORECASE)
_PHONE_TAIL = re.compile(r"尾号[0-9]{3,4}")
_AMOUNT = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,4})?")
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@#-]{0,63}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}(?:-[0-9]{2})?")
_LEVELS = re.compile(r"\s*[/／>＞]\s*|\s+[-–—]\s+")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u2028\u2029\ud800-\udfff]")


def check_value(spec: FieldSpec, value: Value) -> Value:
    """``value`` in the form in which the field keeps it; None clears the field, and so does nothing at all of several
    values. Raises BadInput that says what the field takes.
    """
    if value is None:
        return None
    if spec.kind == "path":
        return _path(spec, value)
    if not spec.many:
        if isinstance(value, tuple):
            raise BadInput(f"{spec.name} takes one value, not several")
        return _CHECKS[spec.kind](spec, value)
    entries = value if isinstance(value, tuple) and len(value) <= MAX_VALUES else None
    if entries is None or any(not 0 < len(entry.strip()) <= MAX_ENTRY for entry in entries):
        raise BadInput(f"{spec.name} takes at most {MAX_VALUES} texts of 1 to {MAX_ENTRY} characters")
    return tuple(dict.fromkeys(str(_CHECKS[spec.kind](spec, entry.strip())) for entry in entries)) or None


def check_entry(spec: FieldSpec, value: Value) -> Value:
    """What a finding says of a field: the whole value, or (a single text) one more of several. Raises BadInput."""
    if spec.many and value is not None and not isinstance(value, tuple):
        return check_value(spec, (str(value),))
    return check_value(spec, value)


def is_filled(spec: FieldSpec, value: Value) -> bool:
    """Whether the value satisfies a field that is required: the last digits of a number cannot be called."""
    if value is None or value in ("", ()):
        return False
    held = value if isinstance(value, tuple) else (value,)
    return spec.kind != "phone" or not all(_PHONE_TAIL.fullmatch(str(number)) for number in held)


def gives_end(spec: FieldSpec | None, value: Value) -> bool:
    """Whether the value of a telephone number is only its last digits (尾号4429)."""
    return (
        spec is not None and spec.kind == "phone" and not spec.many and bool(_PHONE_TAIL.fullmatch(str(value).strip()))
    )


def is_whole(spec: FieldSpec, value: Value) -> bool:
    """Whether the value is a whole telephone number."""
    return spec.kind == "phone" and is_filled(spec, value)


def is_end_of(value: Value, number: Value) -> bool:
    """Whether ``value`` (尾号4429) gives the last digits of ``number``."""
    digits = "".join(char for char in str(number or "") if char.isdigit())
    return digits.endswith(str(value).removeprefix("尾号"))


def _line(spec: FieldSpec, value: Scalar) -> str:
    return _text(spec, value, MAX_LINE, lines=False)


def _notes(spec: FieldSpec, value: Scalar) -> str:
    return _text(spec, value, MAX_TEXT, lines=True)


def _text(spec: FieldSpec, value: Scalar, limit: int, *, lines: bool) -> str:
    if not isinstance(value, str) or not 0 < len(value.strip()) <= limit:
        raise BadInput(f"{spec.name} takes a text of at most {limit} characters; null clears it")
    text = value.strip().replace("\r\n", "\n")
    if _CONTROL.search(text) or (not lines and "\n" in text):
        where = "" if lines else " in one line"
        raise BadInput(f"{spec.name} holds a character that cannot be shown{where}; remove it")
    return text


def _choice(spec: FieldSpec, value: Scalar) -> str:
    if value in spec.choices:
        return str(value)
    if spec.open_choices:
        return _text(spec, value, MAX_ENTRY, lines=False)
    raise BadInput(f"{spec.name} takes one of {', '.join(spec.choices)}")


def _flag(spec: FieldSpec, value: Scalar) -> bool:
    if not isinstance(value, bool):
        raise BadInput(f"{spec.name} takes true or false")
    return value


def _integer(spec: FieldSpec, value: Scalar) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not _within(spec, value):
        raise BadInput(f"{spec.name} takes a whole number{_range(spec)}")
    return value


def _number(spec: FieldSpec, value: Scalar) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _within(spec, value):
        raise BadInput(f"{spec.name} takes a number{_range(spec)}")
    return value


def _within(spec: FieldSpec, value: float) -> bool:
    if not abs(value) <= 2**53:  # also what is no number
        return False
    return (spec.minimum is None or value >= spec.minimum) and (spec.maximum is None or value <= spec.maximum)


def _range(spec: FieldSpec) -> str:
    if spec.name == "priority":
        return " from 1 (highest) to 5"
    low = "" if spec.minimum is None else f" from {spec.minimum:g}"
    return low + ("" if spec.maximum is None else f" to {spec.maximum:g}")


def _code(spec: FieldSpec, value: Scalar) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not _CODE.fullmatch(text):
        raise BadInput(f"{spec.name} takes 1 to 64 letters and digits, with . _ : / @ # - between them")
    return text


def _amount(spec: FieldSpec, value: Scalar) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text.strip()):
        raise BadInput(f"{spec.name} takes a decimal number as text, such as 1299 or 59.90")
    return text.strip()


def _phone(spec: FieldSpec, value: Scalar) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not _PHONE.fullmatch(text) and not _PHONE_TAIL.fullmatch(text):
        raise BadInput(f"{spec.name} takes a phone number: digits, with + ( ) - and blanks, and 转 before an extension")
    return text


def _date(spec: FieldSpec, value: Scalar) -> str:
    text = value if isinstance(value, str) else ""
    try:
        sound = _DATE.fullmatch(text) is not None and bool(date.fromisoformat(f"{text}-01"[:10]))
    except ValueError:
        sound = False
    if not sound:
        raise BadInput(f"{spec.name} takes a day such as 2026-11-21, or a month such as 2026-11")
    return text


def _time(spec: FieldSpec, value: Scalar) -> str:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise BadInput(f"{spec.name} takes a time with its offset, such as 2026-11-23T10:00:00+08:00")
    return moment.isoformat()


def _path(spec: FieldSpec, value: Value) -> Value:
    levels = tuple(_LEVELS.split(value.strip())) if isinstance(value, str) else value
    if not isinstance(levels, tuple) or not 1 <= len(levels) <= MAX_LEVELS:
        raise BadInput(f"{spec.name} takes a path of 1 to {MAX_LEVELS} levels, from the general to the special")
    if any(not 0 < len(level.strip()) <= MAX_ENTRY or _CONTROL.search(level) for level in levels):
        raise BadInput(f"each level of {spec.name} is a text of 1 to {MAX_ENTRY} characters")
    path = tuple(level.strip() for level in levels)
    if spec.choices and not spec.open_choices and "/".join(path) not in spec.choices:
        raise BadInput(f"{spec.name} takes one of {', '.join(spec.choices)}")
    return path


_CHECKS: Mapping[FieldKind, Callable[[FieldSpec, Scalar], Scalar]] = MappingProxyType(
    {
        "text": _line,
        "notes": _notes,
        "choice": _choice,
        "flag": _flag,
        "integer": _integer,
        "number": _number,
        "amount": _amount,
        "date": _date,
        "time": _time,
        "phone": _phone,
        "code": _code,
    }
)
