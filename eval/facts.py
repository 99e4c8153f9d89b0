"""``python -m eval.facts [FILE]``: facts said in single utterances and short exchanges, beside plain expressions.

``clean`` is the text as written; ``errors`` has simulated recognition errors in the words around the numbers, with the
confidence of recognised text. ``plain`` looks for digits in the normalised text with one regular expression a kind, and
nothing else: no numerals, no context, no second hearing. A fact is right when its kind, role (of ``plain``: any) and
value are; ``wrong`` counts facts that were not said, per 100 utterances. The default set is the project's own.
"""

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

import tagger
from callcue.core.errors import BadInput
from callcue.core.facts import FACT_KINDS
from callcue.core.settings import Settings
from callcue.core.speech import Channel, Language, Utterance
from eval.call_set import STARTED_AT
from eval.data import read_bytes
from eval.fact_calls import measure_calls
from eval.metrics import expected_calibration_error, wilson
from eval.report import Figures, run, table, write
from kb_index.noise import disturb
from nlu.normalise import Normaliser
from tagger.call_facts import CallFacts
from tagger.rules import shipped_rules

OWN = Path(tagger.__file__).parent / "data" / "facts_test.txt"
RECOGNISED = 0.75
"""Confidence of text with errors; what Whisper base says of telephone speech is about that."""
_COLUMNS = ("facts", "right", "right_interval", "wrong", "ece")
ERRORS = 0.15
"""Share of the characters around the numbers that are wrong."""
_SHOWN = 0.5
"""Candidates below it are doubts, not statements."""
_OPEN = frozenset({"product"})
"""Kinds of which other true ones may stand in an utterance: they are never counted as wrong."""
_NUMERIC = frozenset({"phone", "order_no", "amount", "date"})
_DIGITS = re.compile(r"[\dA-Za-z零〇一二两三四五六七八九十百千万幺点年月号日元块]+")
_SEED = 11

Said = tuple[str, str, str]
"""Kind, role, value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FactCase:
    """One exchange and the facts in it."""

    line: int
    language: Language
    turns: tuple[tuple[Channel, str], ...]
    facts: frozenset[Said]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One fact that a method says."""

    said: Said
    probability: float


Method = Callable[[FactCase, float], list[Found]]


def read_cases(path: Path) -> list[FactCase]:
    """The cases of a file. Raises BadInput that names the line."""
    cases = []
    for number, line in enumerate(read_bytes(path).decode("utf-8", "replace").splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            cases.append(_case(line, number, f"{path}, line {number}"))
    if not cases:
        raise BadInput(f"{path} holds no cases")
    return cases


def _case(line: str, number: int, where: str) -> FactCase:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) != 3 or parts[0] not in ("zh", "en"):
        raise BadInput(f"{where}: give language | utterances | facts, the language zh or en")
    turns: list[tuple[Channel, str]] = []
    for said in parts[1].split("//"):
        text = said.strip()
        turns.append(("agent", text[2:].strip()) if text.startswith("A:") else ("caller", text))
    facts = frozenset(_said(fact.strip(), where) for fact in parts[2].split(";") if fact.strip() != "-")
    return FactCase(line=number, language="zh" if parts[0] == "zh" else "en", turns=tuple(turns), facts=facts)


def _said(text: str, where: str) -> Said:
    name, equals, value = text.partition("=")
    kind, _, role = name.partition(".")
    if not equals or kind not in FACT_KINDS:
        raise BadInput(f"{where}: {text!r} is no fact such as amount.paid=1299")
    return kind, role, value


def with_errors(case: FactCase, seed: int = _SEED) -> FactCase:
    """The case with errors in its Chinese words; the stretches that hold numbers stay as they are."""
    rng = random.Random(f"{seed} {case.line}")
    turns = tuple((channel, _disturbed(text, rng)) for channel, text in case.turns)
    return replace(case, turns=turns)


def _disturbed(text: str, rng: random.Random) -> str:
    out, at = "", 0
    for found in _DIGITS.finditer(text):
        out += disturb(text[at : found.start()], ERRORS, rng) + found[0]
        at = found.end()
    return out + disturb(text[at:], ERRORS, rng)


def product(case: FactCase, confidence: float) -> list[Found]:
    """What a call would hold after the exchange."""
    facts, normaliser, speller = CallFacts(datetime.fromisoformat(STARTED_AT)), Normaliser(), shipped_rules().speller
    for index, (channel, text) in enumerate(case.turns):
        plain = normaliser.normalise(text, case.language).text
        facts.observe(
            Utterance(
                call_id="eval",
                channel=channel,
                segment_id=f"s{index}",
                start_ms=index * 3000,
                end_ms=index * 3000 + 2000,
                raw_text=text,
                text=speller.respell(plain),
                language=case.language,
                confidence=confidence,
            )
        )
    return [
        Found(said=(found.kind, found.role, found.value), probability=found.probability)
        for found in facts.candidates
        if found.state != "incomplete" and found.probability >= _SHOWN
    ]


