"""The command that listens to silence notices a recogniser that does not keep silent."""

import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import eval.silence
from asr.scheduler import DecodeScheduler
from callcue.core.clock import SystemClock
from callcue.core.settings import Settings
from tests.unit.asr.fakes import GatedEngine


def invent(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """A recogniser that writes this in every window."""

    @contextlib.asynccontextmanager
    async def recogniser(_settings: Settings, _model: Path) -> AsyncIterator[DecodeScheduler]:
        engine = GatedEngine(say=lambda _: text)
        engine.open = True
        yield DecodeScheduler(engine, SystemClock())

    monkeypatch.setattr(eval.silence, "recogniser", recogniser)
    monkeypatch.setattr(eval.silence, "whisper_folder", lambda _store, name: Path(name))


def test_invented_text_is_counted_and_fails(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    invent(monkeypatch, "谢谢观看")
    out = tmp_path / "figures.json"
    with pytest.raises(SystemExit) as stopped:
        eval.silence.main(minutes=0.2, utterances=1, only="hold music, p", json_file=out)
    assert stopped.value.code == 1
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert [row["language"] for row in figures["sounds"]] == ["zh", "en"]
    for row in figures["sounds"]:
        assert row["final_chars"] > 0
        assert row["final_chars"] % 4 == 0
        assert row["partial_chars"] > 0
        assert row["windows_decoded"] == row["windows"] > 1


def test_silence_passes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    invent(monkeypatch, "")
    out = tmp_path / "figures.json"
    eval.silence.main(minutes=0.2, utterances=2, only="hold music, p", json_file=out)
    figures = json.loads(out.read_text(encoding="utf-8"))
    assert (figures["final_chars"], figures["partial_chars"]) == (0, 0)
    first = figures["sounds"][0]
    assert (first["cer_alone"], first["cer_after"], first["lost_after"]) == (1.0, 1.0, 2)
