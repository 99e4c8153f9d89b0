"""CallCue: live assistance for the people who answer customers' calls.

This package holds what the top-level packages share: contracts (``core``), infrastructure (``infra``), the wiring
of one call (``calls``), the composition root and the CLI (``app``), and public fakes for tests (``testing``).
"""

__version__ = "0.1.0"
