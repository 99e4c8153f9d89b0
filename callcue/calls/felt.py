"""From what the tagger says of feelings to events: one for the utterance, one for each reason to tell a supervisor."""

from callcue.core.events import Alert, AnyEvent, SentimentHeard
from tagger.call import Felt


def felt_events(call_id: str, felt: Felt | None, at_ms: int) -> list[AnyEvent]:
    """The events of one utterance, in order; none where nothing with content was said."""
    if felt is None or felt.feeling is None:
        return []
    alerts = (
        Alert(
            call_id=call_id,
            at_ms=at_ms,
            kind=found.kind,
            reason=found.reason,
            evidence=found.evidence,
            severity=found.severity,
        )
        for found in felt.escalations
    )
    return [SentimentHeard(call_id=call_id, at_ms=at_ms, feeling=felt.feeling), *alerts]
