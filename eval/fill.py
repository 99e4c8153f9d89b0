"""``python -m eval.fill``: are the fields right that fill themselves — channel, progress, traces, what comes next?

On calls written for it (``fill_calls.txt``), as exact text. Of every field: how many of its values are right
(``precision``: a wrong value is worse than none) and how many that ought to be there are (``recall``), beside plain
rules: every agent's sentence with a time is an action, every channel that is named is one, 门店 means that a store has
to answer, whatever else is done, every sentence of the caller with a store or a web channel in it is a trace, and every
call came by the most frequent channel.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import typer

from callcue.calls.record_filler import Origin, RecordFiller
from callcue.core.customers import CustomerProfile
from callcue.core.ports import TagModel
from callcue.core.records import SERVICE_STATES, CallRecord, FieldValue, TagSuggestion, Value
from callcue.core.settings import Settings
from eval.fill_set import RULES, SHIPPED, SINGLE, WORDED, FillCall, WantedAction, read_fill_calls
from eval.metrics import wilson
from eval.report import Figures, console, run, table, write
from eval.summary_set import SHIPPED as MARKED
from eval.summary_set import MarkedCall, read_marked
from models.embedders import load_embedder
from models.store import ModelStore
from tagger import shipped_models
from tagger.call import CallTagger
from tagger.contact import channel_of, preference_of
from tagger.deadlines import deadline
from tagger.loading import load_model
from tagger.next_actions import next_actions
from tagger.record_rules import RecordRules, read_record_rules
from tagger.rules import shipped_rules
from tagger.traces import side_of

FIELDS = ("channel", "category", "service_status", "next_actions", "action_channels", "coordinator.name", *WORDED)
_ENTRY = re.compile(r"(?P<who>坐席|客户)(?:→(?P<channel>[^：]*))?：(?P<what>.*?)(?:（截至 (?P<due>[\d-]{10}).*）)?$")
_MARKED = ("precision", "precision_interval", "recall", "wrong", "wanted")
_STORE, _WEB = re.compile("店|柜台|营业厅"), re.compile("小程序|官网|网上|商城|淘宝|抖音|直播")


@dataclass(slots=True)
class Tally:
    """Values of one field over all calls."""

    right: int = 0
    found: int = 0
    wanted: int = 0
    kept: int = 0
    """Wanted ones that are there: where several entries are one wanted one, it counts once."""

    def figures(self) -> Figures:
        return {
            "precision": self.right / self.found if self.found else None,
            "precision_interval": wilson(self.right, self.found) if self.found else None,
            "recall": self.kept / self.wanted if self.wanted else None,
            "wrong": self.found - self.right,
            "found": self.found,
            "wanted": self.wanted,
        }


@dataclass(slots=True)
class Score:
    """One method over all calls."""

    fields: dict[str, Tally] = field(default_factory=lambda: {name: Tally() for name in FIELDS})
    first: list[bool] = field(default_factory=list)
    """Whether the channel that goes first is the one that was expected to."""
    dues: dict[str, int] = field(default_factory=lambda: {"right": 0, "wrong": 0, "missing": 0, "unasked": 0})

    def add(self, call: FillCall, record: Mapping[str, Value]) -> None:
        """One call."""
        for name in SINGLE:
            _single(self.fields[name], call.values.get(name), record.get(name))
        for name in WORDED:
            _worded(self.fields[name], call.words.get(name, []), entries(record.get(name)))
        channels = entries(record.get("action_channels"))
        _worded(self.fields["action_channels"], call.channels, channels)
        if call.channels:
            self.first.append(bool(channels) and channels[0] == call.channels[0])
        self._actions(call.actions, [match for e in entries(record.get("next_actions")) if (match := _ENTRY.match(e))])

    def _actions(self, wanted: Sequence[WantedAction], found: Sequence[re.Match[str]]) -> None:
        tally, left = self.fields["next_actions"], list(wanted)
        tally.found += len(found)
        tally.wanted += len(wanted)
        for entry in found:
            hit = next((one for one in left if _same(one, entry)), None)
            if hit is None:
                continue
            left.remove(hit)
            tally.right += 1
            tally.kept += 1
            due = entry["due"] or ""
            outcome = "unasked" if due and not hit.due else "missing" if hit.due and not due else "wrong"
            if due == hit.due:
                outcome = "right" if due else ""
            if outcome:
                self.dues[outcome] += 1

    def figures(self) -> Figures:
        """Of each field, the first channel, and the deadlines of actions that were found."""
        held = {name: tally.figures() for name, tally in self.fields.items()}
        return {
            "fields": held,
            "first_channel": sum(self.first) / len(self.first) if self.first else None,
            "deadlines": dict(self.dues),
        }


def _same(wanted: WantedAction, entry: re.Match[str]) -> bool:
    return (
        entry["who"] == wanted.who
        and (entry["channel"] or "") == wanted.channel
        and any(word in entry["what"] for word in wanted.words)
    )


def _single(tally: Tally, wanted: str | None, found: Value) -> None:
    if isinstance(found, tuple):
        found = "/".join(found)
    tally.found += found is not None
    tally.wanted += wanted is not None
    tally.right += wanted is not None and found == wanted
    tally.kept += wanted is not None and found == wanted


def _worded(tally: Tally, wanted: Sequence[str], found: Sequence[str]) -> None:
    tally.found += len(found)
    tally.wanted += len(wanted)
    tally.right += sum(any(word in entry for word in wanted) for entry in found)
    tally.kept += sum(any(word in entry for entry in found) for word in wanted)


def entries(value: Value) -> Sequence[str]:
    """The entries of several values, or the lines of a text."""
    if isinstance(value, tuple):
        return value
    return value.split("\n") if isinstance(value, str) and value else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """What the records are filled with."""

    issue: TagModel
    sentiment: TagModel
    rules: RecordRules
    settings: Settings


def filled(call: FillCall, models: Models) -> dict[str, Value]:
    """The record that the product fills from the exact text. Blocking."""
    threshold = models.settings.tagging.fill_threshold
    tagger = CallTagger(
        issue=models.issue, sentiment=models.sentiment, fill_threshold=threshold, started_at=call.started_at
    )
    filler = RecordFiller(
        started_at=call.started_at,
        origin=Origin(dialled=call.told.get("dialled"), channel=call.told.get("origin")),
        rules=models.rules,
        vocabulary=shipped_rules(),
        trace_days=models.settings.records.trace_days,
        fill_threshold=threshold,
        events=call.events,
        profile=CustomerProfile(segment=tuple(filter(None, call.told.get("segment", "").split(",")))),
    )
    record = CallRecord(call_id=call.id)
    for utterance in call.utterances():
        found = tagger.observe(utterance)
        record = _with(record, found)
        filler.hear(utterance, found)
        record = _with(record, filler.take(record))
    record = _with(record, tagger.finish())
    record = _with(record, filler.take(record, ended=True))
    return {name: held.value for name, held in record.fields.items()}


def _with(record: CallRecord, found: Iterable[TagSuggestion]) -> CallRecord:
    fields = dict(record.fields)
    for one in found:
        if not one.fills:
            continue
        if one.value in (None, ()):
            fields.pop(one.field, None)
            continue
        fields[one.field] = FieldValue(
            value=one.value, probability=one.probability, source=one.source, by=one.model, evidence=one.evidence
        )
    return CallRecord(call_id=record.call_id, version=record.version + 1, fields=MappingProxyType(fields))


def plain(call: FillCall, rules: RecordRules) -> dict[str, Value]:
    """The record of the plain rules."""
    heard = call.utterances()
    agent = [u for u in heard if u.channel == "agent"]
    caller = [sentence for u in heard if u.channel == "caller" for sentence in re.split(r"[。！？]", u.text)]
    actions = []
    for utterance in agent:
        for sentence in re.split(r"[。！？]", utterance.text):
            due, channel = deadline(sentence, call.started_at), _named(channel_of(sentence), rules)
            if due is not None:
                actions.append(f"坐席{'→' + channel if channel else ''}：{sentence}（截至 {due.value[:10]}）")
    channels = dict.fromkeys(name for u in heard if (name := _named(channel_of(u.text), rules)))
    sides = [(side_of(event, rules.offline, rules.online), event.subject) for event in call.events]
    stores = [subject for side, subject in sides if side == "offline_trace"]
    net = [subject for side, subject in sides if side != "offline_trace"]
    said = "".join(u.text for u in heard)
    return {
        "channel": "电话直拨",
        "service_status": SERVICE_STATES[0] if "门店" in said else SERVICE_STATES[1],
        "next_actions": tuple(actions),
        "action_channels": tuple(channels),
        "coordinator.name": rules.coordinators[0].name if rules.coordinators else None,
        "offline_trace": (*stores, *(s for s in caller if _STORE.search(s))),
        "online_history": (*net, *(s for s in caller if _WEB.search(s))),
    }


def _named(channel: str, rules: RecordRules) -> str:
    return rules.wechat if channel == "微信" else channel


def main(
    calls_file: Annotated[Path, typer.Option("--calls", help="Calls with the fields they ought to have.")] = SHIPPED,
    *,
    rules_file: Annotated[Path, typer.Option("--rules", help="The configuration they are filled with.")] = RULES,
    which: Annotated[str, typer.Option("--set", help="dev, test, or all.")] = "test",
    show: Annotated[bool, typer.Option("--show", help="Print every record beside what was expected.")] = False,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Score the fields that fill themselves, beside plain rules."""
    if which not in ("dev", "test", "all"):
        raise typer.BadParameter(f"{which!r} is not dev, test or all", param_hint="--set")
    settings = Settings()
    embedder = load_embedder(ModelStore(settings.cache_dir), settings.tagging.embedder)
    issue, sentiment = (load_model(shipped_models() / name, embedder) for name in ("issue_type", "sentiment"))
    models = Models(issue=issue, sentiment=sentiment, rules=read_record_rules(rules_file), settings=settings)
    calls = [call for call in read_fill_calls(calls_file) if which in ("all", call.set)]
    product, baseline = Score(), Score()
    for call in calls:
        record = filled(call, models)
        product.add(call, record)
        baseline.add(call, plain(call, models.rules))
        if show:
            _show(call, record)
    figures: Figures = {
        "calls": len(calls), "turns": sum(len(call.turns) for call in calls),
        "methods": {"product": product.figures(), "plain": baseline.figures()},
    }  # fmt: skip
    figures["marked"] = measure_marked([c for c in read_marked(MARKED) if c.set == "test" and c.language == "zh"])
    report(figures, which)
    write(figures, json_file)


