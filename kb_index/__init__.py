"""Cards: import and export, lexical and vector index, hybrid search in immutable generations.

Rooms: ``formats``, ``cards``, ``fields``, ``flow`` (the import format); ``folding`` (folding and terms), ``lexical``,
``vectors``, ``fusion`` (ranking), ``calibration`` (scores to probabilities), ``index`` (the CardIndex); ``calibrate``
(fits the calibration: ``python -m kb_index.calibrate``), ``noise`` (simulated recognition errors for it).
"""
