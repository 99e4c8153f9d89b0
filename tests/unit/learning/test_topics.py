"""Questions of one kind become one topic, which keeps its name."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from callcue.learning.topics import JOIN, FloatArray, group, middle, most_different

NOTHING = np.zeros((0, 8), dtype=np.float32)


def near(direction: int, *noise: float) -> FloatArray:
    """Unit vectors near one of eight directions."""
    rows = np.zeros((len(noise), 8), dtype=np.float32)
    rows[:, direction] = 1
    rows[:, (direction + 1) % 8] = noise
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), dtype=np.float32)


def test_new_questions_fall_into_topics() -> None:
    found = group(np.vstack([near(0, 0.1), near(2, 0.1), near(0, 0.2, 0.3), near(2, 0.0)]), NOTHING, [], [])
    assert found.member_of == (0, 1, 0, 0, 1)
    assert found.begun_by == (0, 1)
    assert found.merged == ()


def test_known_topics_keep_their_place_and_take_what_is_like_them() -> None:
    known = np.vstack([near(4, 0.0) * 3, near(0, 0.0) * 2]).astype(np.float32)
    found = group(np.vstack([near(0, 0.1), near(6, 0.0)]), known, [3, 2], [False, False])
    assert found.member_of == (1, 2)
    assert found.begun_by == (1,)


def test_topics_that_turn_out_alike_are_merged_into_the_older() -> None:
    known = np.vstack([near(0, 0.0), near(0, 0.1)])
    found = group(near(0, 0.05), known, [1, 1], [False, False])
    assert found.merged == ((1, 0),)
    assert found.member_of == (0,)


def test_a_topic_that_somebody_works_on_is_merged_into_no_other() -> None:
    known = np.vstack([near(0, 0.0), near(0, 0.1)])
    assert group(near(0, 0.05), known, [1, 1], [False, True]).merged == ()
    assert group(near(0, 0.05), known, [1, 1], [True, False]).merged == ((1, 0),), "but it takes others over"


def test_only_topics_with_a_new_question_are_looked_at_again() -> None:
    known = np.vstack([near(0, 0.0), near(0, 0.1)])
    assert group(near(4, 0.0), known, [1, 1], [False, False]).merged == ()


@given(st.lists(st.tuples(st.integers(0, 3), st.floats(-1.5, 1.5)), min_size=2, max_size=14))
def test_merging_leaves_no_pair_that_is_near_enough(rows: list[tuple[int, float]]) -> None:
    vectors = np.vstack([near(direction, noise) for direction, noise in rows])
    found = group(vectors, NOTHING, [], [])
    members = [vectors[[n for n, t in enumerate(found.member_of) if t == topic]] for topic in set(found.member_of)]
    between = [(one @ other.T).mean() for n, one in enumerate(members) for other in members[:n]]
    assert all(mean < JOIN + 1e-5 for mean in between)


def test_a_topic_without_questions_left_takes_part_in_nothing() -> None:
    known = np.zeros((1, 8), dtype=np.float32)
    found = group(near(0, 0.1, 0.2), known, [0], [False])
    assert found.member_of == (1, 1)
    assert found.merged == ()


@given(st.lists(st.tuples(st.integers(0, 7), st.floats(-0.2, 0.2)), min_size=1, max_size=25), st.integers(0, 25))
def test_questions_that_come_in_two_parts_end_in_as_many_topics(rows: list[tuple[int, float]], cut: int) -> None:
    """Directions are far apart, so one round and two rounds must agree."""
    vectors = np.vstack([near(direction, noise) for direction, noise in rows])
    whole = group(vectors, NOTHING, [], [])
    first = group(vectors[:cut], NOTHING, [], []) if cut else None
    count = max(first.member_of, default=-1) + 1 if first else 0
    sums = np.zeros((count, 8), dtype=np.float32)
    sizes = [0] * count
    for place, topic in enumerate(first.member_of if first else ()):
        sums[topic] += vectors[place]
        sizes[topic] += 1
    second = group(vectors[cut:], sums, sizes, [False] * count)
    joined = (*(first.member_of if first else ()), *second.member_of)
    assert joined == whole.member_of


def test_samples_are_far_apart_and_begin_with_the_middle() -> None:
    vectors = np.vstack([near(0, 0.0, 0.01, 0.02), near(1, 0.0), near(3, 0.0)])
    taken = most_different(vectors, 3)
    assert taken[0] == middle(vectors)
    assert set(taken[1:]) == {3, 4}
    assert len(most_different(vectors, 5)) == 3, "what repeats another is left out"
    assert most_different(vectors[:0], 3) == []