def measure_marked(calls: Sequence[MarkedCall]) -> Figures:
    """Where next actions point to in the calls of ``eval.summary``, whose promises and arrangements (by either side)
    were marked for another purpose: precision and recall of segments, beside every agent's sentence with a time."""
    product, baseline = Tally(), Tally()
    for call in calls:
        wanted = call.marks["promised"] | call.marks["next"]
        ours = [one.segments for one in next_actions(call.heard, call.started_at, preference_of(call.heard))]
        timed = [(u.segment_id,) for u in call.heard if u.channel == "agent" and deadline(u.text, call.started_at)]
        for tally, found in ((product, ours), (baseline, timed)):
            tally.found += len(found)
            tally.right += sum(bool(wanted.intersection(segments)) for segments in found)
            tally.wanted += len(call.marks["promised"])
            tally.kept += len(call.marks["promised"].intersection(s for segments in found for s in segments))
    return {"calls": len(calls), "methods": {"product": product.figures(), "plain": baseline.figures()}}


def _show(call: FillCall, record: Mapping[str, Value]) -> None:
    console.print(f"\n{call.id}: {call.note}", style="bold", markup=False)
    wanted = {**call.values, **call.words, "next_actions": call.actions, "action_channels": call.channels}
    for name in FIELDS:
        if wanted.get(name) or record.get(name):
            console.print(f"  {name}: {record.get(name)!r}\n    wanted {wanted.get(name)!r}", markup=False)


