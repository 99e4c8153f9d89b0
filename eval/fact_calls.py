"""The facts of test calls without playing them: from the exact text, and from what an earlier ``eval.calls`` heard.

The earlier run's JSON has no confidences; ``eval.facts.RECOGNISED`` stands for all of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from callcue.core.records import FACTS, Value
from callcue.core.speech import Utterance
from eval.call_record import FieldScore, score_record
from eval.call_set import ScriptedCall, read_calls
from eval.call_text import utterances
from eval.data import read_json
from eval.metrics import wilson
from eval.report import Figures
from nlu.normalise import Normaliser
from tagger.call_facts import CallFacts
from tagger.rules import shipped_rules


def measure_calls(folder: Path, recognised: Path | None, *, fill_threshold: float, confidence: float) -> Figures:
    """``text`` and, where ``recognised`` names the JSON of ``eval.calls``, ``speech``: facts right, wrong values."""
    calls = read_calls(folder)
    figures: Figures = {"text": _figures([_scores(call, utterances(call), fill_threshold) for call in calls])}
    if recognised is not None:
        rows = read_json(recognised).get("per_turn")
        heard = {(row["call"], row["turn"]): str(row["heard"]) for row in rows} if isinstance(rows, list) else {}
        found = [_scores(call, _heard(call, heard, confidence), fill_threshold) for call in calls]
        figures["speech"] = _figures(found)
    return figures


def _heard(call: ScriptedCall, heard: dict[tuple[str, int], str], confidence: float) -> Iterable[Utterance]:
    normaliser = Normaliser()
    for index, turn in enumerate(call.turns):
        raw = heard.get((call.id, index), "")
        if raw:
            yield Utterance(
                call_id=call.id,
                channel=turn.channel,
                segment_id=f"turn-{index}",
                start_ms=turn.start_ms,
                end_ms=turn.end_ms,
                raw_text=raw,
                text=normaliser.normalise(raw, call.language).text,
                language=call.language,
                confidence=confidence,
            )


def _scores(call: ScriptedCall, said: Iterable[Utterance], fill_threshold: float) -> list[FieldScore]:
    facts, speller = CallFacts(call.started_at), shipped_rules().speller
    record: dict[str, Value] = {}
    for utterance in said:
        known = replace(utterance, text=speller.respell(utterance.text))
        for filling in facts.observe(known):
            if filling.probability >= fill_threshold:
                record[filling.field] = filling.value
    return [score for score in score_record(call.record, record) if score.field in FACTS]


def _figures(calls: Sequence[Sequence[FieldScore]]) -> Figures:
    flat = [score for call in calls for score in call]
    right = sum(score.right for score in flat)
    return {
        "facts_right": right / len(flat) if flat else None,
        "facts_right_interval": wilson(right, len(flat)),
        "wrong_values": sum(not score.right and score.found is not None for score in flat),
        "of": len(flat),
    }
