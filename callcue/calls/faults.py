"""Naming an unexpected fault in a log line without quoting what it was about."""

import traceback
from pathlib import Path


def place_of(error: BaseException) -> str:
    """``file.py:line`` where the error was raised; empty when it never was."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
