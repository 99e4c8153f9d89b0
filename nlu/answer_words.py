"""The words in which customers say yes, no and "still not", ask back, and put an answer off, for ``nlu.answers``."""

import re
from dataclasses import dataclass
from typing import Literal

from callcue.core.speech import Language

Topic = Literal["any", "have", "can", "done", "outcome"]
"""What a plain yes or no answers: any question, one for 有, for 能, whether something was tried, how it turned out."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A clause that says yes or no and nothing else."""

    pattern: "re.Pattern[str]"
    yes: bool
    topic: Topic


def _zh(words: str) -> "re.Pattern[str]":
    lead = r"(?:嗯|呃|哦|啊|噢|诶|那个|现在|刚才|就|都|也|我|它|这个|确实|已经|早就|好像|应该|肯定|当然)*"
    tail = r"(?:啊|呀|呢|吧|哦|嘛|的|了|哈|诶|噢)*"
    return re.compile(rf"{lead}(?:{words}){tail}")


def _en(words: str) -> "re.Pattern[str]":
    return re.compile(
        rf"(?:(?:um+|uh+|oh|well|so|i think|now|and) )*(?:{words})(?: (?:now|sir|ma'?am|then|it is|it does|they are|"
        r"i did|i have|i do|there is|it isn't|it doesn't|i haven't|i didn't|there isn't|at all|"
        r"before|already|once|twice|yesterday|last \w+))*"
    )


PLAIN: dict[Language, tuple[Plain, ...]] = {
    "zh": (
        Plain(_zh(r"不是|不对|并不是|否"), False, "any"),
        Plain(_zh(r"没有?|都?没有?过|一点都?没有?|什么都?没有?|没有?(?:东西|什么|啥|问题|异常|这个)"), False, "have"),
        Plain(_zh(r"不能|不可以|不会|不行"), False, "can"),
        Plain(_zh(r"没(?:有)?(?:试|弄|做|换|查|看|重启|配对)过?|从来没有?"), False, "done"),
        Plain(
            _zh(
                r"(?:试过?了?|弄了|换了|做了|擦了|搞了|重启了|充了)?(?:但是?|可是?|不过)?(?:还|还是|仍然?|依然|依旧|照样|照旧)"
                r"(?:不行|没用|不管用|没反应|没变化|没效果|老样子|一样|那样|这样|不好使|没好|没有好|没解决|没成功|不可以|没有)|"
                r"(?:[\u4e00-\u9fff]{1,2}过?了?)?(?:没用|不管用|没反应|没变化|没效果|不好使|老样子|没好|没解决|没成功|失败|不成|不成功)|"
                r"(?:跟|和)(?:刚才|之前|原来|以前)一样|没什么(?:用|变化|反应|效果)"
            ),
            False,
            "outcome",
        ),
        Plain(_zh(r"可以了|行了|好使了|管用了|能用了|成功了|成了|解决了|恢复了|正常了|没问题了|好了"), True, "outcome"),
        Plain(_zh(r"是|对|对对|没错|是这样|正确"), True, "any"),
        Plain(_zh(r"有"), True, "have"),
        Plain(_zh(r"能|可以|会"), True, "can"),
        Plain(
            _zh(
                r"(?:[\u4e00-\u9fff]{0,3})(?:试|弄|做|换|查|看|擦|搞|重启|配对|清|充|拔|重新弄)过"
                r"(?:好几|几|很多|两|三|一|\d)?(?:次|遍|回)?"
            ),
            True,
            "done",
        ),
    ),
    "en": (
        Plain(_en(r"no|nope|nah|not really|negative"), False, "any"),
        Plain(_en(r"it isn'?t|it is not|they aren'?t|it wasn'?t"), False, "any"),
        Plain(_en(r"(?:no |there'?s |there is )?(?:nothing|none|not any)"), False, "have"),
        Plain(
            _en(r"i (?:can'?t|cannot|couldn'?t)(?: (?:see|find)(?: (?:it|that|one|any))?)?|it (?:can'?t|won'?t)"),
            False,
            "can",
        ),
        Plain(_en(r"not yet|never|i (?:haven'?t|didn'?t|never did)"), False, "done"),
        Plain(
            _en(
                r"(?:it'?s |it |that )?(?:still (?:the same|not working|doesn'?t work|nothing|there|no good)|"
                r"(?:didn'?t|doesn'?t|did not) (?:work|help|do anything|change anything)|no (?:change|luck|difference)|"
                r"(?:the )?same (?:thing|as before)|nothing (?:changed|happened|happens))"
            ),
            False,
            "outcome",
        ),
        Plain(
            _en(r"yes|yeah|yep|yup|correct|that'?s (?:right|correct)|exactly|it (?:is|does)|they (?:are|do)"),
            True,
            "any",
        ),
        Plain(_en(r"there (?:is|are)|i (?:do|have)"), True, "have"),
        Plain(_en(r"i can(?: (?:see|find) (?:it|that|one))?|it can|i could"), True, "can"),
        Plain(
            _en(r"i (?:did|have|already did)(?: that)?|(?:i )?(?:already )?(?:tried|did) (?:that|it)(?: already)?"),
            True,
            "done",
        ),
        Plain(
            _en(
                r"(?:it |that )?(?:works|worked|is working|did the trick|fixed it)|"
                r"it'?s (?:working|fixed|fine|good|okay|gone)|"
                r"all (?:good|set)|that'?s better"
            ),
            True,
            "outcome",
        ),
    ),
}  # fmt: skip
"""The whole of a clause, without punctuation, in lower case. Later ones only where no earlier one fits."""

