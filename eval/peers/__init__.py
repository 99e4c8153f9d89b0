"""Other open recognisers as yardsticks, each in a process and a virtual environment of its own (``make peers``).

The ``drive_…`` modules run under the peer's Python, not under CallCue's, and import nothing of CallCue.
"""
