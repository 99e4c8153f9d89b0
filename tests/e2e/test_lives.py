"""Calls through the real sockets of a real process: from the first word to the record, through drops and crashes."""

import asyncio
import contextlib
import difflib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from asr.files import read_audio
from callcue.app.client import Recording, Sent, ServerRefused, stream_call
from tests.e2e.conftest import DEMO_CALL, Desk, Service, callcue

CALLER_NUMBER = "13900139000"
START = {
    "event": "start",
    "agent_id": "a1",
    "channels": ["caller", "agent"],
    "sample_rate": 8000,
    "encoding": "pcm_s16le",
    "language": "zh",
}


def wire(path: Path = DEMO_CALL) -> bytes:
    """The recording as interleaved wire bytes."""
    left, right = (memoryview(channel).cast("h") for channel in read_audio(path).channels)
    return b"".join(
        a.to_bytes(2, "little", signed=True) + b.to_bytes(2, "little", signed=True)
        for a, b in zip(left, right, strict=True)
    )


@contextlib.asynccontextmanager
async def open_call(address: str, first: dict[str, Any]) -> AsyncIterator[tuple[ClientConnection, dict[str, Any]]]:
    """An audio socket after its opening frame, and the server's answer."""
    async with connect(f"ws://{address}/v1/calls/audio") as socket:
        await socket.send(json.dumps(first))
        yield socket, json.loads(await socket.recv())


async def answer_of(socket: ClientConnection, event: str) -> dict[str, Any]:
    """The next frame of this kind."""
    while True:
        answer: dict[str, Any] = json.loads(await asyncio.wait_for(socket.recv(), 60))
        if answer["event"] == event:
            return answer


async def play(service: Service, call_id: str, speed: float = 0.0) -> Desk:
    """Stream the demo call; what its desktop saw."""
    desk = Desk()
    following = asyncio.create_task(desk.follow(service.address, call_id))
    recording = Recording(path=DEMO_CALL, call_id=call_id, agent_id="a1", caller=CALLER_NUMBER, speed=speed)
    await stream_call(service.address, recording)
    await asyncio.wait_for(following, 60)
    return desk


async def test_a_call_is_transcribed_answered_and_filed(service: Service) -> None:
    desk = await play(service, "call-1")
    assert [event["seq"] for event in desk.durable] == list(range(1, len(desk.durable) + 1))
    assert desk.finals("caller")
    assert desk.finals("agent")
    pushes = [event for event in desk.durable if event["type"] == "CardPush"]
    assert pushes, "no card reached the desktop"
    for push in pushes:
        assert push["card"]["id"] == push["card_id"]
        assert push["reason"]["matched"]
    record = service.get("/v1/calls/call-1/record")
    assert record["fields"]["issue_type"]["value"] == "技术"
    assert record["fields"]["issue_type"]["evidence"]
    assert service.get("/v1/calls/call-1")["end_reason"] == "hangup"
    log = service.log()
    assert "call-1" in log, "the log is not where the test looks"
    for text in (*desk.finals("caller"), *desk.finals("agent"), CALLER_NUMBER):
        assert text not in log, "the log holds what was said, or who called"


async def test_a_dropped_audio_socket_comes_back_and_nothing_is_heard_twice(service: Service) -> None:
    whole = await play(service, "whole")
    desk = Desk()
    following = asyncio.create_task(desk.follow(service.address, "broken"))
    audio = wire()
    cut = len(audio) // 2 // 4 * 4 + 2  # in the middle of a sample, too
    async with open_call(service.address, {**START, "call_id": "broken"}) as (socket, ready):
        assert ready == {"event": "ready", "call_id": "broken", "received_ms": 0}
        await socket.send(audio[:cut][: 1 << 19])
        await socket.send(audio[1 << 19 : cut])
        socket.transport.abort()
    # the server says how far it got, and the sender, who has kept the audio, goes on there
    async with open_call(service.address, {"event": "resume", "call_id": "broken"}) as (socket, ready):
        assert ready["event"] == "ready", ready
        for offset in range(ready["received_ms"] * 32, len(audio), 1 << 19):
            await socket.send(audio[offset : offset + (1 << 19)])
        await socket.send(json.dumps({"event": "stop"}))
        await answer_of(socket, "ended")
    await asyncio.wait_for(following, 60)
    assert desk.durable[-1]["duration_ms"] == whole.durable[-1]["duration_ms"]
    assert not [event for event in desk.durable if event["type"] == "Alert"], "audio was lost on the way"
    for channel in ("caller", "agent"):
        # Not equal to the letter: int8 arithmetic differs a little with what shares a batch.
        alike = difflib.SequenceMatcher(None, "".join(desk.finals(channel)), "".join(whole.finals(channel))).ratio()
        assert alike > 0.8
        begins = [event["start_ms"] for event in desk.segments(channel)]
        assert begins == sorted(set(begins)), "a stretch was heard twice"


