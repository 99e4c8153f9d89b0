"""Which language a channel speaks: decided on evidence, kept against noise, changed by a long stretch of the other."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.language import FULL_WEIGHT_MS, MAX_PRIOR, LanguageBelief
from callcue.core.speech import Hypothesis, Language


def verdict(
    language: Language, probability: float = 0.95, *, rejected: str | None = None, fallback: bool = False
) -> Hypothesis:
    return Hypothesis(
        text="x", language=language, language_probability=probability, rejected=rejected, fallback=fallback
    )


def settled_on(language: Language, utterances: int = 20) -> LanguageBelief:
    belief = LanguageBelief("auto")
    for _ in range(utterances):
        belief.observe(verdict(language, 0.99), 4000)
    assert belief.settled == language
    return belief


def decided(belief: LanguageBelief, log_odds: float, duration_ms: int) -> Language:
    """What an engine decides that adds the prior to its detector's log-odds of zh, as asr.decode does."""
    return "zh" if log_odds + belief.prior(duration_ms) >= 0 else "en"


def test_a_given_language_is_settled_and_takes_no_evidence() -> None:
    belief = LanguageBelief("en")
    for _ in range(50):
        belief.observe(verdict("zh", 0.999), 5000)
    assert (belief.given, belief.settled, belief.likely, belief.prior(500)) == ("en", "en", "en", 0.0)


def test_nothing_is_known_at_first() -> None:
    belief = LanguageBelief("auto")
    assert (belief.given, belief.settled, belief.prior(1000)) == (None, None, 0.0)


def test_one_utterance_settles_nothing_however_sure_and_long() -> None:
    belief = LanguageBelief("auto")
    belief.observe(verdict("en", 1.0), 14_000)
    assert belief.settled is None
    belief.observe(verdict("en", 1.0), 4000)
    assert belief.settled == "en"


def test_a_caller_who_begins_with_hello_and_goes_on_in_mandarin_speaks_mandarin() -> None:
    belief = LanguageBelief("auto")
    for _ in range(3):  # "Hello? … Hello! … Yes."
        belief.observe(verdict("en", 0.99), 600)
    assert (belief.settled, belief.likely) == (None, "en")
    assert decided(belief, 4.5, 3500) == "zh"  # what the detector says of an ordinary Mandarin sentence
    for _ in range(3):
        belief.observe(verdict("zh", 0.98), 3500)
    assert (belief.settled, belief.likely) == ("zh", "zh")


def test_short_utterances_carry_little_weight() -> None:
    short, long = LanguageBelief("auto"), LanguageBelief("auto")
    for _ in range(5):
        short.observe(verdict("en", 0.99), 400)
    long.observe(verdict("zh", 0.95), 4000)
    assert short.settled is None
    assert abs(short.prior(FULL_WEIGHT_MS)) < abs(long.prior(FULL_WEIGHT_MS))


def test_an_unclear_utterance_is_decoded_in_the_channels_language() -> None:
    belief = LanguageBelief("auto")
    belief.observe(verdict("zh", 0.98), 3000)
    for duration_ms in (300, 1000, 3000, 10_000):
        assert decided(belief, -1.0, duration_ms) == "zh"
    assert decided(LanguageBelief("auto"), -1.0, 3000) == "en"


def test_the_shorter_an_utterance_the_more_counts_what_was_heard_before() -> None:
    belief = settled_on("zh")
    assert decided(belief, -8.0, 1000) == "zh"
    assert decided(belief, -8.0, 4000) == "en"  # a bilingual speaker's whole sentence
    assert belief.settled == "zh"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_settled_channel_survives_wrong_verdicts(language: Language) -> None:
    other: Language = "en" if language == "zh" else "zh"
    belief = settled_on(language)
    for _ in range(4):
        belief.observe(verdict(other, 0.99), 5000)
    assert belief.settled == language


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_long_stretch_of_the_other_language_is_followed(language: Language) -> None:
    """The phone was handed to somebody else."""
    other: Language = "en" if language == "zh" else "zh"
    belief = settled_on(language)
    spoken_ms = 0
    while belief.settled == language:
        belief.observe(verdict(other, 0.99), 4000)
        spoken_ms += 4000
        assert spoken_ms <= 60_000
    assert spoken_ms >= 24_000


@given(st.integers(0, 2**32), st.sampled_from(["zh", "en"]))
def test_noisy_verdicts_do_not_make_it_flip(seed: int, language: Language) -> None:
    """One verdict in five is wrong, of any length: once settled it never changes, and it settles on the right side."""
    other: Language = "en" if language == "zh" else "zh"
    noise = random.Random(seed)
    belief = LanguageBelief("auto")
    for nth in range(200):
        wrong = nth % 5 == 2
        belief.observe(
            verdict(other if wrong else language, noise.uniform(0.55, 0.9) if wrong else noise.uniform(0.8, 1.0)),
            noise.randint(300, 1500) if wrong else noise.randint(300, 9000),
        )
        assert belief.settled in (None, language)
    assert belief.settled == language


@given(
    st.lists(st.tuples(st.sampled_from(["zh", "en"]), st.floats(0, 1), st.integers(0, 20_000))), st.integers(0, 30_000)
)
def test_the_prior_is_bounded_and_agrees_with_the_guess(
    verdicts: list[tuple[Language, float, int]], duration_ms: int
) -> None:
    belief = LanguageBelief("auto")
    for language, probability, length_ms in verdicts:
        belief.observe(verdict(language, probability), length_ms)
    prior = belief.prior(duration_ms)
    assert abs(belief.prior(FULL_WEIGHT_MS)) <= MAX_PRIOR
    assert abs(prior) <= 10 * MAX_PRIOR
    assert abs(prior) >= abs(belief.prior(duration_ms + 1))
    if belief.settled is None and prior:
        assert belief.likely == ("zh" if prior > 0 else "en")


def test_a_verdict_against_the_detector_counts_for_what_the_detector_heard() -> None:
    """The prior decoded it as zh; its sound alone was more like English (zh: 0.2)."""
    belief = LanguageBelief("auto")
    belief.observe(verdict("zh", 0.2), 3000)
    assert belief.likely == "en"


@pytest.mark.parametrize("silent", [verdict("en", rejected="repetition"), verdict("en", 1.0, fallback=True)])
def test_what_looked_wrong_is_no_evidence(silent: Hypothesis) -> None:
    belief = LanguageBelief("auto")
    for _ in range(9):
        belief.observe(silent, 5000)
    assert (belief.settled, belief.prior(3000)) == (None, 0.0)
