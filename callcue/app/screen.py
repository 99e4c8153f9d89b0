"""What an agent would see of a call, drawn in a terminal: transcript, cards, record."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.layout import Layout
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

SPEAKER = {"caller": ("客户 caller", "cyan"), "agent": ("坐席 agent", "green")}
REASONS = {
    "trigger": "触发词 trigger",
    "search": "相近问法 similar question",
    "profile": "客户画像 customer profile",
    "sentiment": "客户情绪 sentiment",
    "request": "坐席调取 asked for by",
}
CARDS_SHOWN = 4
BODY_LINES = 5
FIELD_NAMES = {
    "issue_type": "问题类型 issue type",
    "issue_subtype": "问题子类 sub-type",
    "sentiment": "情绪 sentiment",
    "tags": "标签 tags",
    "lifecycle": "生命周期 lifecycle",
    "needs_offline_inspection": "需线下检测 inspection",
    "priority": "优先级 priority",
    "follow_up": "跟进 follow-up",
    "facts.phone": "电话 phone",
    "facts.order_no": "订单号 order",
    "facts.amount": "金额 amount",
    "facts.purchase_date": "购买日期 purchased",
    "facts.product": "商品 product",
}


def clock(ms: int) -> str:
    """Call time as m:ss."""
    return f"{ms // 60_000}:{ms // 1000 % 60:02d}"


@dataclass(slots=True)
class Line:
    """One segment of the transcript."""

    channel: str
    start_ms: int
    text: str
    unstable: str = ""
    final: bool = False


@dataclass(slots=True)
class Screen:
    """The state of one call's screen, fed with wire events; draws itself."""

    title: str
    desk: str = ""
    """Address of the desk in a browser."""
    position_ms: int = 0
    duration_ms: int = 0
    lines: dict[str, Line] = field(default_factory=dict)
    cards: list[dict[str, Any]] = field(default_factory=list)
    record: dict[str, Any] = field(default_factory=dict)
    voice: Mapping[str, Any] | None = None
    """The VoiceSummary, where there is one."""
    ended: str | None = None

    def take(self, event: Mapping[str, Any]) -> None:
        """Fold one event of the desktop socket into the picture."""
        kind = event["type"]
        if kind == "PartialTranscript":
            self.lines[event["segment_id"]] = Line(
                event["channel"], event["start_ms"], event["stable"], event["unstable"]
            )
        elif kind == "FinalTranscript":
            self._final(event)
        elif kind == "CardPush":
            self.cards.insert(0, dict(event))
        elif kind == "RecordUpdated":
            for change in event["changes"]:
                self.record[change["field"]] = change["new"]
        elif kind == "VoiceSummary":
            self.voice = dict(event)
        elif kind == "CallEnded":
            self.ended = event["reason"]
            self.position_ms = event["duration_ms"]

    def _final(self, event: Mapping[str, Any]) -> None:
        if event["text"]:
            line = Line(event["channel"], event["start_ms"], event["text"], final=True)
            self.lines[event["segment_id"]] = line
        else:
            self.lines.pop(event["segment_id"], None)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        height = options.height or console.height
        layout = Layout()
        layout.split_column(Layout(name="upper"), Layout(self._record(), name="record", size=len(FIELD_NAMES) + 2))
        layout["upper"].split_row(
            Layout(self._transcript(max(4, height - len(FIELD_NAMES) - 4)), ratio=5), Layout(self._cards(), ratio=4)
        )
        yield layout

    def _transcript(self, rows: int) -> Panel:
        lines = sorted(self.lines.values(), key=lambda line: line.start_ms)[-rows:]
        position = f"{clock(self.position_ms)} / {clock(self.duration_ms)}" if self.duration_ms else ""
        state = f"已结束 ended: {self.ended}" if self.ended else "通话中 live"
        return Panel(
            Group(*(line_text(line) for line in lines)),
            title=Text(f"通话 {self.title}  {self.desk}"),
            subtitle=f"{state}  {position}",
            title_align="left",
        )

    def _cards(self) -> Panel:
        parts = [card_text(push) for push in self.cards[:CARDS_SHOWN]]
        return Panel(Group(*parts), title=f"知识卡片 cards ({len(self.cards)})", title_align="left")

    def _record(self) -> Panel:
        return Panel(record_table(self.record), title="通话记录 call record", title_align="left")


