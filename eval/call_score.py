"""Were the right cards on the screen in time? Pure functions over what was pushed and when.

*The screen* holds the cards that were pushed and have not expired, newest push first: a push of rank 1 begins a new
batch on top, the others of its utterance lie below it in order of their rank; a card pushed again moves to the top.

A wanted card (``new_cards``) is a *hit* at k when it is among the first k on the screen at any moment from the end of
its turn until 10 s later; one pushed earlier, while the turn was spoken or before, counts if it still lies there.

A push *answers* the turn of its evidence: that of the same speaker which overlaps the evidence's segment most (without
a segment, the last turn begun). It is *wrong* when its card is neither in ``cards`` nor in ``also_ok`` of that turn,
the one before it or the one after it, whoever speaks.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from callcue.core.speech import Channel
from eval.call_set import Turn
from eval.metrics import wilson
from eval.report import Figures

WAIT_S = 10.0
"""How long after the end of its turn a card may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The stretch of a call that a push names as its evidence."""

    channel: Channel
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """A card that came onto the screen."""

    card_id: str
    rank: int
    at: float
    """Wall time of its arrival at the desktop, seconds from any origin."""
    at_ms: int
    """Call time."""
    expires_at_ms: int
    """Call time."""
    evidence: Segment | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What a desktop saw of one call."""

    pushes: tuple[Push, ...]
    """In the order of arrival."""
    wall: Callable[[int], float]
    """Call time in ms -> wall time at which that sample was sent, in the pushes' seconds."""
    call_ms: Callable[[float], int]
    """Wall time -> call time reached."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCard:
    """What became of one wanted card."""

    card_id: str
    rank: int | None
    """Its best place on the screen in time; None: it was not there."""
    latency_ms: float | None
    """From the end of the turn to its arrival, below 0 when it came while the turn was spoken; None when it was not
    there in time or lay there before the turn began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnScore:
    """One turn's cards."""

    wanted: tuple[WantedCard, ...]
    pushed: tuple[str, ...]
    """Cards whose push answers this turn."""
    wrong: tuple[str, ...]
    """Those of them that are wrong."""


def screen(pushes: Sequence[Push], now: float, call_ms: int) -> list[str]:
    """Ids of the cards on the screen at wall time ``now``, the top one first."""
    batches: list[list[Push]] = []
    for push in pushes:
        if push.at > now:
            break
        if push.rank == 1 or not batches:
            batches.append([])
        batches[-1].append(push)
    ordered = [push for batch in reversed(batches) for push in sorted(batch, key=lambda push: push.rank)]
    return list(dict.fromkeys(push.card_id for push in ordered if push.expires_at_ms > call_ms))


def score_wanted(turn: Turn, trace: Trace) -> tuple[WantedCard, ...]:
    """Every wanted card of a turn."""
    if not turn.new_cards:
        return ()
    end = trace.wall(turn.end_ms)
    moments = [end, *(push.at for push in trace.pushes if end < push.at <= end + WAIT_S), end + WAIT_S]
    screens = [screen(trace.pushes, moment, trace.call_ms(moment)) for moment in moments]
    return tuple(_wanted(card_id, turn, trace, screens) for card_id in turn.new_cards)


def _wanted(card_id: str, turn: Turn, trace: Trace, screens: Sequence[Sequence[str]]) -> WantedCard:
    places = [shown.index(card_id) + 1 for shown in screens if card_id in shown]
    if not places:
        return WantedCard(card_id=card_id, rank=None, latency_ms=None)
    begin, end = trace.wall(turn.start_ms), trace.wall(turn.end_ms)
    arrivals = [p.at for p in trace.pushes if p.card_id == card_id and begin <= p.at <= end + WAIT_S]
    return WantedCard(card_id=card_id, rank=min(places), latency_ms=(arrivals[0] - end) * 1000 if arrivals else None)


def answered_turn(push: Push, turns: Sequence[Turn]) -> int:
    """Index of the turn that a push answers."""
    evidence = push.evidence
    own = [] if evidence is None else [i for i, turn in enumerate(turns) if turn.channel == evidence.channel]
    if evidence is None or not own:
        begun = [i for i, turn in enumerate(turns) if turn.start_ms <= push.at_ms]
        return begun[-1] if begun else 0

    def overlap(index: int) -> int:  # below 0: the distance
        return min(turns[index].end_ms, evidence.end_ms) - max(turns[index].start_ms, evidence.start_ms)

    return max(own, key=overlap)


def is_wrong(card_id: str, index: int, turns: Sequence[Turn]) -> bool:
    """Whether a push that answers turn ``index`` is wrong."""
    near = turns[max(0, index - 1) : index + 2]
    return not any(card_id in turn.cards or card_id in turn.also_ok for turn in near)


def score_call(turns: Sequence[Turn], trace: Trace) -> list[TurnScore]:
    """One score per turn, in order."""
    answers = [(answered_turn(push, turns), push.card_id) for push in trace.pushes]
    return [
        TurnScore(
            wanted=score_wanted(turn, trace),
            pushed=tuple(card for at, card in answers if at == index),
            wrong=tuple(card for at, card in answers if at == index and is_wrong(card, index, turns)),
        )
        for index, turn in enumerate(turns)
    ]


def card_figures(turns: Sequence[TurnScore], calls: int) -> Figures:
    """Hits, with intervals, and wrong pushes."""
    ranks = [card.rank for turn in turns for card in turn.wanted]
    hits = {k: sum(rank is not None and rank <= k for rank in ranks) for k in (1, 3)}
    wrong = sum(len(turn.wrong) for turn in turns)
    return {
        "wanted": len(ranks),
        "hit_at_1": hits[1] / len(ranks) if ranks else None,
        "hit_at_1_interval": wilson(hits[1], len(ranks)),
        "hit_at_3": hits[3] / len(ranks) if ranks else None,
        "hit_at_3_interval": wilson(hits[3], len(ranks)),
        "pushed": sum(len(turn.pushed) for turn in turns),
        "wrong_per_call": wrong / calls if calls else None,
    }