def report(figures: Figures, which: str) -> None:
    """Print the tables."""
    rows = []
    for name in FIELDS:
        ours, theirs = (figures["methods"][method]["fields"][name] for method in ("product", "plain"))
        told = [ours["precision"], ours["precision_interval"], ours["recall"], ours["wrong"], ours["wanted"]]
        rows.append([name, *told, theirs["precision"], theirs["recall"], theirs["wrong"]])
    columns = ("field", "precision", "95 %", "recall", "wrong", "wanted", "plain precision", "recall", "wrong")
    table(f"Fields that fill themselves, {which} ({figures['calls']} calls, {figures['turns']} turns)", columns, rows)
    marked = figures["marked"]["methods"]
    heading = f"Next actions in the marked calls of eval.summary ({figures['marked']['calls']} calls)"
    table(heading, ("method", *_MARKED), [[name, *(marked[name][column] for column in _MARKED)] for name in marked])
    for name, method in figures["methods"].items():
        first = "–" if method["first_channel"] is None else f"{method['first_channel']:.2f}"
        deadlines = ", ".join(f"{count} {what}" for what, count in method["deadlines"].items())
        said = f"first channel right {first}; deadlines: {deadlines}"
        console.print(f"{name}: {said}", markup=False)


if __name__ == "__main__":
    run(main)
