"""How recognisers that say nothing of utterances are scored, and how one is driven."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from eval.live_calls import Spoken
from eval.peers import run as peers_run
from eval.peers.run import Heard, Peer, PeerFailed, PeerRun, Stream, TextAt, run_peer
from eval.peers.score import cuts, figures, outcomes


def spoken(start_s: float, end_s: float, text: str) -> Spoken:
    return Spoken(channel="caller", start_ms=int(start_s * 1000), end_ms=int(end_s * 1000), text=text)


def stream(*said: Spoken, seconds: float = 20.0) -> Stream:
    return Stream(name="s", pcm=bytes(int(seconds * 16000) * 2), language="zh", spoken=said)


def heard(said: list[Spoken], *texts: tuple[float, str, str], ended_s: float | None = 21.0) -> Heard:
    return Heard(
        stream=stream(*said),
        began=0.0,
        ended=ended_s,
        texts=[TextAt(at_ms=at * 1000, committed=committed, unstable=rest) for at, committed, rest in texts],
    )


@pytest.mark.parametrize(
    ("found", "ends"),
    [
        ("今天下雨明天晴", [4, 7]),
        ("今天下大雨明天晴", [5, 8]),
        ("今下雨明天晴", [3, 6]),
        ("今天下雨", [4, 4]),
        ("明天晴", [0, 3]),
        ("今天下雪明天情啊", [4, 8]),
        ("", [0, 0]),
    ],
)
def test_a_text_is_cut_where_the_utterances_end(found: str, ends: list[int]) -> None:
    assert cuts(["今天下雨", "明天晴"], found) == ends


def test_latencies_count_from_what_was_said_to_as_much_text() -> None:
    said = [spoken(1, 3, "今天下雨"), spoken(5, 7, "明天晴")]
    first, second = outcomes(
        heard(
            said,
            (2.0, "", "今天"),
            (3.2, "今天", "夏雨"),
            (3.5, "今天", "下雨"),
            (4.0, "今天下雨", ""),
            (7.5, "今天下雨", "明天晴"),
            (9.0, "今天下雨明天晴", ""),
        )
    )
    assert (first.first_ms, first.complete_ms, first.committed_ms) == (1000, 500, 1000)
    assert (second.first_ms, second.complete_ms, second.committed_ms) == (2500, 500, 2000)
    assert first.errors.errors == second.errors.errors == 0


def test_last_words_that_wait_for_the_next_utterance_are_late() -> None:
    said = [spoken(1, 3, "今天下雨"), spoken(8, 9, "明天晴")]
    first, _ = outcomes(heard(said, (3.5, "今天下", "雨"), (9.5, "今天下雨", ""), (10.0, "今天下雨明天晴", "")))
    assert first.committed_ms == 6500
    assert first.complete_ms == 500


def test_an_utterance_without_text_has_errors_and_no_latency() -> None:
    said = [spoken(1, 3, "今天下雨"), spoken(8, 9, "明天晴")]
    first, second = outcomes(heard(said, (10.0, "明天晴", "")))
    assert (first.committed_ms, first.complete_ms, first.first_ms) == (None, None, None)
    assert (first.errors.errors, first.errors.length) == (4, 4)
    assert second.committed_ms == 1000


def test_figures_of_a_run_say_how_far_it_was_behind() -> None:
    said = [spoken(1, 3, "今天下雨")]
    done = heard(said, (4.0, "今天下雨", ""), ended_s=26.5)
    found = figures(PeerRun(version="1", heard=[done], cpu_s=10.0))
    assert found["drain_s"] == pytest.approx(6.5)
    assert found["cpu_s_per_audio_s"] == pytest.approx(0.5)
    assert found["cpu_s_per_speech_s"] == pytest.approx(5.0)
    assert found["cer"] == 0.0
    unfinished = heard(said, (4.0, "今天", ""), ended_s=None)
    found = figures(PeerRun(version="1", heard=[done, unfinished], cpu_s=10.0))
    assert found["drain_s"] is None


_DRIVER = """
import sys
from eval.peers.protocol import Wire, drive

def main(wire, folder, language):
    print("a library that talks too much")
    {body}

drive(main)
"""
_ECHO = """
    wire.say("ready", name="echo", version="7")
    size = {}
    for message in wire.messages():
        if message.event == "audio":
            size[message.stream] = size.get(message.stream, 0) + len(message.pcm)
            wire.text(message.stream, "", "今")
            wire.text(message.stream, "", "今")
        elif message.event == "close":
            wire.text(message.stream, "今" * (size[message.stream] // 3200), "")
            wire.say("closed", stream=message.stream)
"""


@pytest.fixture
def driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Peer]:
    """A peer in this Python whose driver does what a test says."""

    def make(body: str) -> Peer:
        (tmp_path / "drive_fake.py").write_text(_DRIVER.replace("{body}", body), encoding="utf-8")
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}:{peers_run.ROOT}")
        monkeypatch.setattr(Peer, "module", "drive_fake")
        return Peer(name="fake", own=True)

    return make


def test_a_driver_gets_every_sample_and_its_texts_are_noted(driver: Callable[[str], Peer], tmp_path: Path) -> None:
    said = spoken(0, 0.3, "今今今")
    result = asyncio.run(run_peer(driver(_ECHO), tmp_path, "zh", [stream(said, seconds=0.3)]))
    (one,) = result.heard
    assert result.version == "7"
    assert one.committed == "今今今"
    assert [text.unstable for text in one.texts] == ["今", ""], "an unchanged text is said once"
    assert one.ended is not None


_ASYNC_ECHO = """
    import asyncio

    async def serve():
        turns, size = 0, {}

        async def turn():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0.001)

        turning = asyncio.create_task(turn())
        wire.say("ready", name="echo", version="7")
        async for message in wire.incoming():
            size[message.stream] = size.get(message.stream, 0) + len(message.pcm)
            if message.event == "close":
                went_on = "今" if turns > 1 else "the loop stood still"
                wire.text(message.stream, went_on * (size[message.stream] // 3200), "")
                wire.say("closed", stream=message.stream)
        turning.cancel()

    asyncio.run(serve())
"""


def test_a_driver_with_an_event_loop_gets_the_same(driver: Callable[[str], Peer], tmp_path: Path) -> None:
    said = spoken(0, 0.3, "今今今")
    result = asyncio.run(run_peer(driver(_ASYNC_ECHO), tmp_path, "zh", [stream(said, seconds=0.3)]))
    assert result.heard[0].committed == "今今今"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ('raise ValueError("no such model")', "fake: ValueError: no such model"),
        ('import os; print("out of luck", file=sys.stderr, flush=True); os._exit(3)', "fake ended: out of luck"),
    ],
)
def test_a_driver_that_cannot_go_on_says_why(
    driver: Callable[[str], Peer], tmp_path: Path, body: str, reason: str
) -> None:
    with pytest.raises(PeerFailed) as failure:
        asyncio.run(run_peer(driver(body), tmp_path, "zh", [stream(spoken(0, 1, "今"), seconds=1.0)]))
    assert failure.value.message == reason


def test_a_peer_that_is_not_installed_says_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers_run, "ENVIRONMENTS", tmp_path)
    with pytest.raises(PeerFailed, match="make peers"):
        asyncio.run(run_peer(Peer(name="whisperlivekit"), tmp_path, "zh", [stream(spoken(0, 1, "今"))]))
    assert Peer(name="callcue", own=True).python == Path(sys.executable)