BACKCHANNEL: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(
        r"(?:嗯|哦|噢|啊|呃|喂|好|好的|好吧|好嘞|好呀|行|行吧|行的|知道了|明白|明白了|收到|谢谢|这样啊|是吗|是吧)+"
    ),
    "en": re.compile(
        r"(?:(?:ok|okay|sure|all right|alright|i see|got it|uh huh|mhm|mm|hm++|right|fine|thanks|thank you|oh) ?)+"
    ),
}
"""What keeps the line alive and says nothing."""

ASKED_BACK: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(
        r"[?？]|吗|么$|(?<!没)(?:怎么|什么|哪|谁|多少|多久|为啥|咋)(?!.{0,5}(?:都|也))|呢$|(.)不\1|有没有|是否|"
        r"是不是|能不能|要不要|行不行|可不可以|(?<!好)几(?:个|天|次|点|分)"
    ),
    "en": re.compile(
        r"\?|^(?:and |but |so )?(?:what|where|when|why|how|who|which|is|are|do|does|did|can|could|should|will|would|"
        r"have|has)\b"
    ),
}
"""The customer asks: no answer, whatever words are in it. 怎么弄都不亮 is none of these."""

PUT_OFF: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(
        r"如果|要是|万一|的话|假如|(?:我|让我|先|再|去)(?:来)?(?:试试|看看|(?:试|看|查|找|弄|摸|听|按|充)一下)|"
        r"等(?:一下|一会|我|等|会)|稍等|马上|正在|待会|一会儿?(?:再|看|试)|还没来得及|还没(?:有)?(?:试|看|弄|查|换|按|充|做)|"
        r"不知道|不清楚|不确定|看不(?:到|清|见)|不太懂|听不懂|没听清|没听懂|忘了"
    ),
    "en": re.compile(
        r"\b(?:if|let me|hold on|hang on|wait|one (?:moment|second|sec)|just a|i'?ll|i will|"
        r"i'?m (?:going|trying|checking|not sure)|haven'?t (?:tried|looked|checked)|"
        r"don'?t know|not sure|no idea|can'?t tell|i forgot)\b"
    ),
}
"""Conditions, what is still to be done, and "I don't know": no answer yet."""

DENIES: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(r"(?:不(?![但仅错管然过光])|没(?!想到|错)有?|未|别|无)[^，,。]{0,4}$"),
    "en": re.compile(r"(?:\bnot|n'?t|\bnever|\bnothing|\bwithout)(?: [\w']+){0,2} ?$|\bno ?$"),
}
"""Before a word, at the end of what comes before it: the word is denied."""

ONLY: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(r"只有|只剩|就(?:一|1)|只(?:一|1)|另(?:一|1)"),
    "en": re.compile(r"\bonly\b"),
}
ALL: dict[Language, "re.Pattern[str]"] = {"zh": re.compile(r"都|全|两"), "en": re.compile(r"\b(?:all|both|every)\b")}
TURNS: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(r"现在|还是|但|又|结果|不过|可是|后来|最后"),
    "en": re.compile(r"\b(?:now|but|still|then|again|however)\b"),
}
"""The later of two things said counts, and what it says is not what was said before."""

OPEN_QUESTION: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(r"什么|哪|几|多少|多久|如何|怎么"),
    "en": re.compile(r"\b(?:what|which|how|where|when|who)\b"),
}
POLAR_CUE: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(r"吗|没有[?？]|是否|有无|有没有|(.)不\1"),
    "en": re.compile(
        r"(?:^|[.;:!?] *)(?:is|are|do|does|did|can|could|any|has|have|was|were|will|only|close|off)\b[^?]*\?",
        re.IGNORECASE,
    ),
}
ALTERNATIVES: dict[Language, "re.Pattern[str]"] = {
    "zh": re.compile(r"还是|才"),
    "en": re.compile(r",? or (?!not)"),
}
"""A yes or no to such a question says little."""

YES_ANSWERS: dict[Language, frozenset[str]] = {
    "zh": frozenset(("是", "对", "有", "能", "可以", "会", "好", "行", "是的", "有的")),
    "en": frozenset(("yes", "y", "ok", "okay", "true")),
}
"""Answers that have no words of their own: the question has them."""
NO_ANSWERS: dict[Language, frozenset[str]] = {
    "zh": frozenset(("否", "不", "不是", "没有", "没", "不行", "不能", "不会")),
    "en": frozenset(("no", "n", "not", "none", "false")),
}
GOOD_WORDS: dict[Language, frozenset[str]] = {
    "zh": frozenset(("成功", "正常", "解决", "恢复", "稳定")),
    "en": frozenset(("fixed", "works", "worked", "started")),
}
"""They say yes, where the question does not say otherwise, and are heard as themselves."""
BAD_WORDS: dict[Language, frozenset[str]] = {"zh": frozenset(("失败",)), "en": frozenset(("failed",))}
