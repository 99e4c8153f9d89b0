"""The sub-type of a call's issue: told top-down, so that it always lies under the type that the record shows."""

import math

from callcue.core.ports import Prediction
from callcue.core.taxonomy import Taxonomy
from tagger.aggregate import IssueVote, Verdict

NO_LABEL = ""
"""An ``other`` that no sub-type is: none of them counts less than the rest."""
_MOST = 0.97


class SubtypeVote:
    """The utterances' sub-types, weighed as ``IssueVote`` weighs types, among those of one type.

    P(sub-type) = P(type) * P(sub-type | type): the type's own vote decides between types (it has rules and far more
    examples a label), the finer model only within one (local classifier per parent node; Silla and Freitas 2011).
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._under = {type_: frozenset(taxonomy.under(type_)) for type_ in taxonomy.types}
        self._votes = {type_: IssueVote(other=NO_LABEL) for type_ in taxonomy.types}

    def add(self, text: str, segment_id: str, prediction: Prediction) -> None:
        """One caller utterance."""
        for type_, vote in self._votes.items():
            within = {name: p for name, p in prediction.distribution.items() if name in self._under[type_]}
            total = math.fsum(within.values())
            if total <= 0:
                continue
            shares = {name: p / total for name, p in within.items()}
            best = max(shares, key=lambda name: shares[name])
            # It speaks for a sub-type as much as for the type, so its certainty is the unconditional one.
            vote.add(text, segment_id, Prediction(label=best, probability=within[best], distribution=shares), ())

    def verdict(self, issue: Verdict) -> Verdict | None:
        """The likeliest sub-type of the call's type; None before one was spoken for, or for a type without any."""
        vote = self._votes.get(issue.label)
        found = vote.verdict() if vote is not None else None
        if found is None:
            return None
        sure = min(_MOST, found.probability * issue.probability)
        return Verdict(label=found.label, probability=round(sure, 3), evidence=found.evidence)