async def test_after_a_crash_the_call_is_closed_with_every_final_it_had(own_service: Service) -> None:
    service = own_service
    desk = Desk()
    following = asyncio.create_task(desk.follow(service.address, "doomed"))
    recording = Recording(path=DEMO_CALL, call_id="doomed", agent_id="a1", speed=8.0)
    streaming = asyncio.create_task(stream_call(service.address, recording, sent=Sent()))
    await desk.until(4, "FinalTranscript")
    service.kill()
    seen = [event["seq"] for event in desk.durable]
    streaming.cancel()
    following.cancel()
    await asyncio.gather(streaming, following, return_exceptions=True)

    service.start()
    call = service.get("/v1/calls/doomed")
    assert call["end_reason"] == "interrupted"
    events = service.get("/v1/calls/doomed/events")["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    stored = {event["seq"]: event for event in events}
    for event in desk.durable:
        event.pop("card", None)
        assert stored[event["seq"]] == event, "an announced event is missing or changed after the crash"
    assert seen
    assert events[-1]["type"] == "CallEnded"


async def test_desktops_that_come_and_go_see_every_event_once(service: Service) -> None:
    recording = Recording(path=DEMO_CALL, call_id="call-2", agent_id="a1", speed=8.0)
    streaming = asyncio.create_task(stream_call(service.address, recording))
    seen: list[dict[str, Any]] = []
    last = 0
    async with asyncio.timeout(120):
        while not seen or seen[-1]["type"] != "CallEnded":
            try:
                async with connect(f"ws://{service.address}/v1/desktop?call_id=call-2&after={last}") as socket:
                    for _ in range(7):  # then it drops
                        event = json.loads(await asyncio.wait_for(socket.recv(), 20))
                        if event.get("event") == "error":
                            break
                        if "type" in event and event["type"] != "PartialTranscript":
                            seen.append(event)
                            last = event["seq"]
                            if event["type"] == "CallEnded":
                                break
                    socket.transport.abort()
            except OSError:
                pass
            await asyncio.sleep(0.05)
    await streaming
    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))


async def test_a_bad_neighbour_harms_nobody(service: Service) -> None:
    playing = asyncio.create_task(play(service, "good", speed=6.0))
    for garbage in ("{", '{"event":"start"}', '{"event":"start","sample_rate":44100}', "[" * 5000, "\0", b"\0" * 999):
        async with connect(f"ws://{service.address}/v1/calls/audio") as socket:
            await socket.send(garbage)
            assert (await answer_of(socket, "error"))["message"]
    async with open_call(service.address, {**START, "call_id": "bad"}) as (socket, ready):
        assert ready["event"] == "ready"
        await socket.send("{not json")
        await answer_of(socket, "error")
    desk = await playing
    assert desk.durable[-1]["type"] == "CallEnded"
    assert desk.durable[-1]["reason"] == "hangup"
    assert service.get("/v1/calls/bad")["end_reason"] == "error"


async def test_the_same_call_id_twice_is_refused(service: Service) -> None:
    async with open_call(service.address, {**START, "call_id": "twin"}) as (socket, ready):
        assert ready["event"] == "ready"
        with pytest.raises(ServerRefused, match="twin") as refused:
            await stream_call(service.address, Recording(path=DEMO_CALL, call_id="twin", speed=0.0))
        assert refused.value.code == "conflict"
        await socket.send(json.dumps({"event": "stop"}))
        await answer_of(socket, "ended")


async def test_an_imported_card_is_found_by_the_running_service(service: Service, tmp_path: Path) -> None:
    card = {"id": "kb-new", "title": "量子打印机卡纸处理", "body": "打开后盖", "questions": ["量子打印机卡纸了怎么办"]}
    (tmp_path / "new.jsonl").write_text(json.dumps(card, ensure_ascii=False) + "\n", encoding="utf-8")
    assert callcue("kb", "import", str(tmp_path / "new.jsonl"), data_dir=service.data_dir).returncode == 0
    async with asyncio.timeout(30):
        while True:
            found = await asyncio.to_thread(search, service, "量子打印机卡纸")
            if found and found[0] == "kb-new":
                return
            await asyncio.sleep(0.2)


def search(service: Service, text: str) -> list[str]:
    import urllib.request

    request = urllib.request.Request(
        f"http://{service.address}/v1/search",
        data=json.dumps({"text": text, "top_k": 3}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return [hit["card"]["id"] for hit in json.load(answer)["hits"]]


def test_a_second_service_on_the_same_data_is_refused(service: Service) -> None:
    second = callcue("serve", "--port", "0", data_dir=service.data_dir)
    assert second.returncode == 1
    assert "another CallCue" in second.stderr
    assert service.get("/readyz")


def test_it_stops_when_asked(own_service: Service) -> None:
    assert own_service.stop() == 0
