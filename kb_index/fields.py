"""Strict reading of one JSON object: types, sizes and unknown fields, every finding named, none swallowed.

A ``FieldReader`` walks one object and collects findings instead of raising at the first, so that an editor sees
everything that is wrong with a card at once.
"""

import math
import unicodedata
from collections.abc import Mapping, Sequence
from typing import TypeVar

_T = TypeVar("_T", bound=str)

MAX_FINDINGS = 20
"""Findings kept per card; more would not help anybody."""


class FieldReader:
    """Reads the fields of one object. ``path`` prefixes the names in findings (``triggers[0].``)."""

    def __init__(self, obj: Mapping[object, object], findings: list[str], path: str = "") -> None:
        self._obj = obj
        self._findings = findings
        self._path = path

    def finding(self, name: str, message: str) -> None:
        """Note what is wrong with field ``name`` and what to do."""
        if len(self._findings) < MAX_FINDINGS:
            self._findings.append(f"field {self._path}{name}: {message}")

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Every field that is not in ``known`` is a finding that names it."""
        for name in self._obj:
            if name not in known:
                shown = repr(str(name)[:40])
                self.finding(shown[1:-1], f"is not known; remove it (known: {', '.join(known)})")

    def given(self, name: str) -> bool:
        """True when the field is there, whatever its value."""
        return name in self._obj

    def text(self, name: str, limit: int, *, required: bool = True, multiline: bool = False) -> str:
        """A text of at most ``limit`` characters; outer blanks are cut off unless ``multiline``."""
        if name not in self._obj:
            if required:
                self.finding(name, "is missing; every card needs it" if not self._path else "is missing")
            return ""
        return self.check_text(name, self._obj[name], limit, empty_ok=not required, multiline=multiline)

    def optional_text(self, name: str, limit: int) -> str | None:
        """A text, or None when the field is absent or null."""
        if self._obj.get(name) is None:
            return None
        return self.check_text(name, self._obj[name], limit)

    def choice(self, name: str, options: Sequence[_T], default: _T) -> _T:
        """One of ``options``; ``default`` when absent."""
        if name not in self._obj:
            return default
        value = self._obj[name]
        for option in options:
            if value == option:
                return option
        self.finding(name, f"is {_show(value)}; use one of {', '.join(options)}")
        return default

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds (JSON's 50.0 is not one, true neither)."""
        if name not in self._obj:
            return default
        value = self._obj[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            self.finding(name, f"is {_show(value)}; give a whole number from {low} to {high}")
            return default
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        if name not in self._obj:
            return default
        value = self._obj[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            self.finding(name, f"is {_show(value)}; give a number from {low:g} to {high:g}")
            return default
        return float(value) if math.isfinite(value) else default

    def items(self, name: str, max_items: int) -> list[object]:
        """A list of at most ``max_items``; empty when absent."""
        if name not in self._obj:
            return []
        value = self._obj[name]
        if not isinstance(value, list):
            self.finding(name, f"is {_show(value)}; give a list")
            return []
        if len(value) > max_items:
            self.finding(name, f"has {len(value)} entries; at most {max_items} are allowed")
            return []
        return value

    def texts(self, name: str, max_items: int, limit: int) -> tuple[str, ...]:
        """A list of texts."""
        return tuple(self.check_text(f"{name}[{i}]", item, limit) for i, item in enumerate(self.items(name, max_items)))

    def child(self, name: str, value: object) -> "FieldReader | None":
        """A reader for an object inside this one; None (and a finding) when it is no object."""
        if not isinstance(value, dict):
            self.finding(name, f"is {_show(value)}; give an object")
            return None
        return FieldReader(value, self._findings, f"{self._path}{name}.")

    def value(self, name: str) -> object:
        """The raw value; None when absent."""
        return self._obj.get(name)

    def check_text(
        self, name: str, value: object, limit: int, *, empty_ok: bool = False, multiline: bool = False
    ) -> str:
        """``value`` if it is a clean text, else a finding and ``""``."""
        if not isinstance(value, str):
            hint = "null is not allowed here, leave the field out" if value is None else "give a text"
            self.finding(name, f"is {_show(value)}; {hint}")
            return ""
        text = value if multiline else value.strip()
        if len(text) > limit:
            self.finding(name, f"has {len(text)} characters; shorten it to {limit}")
            return ""
        if not text.strip() and not empty_ok:
            self.finding(name, "is empty; fill it in or remove it")
            return ""
        bad = next((ch for ch in text if _forbidden(ch, multiline)), None)
        if bad is not None:
            self.finding(name, f"holds the control character U+{ord(bad):04X}; remove it")
            return ""
        return text


def _forbidden(ch: str, multiline: bool) -> bool:
    """Control characters and lone surrogates, which no database or screen takes; line breaks only where they
    belong."""
    if multiline and ch in "\n\r\t":
        return False
    return unicodedata.category(ch) in ("Cc", "Cs")


def _show(value: object) -> str:
    """A short, safe picture of a wrong value for a message."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, bool):
        return "true" if value else "false"
    shown = repr(value) if isinstance(value, str) else f"{value:.12g}" if isinstance(value, float) else _digits(value)
    return shown if len(shown) <= 40 else shown[:37] + "..."


def _digits(value: object) -> str:
    """An int without tripping over Python's limit on converting huge ones."""
    if isinstance(value, int) and value.bit_length() > 256:
        return "a huge number"
    return repr(value)
