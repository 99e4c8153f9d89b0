"""Evaluation: ``python -m eval.asr``, ``.cards``, ``.tags``, ``.calls``, ``.bench``. Public APIs only."""
