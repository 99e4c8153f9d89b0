"""One call, utterance by utterance: what is new for the record, and what it should say when the call is over."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from callcue.core.ports import TagModel
from callcue.core.records import SENTIMENTS, FieldSource, Scalar, TagSuggestion
from callcue.core.speech import Utterance
from callcue.core.taxonomy import ISSUE_SUBTYPE, Taxonomy, default_taxonomy
from tagger.aggregate import IssueVote, SentimentTrend, Verdict
from tagger.derive import Shown, derive
from tagger.facts import PHONE, Fact, asked_for, extract_facts
from tagger.follow_up import FollowUp
from tagger.numerals import digit_runs
from tagger.rules import RULES_NAME, RuleSet, Signal, shipped_rules
from tagger.subtype import SubtypeVote

_DEFAULT_PRIORITY = 3
_ANSWERS = 2
"""Caller utterances for which a question of the agent stands."""
_JOIN_GAP_MS = 4000
"""Digits that a caller reads in portions belong together when the pause is shorter than this."""
_FOLLOW_UP_SURE = 0.7
_MAX_JOINED = 24
_MAX_CHARS = 1000
"""Longer than any segment that is speech; bounds the time that rules take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Finding:
    field: str
    value: Scalar
    probability: float
    evidence: tuple[str, ...]
    model: str
    source: FieldSource


