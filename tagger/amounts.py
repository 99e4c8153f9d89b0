"""Sums of money in what is said, and which of them the call is about."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from callcue.core.speech import Channel
from tagger.numerals import NUMBER, parse_number

_MONEY = re.compile(
    rf"(?P<sign>[¥￥$])?\s?(?P<number>{NUMBER})(?P<more>多|来|几)?"
    r"(?P<unit>块钱|元钱|块|元|圆|人民币|美元|美金|欧元| ?dollars?| ?bucks| ?yuan)?"
    r"(?:(?P<tenth>[零一二三四五六七八九\d])(?:(?:毛|角)钱?|(?![\d个台件只条部张份套十百千万点年月天次直共下般定样起些])))?",
    re.IGNORECASE,
)
# An amount is named by the words before it; the strongest reading of a caller's sum is what the call is about.
_ROLES: tuple[tuple[int, float, str, re.Pattern[str]], ...] = (
    (9, 0.9, "disputed", re.compile(r"[多乱错重误]扣|[多乱错]收|盗刷|重复扣|扣了两|overcharged|stole", re.IGNORECASE)),
    (8, 0.88, "disputed", re.compile(r"扣|收了?我|刷了|刷走|被刷|划走|少了|不见|charged", re.IGNORECASE)),
    (7, 0.88, "refund", re.compile(r"退|refund|money back", re.IGNORECASE)),
    (
        6,
        0.85,
        "paid",
        re.compile(
            r"付|花|买|交了|充了?|转了|转账|价|一共|总共|结算|缴|要我|paid|cost|spent|quote|\bfor ?$", re.IGNORECASE
        ),
    ),
    (6, 0.88, "budget", re.compile(r"预算|budget", re.IGNORECASE)),
)
_BUDGET_AFTER = re.compile(r"以内|以下|之内|左右|上下|出头|封顶|的预算|or less|tops|at most", re.IGNORECASE)
_BUDGET_OF = re.compile(r"(?:以内|以下|左右|上下)?的?预算")
_BUDGET_BEFORE = re.compile(r"不超过|最多|顶多|under|up to", re.IGNORECASE)
_ASIDE_BEFORE = re.compile(
    r"满|减|优惠|抵|券|返|积分|等于|便宜|补贴|红包|送|赠|每个?月|每期|一期|月租|月费|套餐|上次|以前|"
    r"deposit|discount|off",
    re.IGNORECASE,
)
_ASIDE_AFTER = re.compile(
    r"^的?(?:优惠|券|红包|积分|补贴|一个月|每个?月|一期|一天|一次|套餐|a month|off|discount)", re.IGNORECASE
)
_QUOTE = re.compile(
    r"一共|总共|总计|合计|价格|报价|售价|费用|收费|收您|维修费|扣款|退|金额|账单|需要付|到手价|total|cost|"
    r"charge|price|refund",
    re.IGNORECASE,
)
_NOT_MONEY = re.compile(r"^\s?(?:个|天|次|分钟|小时|年|月|号|日|点|兆|[gG]|公里|度|台|件|只|条|寸|英寸|岁|人|"
    r"位|楼|栋|层|毫升|升|周|星期|米|斤|万公里|期|遍|趟|%|％)")  # fmt: skip
_REACH_BEFORE, _REACH_AFTER = 10, 8
_LEAST_BARE = 10
_LEAST_PIECES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """A sum of money."""

    value: str
    """Plain decimal without a currency: ``1299``, ``59.9``."""
    start: int
    end: int
    probability: float
    weight: int
    """See ``Fact``."""
    role: str
    """See ``callcue.core.facts.FactCandidate``; empty: only mentioned."""


def amounts(text: str, *, speaker: Channel, asked: bool) -> Iterator[Amount]:
    """Sums that may be what the call is about. ``asked``: the agent asked for a budget or a sum just before."""
    for match in _MONEY.finditer(text):
        value = _value(match)
        if value is None or value <= 0:
            continue
        before = text[max(0, match.start() - _REACH_BEFORE) : match.start()]
        after = text[match.end() : match.end() + _REACH_AFTER]
        marked = bool(match["unit"] or match["sign"])
        if match["unit"] == "块" and value < _LEAST_PIECES:
            continue  # 一块, 两块: pieces, not money
        reading = _read(before, after, speaker=speaker, marked=marked, asked=asked)
        if reading is None or (not marked and not _bare_money(value, match["number"], before, after, asked)):
            continue
        weight, probability, role = reading
        if match["more"]:
            probability = min(probability, 0.5)
        if re.match(r"(?:到|至|-|~)", after) and _MONEY.match(after[1:]):
            continue  # 三千到五千: the upper end is the budget
        yield Amount(
            value=_plain(value),
            start=match.start(),
            end=match.end(),
            probability=probability,
            weight=weight,
            role=role,
        )


def _value(match: re.Match[str]) -> Decimal | None:
    value = parse_number(match["number"])
    if value is not None and match["unit"] and match["tenth"]:
        value += (parse_number(match["tenth"]) or Decimal()) / 10
    return value


def _read(before: str, after: str, *, speaker: Channel, marked: bool, asked: bool) -> tuple[int, float, str] | None:
    """(weight, probability, role) of a sum between these words; None for one that is beside the point."""
    roles = [(weight, sure, role) for weight, sure, role, cue in _ROLES if cue.search(before)]
    if speaker == "agent":
        if _ASIDE_BEFORE.search(before) or _ASIDE_AFTER.match(after) or not _QUOTE.search(before):
            return None
        return (2, 0.7, "refund" if re.search("退|refund", before) else "quoted") if marked else None
    disputed = [role for role in roles if role[0] >= 8]
    if disputed:
        return max(disputed)
    if _ASIDE_BEFORE.search(before[-6:]) or _ASIDE_AFTER.match(after):
        return None
    if _BUDGET_AFTER.match(after) or _BUDGET_BEFORE.search(before) or asked:
        roles.append((6, 0.88, "budget"))
    mentioned = (4, 0.75, "") if marked else None
    return max(roles, key=lambda role: (_nearest(before, role[2]), role[0]), default=mentioned)


def _nearest(before: str, role: str) -> int:
    """Where the last cue for a role ends: of 要退掉，付了1800 the sum was paid."""
    ends = (found.end() for _, _, name, cue in _ROLES if name == role for found in cue.finditer(before))
    return max(ends, default=len(before))


def _bare_money(value: Decimal, written: str, before: str, after: str, asked: bool) -> bool:
    """Whether a number without a currency is money: right after 扣了, 花了, 预算, and counting nothing else."""
    if value < _LEAST_BARE or _NOT_MONEY.match(after) or re.match(r"[\dA-Za-z]", after) or len(written) > 8:
        return False
    if re.search(r"[\dA-Za-z]$", before):
        return False
    told = re.search(
        r"(?:扣|付|花|收|退|交|充|刷|转)(?:了|我|给)*$|(?:价格|预算|价|金额|一共|总共)(?:是|大概|在|差不多)*$|"
        r"预算.{1,8}[到至~-]$",
        before,
    )
    return bool(told or _BUDGET_OF.match(after)) or (asked and (bool(_BUDGET_AFTER.match(after)) or value >= 100))


def _plain(value: Decimal) -> str:
    return str(int(value)) if value == value.to_integral_value() else format(value.normalize(), "f")
