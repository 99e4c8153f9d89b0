"""What a hit is, what a wrong push is, and how long a card may take."""

import pytest

from callcue.core.speech import Channel
from eval.call_score import Push, Segment, Trace, answered_turn, is_wrong, score_call, score_wanted, screen
from eval.call_set import Turn


def turn(
    start_s: float,
    end_s: float,
    *,
    channel: Channel = "caller",
    new: tuple[str, ...] = (),
    cards: tuple[str, ...] = (),
    also_ok: tuple[str, ...] = (),
) -> Turn:
    return Turn(
        channel=channel,
        start_ms=int(start_s * 1000),
        end_ms=int(end_s * 1000),
        text="",
        cards=frozenset((*cards, *new)),
        new_cards=new,
        also_ok=frozenset(also_ok),
    )


def push(card: str, at_s: float, *, rank: int = 1, expires_s: float = 999.0, evidence: Segment | None = None) -> Push:
    return Push(
        card_id=card,
        rank=rank,
        at=at_s,
        at_ms=int(at_s * 1000),
        expires_at_ms=int(expires_s * 1000),
        evidence=evidence,
    )


def said(channel: Channel, start_s: float, end_s: float) -> Segment:
    return Segment(channel=channel, start_ms=int(start_s * 1000), end_ms=int(end_s * 1000))


def trace(*pushes: Push) -> Trace:
    """Wall time is call time."""
    return Trace(pushes=pushes, wall=lambda ms: ms / 1000, call_ms=lambda moment: int(moment * 1000))


def best(pushes: tuple[Push, ...], wanted: Turn) -> tuple[object, object]:
    card = score_wanted(wanted, trace(*pushes))[0]
    return card.rank, card.latency_ms


def test_the_newest_batch_lies_on_top_in_order_of_rank() -> None:
    pushes = (push("a", 1), push("b", 1, rank=2), push("c", 5), push("d", 5.1, rank=2))
    assert screen(pushes, 4, 4000) == ["a", "b"]
    assert screen(pushes, 6, 6000) == ["c", "d", "a", "b"]


def test_a_card_pushed_again_moves_to_the_top_and_an_expired_one_is_gone() -> None:
    pushes = (push("a", 1, expires_s=30), push("b", 5), push("a", 9, expires_s=40))
    assert screen(pushes, 10, 10_000) == ["a", "b"]
    assert screen(pushes, 10, 50_000) == ["b"]


def test_a_card_that_comes_in_time_is_a_hit_with_its_latency() -> None:
    assert best((push("x", 11.5),), turn(8, 10, new=("x",))) == (1, pytest.approx(1500))


@pytest.mark.parametrize(("at_s", "rank"), [(20.0, 1), (20.001, None)])
def test_it_may_take_ten_seconds_and_no_more(at_s: float, rank: int | None) -> None:
    assert best((push("x", at_s),), turn(8, 10, new=("x",)))[0] == rank


def test_a_card_that_never_comes_is_no_hit() -> None:
    assert best((push("y", 11),), turn(8, 10, new=("x",))) == (None, None)


def test_places_below_the_first_count_for_three_only() -> None:
    wanted = turn(8, 10, new=("x",))
    assert best((push("y", 11), push("x", 11, rank=2)), wanted)[0] == 2
    four = tuple(push(card, 11, rank=rank) for rank, card in enumerate("abcx", start=1))
    assert best(four, wanted)[0] == 4


def test_a_card_pushed_while_the_turn_is_spoken_has_a_negative_latency() -> None:
    assert best((push("x", 9),), turn(8, 10, new=("x",))) == (1, pytest.approx(-1000))


def test_a_card_buried_before_the_turn_ends_is_judged_by_where_it_lies_then() -> None:
    assert best((push("x", 8.5), push("y", 9)), turn(8, 10, new=("x",)))[0] == 2


def test_a_card_that_already_lies_there_is_a_hit_without_a_latency() -> None:
    assert best((push("x", 2),), turn(8, 10, new=("x",))) == (1, None)
    assert best((push("x", 2, expires_s=9),), turn(8, 10, new=("x",))) == (None, None)


def test_a_card_that_expires_above_another_makes_room() -> None:
    pushes = (push("x", 9), push("y", 9.5, expires_s=15))
    assert best(pushes, turn(8, 10, new=("x",)))[0] == 1


TURNS = (
    turn(0, 2, channel="agent"),
    turn(3, 6, cards=("a",), also_ok=("b",)),
    turn(7, 9, channel="agent"),
    turn(10, 12, cards=("c",)),
)


def test_a_push_answers_the_turn_of_its_evidence_not_of_its_arrival() -> None:
    assert answered_turn(push("a", 11, evidence=said("caller", 3.2, 5.8)), TURNS) == 1
    assert answered_turn(push("a", 11, evidence=said("agent", 3.2, 8.8)), TURNS) == 2


def test_a_segment_between_the_turns_belongs_to_the_nearest_of_its_speaker() -> None:
    assert answered_turn(push("a", 11, evidence=said("caller", 6.3, 6.8)), TURNS) == 1
    assert answered_turn(push("a", 11, evidence=said("caller", 9.3, 9.8)), TURNS) == 3


def test_without_evidence_the_last_turn_begun_counts() -> None:
    assert answered_turn(push("a", 8), TURNS) == 2
    assert answered_turn(push("a", 0), TURNS[1:]) == 0


@pytest.mark.parametrize(
    ("card", "index", "wrong"),
    [
        ("a", 1, False),
        ("b", 1, False),
        ("a", 2, False),
        ("a", 0, False),
        ("c", 2, False),
        ("a", 3, True),
        ("c", 1, True),
        ("z", 1, True),
    ],
)
def test_wrong_means_wanted_neither_there_nor_in_the_turn_before_or_after(card: str, index: int, wrong: bool) -> None:
    assert is_wrong(card, index, TURNS) is wrong


def test_a_whole_call() -> None:
    turns = (turn(0, 2, new=("a",)), turn(3, 4, channel="agent"), turn(5, 6, new=("b",)))
    scores = score_call(
        turns,
        trace(push("a", 2.5, evidence=said("caller", 0, 2)), push("z", 6.5, evidence=said("caller", 5, 6))),
    )
    assert [score.pushed for score in scores] == [("a",), (), ("z",)]
    assert [score.wrong for score in scores] == [(), (), ("z",)]
    assert [card.rank for score in scores for card in score.wanted] == [1, None]