_PLAIN: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("phone", re.compile(r"(?<!\d)(1[3-9]\d{9}|[2-9]\d{2}[2-9]\d{6})(?!\d)")),
    ("order_no", re.compile(r"(?<!\d)([A-Z]{0,3}\d{6,12})(?!\d)")),
    ("amount", re.compile(r"[¥$]?(\d+(?:\.\d+)?)(?=元|块| ?dollars)|(?<=[¥$])(\d+(?:\.\d+)?)")),
    ("date", re.compile(r"(\d{4}-\d{2}-\d{2})|(\d{1,2})月(\d{1,2})[日号]")),
    ("name", re.compile(r"(?:我叫|我姓|my name is )([\u4e00-\u9fff]{1,3}|[A-Z]\w+ [A-Z]\w+)")),
    ("address", re.compile(r"([\u4e00-\u9fff]+(?:路|街)\d+号\w*|\d+ \w+ (?:Street|Avenue|Road))")),
    ("staff", re.compile(r"工号(\d+)")),
)


def plain(case: FactCase, _confidence: float) -> list[Found]:
    """The baseline."""
    found: dict[Said, Found] = {}
    for _, text in case.turns:
        taken: list[tuple[int, int]] = []
        written = Normaliser().normalise(text, case.language).text
        for kind, pattern in _PLAIN:
            for match in pattern.finditer(written):
                if any(match.start() < end and start < match.end() for start, end in taken):
                    continue
                taken.append(match.span())
                value = next(group for group in match.groups() if group)
                if kind == "date" and match[2]:
                    value = f"2026-{int(match[2]):02}-{int(match[3]):02}"
                found[kind, "", value] = Found(said=(kind, "", value), probability=1.0)
    return list(found.values())


METHODS: dict[str, tuple[Method, bool]] = {"product": (product, True), "plain": (plain, False)}
"""Methods, and whether their roles count."""


def score(cases: Sequence[FactCase], method: Method, *, roles: bool, confidence: float) -> Figures:
    """``facts``, the share ``right`` with its interval, by kind; ``wrong`` per 100 exchanges; ``ece``: calibration."""
    right: dict[str, list[bool]] = defaultdict(list)
    sure: list[tuple[float, bool]] = []
    wrong, missed = 0, []
    for case in cases:
        found = {_plain_role(f.said, roles): f.probability for f in method(case, confidence)}
        wanted = {_plain_role(said, roles) for said in case.facts}
        for said in wanted:
            right[said[0]].append(said in found)
            if said not in found:
                missed.append({"line": case.line, "fact": "=".join(said)})
        for said, probability in found.items():
            if said[0] not in _OPEN or said in wanted:
                sure.append((probability, said in wanted))
                wrong += said not in wanted
    flat = [hit for hits in right.values() for hit in hits]
    return {
        "facts": len(flat),
        "right": sum(flat) / len(flat),
        "right_interval": wilson(sum(flat), len(flat)),
        "by_kind": {kind: f"{sum(right[kind])}/{len(right[kind])}" for kind in FACT_KINDS if kind in right},
        "wrong": 100 * wrong / len(cases),
        "ece": expected_calibration_error([p for p, _ in sure], [hit for _, hit in sure]) if sure else None,
        "missed": missed,
    }


def _plain_role(said: Said, roles: bool) -> Said:
    return said if roles else (said[0], "", said[2])


def measure(cases: Sequence[FactCase]) -> Figures:
    """All methods on the cases as written and, without the facts that are words themselves, with errors."""
    conditions = {"clean": (list(cases), 1.0), "errors": (list(_numeric(cases)), RECOGNISED)}
    return {
        "exchanges": {language: sum(case.language == language for case in cases) for language in ("zh", "en")},
        "methods": {
            name: {
                condition: score(some, method, roles=roles, confidence=confidence)
                for condition, (some, confidence) in conditions.items()
            }
            for name, (method, roles) in METHODS.items()
        },
    }


def _numeric(cases: Iterable[FactCase]) -> Iterator[FactCase]:
    for case in cases:
        facts = frozenset(said for said in case.facts if said[0] in _NUMERIC)
        if case.language == "zh" and (facts or not case.facts):
            yield replace(with_errors(case), facts=facts)


def main(
    file: Annotated[Path, typer.Argument(help="Cases; default: those of the project.")] = OWN,
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    calls: Annotated[Path | None, typer.Option(help="Also the facts of these test calls, by their text.")] = None,
    heard: Annotated[Path | None, typer.Option(help="With --calls: JSON of an eval.calls run, for its speech.")] = None,
    missed: Annotated[bool, typer.Option("--missed", help="Show what the product did not find.")] = False,
) -> None:
    """Score facts beside plain regular expressions."""
    figures = measure(read_cases(file))
    rows = []
    for method, conditions in figures["methods"].items():
        for condition, found in conditions.items():
            rows.append(
                [method, condition, *(found[name] for name in ("facts", "right", "right_interval", "wrong", "ece"))]
            )
            rows[-1].append(" ".join(f"{kind} {share}" for kind, share in found["by_kind"].items()))
    counts = ", ".join(f"{count} {language}" for language, count in figures["exchanges"].items())
    table(f"facts ({counts})", ["method", "text", "facts", "right", "interval", "wrong/100", "ece", "by kind"], rows)
    if missed:
        for condition, found in figures["methods"]["product"].items():
            for one in found["missed"]:
                typer.echo(f"{condition}, line {one['line']}: {one['fact']}")
    if calls is not None:
        threshold = Settings().tagging.fill_threshold
        figures["calls"] = measure_calls(calls, heard, fill_threshold=threshold, confidence=RECOGNISED)
        names = ["facts_right", "facts_right_interval", "wrong_values", "of"]
        table(str(calls), ["from", *names], [[k, *(v[n] for n in names)] for k, v in figures["calls"].items()])
    write(figures, json_file)


if __name__ == "__main__":
    run(main)
