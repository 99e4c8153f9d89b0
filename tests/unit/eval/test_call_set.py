"""Reading a set of test calls, with what is missing filled in and what is broken named."""

import json
from pathlib import Path
from typing import Any

import pytest

from callcue.core.errors import BadInput
from eval.call_set import read_call, read_calls

TURN: dict[str, Any] = {"channel": "caller", "start_ms": 10, "end_ms": 20, "text": "喂"}


def write(folder: Path, obj: object, name: str = "one") -> Path:
    (folder / "calls").mkdir(exist_ok=True)
    (folder / "calls" / f"{name}.flac").write_bytes(b"")
    path = folder / "calls" / f"{name}.json"
    path.write_text(json.dumps(obj), encoding="utf-8")
    return path


def test_defaults_and_order(tmp_path: Path) -> None:
    late = TURN | {"start_ms": 30, "end_ms": 40, "cards": ["a", "b"], "new_cards": ["b"], "also_ok": ["c"]}
    call = read_call(write(tmp_path, {"turns": [late, TURN]}))
    assert (call.id, call.language, call.started_at.isoformat()) == ("one", "zh", "2026-11-23T10:00:00+08:00")
    assert [turn.start_ms for turn in call.turns] == [10, 30]
    assert call.turns[0].new_cards == ()
    assert (call.turns[1].cards, call.turns[1].also_ok) == (frozenset("ab"), frozenset("c"))
    assert call.wanted == 1
    assert call.record == {}


def test_calls_come_in_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write(tmp_path, {"turns": [TURN], "started_at": "2026-12-01T09:30:00+08:00"}, name)
    assert [call.id for call in read_calls(tmp_path, 2)] == ["a", "b"]


@pytest.mark.parametrize(
    "obj",
    [
        {},
        {"turns": []},
        {"turns": [TURN | {"channel": "robot"}]},
        {"turns": [TURN | {"end_ms": "20"}]},
        {"turns": [TURN | {"cards": "a"}]},
        {"turns": [3]},
        {"turns": [TURN], "lang": "fr"},
        {"turns": [TURN], "record": []},
        {"turns": [TURN], "started_at": "yesterday"},
        {"turns": [TURN], "started_at": "2026-12-01T09:30:00"},
        [],
    ],
)
def test_what_is_broken_is_said_with_its_file(tmp_path: Path, obj: object) -> None:
    with pytest.raises(BadInput, match=r"one\.json"):
        read_call(write(tmp_path, obj))


def test_a_call_without_its_recording_is_said(tmp_path: Path) -> None:
    path = write(tmp_path, {"turns": [TURN]})
    path.with_suffix(".flac").unlink()
    with pytest.raises(BadInput, match=r"one\.flac is missing"):
        read_call(path)
    with pytest.raises(BadInput, match="holds no calls"):
        read_calls(tmp_path / "calls")
