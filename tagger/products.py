"""Products that a call is about: the longest name that is known, with what stands before it (蓝牙耳机, 平板电脑)."""

import re
from collections.abc import Collection, Iterator
from functools import cache
from importlib.resources import files

from callcue.core.speech import Channel
from tagger.fact import PRODUCT, Fact

_MODIFIER = (
    r"(?:蓝牙|无线|有线|智能|降噪|头戴式?|入耳式?|机械|电竞|激光|喷墨|儿童|老人|折叠屏?|变频|滚筒|波轮|双开门|对开门|立式|"
    r"壁挂式?|便携式?|超薄|轻薄|曲面|游戏|运动|手持|自动|车载|家用|商用|电动|实木|真皮|\d{1,3}(?:寸|英寸|升|公斤|匹)的?)"
)
_MODIFIER_EN = (
    r"(?:(?:wireless|bluetooth|noise[- ]cancel(?:l?ing)|smart|gaming|mechanical|electric|portable|robot|air|coffee|"
    r"washing|running|laser|inkjet|4k|front[- ]load|stand|winter|hiking) )"
)
_OWN = re.compile(
    r"买|订|拍|下单|我(?:那|这|家|的)|[这那一][个台副部款双]|bought|ordered|my|the|this|purchased", re.IGNORECASE
)
_EARLIER = re.compile(r"上次|以前|之前|从前|原来|去年也|last time|before|used to", re.IGNORECASE)
_WANTED = re.compile(r"想[问买看换]|问问|看看|咨询|推荐|looking for|interested in", re.IGNORECASE)
_ASIDE = re.compile(r"壳|膜|套|费|卡|号|尾号|银行|店|城|短信|验证|支付|APP|软件|联系|打我|case$", re.IGNORECASE)
_REACH = 10
_HEADS_EN = ("machine", "fryer", "maker", "purifier")
"""Goods only with a word before them: a coffee machine."""


@cache
def _kinds(language: str) -> tuple[str, ...]:
    text = (files("tagger") / "data" / "products.txt").read_text(encoding="utf-8")
    return tuple(text.split(f"[{language}]")[1].split("[")[0].split())


class ProductFinder:
    """Finds products in utterances; ``known`` are the names that the shop's orders use."""

    def __init__(self, known: Collection[str] = ()) -> None:
        names = [re.escape(name) for name in sorted({*known}, key=len, reverse=True) if len(name) >= 2]
        kinds = "|".join(sorted(_kinds("zh"), key=len, reverse=True))
        english = "|".join(sorted((*_kinds("en"), *_HEADS_EN), key=len, reverse=True))
        own = f"(?P<known>{'|'.join(names)})|" if names else ""
        self._pattern = re.compile(
            rf"{own}(?P<zh>{_MODIFIER}{{0,2}}(?:{kinds}))|\b(?P<en>{_MODIFIER_EN}{{0,2}}(?:{english}))\b", re.IGNORECASE
        )

    def facts(self, text: str, speaker: Channel) -> Iterator[Fact]:
        """Products of an utterance. What was bought, or is 'mine', weighs more than what is only mentioned."""
        for found in self._pattern.finditer(text):
            after = text[found.end() : found.end() + 3]
            if _ASIDE.match(after) or (found[0] in ("手机", "phone", "电脑") and _contact(text, found)):
                continue
            if found["en"] and " " not in found[0] and found[0].lower() in _HEADS_EN:
                continue
            near = text[max(0, found.start() - _REACH) : found.start()]
            own = bool(_OWN.search(near) or _WANTED.search(near) or re.match("是?(?:上|昨|前|去|买|订)", after))
            own = own and not _EARLIER.search(near)
            yield Fact(
                field=PRODUCT,
                value=found[0].replace("的", "") if found.groupdict().get("zh") else found[0],
                start=found.start(),
                end=found.end(),
                probability=0.8 if own and speaker == "caller" else 0.65,
                weight=(2 if own else 1) + (speaker == "caller") + 2 * bool(found.groupdict().get("known")),
            )


def _contact(text: str, found: re.Match[str]) -> bool:
    """Whether 手机 is a way to reach somebody here, not goods."""
    after = text[found.end() : found.end() + 6]
    return bool(re.match(r"号|是?\s*\d|尾|上|短信|那边|,?\s?(?:number|call|is \d)|给", after.strip())) or bool(
        re.search(r"(?:您|你)的?$|尾号\d+的$|打(?:我)?(?:的)?$|留.{0,4}$|cell $|my $", text[: found.start()])
        and not re.match(r"[坏壞摔屏充开用电死黑卡]|(?:is|was|has|won't|does)", after.strip())
    )
