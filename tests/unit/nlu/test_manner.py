"""Questions, invitations and confirmations are told by their form."""

import pytest

from callcue.core.speech import Language
from nlu.concepts import concepts
from nlu.manner import agent_move, asks, confirms
from nlu.moods import moods
from nlu.word_lists import lines


@pytest.mark.parametrize(
    "text", ["多久能到账", "能不能换一台", "几点关门", "我想改地址", "how do I return it", "is it open"]
)
def test_questions(text: str) -> None:
    assert asks(text, "en" if text.isascii() else "zh")


@pytest.mark.parametrize("text", ["放回去试过好几次了", "积分还没用呢", "是一台平板电脑", "the blue one", "last month"])
def test_statements(text: str) -> None:
    assert not asks(text, "en" if text.isascii() else "zh")


@pytest.mark.parametrize(
    ("text", "move"),
    [
        ("您好，请问有什么可以帮您？", "invites"),
        ("好的，请说。", "invites"),
        ("请问您是什么时候买的？", "asks"),
        ("麻烦您报一下订单号", "asks"),
        ("您是想查物流对吗？", "paraphrases"),
        ("我帮您登记好了。", "tells"),
        ("How can I help you today?", "invites"),
        ("May I have your name, please?", "asks"),
        ("Thanks, I've made a note.", "tells"),
    ],
)
def test_what_the_agent_does(text: str, move: str) -> None:
    language: Language = "en" if text.isascii() else "zh"
    assert agent_move(text, language) == move


def test_confirmations_are_a_yes_and_nothing_else() -> None:
    assert confirms("对，没错", "zh")
    assert confirms("Yes, that's right.", "en")
    assert not confirms("对，还有发票的事", "zh")
    assert not confirms("", "zh")


def test_wording_is_named() -> None:
    assert concepts("这个月的账能慢慢付吗", "zh") == ["分期付款"]
    assert concepts("can I pay monthly", "en") == []
    assert concepts("嗯", "zh") == []


def test_moods_by_language() -> None:
    assert moods("你们到底管不管", "zh")[0].startswith("客户情绪激动")
    assert moods("this is ridiculous", "en")
    assert moods("this is ridiculous", "zh") == moods("你好", "zh") == []


@pytest.mark.parametrize("name", ["concepts_zh", "moods"])
def test_every_entry_of_a_list_has_a_name_and_no_pattern_that_matches_everything(name: str) -> None:
    import re

    for line in lines(name):
        title, *patterns = (part.strip() for part in line.split(" | "))
        assert title
        assert patterns
        for pattern in patterns:
            assert not re.search(pattern, "嗯好的"), line
            assert not re.search(pattern, ""), line
