"""Text in, tags out: issue type, sentiment, tags, facts and the rest of a call record, each with its evidence."""

from pathlib import Path


def shipped_models() -> Path:
    """The folder of the classifiers that come with CallCue: one sub-folder per field."""
    return Path(__file__).parent / "shipped"
