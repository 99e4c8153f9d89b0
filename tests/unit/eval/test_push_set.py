"""Made-up calls hold the questions once, and nothing wanted beside them."""

from callcue.core.cards import Card
from eval.cards import Query
from eval.push_set import NEEDS, make_set

CARDS = [Card(id=f"c{n}", title=f"第{n}个问题", body="") for n in range(40)]
QUERIES = [Query(text=f"想问第{n}个问题怎么办", card=f"c{n}") for n in range(40)]


def test_every_call_asks_its_questions_and_wants_nothing_else() -> None:
    made = make_set("set", "zh", CARDS, QUERIES, ["今天天气不错"], 20, 8, 0.0, 1)
    known = {card.id for card in made.cards}
    assert len(known) == 20
    texts = {query.card: query.text for query in QUERIES}
    for call in made.calls:
        wanted = [card for turn in call.turns for card in turn.new_cards]
        assert len(set(wanted)) == NEEDS
        assert set(wanted) <= known
        for kind, turn in zip(call.kinds, call.turns, strict=True):
            assert bool(turn.new_cards) == (kind == "need")
            if kind == "need":
                assert texts[turn.new_cards[0]] in turn.text
            if kind == "near miss":
                assert all(texts[card] not in turn.text for card in known)
            assert "#" not in turn.text


def test_calls_are_the_same_for_one_seed_and_differ_by_it() -> None:
    def calls(seed: int) -> object:
        return make_set("set", "zh", CARDS, QUERIES, ["今天天气不错"], 20, 3, 0.0, seed).calls

    assert calls(1) == calls(1) != calls(2)


def test_only_the_caller_is_disturbed() -> None:
    clean = make_set("set", "zh", CARDS, QUERIES, ["今天天气不错"], 20, 3, 0.0, 1)
    rough = make_set("set", "zh", CARDS, QUERIES, ["今天天气不错"], 20, 3, 0.5, 1)
    agent = {turn.text for call in clean.calls for turn in call.turns if turn.channel == "agent"}
    opened = [call.turns[1].text for call in rough.calls]
    assert all("，" in text or "。" in text for text in opened)
    assert agent
    assert all("，" not in turn.text for call in rough.calls for turn in call.turns if turn.channel == "caller")