class CallTagger:
    """The tagger of one call. Blocking (it embeds and classifies); use it from one worker thread at a time."""

    def __init__(
        self,
        *,
        issue: TagModel,
        sentiment: TagModel,
        fill_threshold: float,
        started_at: datetime,
        rules: RuleSet | None = None,
        taxonomy: Taxonomy | None = None,
        subtype: TagModel | None = None,
    ) -> None:
        """``started_at`` is the call's beginning in the local time zone: relative dates count from its day.

        ``subtype`` tells sub-types of ``taxonomy`` (default: the one that comes with CallCue); None: types alone.
        """
        self._issue_model = issue
        self._sentiment_model = sentiment
        self._threshold = fill_threshold
        self._started_at = started_at
        self._rules = rules or shipped_rules()
        positive, neutral, negative = SENTIMENTS
        self._taxonomy = taxonomy or default_taxonomy()
        self._issue = IssueVote(other=self._taxonomy.other)
        self._subtype_model = subtype
        self._subtype = SubtypeVote(self._taxonomy)
        self._sentiment = SentimentTrend(positive, neutral, negative)
        self._negative, self._positive = negative, positive
        self._follow_up = FollowUp()
        self._signals: dict[str, Shown] = {}
        self._facts: dict[str, Fact] = {}
        self._asked: frozenset[str] = frozenset()
        self._asked_left = 0
        self._digits: tuple[str, int, str] | None = None
        self._said: dict[tuple[str, Scalar], bool] = {}
        self._latest: dict[str, Scalar] = {}
        self._filled: dict[str, Scalar] = {}

    def observe(self, u: Utterance) -> list[TagSuggestion]:
        """What this utterance adds or changes; nothing that was suggested before in the same words."""
        u = replace(u, text=self._rules.speller.respell(u.text[:_MAX_CHARS]))
        signals = self._rules.scan(u.text, u.channel)
        found = list(self._tags(signals, u))
        found += self._find_facts(u)
        if u.channel == "agent":
            self._follow_up.agent(u.text, u.segment_id)
        else:
            self._follow_up.caller(u.text)
            self._classify(u, signals)
            found += self._verdicts(ended=False)
        found += self._derived()
        self._remember_question(u)
        return self._news(found)

    def finish(self) -> list[TagSuggestion]:
        """The end of the call: what is still open gets its final or default value."""
        found = [*self._verdicts(ended=True), *self._derived()]
        trend = self._sentiment.verdict()
        found.append(_finding("sentiment", trend.label, trend.probability, trend.evidence, self._sentiment_model.name))
        promised = self._follow_up.value()
        if promised is not None:
            found.append(_ruled("follow_up", promised[0], _FOLLOW_UP_SURE, promised[1]))
        fields = {finding.field for finding in found}
        if "priority" not in fields:
            found.append(_default("priority", _DEFAULT_PRIORITY))
        if "needs_offline_inspection" not in fields:
            found.append(_default("needs_offline_inspection", False))
        return self._news(found)

    def _tags(self, signals: Iterable[Signal], u: Utterance) -> Iterator[_Finding]:
        for signal in signals:
            held = self._signals.get(signal.name)
            evidence = (*held.evidence, u.segment_id) if held else (u.segment_id,)
            sure = max(signal.probability, held.probability) if held else signal.probability
            self._signals[signal.name] = Shown(probability=sure, evidence=evidence[:4])
            if signal.tag is not None:
                yield _ruled("tags", signal.tag, signal.probability, (u.segment_id,))

    def _classify(self, u: Utterance, signals: Iterable[Signal]) -> None:
        names = [signal.name for signal in signals]
        issue = self._issue_model.predict([u.text])[0]
        self._issue.add(u.text, u.segment_id, issue, [self._rules.issue[n] for n in names if n in self._rules.issue])
        if self._subtype_model is not None:
            self._subtype.add(u.text, u.segment_id, self._subtype_model.predict([u.text])[0])
        strengths = {
            self._negative: max((self._rules.negative.get(name, 0.0) for name in names), default=0.0),
            self._positive: max((self._rules.positive.get(name, 0.0) for name in names), default=0.0),
        }
        sentiment = self._sentiment_model.predict([u.text])[0]
        self._sentiment.add(u.text, u.segment_id, sentiment, {k: v for k, v in strengths.items() if v})

    def _verdicts(self, *, ended: bool) -> Iterator[_Finding]:
        issue = self._issue.verdict(ended=ended)
        if issue is not None:
            yield _finding("issue_type", issue.label, issue.probability, issue.evidence, self._issue_model.name)
            yield from self._finer(issue)
        trend = self._sentiment.verdict()
        if trend.label in (self._negative, self._positive) or "sentiment" in self._latest:
            yield _finding("sentiment", trend.label, trend.probability, trend.evidence, self._sentiment_model.name)

    def _finer(self, issue: Verdict) -> Iterator[_Finding]:
        """The sub-type; an empty one where the field's last value belongs to a type that is no longer the call's."""
        if self._subtype_model is None:
            return
        finer = self._subtype.verdict(issue)
        name = self._subtype_model.name
        if finer is not None:
            yield _finding(ISSUE_SUBTYPE, finer.label, finer.probability, finer.evidence, name)
        held = self._filled.get(ISSUE_SUBTYPE)
        sure = finer is not None and finer.probability >= self._threshold
        foreign = isinstance(held, str) and self._taxonomy.type_of(held) != issue.label
        if foreign and not sure and issue.probability >= self._threshold:
            yield _finding(ISSUE_SUBTYPE, None, issue.probability, issue.evidence, name)

    def _derived(self) -> Iterator[_Finding]:
        issue = self._issue.verdict()
        for derived in derive(self._signals, issue.label if issue else None):
            yield _ruled(derived.field, derived.value, derived.probability, derived.evidence)

    def _find_facts(self, u: Utterance) -> Iterator[_Finding]:
        asked = self._asked if self._asked_left else frozenset()
        facts = extract_facts(u.text, self._started_at, speaker=u.channel, asked=asked)
        evidence: tuple[str, ...] = (u.segment_id,)
        if u.channel == "caller":
            joined = self._join_digits(u, asked, bool(facts))
            if joined is not None:
                facts, evidence = joined
        for fact in facts:
            held = self._facts.get(fact.field)
            if held is not None and held.value == fact.value:
                continue
            if held is None or _replaces(fact, held):
                self._facts[fact.field] = fact
                yield _ruled(fact.field, fact.value, fact.probability, evidence)

    def _join_digits(
        self, u: Utterance, asked: frozenset[str], complete: bool
    ) -> tuple[list[Fact], tuple[str, ...]] | None:
        """Facts of a number that was read in two portions, as when a pause ended the segment in its middle."""
        runs = digit_runs(u.text)
        before, self._digits = self._digits, None
        if runs and not complete:
            self._digits = (runs[-1].joined[:_MAX_JOINED], u.end_ms, u.segment_id)
        if before is None or not runs or runs[0].start > 1 or u.start_ms - before[1] > _JOIN_GAP_MS:
            return None
        facts = extract_facts(before[0] + runs[0].joined, self._started_at, asked=asked or frozenset({PHONE}))
        facts = [fact for fact in facts if not complete or fact.field == PHONE]
        if not facts:
            self._digits = (before[0] + runs[0].joined, u.end_ms, u.segment_id) if not complete else None
            return None
        return facts, (before[2], u.segment_id)

    def _remember_question(self, u: Utterance) -> None:
        if u.channel == "agent":
            asked = asked_for(u.text)
            if asked:
                self._asked, self._asked_left = asked, _ANSWERS
        elif self._asked_left:
            self._asked_left -= 1

    def _news(self, found: Iterable[_Finding]) -> list[TagSuggestion]:
        """Findings that say something else than was said last; a tag, and a field that now fills, count once."""
        news: list[TagSuggestion] = []
        for finding in found:
            fills = finding.source == "default" or finding.probability >= self._threshold
            key = (finding.field, finding.value)
            known = key in self._said and (finding.field == "tags" or self._latest.get(finding.field) == finding.value)
            if known and (self._said[key] or not fills):
                continue
            self._said[key] = fills
            self._latest[finding.field] = finding.value
            if fills:
                self._filled[finding.field] = finding.value
            news.append(
                TagSuggestion(
                    field=finding.field,
                    value=finding.value,
                    probability=finding.probability,
                    evidence=finding.evidence,
                    model=finding.model,
                    source=finding.source,
                    fills=fills,
                )
            )
        return news


def _replaces(fact: Fact, held: Fact) -> bool:
    """Facts of more weight win; at the same weight a phone or order number said later is a correction, a sum is not."""
    if fact.weight != held.weight:
        return fact.weight > held.weight
    return fact.field.endswith(("phone", "order_no")) and fact.probability >= held.probability


def _finding(field: str, value: Scalar, probability: float, evidence: tuple[str, ...], model: str) -> _Finding:
    return _Finding(field=field, value=value, probability=probability, evidence=evidence, model=model, source="model")


def _default(field: str, value: Scalar) -> _Finding:
    return _Finding(field=field, value=value, probability=0.0, evidence=(), model=RULES_NAME, source="default")


def _ruled(field: str, value: Scalar, probability: float, evidence: tuple[str, ...]) -> _Finding:
    return _Finding(
        field=field, value=value, probability=probability, evidence=evidence, model=RULES_NAME, source="rule"
    )
