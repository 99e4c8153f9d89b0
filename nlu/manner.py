"""How something is said: as a question, as an invitation to speak, as a request for particulars.

The words alone say little about whether a card is needed. A customer who is asked for the date of purchase and gives it
needs nothing; the same words unasked may be the beginning of a complaint.
"""

import re
from typing import Literal

from callcue.core.speech import Language

AgentMove = Literal["invites", "asks", "paraphrases", "tells"]
"""What an agent's turn leads the customer to: to say what it is about; to answer a particular question; to confirm
what the agent understood; nothing in particular."""

_ASKS_ZH = re.compile(
    r"[?？]|[吗么嘛](?:[,，。.!！\s]|$)|怎么|怎样|如何|为什么|为啥|干什么|什么时候|啥时候|多久|多长时间|多少|(?<!好)几[点号天个次期块年月]|"
    r"哪[里儿个些款种家]|在哪|是不是|能不能|可不可以|有没有|要不要|会不会|行不行|可以.{1,10}吗|什么|谁|"
    r"我?想(?:要|问|知道|了解|咨询|请教|办|查|改|退|换|买|取消)|帮我(?:查|看|办|改|退|换|取消|开|弄|处理)"
)
_ASKS_EN = re.compile(
    r"\?|\b(?:how|what|when|where|which|who|why|can (?:i|you|we)|could (?:i|you|we)|do (?:i|you|they|we)|does|"
    r"is (?:it|there)|are (?:there|you)|will|would (?:it|you|i)|should i|may i|i(?:'d| would) like to|"
    r"i (?:want|need) to|i'?m trying to|help me|tell me)\b",
    re.IGNORECASE,
)
_INVITES_ZH = re.compile(
    r"请说|请讲|您说|你说|慢慢说|有什么(?:可以|能|需要)?.{0,4}(?:帮|为您|协助|服务)|什么可以帮|(?:很)?高兴为您服务|为您服务|"
    r"还有(?:什么|其他|别的)|怎么回事|具体(?:是)?什么(?:情况|问题)|遇到(?:了)?什么|发生了什么"
)
_INVITES_EN = re.compile(
    r"how (?:can|may) (?:i|we) help|what can (?:i|we) do|help you (?:with )?(?:today|anything)|anything else|go ahead|"
    r"what(?:'s| is) (?:the|going on|wrong)|what happened|tell me (?:more|what)|what seems",
    re.IGNORECASE,
)
_PARAPHRASES_ZH = re.compile(
    r"(?:您|你)(?:是|就是|的意思是)(?:不是)?(?:想|要|说|指)|也就是说|您这边是(?:想|要)|您想(?:要)?.{2,20}(?:对吗|是吗|是吧)"
)
_PARAPHRASES_EN = re.compile(
    r"(?:so |you mean |you'?re saying |in other words).{4,}\?|"
    r"you(?:'d like| want| would like) to .{4,}(?:right|correct|\?)",
    re.IGNORECASE,
)
_WANTS_ZH = re.compile(
    r"[?？]|[吗么](?:[,，。.!！\s]|$)|请问|怎么称呼|贵姓|(?:请|麻烦)(?:您|你)?(?:先)?(?:提供|报|说|留|输入|看|确认|描述|检查|试)|"
    r"(?:提供|报|留|念|说|确认|看)一?下|是多少|是什么|什么时候|哪[里儿个款家]|多少|几[点号天个]"
)
_WANTS_EN = re.compile(
    r"\?|\b(?:may i have|can i (?:have|get)|could i|could you|can you|please (?:provide|give|tell|confirm|check|try)|"
    r"what(?:'s| is) your|do you have|which|when did)\b",
    re.IGNORECASE,
)
_CONFIRMS_ZH = re.compile(
    r"(?:嗯+|对|是|没错|是的|对的|对啊|是啊|对对|可以|好|行|就是|就是这个|就是这样)[的啊呀了嘛,，。.!！\s]*"
)
_CONFIRMS_EN = re.compile(
    r"(?:(?:yes|yeah|yep|right|correct|exactly|sure|that'?s (?:right|it|correct))[\s,.!]*)+", re.IGNORECASE
)


def asks(text: str, language: Language) -> bool:
    """Whether a customer's words ask for something, by their form."""
    return bool((_ASKS_ZH if language == "zh" else _ASKS_EN).search(text))


def confirms(text: str, language: Language) -> bool:
    """Whether this is a yes and nothing else."""
    if language == "zh":
        parts = [part for part in re.split(r"[,，。.!！\s]+", text) if part]
        return bool(parts) and all(_CONFIRMS_ZH.fullmatch(part) for part in parts)
    return bool(_CONFIRMS_EN.fullmatch(text.strip()))


def agent_move(text: str, language: Language) -> AgentMove:
    """What the agent's turn leads to; the last sentence decides."""
    zh = language == "zh"
    if (_PARAPHRASES_ZH if zh else _PARAPHRASES_EN).search(text):
        return "paraphrases"
    if (_INVITES_ZH if zh else _INVITES_EN).search(text):
        return "invites"
    return "asks" if (_WANTS_ZH if zh else _WANTS_EN).search(text) else "tells"
