"""The real model hears every word, however the audio comes: from the first sample to the last, in pieces of any size,
in packets that a network has shaken."""

import random
from collections.abc import AsyncIterator, Iterable

import numpy as np
import pytest
import pytest_asyncio

from asr.engine import WhisperEngine
from asr.scheduler import DecodeScheduler
from asr.streaming import ChannelRecogniser, StreamConfig, TranscriptUpdate
from asr.vad import WebRtcVad
from callcue.calls.intake import Packet, PacketIntake
from callcue.core.clock import SystemClock
from tests.integration.asr.test_recognition import RATE, demo_channel, errors, text, turns

pytestmark = pytest.mark.asyncio(loop_scope="module")

START_MS, END_MS = 17_050, 22_200
"""One turn of the agent."""
PACKET_MS = 20
_PER_MS = RATE // 1000 * 2


class Stream:
    """A recogniser without partials, and its finals."""

    def __init__(self, scheduler: DecodeScheduler) -> None:
        self.finals: list[TranscriptUpdate] = []
        self.recogniser = ChannelRecogniser(
            channel="agent",
            sample_rate=RATE,
            language="zh",
            scheduler=scheduler,
            vad=WebRtcVad(2),
            config=StreamConfig(partial_interval_s=0.0),
            emit=self._take,
        )

    async def _take(self, update: TranscriptUpdate) -> None:
        if update.final:
            self.finals.append(update)

    async def hear(self, pieces: Iterable[bytes]) -> list[TranscriptUpdate]:
        for piece in pieces:
            await self.recogniser.feed(piece)
        await self.recogniser.finish()
        return self.finals


def pieces(pcm: bytes, sizes: Iterable[int]) -> Iterable[bytes]:
    at = 0
    for size in sizes:
        if at >= len(pcm):
            return
        yield pcm[at : at + size]
        at += size


def told(finals: list[TranscriptUpdate]) -> list[tuple[int, int, str, object]]:
    """All that a final says."""
    return [(u.start_ms, u.end_ms, u.stable, u.hypothesis and u.hypothesis.words) for u in finals]


@pytest.fixture(scope="module")
def turn() -> bytes:
    return demo_channel(1, START_MS, END_MS)


@pytest.fixture
def stream(scheduler: DecodeScheduler) -> Stream:
    return Stream(scheduler)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def clean(engine: WhisperEngine, turn: bytes) -> AsyncIterator[list[TranscriptUpdate]]:
    yield await Stream(DecodeScheduler(engine, SystemClock())).hear(pieces(turn, iter(lambda: 1600, 0)))


def tight(pcm: bytes) -> bytes:
    """Cut to the speech: nothing before it, nothing after it."""
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(np.int32))
    loud = np.flatnonzero(samples > samples.max() // 32)
    return pcm[2 * int(loud[0]) : 2 * int(loud[-1])]


# Whisper itself drops the second one's short first word on some processors, where it begins in it.
@pytest.mark.parametrize(("span", "first"), [((500, 4_400), 2), ((START_MS, END_MS), 0)])
async def test_speech_in_the_first_sample_and_up_to_the_last_is_heard(
    stream: Stream, span: tuple[int, int], first: int
) -> None:
    pcm = tight(demo_channel(1, *span))
    said = "".join(char for char in turns("agent", span[0] - 100, span[1]) if char.isalnum())
    finals = await stream.hear(pieces(pcm, iter(lambda: 320, 0)))
    got = "".join(char for char in text(finals) if char.isalnum())
    assert errors(said, got) < 0.3
    assert got[:first] == said[:first]
    assert got[-4:-1] == said[-4:-1]
    assert finals[0].start_ms <= 40
    assert finals[-1].end_ms >= len(pcm) // _PER_MS - 200


async def test_a_hang_up_in_mid_word_keeps_what_was_said_before(
    turn: bytes, clean: list[TranscriptUpdate], stream: Stream
) -> None:
    words = [word for update in clean if update.hypothesis is not None for word in update.hypothesis.words]
    cut = next(word for word in words[len(words) // 2 :] if word.end_ms - word.start_ms >= 100)
    at_ms = (cut.start_ms + cut.end_ms) // 2
    finals = await stream.hear(pieces(turn[: at_ms * _PER_MS], iter(lambda: 160, 0)))
    whole = "".join(word.text for word in words if word.end_ms <= at_ms - 200)
    assert len(whole) >= 6
    assert errors(whole, text(finals)[: len(whole)]) < 0.25
    assert finals[-1].end_ms <= at_ms


@pytest.mark.parametrize("size", ["1 ms", "odd", "2 s"])
async def test_the_size_of_the_pieces_changes_nothing(
    turn: bytes, clean: list[TranscriptUpdate], stream: Stream, size: str
) -> None:
    chance = random.Random(3)
    sizes = {
        "1 ms": iter(lambda: _PER_MS, 0),
        "odd": iter(lambda: chance.randrange(1, 999, 2), 0),
        "2 s": iter(lambda: 2000 * _PER_MS, 0),
    }[size]
    assert text(clean)
    assert told(await stream.hear(pieces(turn, sizes))) == told(clean)


def packets(pcm: bytes, first_seq: int) -> list[Packet]:
    step = PACKET_MS * _PER_MS
    return [
        Packet(channel="agent", seq=(first_seq + n) % 65_536, timestamp_ms=n * PACKET_MS, payload=pcm[at : at + step])
        for n, at in enumerate(range(0, len(pcm), step))
    ]


def shaken(sent: list[Packet], chance: random.Random) -> list[Packet]:
    """Up to 120 ms out of order, a tenth of it twice."""
    twice = [packet for packet in sent for _ in range(2 if chance.random() < 0.1 else 1)]
    return sorted(twice, key=lambda packet: packet.timestamp_ms + chance.uniform(0, 120))


def stream_of(arrived: list[Packet]) -> Iterable[bytes]:
    intake = PacketIntake(("agent",), "pcm_s16le", RATE)
    for packet in arrived:
        yield from (pcm for _, pcm in intake.take(packet).parts)
    yield from (pcm for _, pcm in intake.flush().parts)


async def test_jitter_duplicates_and_reordering_change_nothing(
    turn: bytes, clean: list[TranscriptUpdate], stream: Stream
) -> None:
    arrived = shaken(packets(turn, 65_500), random.Random(8))
    assert [packet.seq for packet in arrived] != sorted(packet.seq for packet in arrived)
    assert told(await stream.hear(stream_of(arrived))) == told(clean)


async def test_lost_packets_cost_their_own_sound_and_shift_nothing(
    turn: bytes, scheduler: DecodeScheduler, clean: list[TranscriptUpdate]
) -> None:
    """The same as the clean stream in which the lost stretches are silent, to the millisecond; and still understood."""
    chance = random.Random(21)
    sent = packets(turn, 0)
    lost = {n for n in range(5, len(sent) - 5) if chance.random() < 0.04}
    arrived = shaken([packet for n, packet in enumerate(sent) if n not in lost], chance)
    silenced = b"".join(bytes(len(packet.payload)) if n in lost else packet.payload for n, packet in enumerate(sent))
    finals = await Stream(scheduler).hear(stream_of(arrived))
    assert told(finals) == told(await Stream(scheduler).hear([silenced]))
    assert errors(text(clean), text(finals)) < 0.35
    assert abs(finals[-1].end_ms - clean[-1].end_ms) <= 100
