"""Made-up calls out of real questions: for how often a card comes that is wanted, and one that nobody wants.

A knowledge base is drawn from a set of labelled questions. In each call a customer greets, asks three of the questions,
each in a turn of its own, and in between says what needs no card: confirms, reads digits out, answers the agent, chats,
and asks what no card of this base answers (``near miss``: the set knows a card, the base does not hold it).
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from callcue.core.cards import Card
from callcue.core.speech import Channel, Language
from eval.call_set import Turn
from eval.card_sets import Query
from kb_index.noise import disturb, in_a_turn

NEEDS = 3
"""Questions in a call."""
_TURN_MS, _PAUSE_MS = 4000, 1500


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """What is said around the questions, in one language."""

    agent_opens: tuple[str, ...]
    agent_asks: tuple[str, ...]
    agent_tells: tuple[str, ...]
    greeting: tuple[str, ...]
    confirmation: tuple[str, ...]
    digits: tuple[str, ...]
    """``#`` stands for digits."""
    answer: tuple[str, ...]


LINES: Mapping[Language, Lines] = {
    "zh": Lines(
        agent_opens=("您好，很高兴为您服务，请问有什么可以帮您？", "您好，请讲。", "喂您好，这里是客服中心，您请说。"),
        agent_asks=(
            "请问您是什么时候办理的？",
            "麻烦您提供一下身份证后四位。",
            "请问您现在人在哪个城市？",
            "好的，方便留一个联系电话吗？",
            "请您确认一下是不是本人。",
            "请问您用的是哪种方式？",
        ),
        agent_tells=(
            "好的，我帮您记下来了。",
            "这个我已经查到了，马上给您回复。",
            "您稍等，系统有点慢。",
            "嗯，我明白您的意思。",
        ),
        greeting=("喂，你好。", "你好，听得到吗？", "喂喂，是客服吗？", "您好，打扰一下。", "早上好啊。"),
        confirmation=(
            "嗯，好的。",
            "对，是这样的。",
            "行，知道了，谢谢啊。",
            "哦，明白了。",
            "好，那就这样吧。",
            "嗯嗯，可以。",
        ),
        digits=(
            "我的电话是一三八#######。",
            "尾号####。",
            "###########。",
            "身份证后面是####。",
            "你记一下，#####，#####。",
        ),
        answer=(
            "上个月吧，具体哪天我记不清了。",
            "我在成都这边。",
            "是我本人。",
            "我老公的名字。",
            "大概两三天以前。",
            "就是在手机上弄的。",
            "蓝色的那个。",
            "应该是去年冬天。",
            "我现在在外面，手边没有。",
            "前天下午，三点多钟的时候。",
        ),
    ),
    "en": Lines(
        agent_opens=("Hello, how can I help you today?", "Good morning, thanks for calling, go ahead."),
        agent_asks=(
            "May I have the last four digits of your number?",
            "Could you tell me when that was?",
            "Which city are you calling from?",
            "Can I have your full name, please?",
        ),
        agent_tells=("Thanks, I've made a note of that.", "One moment, the system is a little slow.", "I understand."),
        greeting=("Hello?", "Hi there, can you hear me?", "Good morning.", "Hey, how are you doing?"),
        confirmation=("Yes, that's right.", "Okay, thank you.", "Yeah, sure.", "Alright, got it.", "Mm hm, okay."),
        digits=("It's 0 7 #######.", "The last four are ####.", "My number is ##########.", "#### ####."),
        answer=(
            "Last month I think, I'm not sure which day.",
            "I'm in Leeds at the moment.",
            "It's in my husband's name.",
            "About two or three days ago.",
            "The blue one.",
            "Just on my phone.",
        ),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PushCall:
    """A made-up call; ``kinds`` says of each turn what it is."""

    turns: tuple[Turn, ...]
    kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PushSet:
    """A knowledge base and its calls."""

    name: str
    language: Language
    cards: tuple[Card, ...]
    calls: tuple[PushCall, ...]


def make_set(  # noqa: PLR0917 - the data, then how much of it
    name: str,
    language: Language,
    cards: Sequence[Card],
    queries: Sequence[Query],
    chat: Sequence[str],
    size: int,
    calls: int,
    rate: float,
    seed: int,
) -> PushSet:
    """Draw ``size`` cards and make ``calls`` calls; ``rate`` of the characters are disturbed as by a recogniser."""
    dice = random.Random(f"{seed} {name}")
    base = _draw(cards, queries, size, dice)
    known = {card.id for card in base}
    answerable = [query for query in queries if query.card in known]
    others = [query.text for query in queries if query.card not in known]
    made = tuple(_call(language, answerable, others, chat, rate, dice) for _ in range(calls))
    return PushSet(name=name, language=language, cards=tuple(base), calls=made)


def read_lines(path: Path) -> list[str]:
    """The entries of a text file, one a line."""
    return [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


def _draw(cards: Sequence[Card], queries: Sequence[Query], size: int, dice: random.Random) -> list[Card]:
    """Half of the cards are such as are asked for."""
    asked = {query.card for query in queries}
    wanted = [card for card in cards if card.id in asked]
    others = [card for card in cards if card.id not in asked]
    first = dice.sample(wanted, min(len(wanted), max(size // 2, size - len(others))))
    return first + dice.sample(others, min(len(others), size - len(first)))


def _call(  # noqa: PLR0917 - the texts that a call is made of
    language: Language,
    answerable: Sequence[Query],
    others: Sequence[str],
    chat: Sequence[str],
    rate: float,
    dice: random.Random,
) -> PushCall:
    lines = LINES[language]
    said: list[tuple[Channel, str, str, str | None]] = [
        ("caller", "greeting", dice.choice(lines.greeting), None),
        ("agent", "agent", dice.choice(lines.agent_opens), None),
    ]
    for query in dice.sample(answerable, min(NEEDS, len(answerable))):
        said.append(("caller", "need", in_a_turn(query.text, dice), query.card))
        said.append(("agent", "agent", dice.choice(lines.agent_asks), None))
        kind = dice.choice(("digits", "answer"))
        said.append(
            ("caller", kind, _digits(dice.choice(lines.digits if kind == "digits" else lines.answer), dice), None)
        )
        said.append(("agent", "agent", dice.choice(lines.agent_tells), None))
        said.append(("caller", "confirmation", dice.choice(lines.confirmation), None))
        kind = dice.choice(("chat", "near miss"))
        source = chat if kind == "chat" else others
        if source:
            said.append(("caller", kind, dice.choice(source), None))
            said.append(("agent", "agent", dice.choice(lines.agent_tells), None))
    turns = []
    for number, (channel, _, text, card) in enumerate(said):
        start = number * (_TURN_MS + _PAUSE_MS)
        heard = disturb(text, rate, dice) if rate and channel == "caller" else text
        wanted = (card,) if card else ()
        turns.append(
            Turn(
                channel=channel,
                start_ms=start,
                end_ms=start + _TURN_MS,
                text=heard or text,
                cards=frozenset(wanted),
                new_cards=wanted,
            )
        )
    return PushCall(turns=tuple(turns), kinds=tuple(kind for _, kind, _, _ in said))


def _digits(text: str, dice: random.Random) -> str:
    return "".join(str(dice.randrange(10)) if char == "#" else char for char in text)
