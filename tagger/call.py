"""One call, utterance by utterance: what is new for the record, and what it should say when the call is over."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from callcue.core.facts import FactCandidate, NumberShape
from callcue.core.feelings import Escalation, Feeling, SpeakerFeelings
from callcue.core.ports import Prediction, TagModel
from callcue.core.records import SENTIMENTS, FieldSource, Scalar, TagSuggestion
from callcue.core.speech import Utterance
from callcue.core.taxonomy import ISSUE_SUBTYPE, Taxonomy, default_taxonomy
from tagger.aggregate import IssueVote, SentimentTrend, Verdict
from tagger.alerts import EscalationWatch
from tagger.call_facts import CallFacts
from tagger.derive import Shown, derive
from tagger.feelings import Feelings
from tagger.follow_up import FollowUp
from tagger.products import ProductFinder
from tagger.rules import RULES_NAME, RuleSet, Signal, shipped_rules
from tagger.subtype import SubtypeVote

_DEFAULT_PRIORITY = 3
_FOLLOW_UP_SURE = 0.7
_SEVERAL = ("tags", "demand_tags")
"""Fields that a finding adds a value to."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """What an utterance says of its speaker's feelings."""

    feeling: Feeling | None
    """None: nothing with content was said."""
    escalations: tuple[Escalation, ...]


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
        shape: NumberShape | None = None,
        products: ProductFinder | None = None,
        taxonomy: Taxonomy | None = None,
        subtype: TagModel | None = None,
    ) -> None:
        """``started_at`` is the call's beginning in the local time zone: relative dates count from its day. ``shape``
        and ``products`` are what is known of the shop's order numbers and goods. ``subtype`` tells sub-types of
        ``taxonomy`` (default: the one that comes with CallCue); None: types alone.
        """
        self._issue_model = issue
        self._sentiment_model = sentiment
        self._threshold = fill_threshold
        self._rules = rules or shipped_rules()
        self._demands = frozenset(tag for tag, kind in self._rules.vocabulary.items() if kind == "demand")
        positive, neutral, negative = SENTIMENTS
        self._taxonomy = taxonomy or default_taxonomy()
        self._issue = IssueVote(other=self._taxonomy.other)
        self._subtype_model = subtype
        self._subtype = SubtypeVote(self._taxonomy)
        self._sentiment = SentimentTrend(positive, neutral, negative)
        self._negative, self._positive = negative, positive
        self._feelings = Feelings()
        self._watch = EscalationWatch()
        self._felt: Felt | None = None
        self._follow_up = FollowUp()
        self._signals: dict[str, Shown] = {}
        self._facts = CallFacts(started_at, shape=shape, products=products)
        self._said: dict[tuple[str, Scalar], bool] = {}
        self._latest: dict[str, Scalar] = {}
        self._filled: dict[str, Scalar] = {}

    def observe(self, u: Utterance) -> list[TagSuggestion]:
        """What this utterance adds or changes; nothing that was suggested before in the same words."""
        u = replace(u, text=self._rules.speller.respell(u.text[:_MAX_CHARS]))
        signals = self._rules.scan(u.text, u.channel)
        self._felt = None
        found = list(self._tags(signals, u))
        found += [_ruled(f.field, f.value, f.probability, f.evidence) for f in self._facts.observe(u)]
        if u.channel == "agent":
            self._follow_up.agent(u.text, u.segment_id)
            self._feel(u, {})
        else:
            self._follow_up.caller(u.text)
            self._classify(u, signals)
            found += self._verdicts(ended=False)
        found += self._derived()
        return self._news(found)

    @property
    def felt(self) -> Felt | None:
        """What the utterance observed last says of its speaker's feelings."""
        return self._felt

    def moods(self) -> tuple[SpeakerFeelings, ...]:
        """Each speaker's feelings over the call so far."""
        return self._feelings.summary()

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
            if signal.tag is None:
                continue
            yield _ruled("tags", signal.tag, signal.probability, (u.segment_id,))
            if self._rules.call(signal.tag) in self._demands:
                yield _ruled("demand_tags", signal.tag, signal.probability, (u.segment_id,))

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
        strengths = {label: strength for label, strength in strengths.items() if strength}
        self._sentiment.add(u.text, u.segment_id, self._feel(u, strengths), strengths)

    def _feel(self, u: Utterance, strengths: Mapping[str, float]) -> Prediction:
        """How the utterance was meant, kept for ``felt``; returns what the classifier alone says."""
        prediction = self._sentiment_model.predict([u.text])[0]
        feeling = self._feelings.hear(u, prediction, strengths)
        escalations: list[Escalation] = []
        if feeling is not None and u.channel == "caller":
            negative = prediction.distribution.get(self._negative, 0.0)
            escalations = self._watch.hear(u, feeling, negative, plain=self._negative in strengths)
        self._felt = Felt(feeling=feeling, escalations=tuple(escalations))
        return prediction

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

    def take_facts(self) -> list[FactCandidate]:
        """The candidates for facts that are new or changed since they were last taken."""
        return self._facts.take()

    def shown(self, signal: str) -> tuple[str, ...]:
        """The first segments in which rules found a signal so far, such as ``return``; empty: none, or no such rule."""
        held = self._signals.get(signal)
        return () if held is None else held.evidence

    def _news(self, found: Iterable[_Finding]) -> list[TagSuggestion]:
        """Findings that say something else than was said last; a tag, and a field that now fills, count once."""
        news: list[TagSuggestion] = []
        for finding in found:
            fills = finding.source == "default" or finding.probability >= self._threshold
            several = finding.field in _SEVERAL
            value = self._rules.call(str(finding.value)) if several else finding.value
            key = (finding.field, value)
            known = key in self._said and (several or self._latest.get(finding.field) == value)
            if known and (self._said[key] or not fills):
                continue
            self._said[key] = fills
            self._latest[finding.field] = value
            if fills:
                self._filled[finding.field] = value
            news.append(
                TagSuggestion(
                    field=finding.field,
                    value=value,
                    probability=finding.probability,
                    evidence=finding.evidence,
                    model=finding.model,
                    source=finding.source,
                    fills=fills,
                )
            )
        return news


def _finding(field: str, value: Scalar, probability: float, evidence: tuple[str, ...], model: str) -> _Finding:
    return _Finding(field=field, value=value, probability=probability, evidence=evidence, model=model, source="model")


def _default(field: str, value: Scalar) -> _Finding:
    return _Finding(field=field, value=value, probability=0.0, evidence=(), model=RULES_NAME, source="default")


def _ruled(field: str, value: Scalar, probability: float, evidence: tuple[str, ...]) -> _Finding:
    return _Finding(
        field=field, value=value, probability=probability, evidence=evidence, model=RULES_NAME, source="rule"
    )
