"""What a call's record says of channel, progress, traces and what comes next, out of everything known of the call.

One instance serves one call. It is told what happens, and ``take`` works all of its fields out anew: what has changed
since then is said, and what does not hold any more is taken back.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from callcue.core.cards import Card
from callcue.core.customer_events import CustomerEvent
from callcue.core.customers import CustomerProfile
from callcue.core.field_values import MAX_ENTRY, MAX_TEXT
from callcue.core.records import CallRecord, TagSuggestion, Value
from callcue.core.speech import UNSURE, Utterance
from tagger.action_clauses import Action
from tagger.contact import WECHAT, Preference, preferring, ranked
from tagger.next_actions import ActionBook
from tagger.progress import awaits_store, done_in_call
from tagger.record_rules import RECORD_RULES_NAME, Coordinator, RecordRules, category_path
from tagger.rules import RuleSet
from tagger.traces import Side, Trace, add_told, traces_of_events

INTAKE, CRM = "intake", "customer"
"""``by`` of what the switch told of the call, and of what a customer system told of the customer."""
_CONFIGURED_SURE = 0.95
"""Assumed: how often what is configured for a line, or for a kind of case, fits the call."""
_CULTURE_SURE = 0.75
_MOST_EVIDENCE = 20
_MOST_QUOTED = 40
_LANGUAGES = {"zh": "普通话", "en": "英语", "yue": "粤语", "ja": "日语", "ko": "韩语"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the intake said of where the call comes from."""

    dialled: str | None = None
    channel: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A field's value and what it rests on."""

    value: Value
    probability: float
    evidence: tuple[str, ...] = ()
    by: str = RECORD_RULES_NAME


