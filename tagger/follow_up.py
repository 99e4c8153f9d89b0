"""What was promised, in the agent's own words (nothing is made up), with ``→`` where the case changes channel."""

import re
from dataclasses import dataclass

_WHEN = (
    r"(?:[一二两三四五六七八九十半\d]+个?(?:小时|分钟|天|工作日|星期|周|月)(?:之?内|以内|左右|后)?|今[天晚]|"
    r"明[天早]|后天|"
    r"(?:下|这|本)?个?(?:周|星期|礼拜)[一二三四五六日天末\d]|\d+[号日]|稍后|尽快|马上|立即|within \w+ \w+|"
    r"tomorrow|tonight|"
    r"(?:on )?(?:mon|tues|wednes|thurs|fri|satur|sun)day|next week|by \w+)"
)
_ACTION = (
    r"(?:回电|回访|联系您|补[寄发送]|重新?[寄发]|寄[给到出]|发送?(?:到|给|至)|会?给您发|发(?:您|短信|邮件)|"
    r"送您|赠送|上门|到店|预约|"
    r"登记|转[交接给]|提交|申请|安排|加急|催|退[款还给回到]|到账|处理|核实|反馈|答复|回复|通知|跟进|解决|约(?:好|在|了|您)?|定在|改到|升级|开[具好]|补偿|赔|取件|"
    r"派(?:人|师傅)|建(?:单|工单)|"
    r"改(?:好|签|为|成|约)|换(?:新|货)|减免|取消|冻结|挂失|恢复|查[询看]|开通|"
    r"call you|send|refund|schedul|book|replac|ship|email|transfer|escalat|inspect|credit|waive|set you up|"
    r"put you down)"
)
_COMMITS = re.compile(
    r"(?:我|我们|帮您|为您|给您|会|送您|另外|将|您(?:可以)?(?:明|后|周|下午)|i'll|i will|i'm going to|we'll|"
    r"we will|we can)",
    re.IGNORECASE,
)
_PROMISE = re.compile(rf"{_ACTION}", re.IGNORECASE)
_TIMED = re.compile(_WHEN, re.IGNORECASE)
_PLAN_QUESTION = re.compile(
    r"(?:可以|行|方便|好)吗?$|(?:可以|行|方便)(?:吗|么|不)|(?:okay|work for you)", re.IGNORECASE
)
_YES = re.compile(r"^(?:嗯|好|行|可以|没问题|方便|对|是|中|成|ok|okay|yes|yeah|sure|that works)", re.IGNORECASE)
_NOT = re.compile(
    r"已经?(?:登记|收到)|请问|请您?(?:稍等|说|讲|提供|报|慢)|提供.{0,6}(?:订单|号码|电话)|什么|哪[个些里位]|"
    r"怎么称呼|多少|很?抱歉|对不起|理解|感谢|谢谢|祝您|再见|"
    r"能不能|是否|稍等|之前|方便.{0,4}(?:提供|说)|thank|sorry|could you|can i (?:get|have)|what|how can i"
)
_OPENING = re.compile(
    r"^(?:好的?|嗯|是的|行|那|明白|收到|没(?:问题|关系)|查到了|对|您放心|放心|okay|all right|sure|[，,、 ])+",
    re.IGNORECASE,
)
_SUBJECT = re.compile(r"^(?:我(?:们)?(?:这边|这里|就|现在|马上)?|现在)?(?:就|来)?(?:帮|给|为)您|^我们?(?=[^的])")
_HANDOFFS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("门店检测", re.compile(r"(?:门店|到店|店里|网点|4s店|维修点|服务中心).{0,16}(?:检测|检查|检修|维修|诊断)|"
        r"(?:检测|检修|维修).{0,10}(?:门店|到店)", re.IGNORECASE)),
    ("门店体验", re.compile(r"预约.{0,14}(?:门店|到店|店)|(?:门店|到店|店里).{0,16}(?:预约|体验|见|等您)")),
    ("门店自提", re.compile(r"(?:门店|到店).{0,8}(?:自提|提货|取)")),
    ("上门", re.compile(r"(?:师傅|工程师|技术员|维修员)?.{0,4}上门")),
    ("主管回电", re.compile(r"(?:主管|经理|领导).{0,12}(?:回电|联系|回复)|转.{0,4}(?:主管|经理|领导)")),
    ("寄修", re.compile(r"寄(?:回|修|到).{0,12}(?:检测|维修|售后)")),
)  # fmt: skip
_MAX_PARTS = 3
_MAX_CHARS = 160
_LEAST_CHARS = 4
"""Shorter than this says what is done to nothing in particular (核实, 加急)."""


@dataclass(frozen=True, slots=True)
class _Part:
    text: str
    segment_id: str
    timed: bool


class FollowUp:
    """Collects promises over one call."""

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._handoff: str | None = None
        self._asked: _Part | None = None

    def agent(self, text: str, segment_id: str) -> None:
        """An agent's utterance: its clauses that promise something are kept."""
        self._asked = None
        for sentence in re.split(r"[。！!；;]", text):
            self._sentence(sentence.strip(), segment_id)
        for name, pattern in _HANDOFFS:
            if pattern.search(text) and not re.search(r"不用|无需|不需要", text):
                self._handoff = self._handoff or name

    def caller(self, text: str) -> None:
        """A caller's utterance: a yes turns the agent's proposal into an arrangement."""
        if self._asked is not None and _YES.match(text.strip()):
            self._keep(self._asked)
        self._asked = None

    def value(self) -> tuple[str, tuple[str, ...]] | None:
        """The follow-up and its evidence, or None when nothing was promised."""
        if not self._parts:
            return None
        parts = sorted(self._parts, key=lambda part: not part.timed)[:_MAX_PARTS]
        kept = [part for part in self._parts if part in parts]
        text = "；".join(part.text for part in kept)[:_MAX_CHARS]
        if self._handoff is not None:
            text = f"电话→{self._handoff}：{text}"
        return text, tuple(dict.fromkeys(part.segment_id for part in kept))

    def _sentence(self, sentence: str, segment_id: str) -> None:
        question = sentence.endswith(("吗", "？", "?", "么")) or bool(_PLAN_QUESTION.search(sentence))
        sentence = sentence.rstrip("？?")
        clauses = [c.strip() for c in re.split(r"[，,]", sentence) if c.strip()]
        clauses = [clause if _is_promise(clause, question) else _from_time_on(clause) for clause in clauses]
        chosen = [clause for clause in clauses if _is_promise(clause, question)]
        if not chosen:
            return
        text = _trim("，".join(chosen))
        part = _Part(text, segment_id, bool(_TIMED.search(text)))
        if question:
            self._asked = part if part.timed else None
        else:
            self._keep(part)

    def _keep(self, part: _Part) -> None:
        if len(part.text) >= _LEAST_CHARS and all(part.text not in held.text for held in self._parts):
            self._parts.append(part)


def _is_promise(clause: str, question: bool) -> bool:
    if _NOT.search(clause):
        return False
    timed, acts = bool(_TIMED.search(clause)), bool(_PROMISE.search(clause))
    if question:
        return timed
    return acts and (timed or bool(_COMMITS.search(clause)))


def _from_time_on(clause: str) -> str:
    """Recognised speech has no commas: what follows the time may be a promise where the whole is not."""
    timed = _TIMED.search(clause)
    return clause[timed.start() :] if timed else clause


def _trim(text: str) -> str:
    text = _OPENING.sub("", text)
    text = _SUBJECT.sub("", text)
    return re.sub(r"(?:可以|行|方便|好)(?:吗|么)$", "", text).strip("，, ")
