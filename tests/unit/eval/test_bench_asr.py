"""One table out of many commands: what each brings, and that a failing one does not take the others with it."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from eval.bench_asr import HEADS, Part, asr_rows, load_rows, measured, other_rows, parts, peer_rows, sweep_rows
from eval.report import table
from eval.service import read_metrics

LATENCY = {"final_latency_ms": {"p50": 600.4, "p95": 900.0, "max": 950.0}, "first_partial_ms": {"p50": 1500.0}}
LOAD: dict[str, Any] = {
    **LATENCY,
    "calls": 10,
    "cer": 0.17,
    "cpu_s_per_audio_s": 0.08,
    "refused": {"overloaded": 3},
    "finals_lost": 0,
    "max_wait_s": 1.25,
    "partials_per_speech_s": 0.6,
}


def test_every_row_fits_the_table() -> None:
    asr = {**LATENCY, "utterances": 9, "cer": 0.1, "cpu_s_per_audio_s": 0.1, "live_cpu_s_per_audio_s": 0.2}
    asr["baseline"] = {**LATENCY, "cer": 0.2, "cpu_s_per_audio_s": 0.4}
    peer = {**LATENCY, "name": "whisperlivekit", "wer": 0.3, "cpu_s_per_audio_s": 1.4, "streams": 2, "drain_s": 12.34}
    rows = [
        *asr_rows("asr", asr),
        *peer_rows("peers", {"rows": [peer, {**peer, "drain_s": None}], "failed": {"x": "ImportError: no"}}),
        *load_rows("load", LOAD),
        *sweep_rows("sweep", {"steps": [LOAD], "beyond": {**LOAD, "refusals": ["9 s behind"]}, "holds_calls": 8}),
        *other_rows("silence", {"characters": 0, "sounds": ["a"], "worst": "none"}),
    ]
    assert {len(row) for row in rows} == {len(HEADS)}
    said = [" ".join(str(cell) for cell in row) for row in rows]
    assert "asr CallCue 0.1 0.1 600 900 1500" in said[0]
    assert "faster-whisper 0.2 0.4" in said[1]
    assert "2 streams whisperlivekit 0.3 1.4" in said[2]
    assert "12.3 s behind" in said[2]
    assert "not done in time" in said[3]
    assert "x" in said[4]
    assert "ImportError: no" in said[4]
    assert "lost 0, refused 3, longest wait 1.2 s" in said[5]
    assert "holds 8 calls" in said[8]
    assert "9 s behind" in said[8]
    assert "characters 0, worst none" in said[9]


def test_a_reason_with_brackets_is_printed_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    table("t", ["part", "more"], [["peer", "OSError: [/tmp/x] is gone"]])
    assert "[/tmp/x] is gone" in capsys.readouterr().out


def test_the_quick_form_takes_less_of_everything(tmp_path: Path) -> None:
    whole, quick = (parts(tmp_path, quick=quick, plots=None) for quick in (False, True))
    assert len(quick) < len(whole)
    assert {part.module for part in quick} == {part.module for part in whole}
    assert all(part.exists for part in whole if part.module in ("eval.asr", "eval.load", "eval.peers"))


def _part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> Part:
    (tmp_path / "some_part.py").write_text(f"import json, sys\n{body}\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "some_part", raising=False)
    return Part(name="part", module="some_part", arguments=("--x",), rows=other_rows)


def test_a_part_leaves_its_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "args = sys.argv[1:]\nopen(args[args.index('--json') + 1], 'w').write(json.dumps({'said': args[0]}))"
    found, rows = measured(_part(tmp_path, monkeypatch, body))
    assert found["said"] == "--x"
    assert rows[0][-1] == "said --x"


def test_a_part_with_figures_and_a_bad_end_shows_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "open(sys.argv[-1], 'w').write(json.dumps({'characters': 4}))\nsys.exit(1)"
    found, rows = measured(_part(tmp_path, monkeypatch, body))
    assert found["characters"] == 4
    assert [row[-1] for row in rows] == ["characters 4", "some_part ended with status 1"]


def test_a_part_that_fails_or_is_not_there_has_a_row_that_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, rows = measured(_part(tmp_path, monkeypatch, "sys.exit(2)"))
    assert found["failed"] == rows[0][-1] == "some_part ended with status 2 and gave no figures"
    found, rows = measured(Part(name="gone", module="eval.no_such_part", arguments=(), rows=other_rows))
    assert rows == [["gone", None, None, None, None, None, None, "eval.no_such_part is not there"]]
    json.dumps(found)


def test_metrics_are_read_with_their_labels() -> None:
    text = (
        '# TYPE callcue_decodes counter\ncallcue_decodes_total{what="partials"} 12.0\n'
        "# TYPE callcue_lag_seconds gauge\ncallcue_lag_seconds 0.5\n"
    )
    assert read_metrics(text) == {"callcue_decodes_total{partials}": 12.0, "callcue_lag_seconds": 0.5}
