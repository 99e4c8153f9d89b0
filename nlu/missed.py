"""Which needs of a call were looked up and brought no card: what editors should write about next."""

from collections.abc import Sequence

from callcue.core.cards import CardHit
from callcue.core.questions import UnmetNeed
from callcue.core.speech import Utterance
from nlu.folding import is_han
from nlu.query import Joined


class MissTracker:
    """One call's unmet needs. A need is unmet once its utterance is over: a later fragment may still bring the card,
    and so may the agent, who says in the right words what the caller meant.
    """

    def __init__(self) -> None:
        self._pending: UnmetNeed | None = None
        self._unmet: list[UnmetNeed] = []

    def note(self, u: Utterance, joined: Joined, hits: Sequence[CardHit], *, met: bool, has_cards: bool) -> None:
        """One final and what came of it. ``met``: there was a card for it, shown now or on the screen already.

        No hit at all where there are cards means that the search failed, which is no gap in the cards.
        """
        if u.channel == "agent":
            self._pending = None if met else self._pending
            return
        if joined.offset == 0:
            self._close()
        if met:
            self._pending = None
        elif is_question(joined.query) and (hits or not has_cards):
            best = max(hits, key=lambda hit: hit.score, default=None)
            self._pending = UnmetNeed(
                segment_id=u.segment_id,
                text=joined.query,
                language=u.language,
                card_id=best.card.id if best else None,
                score=best.score if best else None,
            )

    def take(self) -> list[UnmetNeed]:
        """The needs that are unmet for good, each once."""
        taken, self._unmet = self._unmet, []
        return taken

    def finish(self) -> list[UnmetNeed]:
        """The call is over: the same, with the one that was still open."""
        self._close()
        return self.take()

    def _close(self) -> None:
        if self._pending is not None:
            self._unmet.append(self._pending)
            self._pending = None


def is_question(query: str) -> bool:
    """Whether a query says enough to be a question of its own: four Chinese characters, three English words."""
    han = sum(map(is_han, query))
    return han >= 4 if han else len(query.split()) >= 3
