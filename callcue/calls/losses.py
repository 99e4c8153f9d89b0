"""When to tell a supervisor that audio was lost: at once, but not at every packet."""

WORTH_MS = 200
"""Less lost audio waits for more, or for the end of the call."""
EVERY_MS = 30_000
"""Call time between two reports."""


class LossReport:
    """Collects lost audio of a call and says when it is worth an Alert."""

    def __init__(self) -> None:
        self._unsaid_ms = 0
        self._said_at_ms: int | None = None

    def note(self, lost_ms: int, at_ms: int) -> int:
        """Audio was lost at this call time; returns the milliseconds to report now, 0 for none."""
        self._unsaid_ms += lost_ms
        quiet = self._said_at_ms is None or at_ms - self._said_at_ms >= EVERY_MS
        if self._unsaid_ms < WORTH_MS or not quiet:
            return 0
        self._said_at_ms = at_ms
        return self.rest()

    def rest(self) -> int:
        """Milliseconds not reported yet; they count as reported now."""
        unsaid, self._unsaid_ms = self._unsaid_ms, 0
        return unsaid