def line_text(line: Line) -> Text:
    """One transcript line; what may still change is dim."""
    name, colour = SPEAKER[line.channel]
    text = Text(f"{clock(line.start_ms)} ", style="dim")
    text.append(f"{name}  ", style=colour)
    text.append(line.text)
    text.append(line.unstable, style="dim italic")
    if not line.final:
        text.append(" …", style="dim")
    return text


def card_text(push: Mapping[str, Any]) -> Text:
    """One card: when, what, why, and the beginning of its body."""
    reason = push["reason"]
    why = REASONS.get(reason["kind"], reason["kind"])
    text = Text(f"{clock(push['at_ms'])} ", style="dim")
    text.append(f"■ {push['title']}", style="bold yellow")
    text.append(f"  {push['score']:.2f}\n", style="dim")
    text.append(f"     {why} “{reason['matched']}”\n", style="magenta")
    body = (push.get("card") or {}).get("body", "")
    for row in [row for row in body.splitlines() if row.strip()][:BODY_LINES]:
        text.append(f"     {row}\n", style="default")
    return text


def record_table(record: Mapping[str, Any]) -> Table:
    """The record's fields, who set them and how sure they are."""
    table = Table.grid(padding=(0, 2))
    for name, label in FIELD_NAMES.items():
        held = record.get(name)
        if held is None or held["value"] is None:
            table.add_row(Text(label, style="dim"), Text("–", style="dim"), "")
            continue
        value = held["value"]
        shown = "、".join(value) if isinstance(value, list) else {True: "是 yes", False: "否 no"}.get(value, str(value))
        source = held["source"]
        if held["evidence"]:
            source += f" {held['probability']:.2f}  ← {', '.join(held['evidence'])}"
        table.add_row(Text(label), Text(shown, style="bold"), Text(source, style="dim"))
    return table


def voice_table(summary: Mapping[str, Any]) -> Table:
    """How both sides spoke, a column each; then what belongs to the call."""
    sides = summary["channels"]
    table = Table.grid(padding=(0, 2))
    table.add_row("", *(Text(SPEAKER[side["channel"]][0], style=SPEAKER[side["channel"]][1]) for side in sides))
    duration_ms = max(1, summary["at_ms"])
    rows = [
        ("说话 talk", [f"{clock(side['talk_ms'])}  {side['talk_ms'] / duration_ms:.0%}" for side in sides]),
        ("打断对方 interruptions", [_shown("{}", side["interruptions"]) for side in sides]),
        ("语速 rate", [_rate(side) for side in sides]),
        ("音量 loudness", [_shown("{:.0f} dBFS", side["voice"]["loudness_dbfs"]) for side in sides]),
        ("音高 pitch", [_pitch(side["voice"]) for side in sides]),
    ]
    for label, values in rows:
        table.add_row(Text(label, style="dim"), *values)
    longest = f"{clock(summary['longest_silence_ms'])} @ {clock(summary['longest_silence_at_ms'])}"
    table.add_row(Text("静默 silence", style="dim"), clock(summary["silence_ms"]), f"最长 longest {longest}")
    if summary["overlap_ms"] is not None:
        table.add_row(Text("重叠 overlap", style="dim"), f"{summary['overlap_ms'] / 1000:.1f} s")
    return table


def _shown(form: str, value: object) -> str:
    return "–" if value is None else form.format(value)


def _rate(side: Mapping[str, Any]) -> str:
    unit = "词 words/s" if side["language"] == "en" else "字 chars/s"
    return _shown("{:.1f} " + unit, side["voice"]["rate"])


def _pitch(voice: Mapping[str, Any]) -> str:
    if voice["pitch_hz"] is None:
        return "–"
    return f"{voice['pitch_hz']:.0f} Hz ({voice['pitch_low_hz']:.0f}–{voice['pitch_high_hz']:.0f})"
