"""The shorthand of notes: ``→`` for a hand-off between channels and ``★`` for a high-value lead.

    note     = item *( line break item )
    hand-off = step 1*( "→" step ) [ "：" detail ]         电话咨询→门店自提：明天下午
    lead     = "★" [ "高价值线索" [ "：" ] ] [ need *( "+" need ) ]     ★预算1万元+线下对比需求

A step is a channel and what is done there (电话 + 咨询); where no known channel begins it, all of it is what is done. A
need that names a budget is its sum. ``->`` and ``=>`` are read as ``→``, ``☆`` as ``★``, and half-width ``:`` and ``,``
as their wide forms; ``emit`` writes the one form above, and ``parse(emit(note)) == note`` for every note that ``parse``
gave. What is neither stays text.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from decimal import Decimal

from tagger.numerals import NUMBER, parse_number

ARROW, STAR = "→", "★"
LEAD_NAME = "高价值线索"
MAX_NOTE = 2000
MAX_ITEMS = 100
MAX_STEPS = 8
MAX_NEEDS = 8
_MAX_STEP = 24
"""Characters of a step: longer is a sentence with an arrow in it."""

CHANNELS = (
    "企业微信", "小程序", "直播间", "短视频", "公众号", "电话", "门店", "企微", "微信", "抖音", "官网", "电商", "邮件",
    "短信", "线上", "线下", "上门", "外呼", "快手", "小红书", "淘宝", "京东", "天猫", "APP", "主管", "物流", "寄修",
)  # fmt: skip
"""What a step may begin with, longer names before what they begin with."""
_ARROWS = re.compile(r"\s*(?:→|->|=>|⇒|➜|➔)\s*")
_BUDGET = re.compile(
    rf"^(?:提及)?预算(?:约|大概|大约|在)?\s*(?P<sum>{NUMBER})\s*(?P<unit>万)?\s*(?:元|块钱|块)?(?:左右|以内|上下)?$"
)
_LEAD_HEAD = re.compile(rf"^[★☆]\s*(?:{LEAD_NAME})?\s*[：:]?\s*")
_NEED_SPLIT = re.compile(r"\s*[+＋、]\s*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One stop of a hand-off."""

    channel: str
    """One of CHANNELS, or empty."""
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Handoff:
    """A case that goes from one channel to another."""

    steps: tuple[Step, ...]
    """In order, at least two."""
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lead:
    """A customer who is worth a call back: a budget, and what he wants for it."""

    budget: Decimal | None = None
    """Yuan."""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A line of a note that holds neither sign."""

    text: str


Item = Handoff | Lead | Plain


def parse(text: str) -> tuple[Item, ...]:
    """The items of a note, one for each line or part between semicolons that holds a sign."""
    items: list[Item] = []
    for line in re.split(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+", text[:MAX_NOTE]):
        for part in _parts(line):
            items.append(_item(part))
    return tuple(items[:MAX_ITEMS])


def _parts(line: str) -> Iterable[str]:
    """A line is cut at a semicolon only where a sign begins anew, so that details may hold semicolons."""
    kept: list[str] = []
    for part in re.split(r"[；;](?=\s*[★☆]|[^；;：:]{0,48}(?:→|->|=>|⇒|➜|➔))", line):
        piece = part.strip(" \t\u3000；;")
        if piece:
            kept.append(piece)
    return kept


def _item(part: str) -> Item:
    if part[0] in "★☆":
        return _lead(part)
    return _handoff(part) or Plain(text=part)


def _handoff(part: str) -> Handoff | None:
    head, detail = _headed(part)
    stops = _ARROWS.split(head)
    if not 2 <= len(stops) <= MAX_STEPS or any(not 0 < len(stop) <= _MAX_STEP for stop in stops):
        return None
    if any(sign in stop for stop in stops for sign in "★☆"):
        return None
    return Handoff(steps=tuple(_step(stop) for stop in stops), detail=detail)


def _headed(part: str) -> tuple[str, str]:
    match = re.search(r"[：:]", part)
    return (part[: match.start()].strip(), part[match.end() :].strip()) if match else (part.strip(), "")


def _step(text: str) -> Step:
    channel = next((name for name in CHANNELS if text.upper().startswith(name)), "")
    return Step(channel=channel, action=text[len(channel) :].strip())


def _lead(part: str) -> Lead:
    budget: Decimal | None = None
    needs: list[str] = []
    for said in _NEED_SPLIT.split(_LEAD_HEAD.sub("", part, count=1)):
        need = said.strip(" \t\u3000：:★☆")
        if not need:
            continue
        amount = budget_of(need)
        if amount is not None and budget is None:
            budget = amount
        else:
            needs.append(need)
    return Lead(budget=budget, needs=tuple(dict.fromkeys(needs))[:MAX_NEEDS])


def budget_of(text: str) -> Decimal | None:
    """The yuan of 预算1万元; None for anything else."""
    match = _BUDGET.match(text.replace(",", "").strip())
    if match is None:
        return None
    amount = parse_number(match["sum"])
    if amount is None or amount <= 0:
        return None
    amount = amount * 10_000 if match["unit"] else amount
    return amount if amount < Decimal(10) ** 12 else None


def emit(items: Iterable[Item]) -> str:
    """The note in its one form, an item a line."""
    return "\n".join(_written(item) for item in items)


def _written(item: Item) -> str:
    if isinstance(item, Plain):
        return item.text
    if isinstance(item, Handoff):
        steps = ARROW.join(step.channel + step.action for step in item.steps)
        return f"{steps}：{item.detail}" if item.detail else steps
    budget = () if item.budget is None else (f"预算{spoken_sum(item.budget)}",)
    told = "+".join((*budget, *item.needs))
    return STAR + (told or LEAD_NAME)


def spoken_sum(amount: Decimal) -> str:
    """1万元, 8500元: as people write a budget. Exact."""
    wan = amount / 10_000
    if amount >= 10_000 and wan == wan.quantize(Decimal("0.01")):
        return f"{_plain(wan)}万元"
    return f"{_plain(amount)}元"


def _plain(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


_NEED_OF_TAG = {
    "线下对比": "线下对比需求",
    "预约到店": "到店体验",
    "以旧换新": "以旧换新",
    "分期": "分期",
    "价格敏感": "价格敏感",
    "服务优先": "服务优先",
}


def of_record(tags: Collection[str], amount: object, follow_up: object) -> tuple[Item, ...]:
    """The shorthand that a call's record amounts to: its lead, where the tags hold one, and its hand-offs."""
    items: list[Item] = []
    if any(tag.startswith(STAR) for tag in tags):
        products = [tag for tag in tags if tag.endswith("选购")]
        needs = (*products, *(need for tag, need in _NEED_OF_TAG.items() if tag in tags))
        items.append(Lead(budget=_amount(amount), needs=needs[:MAX_NEEDS]))
    if isinstance(follow_up, str):
        items += [item for item in parse(follow_up) if not isinstance(item, Plain)]
    return tuple(items)


def _amount(value: object) -> Decimal | None:
    """``facts.amount`` as it is kept: digits, with a point before the cents."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,11}(?:\.\d{1,2})?", value) and Decimal(value) > 0:
        return Decimal(value)
    return None
