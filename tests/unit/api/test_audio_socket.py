"""The audio socket: what it takes, what it answers, and that whatever is wrong stays with the call it came from."""

import asyncio
import base64
import contextlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed

from api import audio_socket
from callcue.calls.intake import Packet
from callcue.core.errors import EngineFailed, Overloaded
from tests.unit.api.edge import MAX_FRAME, START, Edge, closed, receive, send, until

PATH = "/v1/calls/audio"
SECOND = bytes(8000 * 2 * 2)
"""One second of two channels at 8 kHz."""


async def test_a_call_from_start_to_stop(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1", caller="13800138000")
        assert await receive(socket) == {"event": "ready", "call_id": "c1", "received_ms": 0}
        await socket.send(SECOND)
        await send(socket, event="stop")
        assert await receive(socket) == {"event": "ended", "call_id": "c1", "duration_ms": 1000}
        assert await closed(socket) == 1000
    session = edge.manager.sessions["c1"]
    assert (session.end_reason, session.dropped, bytes(session.heard)) == ("hangup", 0, SECOND)
    assert session.request.channels == ("caller", "agent")


async def test_each_side_may_have_a_language_of_its_own(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1", languages={"caller": "auto"})
        await send(socket, event="stop")
        assert await closed(socket) == 1000
    request = edge.manager.sessions["c1"].request
    assert [request.language_of(channel) for channel in request.channels] == ["auto", "zh"]
    assert request.spoken == "auto"


async def test_a_call_without_an_id_gets_one(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START)
        assert (await receive(socket))["call_id"].startswith("call-")


async def test_audio_in_pieces_of_any_size_arrives_whole_and_in_order(edge: Edge) -> None:
    audio = bytes(index % 251 for index in range(30_000))
    sizes = [1, 3, 0, 7, 320, 1, 4001]
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        position = 0
        while position < len(audio):
            size = sizes[position % len(sizes)]
            await socket.send(audio[position : position + size])
            position += size or 1 if size else 0
            sizes = sizes[1:] + sizes[:1]
        await send(socket, event="stop")
        assert await closed(socket) == 1000
    assert bytes(edge.manager.sessions["c1"].heard) == audio


async def test_the_handshake_does_not_wait_and_early_audio_is_kept(edge: Edge) -> None:
    """The first word is spoken before the call is open; a slow database must not cost it."""
    edge.manager.open_gate.clear()
    async with edge.socket(PATH, "pbx", open_timeout=2) as socket:
        await send(socket, **START, call_id="c1")
        await socket.send(SECOND)
        await socket.send(SECOND)
        await (await socket.ping())  # the server reads on
        assert "c1" not in edge.manager.sessions
        edge.manager.open_gate.set()
        assert (await receive(socket))["event"] == "ready"
        await send(socket, event="stop")
        assert (await receive(socket))["duration_ms"] == 2000


async def test_more_early_audio_than_the_buffer_holds_waits_instead_of_being_lost(
    edge: Edge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audio_socket, "INBOX_BYTES", 1000)
    edge.manager.open_gate.clear()
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        sending = asyncio.create_task(_send_all(socket, [SECOND] * 40))
        await asyncio.sleep(0.05)
        edge.manager.open_gate.set()
        await sending
        await send(socket, event="stop")
        assert await closed(socket) == 1000
    assert len(edge.manager.sessions["c1"].heard) == 40 * len(SECOND)


async def _send_all(socket: Any, frames: list[bytes]) -> None:
    for frame in frames:
        await socket.send(frame)


BAD_OPENINGS: dict[str, tuple[str | bytes, str, str]] = {
    "binary first": (b"\0\0", "bad_input", "start"),
    "stop first": ('{"event":"stop"}', "bad_input", "start"),
    "not json": ("{", "bad_input", "frame"),
    "array": ("[]", "bad_input", "frame"),
    "null": ("null", "bad_input", "frame"),
    "deep": ("[" * 5000 + "]" * 5000, "bad_input", "frame"),
    "unknown event": ('{"event":"begin"}', "bad_input", "'start', 'resume', 'media', 'stop'"),
    "no event": ('{"call_id":"x"}', "bad_input", "event is missing"),
    "unknown field": (json.dumps({**START, "colour": "red"}), "bad_input", "colour: unknown field"),
    "wrong rate": (json.dumps({**START, "sample_rate": 44100}), "bad_input", "sample_rate"),
    "rate as text": (json.dumps({**START, "sample_rate": "8000"}), "bad_input", "sample_rate"),
    "NaN": (json.dumps({**START, "sample_rate": float("nan")}), "bad_input", "sample_rate"),
    "wrong encoding": (json.dumps({**START, "encoding": "opus"}), "bad_input", "encoding"),
    "wrong language": (json.dumps({**START, "language": "fr"}), "bad_input", "language"),
    "languages of no channel": (json.dumps({**START, "languages": {}}), "bad_input", "languages"),
    "language of an unknown side": (json.dumps({**START, "languages": {"boss": "zh"}}), "bad_input", "languages"),
    "unknown language of a side": (json.dumps({**START, "languages": {"agent": "fr"}}), "bad_input", "languages"),
    "languages as a list": (json.dumps({**START, "languages": ["zh", "en"]}), "bad_input", "languages"),
    "language of a side that is not there": (
        json.dumps({**START, "channels": ["caller"], "languages": {"agent": "zh"}}),
        "bad_input",
        "languages names the channel agent",
    ),
    "three channels": (json.dumps({**START, "channels": ["caller", "agent", "caller"]}), "bad_input", "channels"),
    "no channels": (json.dumps({**START, "channels": []}), "bad_input", "channels"),
    "twice the same": (json.dumps({**START, "channels": ["caller", "caller"]}), "bad_audio", "channels"),
    "path in id": (json.dumps({**START, "call_id": "../../etc/passwd"}), "bad_input", "call_id"),
    "reserved id": (json.dumps({**START, "call_id": "kb"}), "bad_input", "call_id"),
    "line break in caller": (json.dumps({**START, "caller": "1\n2"}), "bad_input", "caller"),
    "half a surrogate": ('{"event":"start","caller":"\\ud800"}', "bad_input", ""),
    "resume of no call": ('{"event":"resume","from_ms":0}', "bad_input", "call_id"),
    "negative position": ('{"event":"resume","call_id":"c1","from_ms":-1}', "bad_input", "from_ms"),
    "huge text": (json.dumps({**START, "caller": "1" * 20_000}), "bad_input", "text frame"),
}


@pytest.mark.parametrize("name", BAD_OPENINGS)
async def test_a_bad_opening_is_told_what_is_wrong(edge: Edge, name: str) -> None:
    frame, code, named = BAD_OPENINGS[name]
    async with edge.socket(PATH, "pbx") as socket:
        await socket.send(frame)
        error = await receive(socket)
        assert (error["event"], error["code"]) == ("error", code)
        assert named in error["message"]
        assert await closed(socket) == 4400
    assert edge.manager.sessions == {}


async def test_values_are_not_repeated_to_the_sender(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, event="start", caller=12345678901, sample_rate=8000, encoding="secret-value")
        message = (await receive(socket))["message"]
    assert "12345678901" not in message
    assert "secret-value" not in message


async def test_resuming_a_call_that_is_not_live(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, event="resume", call_id="gone", from_ms=0)
        assert (await receive(socket))["code"] == "not_found"
        assert await closed(socket) == 4404


async def test_an_id_in_use_is_a_conflict_and_the_first_call_goes_on(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as first, edge.socket(PATH, "pbx") as second:
        await send(first, **START, call_id="c1")
        await receive(first)
        await send(second, **START, call_id="c1")
        assert (await receive(second))["code"] == "conflict"
        assert await closed(second) == 4409
        await first.send(SECOND)
        await send(first, event="stop")
        assert (await receive(first))["duration_ms"] == 1000


async def test_overload_is_said_before_anything_is_started(edge: Edge) -> None:
    edge.manager.refuses = Overloaded("64 calls are live")
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START)
        error = await receive(socket)
        assert (error["code"], error["message"]) == ("overloaded", "64 calls are live")
        assert await closed(socket) == 1013
    assert b'callcue_calls_refused_total{code="overloaded"} 1.0' in edge.services.metrics.render()


async def test_a_socket_that_says_nothing_is_closed(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_socket, "OPENING_TIMEOUT_S", 0.05)
    async with edge.socket(PATH, "pbx") as socket:
        assert (await receive(socket))["code"] == "too_slow"
        assert await closed(socket) == 4408


MEDIA = {"event": "media", "channel": "caller", "seq": 17, "timestamp_ms": 320, "payload": "AAECAw=="}


async def test_packets_arrive_as_they_were_numbered(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1", framing="packets")
        await send(socket, **MEDIA)
        await send(socket, **{**MEDIA, "channel": "agent", "seq": 2**32 - 1})
        await send(socket, event="stop")
        assert [(await receive(socket))["event"] for _ in range(2)] == ["ready", "ended"]
    session = edge.manager.sessions["c1"]
    assert session.request.framing == "packets"
    assert session.packets == [
        Packet(channel="caller", seq=17, timestamp_ms=320, payload=b"\0\1\2\3"),
        Packet(channel="agent", seq=2**32 - 1, timestamp_ms=320, payload=b"\0\1\2\3"),
    ]


BAD_MEDIA: dict[str, dict[str, object]] = {
    "channel": {"channel": "music"},
    "seq": {"seq": "17"},
    "seq: ": {"seq": 2**32},
    "timestamp_ms": {"timestamp_ms": -1},
    "timestamp_ms: ": {"timestamp_ms": 1.5},
    "timestamp_ms:": {"timestamp_ms": 8 * 24 * 3600 * 1000},
    "payload": {"payload": ""},
    "payload: ": {"payload": base64.b64encode(bytes(12_000)).decode()},
    "base64": {"payload": "AAECAw"},
    "not base64": {"payload": "AA\nECAw=="},
    "is not base64": {"payload": "é" * 8},
    "track": {"track": "inbound"},
}


@pytest.mark.parametrize("named", BAD_MEDIA)
async def test_a_bad_packet_is_told_what_is_wrong_and_ends_its_call_only(edge: Edge, named: str) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1", framing="packets")
        await receive(socket)
        await send(socket, **{**MEDIA, **BAD_MEDIA[named]})
        error = await receive(socket)
        assert error["code"] in ("bad_input", "bad_audio")
        assert named.strip(": ") in error["message"]
        assert await closed(socket) == 4400
    assert edge.manager.sessions["c1"].packets == []


async def test_a_packet_does_not_open_a_call(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **MEDIA)
        assert "before the call was opened" in (await receive(socket))["message"]
        assert await closed(socket) == 4400


BAD_LATER: dict[str, tuple[str | bytes, int]] = {
    "second start": (json.dumps(START), 4400),
    "resume on the same socket": ('{"event":"resume","call_id":"c1","from_ms":0}', 4400),
    "not json": ("hello", 4400),
    "unknown field in stop": ('{"event":"stop","now":true}', 4400),
    "large frame": (bytes(MAX_FRAME + 1), 1009),
    "huge frame": (bytes(2 * MAX_FRAME + 1), 1009),
}


@pytest.mark.parametrize("name", BAD_LATER)
async def test_one_bad_frame_ends_that_call_and_no_other(edge: Edge, name: str) -> None:
    frame, code = BAD_LATER[name]
    async with edge.socket(PATH, "pbx") as bad, edge.socket(PATH, "pbx") as good:
        for socket, call_id in ((bad, "bad"), (good, "good")):
            await send(socket, **START, call_id=call_id)
            await receive(socket)
            await socket.send(SECOND)
        await bad.send(frame)
        assert await closed(bad) == code
        await edge.manager.sessions["bad"].ended.wait()
        assert edge.manager.sessions["bad"].end_reason == "error"
        await good.send(SECOND)
        await send(good, event="stop")
        assert await receive(good) == {"event": "ended", "call_id": "good", "duration_ms": 2000}


async def test_text_that_is_not_utf8_ends_the_call(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        await receive(socket)
        await socket.send(b"\xff\xfe{", text=True)
        assert await closed(socket) == 1007
        await edge.manager.sessions["c1"].ended.wait()


@pytest.mark.parametrize("failure", [EngineFailed("worker 3 at /opt/models died"), RuntimeError("secret")])
async def test_a_fault_inside_ends_the_call_without_its_details(edge: Edge, failure: Exception) -> None:
    edge.manager.fails = failure
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        await receive(socket)
        await socket.send(SECOND)
        error = await receive(socket)
        assert error["code"] in ("engine_failed", "internal")
        assert "secret" not in error["message"]
        assert "/opt" not in error["message"]
        assert await closed(socket) == 1011
        await edge.manager.sessions["c1"].ended.wait()


async def test_a_lost_connection_leaves_the_call_open_for_a_resume(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        await receive(socket)
        await socket.send(SECOND)
        await (await socket.ping())
        socket.transport.abort()
    session = edge.manager.sessions["c1"]
    await until(lambda: session.dropped)
    assert session.end_reason is None
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, event="resume", call_id="c1", from_ms=1000)
        assert await receive(socket) == {"event": "ready", "call_id": "c1", "received_ms": 1000}
        await socket.send(SECOND)
        await send(socket, event="stop")
        assert (await receive(socket))["duration_ms"] == 2000


async def test_a_resume_may_leave_the_position_to_the_server(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        await receive(socket)
        await socket.send(SECOND)
        await (await socket.ping())
        socket.transport.abort()
    await until(lambda: edge.manager.sessions["c1"].dropped)
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, event="resume", call_id="c1")
        assert (await receive(socket))["received_ms"] == 1000
    assert edge.manager.resumed_at == [None]


async def test_closing_without_stop_is_a_lost_connection(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        await receive(socket)
    session = edge.manager.sessions["c1"]
    await until(lambda: session.dropped)
    assert session.end_reason is None


async def test_a_call_that_the_service_ends_says_so(edge: Edge) -> None:
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        await receive(socket)
        edge.manager.sessions["c1"].ended.set()
        assert (await receive(socket))["event"] == "ended"
        assert await closed(socket) == 1001


async def test_missing_audio_draws_one_warning(edge: Edge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_socket, "NO_AUDIO_S", 0.05)
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        assert (await receive(socket))["event"] == "ready"
        warning = await receive(socket)
        assert (warning["event"], warning["code"]) == ("warning", "no_audio")
        await socket.send(SECOND)
        await send(socket, event="stop")
        frames = [await receive(socket)]
        while frames[-1]["event"] == "warning":
            frames.append(await receive(socket))
        assert frames[-1]["event"] == "ended"


def patient(edge: Edge, seconds: float) -> None:
    """Let intakes be silent for so long, far below what the settings allow."""
    server = edge.services.settings.server.model_copy(update={"max_silence_s": seconds})
    settings = edge.services.settings.model_copy(update={"server": server})
    edge.app.state.services = replace(edge.services, settings=settings)


@pytest.mark.parametrize("warning_s", [0.05, 60.0])
async def test_a_silent_intake_does_not_hold_its_call_for_ever(
    edge: Edge, monkeypatch: pytest.MonkeyPatch, warning_s: float
) -> None:
    monkeypatch.setattr(audio_socket, "NO_AUDIO_S", warning_s)
    patient(edge, 0.2)
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        assert (await receive(socket))["event"] == "ready"
        await socket.send(SECOND)
        if warning_s < 0.2:
            assert (await receive(socket))["event"] == "warning"
        error = await receive(socket)
        assert (error["event"], error["code"]) == ("error", "too_slow")
        assert "0.2 s" in error["message"]
        assert await closed(socket) == 4408
    session = edge.manager.sessions["c1"]
    await until(session.ended.is_set)
    assert (session.end_reason, "no audio" in session.end_detail) == ("disconnected", True)


async def test_frames_without_audio_do_not_keep_a_call_alive(edge: Edge) -> None:
    patient(edge, 0.2)
    async with edge.socket(PATH, "pbx") as socket:
        await send(socket, **START, call_id="c1")
        with contextlib.suppress(ConnectionClosed):
            async with asyncio.timeout(10):
                while True:
                    await socket.send(b"")
                    await (await socket.ping())
        assert socket.close_code == 4408
    assert edge.manager.sessions["c1"].end_reason == "disconnected"


@pytest.mark.parametrize(("who", "code"), [(None, 4401), ("a1", 4403), ("sue", 4403), ("eve", 4403)])
async def test_only_intakes_may_stream(edge: Edge, who: str | None, code: int, tmp_path: Path) -> None:
    async with edge.socket(PATH, who) as socket:
        assert (await receive(socket))["event"] == "error"
        assert await closed(socket) == code
