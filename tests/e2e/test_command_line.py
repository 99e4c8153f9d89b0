"""The command line as people and programs use it."""

import json
import os
import shutil
import wave
from pathlib import Path

import pytest

from tests.e2e.conftest import CARDS, DEMO_CALL, callcue

DATA = Path(os.environ.get("CALLCUE_DATA") or Path(__file__).parents[3] / "shared" / "data")
"""Beside the project, as docs/evaluation.md says."""


def test_the_demo_shows_transcript_cards_and_record(tmp_path: Path) -> None:
    done = callcue("demo", "--speed", "8", "--json", data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    kinds = {event["type"] for event in events}
    assert {
        "CallStarted",
        "FinalTranscript",
        "CardPush",
        "TagUpdate",
        "RecordUpdated",
        "SummaryWritten",
        "VoiceSummary",
        "CallEnded",
    } <= kinds
    assert list(tmp_path.iterdir()) == [], "the demo left something in the user's data folder"


@pytest.mark.data
def test_a_real_recorded_call_is_replayed(tmp_path: Path) -> None:
    recording = DATA / "speech" / "calls" / "aws_lca_2ch__Auto_Repairs_40_2ch.flac"
    if not recording.exists():
        pytest.skip(f"the evaluation data is not at {DATA}; set CALLCUE_DATA to its folder")
    done = callcue(
        "replay", str(recording), "--speed", "0", "--language", "en", "--json",
        "--cards", str(CARDS.with_name("cards_en.jsonl")), data_dir=tmp_path, timeout_s=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    finals = [event for event in events if event["type"] == "FinalTranscript" and event["text"]]
    assert {event["channel"] for event in finals} == {"caller", "agent"}
    assert sum(len(event["text"].split()) for event in finals) > 200
    assert any(event["type"] == "CardPush" for event in events)
    assert events[-1]["type"] == "CallEnded"


@pytest.mark.parametrize("form", ["json", "srt", "vtt", "txt"])
def test_recordings_are_transcribed_in_every_form(tmp_path: Path, form: str) -> None:
    short = tmp_path / "short.wav"
    write_short(short)
    done = callcue("transcribe", str(short), "-f", form, "-o", str(tmp_path / "out"), data_dir=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / f"short.{form}").read_text(encoding="utf-8")
    if form == "json":
        assert json.loads(text)["segments"]
    elif form == "vtt":
        assert text.startswith("WEBVTT")
        assert "<v caller>" in text
    elif form == "srt":
        assert "1\n00:00:0" in text
        assert " --> " in text
    assert any("\u4e00" <= char <= "\u9fff" for char in text)


def test_a_broken_recording_is_named_and_the_others_go_on(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"RIFF not really")
    write_short(tmp_path / "good.wav")
    done = callcue("transcribe", str(tmp_path / "broken.wav"), str(tmp_path / "good.wav"), data_dir=tmp_path)
    assert done.returncode == 1
    assert "broken.wav" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.strip()


def write_short(path: Path) -> None:
    """The first 17 seconds of the demo call, as WAV."""
    from asr.files import read_audio

    audio = read_audio(DEMO_CALL)
    frames = bytearray()
    left, right = (memoryview(channel).cast("h")[: 17 * 8000] for channel in audio.channels)
    for a, b in zip(left, right, strict=True):
        frames += a.to_bytes(2, "little", signed=True) + b.to_bytes(2, "little", signed=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(frames))


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_cards_go_in_and_come_out_the_same(tmp_path: Path, form: str) -> None:
    first, second = tmp_path / f"a.{form}", tmp_path / f"b.{form}"
    assert callcue("kb", "import", str(CARDS), data_dir=tmp_path / "one").returncode == 0
    assert callcue("kb", "export", str(first), data_dir=tmp_path / "one").returncode == 0
    assert callcue("kb", "import", str(first), data_dir=tmp_path / "two").returncode == 0
    assert callcue("kb", "export", str(second), data_dir=tmp_path / "two").returncode == 0
    assert first.read_bytes() == second.read_bytes()
    again = callcue("kb", "import", str(second), "--json", data_dir=tmp_path / "two")
    assert json.loads(again.stdout) == {"added": 0, "changed": 0, "unchanged": 60, "dry_run": False}


def test_a_damaged_import_changes_nothing_and_says_where(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": "a", "title": "t", "body": "b"}\n{"id": "b", "titel": "t", "body": "b"}\n', encoding="utf-8")
    done = callcue("kb", "import", str(bad), data_dir=tmp_path / "kb")
    assert done.returncode == 1
    assert "titel" in done.stderr
    assert "Traceback" not in done.stderr
    listed = callcue("kb", "import", str(CARDS), "--dry-run", "--json", data_dir=tmp_path / "kb")
    assert json.loads(listed.stdout)["added"] == 60


def test_search_shows_why(tmp_path: Path) -> None:
    shutil.copy(CARDS, tmp_path / "cards.jsonl")
    assert callcue("kb", "import", str(tmp_path / "cards.jsonl"), data_dir=tmp_path / "kb").returncode == 0
    done = callcue("kb", "search", "怎么开发票", "--json", data_dir=tmp_path / "kb")
    assert done.returncode == 0, done.stderr
    best = json.loads(done.stdout.splitlines()[0])
    assert "发票" in best["title"]
    assert 0.0 <= best["score"] <= 1.0
    elsewhere = callcue("kb", "search", "怎么开发票", "--category", "no/such", "--json", data_dir=tmp_path / "kb")
    assert (elsewhere.returncode, elsewhere.stdout) == (0, "")


def test_the_index_is_rebuilt_from_the_database_whatever_the_cache_holds(tmp_path: Path) -> None:
    home, file = tmp_path / "kb", tmp_path / "cards.jsonl"
    file.write_text(
        '{"id": "kb-1", "title": "发票申请流程", "body": "x", "questions": ["怎么开发票"]}\n', encoding="utf-8"
    )
    assert callcue("kb", "import", str(file), data_dir=home).returncode == 0
    (home / "vectors.npz").write_bytes(b"PK no vectors at all")
    done = callcue("kb", "rebuild", "--json", data_dir=home)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["generation"], told["cards"]) == (2, 1)
    assert told["embedded"] > 2  # both texts, and small talk
    assert (home / "vectors.npz").stat().st_size > 1000
    found = callcue("kb", "search", "怎么开发票", "--json", data_dir=home)
    assert json.loads(found.stdout.splitlines()[0])["card_id"] == "kb-1"


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("CALLCUE_SERVER__PORT", "ninety", "server.port"),
        ("CALLCUE_SPEECH__MODEL", "no-such-model", "no-such-model"),
        ("CALLCUE_SERVER__HOST", "0.0.0.0", "token"),
        ("CALLCUE_DATABASE__URL", "nonsense", "database.url"),
    ],
)
def test_wrong_settings_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv(variable, value)
    done = callcue("serve", data_dir=tmp_path)
    assert done.returncode == 1
    assert named in done.stderr
    assert "Traceback" not in done.stderr


