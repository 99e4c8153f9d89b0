"""Rules over single utterances: which signals they show, and which tags those give (``data/rules.toml``).

They are a first set and honest about it: their probabilities are assumptions, not measurements.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast, get_args

from callcue.core.cards import SpeakerFilter
from callcue.core.errors import ModelError
from callcue.core.speech import Channel
from tagger.sounds import Speller

RULES_NAME = "rules/1"
"""Name and version of the rule set, as written beside its findings."""
_FILE = Path(__file__).parent / "data" / "rules.toml"
AROUND = 10
"""Characters on either side of a match in which ``unless`` is looked for."""
_MAX_CHARS = 1000
_MAX_PROBABILITY = 0.95
MAX_TAG = 64
_KEYS = {"signal", "tag", "kind", "speaker", "pattern", "unless", "probability"}
_PARTS = {"extends", "off", "rename", "rule", "products", "fault", "issue", "negative", "positive", "sounds"}

TagKind = Literal["base", "demand", "culture"]
"""``demand``: what the customer cares for; ``culture``: how this customer is to be spoken with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One signal and how it is recognised."""

    signal: str
    pattern: re.Pattern[str]
    tag: str | None
    kind: TagKind
    speaker: SpeakerFilter
    unless: re.Pattern[str] | None
    probability: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """Something that an utterance shows."""

    name: str
    tag: str | None
    probability: float
    """Assumed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleSet:
    """All rules, compiled."""

    rules: tuple[Rule, ...]
    products: tuple[tuple[str, re.Pattern[str]], ...]
    fault: re.Pattern[str]
    issue: Mapping[str, str]
    """Signal -> the issue type that it speaks for."""
    negative: Mapping[str, float]
    """Signal -> how strongly it speaks for a negative sentiment; above 1 it is enough by itself."""
    positive: Mapping[str, float]
    speller: Speller
    rename: Mapping[str, str] = field(default_factory=dict)
    """Tag -> what it is called here."""

    @property
    def vocabulary(self) -> Mapping[str, TagKind]:
        """Every tag that a rule gives, as it is called here, and its kind; of products the patterns …故障 and …选购."""
        named = {self.call(rule.tag): rule.kind for rule in self.rules if rule.tag is not None}
        products: dict[str, TagKind] = {
            self.call(f"{name}{ending}"): "base" for name, _ in self.products for ending in ("故障", "选购")
        }
        return {**products, **named}

    def call(self, tag: str) -> str:
        """The tag in this vocabulary."""
        return self.rename.get(tag, tag)

    def scan(self, text: str, channel: Channel) -> list[Signal]:
        """The signals of one utterance, each at most once."""
        text = text[:_MAX_CHARS]
        found: dict[str, Signal] = {}
        for rule in self.rules:
            if rule.speaker not in (channel, "any") or rule.signal in found:
                continue
            if _matches(rule, text):
                found[rule.signal] = Signal(name=rule.signal, tag=rule.tag, probability=rule.probability)
        return [*found.values(), *(self._products(text) if channel == "caller" else ())]

    def _products(self, text: str) -> Iterator[Signal]:
        """``product:<name>`` for what is spoken of, ``fault:<name>`` (with a tag) for what is said to be broken."""
        product = self.product(text)
        faulty = bool(self.fault.search(text))
        if faulty:
            yield Signal(name="fault", tag=None, probability=0.8)
        if product is None:
            return
        yield Signal(name=f"product:{product}", tag=None, probability=0.8)
        if faulty:
            yield Signal(name=f"fault:{product}", tag=f"{product}故障", probability=0.8)

    def product(self, text: str) -> str | None:
        """The first product of the list that is spoken of: special things come before what they are part of."""
        return next((name for name, pattern in self.products if pattern.search(text)), None)


def _matches(rule: Rule, text: str) -> bool:
    for match in rule.pattern.finditer(text):
        around = text[max(0, match.start() - AROUND) : match.end() + AROUND]
        if rule.unless is None or not rule.unless.search(around):
            return True
    return False


@cache
def shipped_rules() -> RuleSet:
    """The rules that come with CallCue."""
    return read_rules(_FILE)