@dataclass(slots=True, kw_only=True)
class RecordFiller:
    """The fields that nobody has to type. Blocking: use it from one worker thread at a time."""

    started_at: datetime
    """In the local time zone."""
    origin: Origin
    rules: RecordRules
    vocabulary: RuleSet
    trace_days: float
    """How far back events are told."""
    fill_threshold: float
    profile: CustomerProfile = field(default_factory=CustomerProfile)
    events: Sequence[CustomerEvent] = ()
    heard: list[Utterance] = field(default_factory=list)
    culture: dict[str, str] = field(default_factory=dict)
    """Tag -> the segment that showed it first."""
    cards: dict[str, str] = field(default_factory=dict)
    """Culture cards that the agent used: id -> title."""
    handed: tuple[Coordinator, datetime] | None = None
    """The coordinator to whom the call was handed over last, and when."""
    _said: dict[str, Found] = field(default_factory=dict)
    _ended: bool = False
    _read: int = 0
    """How many of ``heard`` were taken apart. What an utterance says is kept, so that the work of one more does not
    grow with the call."""
    _book: ActionBook = field(init=False)
    _wish: Preference = field(default_factory=Preference)
    _told: dict[Side, list[Trace]] = field(default_factory=lambda: {"offline_trace": [], "online_history": []})
    _texts: dict[str, str] = field(default_factory=dict)
    """Of each segment."""

    def __post_init__(self) -> None:
        self._book = ActionBook(started_at=self.started_at)

    def hear(self, utterance: Utterance, found: Iterable[TagSuggestion]) -> None:
        """An utterance, and what the tagger made of it. What the recogniser doubts says nothing here."""
        if utterance.confidence < UNSURE:
            return
        self.heard.append(utterance)
        for tag in found:
            name = str(tag.value)
            if tag.field == "tags" and tag.fills and tag.evidence and self.vocabulary.vocabulary.get(name) == "culture":
                self.culture.setdefault(name, tag.evidence[0])
        self._texts[utterance.segment_id] = utterance.text

    def used(self, card: Card) -> None:
        """The agent used a card."""
        if card.kind == "culture":
            self.cards[card.id] = card.title

    def take(self, record: CallRecord, *, ended: bool = False) -> list[TagSuggestion]:
        """What to say of the fields, given the ``record`` as it stands: only what is new, changed or gone."""
        self._take_apart()
        self._ended = self._ended or ended  # what is told later still finds the call over
        now = self._found(record, ended=self._ended)
        changed = [self._suggestion(name, found) for name, found in now.items() if self._said.get(name) != found]
        gone = [self._gone(name) for name in self._said if name not in now]
        self._said = now
        return [*changed, *gone]

    def _take_apart(self) -> None:
        """What was heard since the last time."""
        new = self.heard[self._read :]
        for utterance in new:
            self._book.add(utterance)
            self._wish = preferring(self._wish, utterance)
        add_told(self._told, new)
        self._read += len(new)

    def _suggestion(self, name: str, found: Found) -> TagSuggestion:
        return TagSuggestion(
            field=name,
            value=found.value,
            probability=found.probability,
            evidence=found.evidence[:_MOST_EVIDENCE],
            model=found.by,
            source="rule",
            fills=found.probability >= self.fill_threshold,
        )

    def _gone(self, name: str) -> TagSuggestion:
        before = self._said[name]
        nothing: Value = () if isinstance(before.value, tuple) else None
        return self._suggestion(name, replace(before, value=nothing, evidence=()))

    def _found(self, record: CallRecord, *, ended: bool) -> dict[str, Found]:
        found: dict[str, Found | None] = {}
        found["channel"] = self._channel()
        found["category"] = self._category(record, found["channel"])
        found |= self._traces()
        actions = [self._renamed(one) for one in self._book.actions(self._wish)]
        preference = self._preference(self._wish)
        shown = [action for action in actions if action.probability >= self.fill_threshold]
        found["next_actions"] = _of_actions(shown, tuple(action.written() for action in shown))
        channels = ranked([action.channel for action in shown if action.channel], preference, self.rules.order)
        by_channel = [action for action in shown if action.channel]
        found["action_channels"] = _of_actions(by_channel, channels, preference.segments)
        found |= self._coordinator(record, channels, shown)
        found["service_status"] = self._progress(record, shown, ended=ended)
        found["persona_tags"] = self._persona()
        found["culture_notes"] = self._culture()
        return {name: one for name, one in found.items() if one is not None}

    def _channel(self) -> Found | None:
        if self.origin.channel:
            return Found(value=self.origin.channel[:MAX_ENTRY], probability=1.0, by=INTAKE)
        line = self.rules.line(self.origin.dialled)
        if line is not None and line.channel:
            return Found(value=line.channel, probability=_CONFIGURED_SURE)
        default = self.rules.default_channel
        return Found(value=default, probability=_CONFIGURED_SURE) if default else None

    def _category(self, record: CallRecord, channel: Found | None) -> Found | None:
        line = self.rules.line(self.origin.dialled)
        pattern = line.category if line is not None and line.category else self.rules.category
        held = record.fields.get("channel")
        by_person = held is not None and held.source == "person"
        values = {name: _text(record.value(name)) for name in ("channel", "issue_type", "issue_subtype")}
        if not by_person:
            values["channel"] = "" if channel is None else _text(channel.value)
        path = category_path(pattern, values)
        if not path:
            return None
        rests = [record.fields[name] for name in values if f"{{{name}}}" in pattern and name in record.fields]
        evidence = dict.fromkeys(segment for one in rests for segment in one.evidence)
        sure = min([_CONFIGURED_SURE, *(one.probability for one in rests)])
        return Found(value=path, probability=sure, evidence=tuple(evidence))

    def _traces(self) -> Mapping[str, Found | None]:
        until = self.started_at + timedelta(milliseconds=self.heard[-1].end_ms if self.heard else 0)
        known = traces_of_events(
            self.events,
            until=until + timedelta(hours=1),  # what came during the call, by clocks that differ a little
            days=self.trace_days,
            offline=self.rules.offline,
            online=self.rules.online,
        )
        return {side: _of_traces([*known[side], *self._told[side]]) for side in known}

    def _preference(self, said: Preference) -> Preference:
        return replace(said, wanted=tuple(map(self._named, said.wanted)), refused=tuple(map(self._named, said.refused)))

    def _renamed(self, action: Action) -> Action:
        return replace(action, channel=self._named(action.channel))

    def _named(self, channel: str) -> str:
        return self.rules.wechat if channel == WECHAT else channel

    def _coordinator(
        self, record: CallRecord, channels: Sequence[str], actions: Sequence[Action]
    ) -> dict[str, Found | None]:
        evidence = tuple(dict.fromkeys(segment for action in actions for segment in action.segments))
        if self.handed is not None:
            one: Coordinator | None = self.handed[0]
            evidence = ()
        elif any(action.who == "坐席" for action in actions):
            one = self.rules.coordinator(
                channels=channels,
                issue_type=_text(record.value("issue_type")),
                issue_subtype=_text(record.value("issue_subtype")),
            )
        else:
            one = None
        if one is None:
            return {}
        sure = 1.0 if self.handed is not None else _CONFIGURED_SURE
        at = None if self.handed is None else self.handed[1].isoformat(timespec="seconds")
        told = {"coordinator.name": one.name, "coordinator.staff_no": one.staff_no, "handed_off_at": at}
        return {
            name: Found(value=value, probability=sure, evidence=evidence) if value else None
            for name, value in told.items()
        }

    def _progress(self, record: CallRecord, actions: Sequence[Action], *, ended: bool) -> Found | None:
        held = record.fields.get("needs_offline_inspection")
        inspection = held.evidence if held is not None and held.value is True else None
        found = awaits_store(actions, inspection)
        if found is None and ended:
            found = done_in_call(self.heard, actions)
        if found is None:
            return None
        return Found(value=found.value, probability=found.probability, evidence=found.evidence)

    def _persona(self) -> Found | None:
        kinds = self.profile.segment
        return Found(value=kinds, probability=1.0, by=CRM) if kinds else None

    def _culture(self) -> Found | None:
        lines = []
        if self.profile.language:
            lines.append(profile_line(self.profile))
        for tag, segment in self.culture.items():
            said = self._texts.get(segment, "")
            quoted = said if len(said) <= _MOST_QUOTED else said[: _MOST_QUOTED - 1] + "…"
            lines.append(f"{tag}：客户说“{quoted}”" if quoted else tag)
        lines += [f"已用文化卡片：{title}" for title in self.cards.values()]
        if not lines:
            return None
        sure = _CULTURE_SURE if self.culture else 1.0
        return Found(value="\n".join(lines)[:MAX_TEXT], probability=sure, evidence=tuple(self.culture.values()))


def profile_line(profile: CustomerProfile) -> str:
    """What the culture notes say of a customer's preferred language."""
    return f"语言偏好：{_LANGUAGES.get(profile.language, profile.language)}（客户资料）"


def _of_actions(actions: Sequence[Action], value: tuple[str, ...], more: Sequence[str] = ()) -> Found | None:
    if not actions:
        return None
    evidence = dict.fromkeys([*(segment for action in actions for segment in action.segments), *more])
    return Found(value=value, probability=min(action.probability for action in actions), evidence=tuple(evidence))


def _of_traces(traces: Sequence[Trace]) -> Found | None:
    if not traces:
        return None
    evidence = dict.fromkeys(one for trace in traces for one in trace.evidence)
    return Found(
        value=tuple(dict.fromkeys(trace.text for trace in traces)),
        probability=min(trace.probability for trace in traces),
        evidence=tuple(evidence),
    )


def _text(value: Value) -> str:
    return value if isinstance(value, str) else ""