def test_help_is_complete(tmp_path: Path) -> None:
    top = callcue("--help", data_dir=tmp_path)
    for command in ("serve", "replay", "demo", "transcribe", "kb", "call", "models", "tagger", "token"):
        assert command in top.stdout
        assert callcue(command, "--help", data_dir=tmp_path).returncode == 0


def test_an_editor_works_from_the_command_line(tmp_path: Path) -> None:
    page, card = tmp_path / "return.html", tmp_path / "card.jsonl"
    page.write_text("<h1>退货</h1><h2>多久能退？</h2><p>7天。</p><h2>运费谁出？</h2><p>我们。</p>", encoding="utf-8")

    def kb(*words: str) -> str:
        done = callcue("kb", *words, data_dir=tmp_path / "kb")
        assert "Traceback" not in done.stderr
        return done.stdout if done.returncode == 0 else done.stderr + done.stdout

    assert json.loads(kb("import", str(page), "--json"))["added"] == 2
    found = [json.loads(line) for line in kb("list", "--status", "draft", "--json").splitlines()]
    card_id = next(row["id"] for row in found if row["title"] == "多久能退？")
    card.write_text(kb("show", card_id).replace("7天", "15天"), encoding="utf-8")
    assert "version 2" in kb("save", str(card), "--made-from", "1", "--by", "li")
    card.write_text(kb("show", card_id).replace("15天", "30天"), encoding="utf-8")
    refused = kb("save", str(card), "--made-from", "1", "--by", "wang")
    assert "saved by li" in refused
    assert "+ 15天。" in refused
    assert "cannot become published" in kb("status", card_id, "published")
    assert "review" in kb("status", card_id, "review", "--by", "wang")
    assert "version 4" in kb("restore", card_id, "1", "--by", "li")
    versions = [json.loads(line) for line in kb("versions", card_id, "--json").splitlines()]
    assert [(v["saved_by"], v["action"]) for v in versions] == [
        ("li", "restore"), ("wang", "status"), ("li", "save"), ("cli", "import"),
    ]  # fmt: skip
    assert "+ 7天。" in kb("diff", card_id, "2", "4")
    assert "+ 15天。" not in kb("import", str(page), "--dry-run")