def read_rules(path: Path) -> RuleSet:
    """The rules of a file. Raises ModelError that names the rule at fault.

    With ``extends = "shipped"`` they are added to those that come with CallCue: a rule of the same signal takes the
    place of the shipped one, ``off`` lists signals to leave out, ``rename`` gives tags other names.
    """
    held = _read(path)
    if "extends" in held:
        held = _onto(_read(_FILE), held, path.name)
    names: set[str] = set()
    rules = []
    for number, row in enumerate(held.get("rule", []), 1):
        where = f"{path.name}, rule {number} ({row.get('signal', '?')})"
        rules.append(_rule(row, where))
        if rules[-1].signal in names:
            raise ModelError(f"{where}: a signal may have one rule only; join the patterns with |")
        names.add(rules[-1].signal)
    products = tuple(
        (name, _compile(pattern, f"{path.name}, product {name}")) for name, pattern in held.get("products", {}).items()
    )
    fault = _compile(held.get("fault", {}).get("pattern", "(?!)"), f"{path.name}, fault")
    issue = {signal: label for label, signals in held.get("issue", {}).items() for signal in signals}
    negative, positive = dict(held.get("negative", {})), dict(held.get("positive", {}))
    unknown = {*issue, *negative, *positive} - names - {"fault"}
    if unknown:
        raise ModelError(f"{path.name}: no rule gives the signal {', '.join(sorted(unknown))}")
    speller = Speller(held.get("sounds", {}).get("words", []))
    return RuleSet(
        rules=tuple(rules),
        products=products,
        fault=fault,
        issue=issue,
        negative=negative,
        positive=positive,
        speller=speller,
        rename=_renamed(held.get("rename", {}), path.name),
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        held = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"The rules in {path} cannot be read: {error}") from error
    unknown = set(held) - _PARTS
    if unknown:
        raise ModelError(
            f"{path.name}: unknown parts {', '.join(sorted(unknown))}; known are {', '.join(sorted(_PARTS))}"
        )
    return held


def _onto(shipped: dict[str, Any], own: dict[str, Any], name: str) -> dict[str, Any]:
    """The shipped rules with own ones before them."""
    if own["extends"] != "shipped":
        raise ModelError(f'{name}: extends may only be "shipped"')
    off, mine = set(own.get("off", [])), {row.get("signal") for row in own.get("rule", []) if isinstance(row, dict)}
    known = {row["signal"] for row in shipped["rule"]}
    if off - known:
        raise ModelError(f"{name}: off names signals that no shipped rule gives: {', '.join(sorted(off - known))}")
    kept = [row for row in shipped["rule"] if row["signal"] not in off | mine]
    gone = off - mine
    joined: dict[str, Any] = {
        "rule": [*own.get("rule", []), *kept],
        "products": {**own.get("products", {}), **shipped["products"]} | own.get("products", {}),
        "fault": own.get("fault", shipped["fault"]),
        "rename": own.get("rename", {}),
        "sounds": {"words": [*shipped["sounds"]["words"], *own.get("sounds", {}).get("words", [])]},
        "issue": {
            label: [signal for signal in (*signals, *own.get("issue", {}).get(label, ())) if signal not in gone]
            for label, signals in shipped["issue"].items()
        },
    }
    for mood in ("negative", "positive"):
        joined[mood] = {k: v for k, v in (shipped[mood] | own.get(mood, {})).items() if k not in gone}
    return joined


def _renamed(names: Any, where: str) -> dict[str, str]:
    if not isinstance(names, dict) or not all(
        isinstance(new, str) and 0 < len(new) <= MAX_TAG for new in names.values()
    ):
        raise ModelError(f"{where}, rename: must be a table of tags and their new names of 1 to {MAX_TAG} characters")
    return dict(names)


def _rule(row: Mapping[str, Any], where: str) -> Rule:
    unknown = set(row) - _KEYS
    if unknown:
        raise ModelError(f"{where}: unknown keys {', '.join(sorted(unknown))}")
    speaker = row.get("speaker", "caller")
    if not isinstance(row.get("signal"), str) or speaker not in ("caller", "agent", "any"):
        raise ModelError(f"{where}: needs a signal, and a speaker that is caller, agent or any")
    probability = row.get("probability")
    if not isinstance(probability, float) or not 0.0 < probability <= _MAX_PROBABILITY:
        raise ModelError(f"{where}: probability must be above 0 and at most {_MAX_PROBABILITY}")
    kind, tag = row.get("kind", "base"), row.get("tag")
    if kind not in get_args(TagKind):
        raise ModelError(f"{where}: kind must be {', '.join(get_args(TagKind))}")
    if tag is not None and (not isinstance(tag, str) or not 0 < len(tag) <= MAX_TAG):
        raise ModelError(f"{where}: tag must be a text of 1 to {MAX_TAG} characters")
    return Rule(
        signal=row["signal"],
        pattern=_compile(row.get("pattern"), where),
        tag=tag,
        kind=cast(TagKind, kind),
        speaker=speaker,
        unless=_compile(row["unless"], where) if "unless" in row else None,
        probability=probability,
    )


def _compile(pattern: object, where: str) -> re.Pattern[str]:
    if not isinstance(pattern, str) or not pattern:
        raise ModelError(f"{where}: a pattern must be a text that is not empty")
    try:
        return re.compile(pattern, re.IGNORECASE)
    except re.error as error:
        raise ModelError(f"{where}: not a regular expression ({error})") from error
