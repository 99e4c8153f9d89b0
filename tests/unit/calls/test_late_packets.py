"""Audio that is behind its place in call time, by stalls or wrong clocks: heard whole, and put right in pauses."""

import random

from callcue.calls.intake import MAX_SKEW_MS, Packet
from callcue.calls.packets import PacketLimits, TrackBuffer
from callcue.core.speech import Channel
from tests.unit.calls.tracks import PACKET, RATE, both, clean, heard_of, packet, silence


def loud(number: int, samples: int = PACKET) -> bytes:
    """Speech, as far as levels go."""
    return b"".join((4000 + (number * samples + nth) % 20_000).to_bytes(2, "little") for nth in range(samples))


def hum(number: int, samples: int = PACKET) -> bytes:
    """The noise of a bad line: 46 dB below full scale."""
    chance = random.Random(number)
    return b"".join(int(chance.gauss(0, 164)).to_bytes(2, "little", signed=True) for _ in range(samples))


def talk(number: int) -> bytes:
    """Two seconds of speech, one of digital silence, and so on."""
    return loud(number) if number % 150 < 100 else silence(PACKET)


def spoken(numbers: range) -> bytes:
    return b"".join(loud(number) for number in numbers if number % 150 < 100)


def without_silence(pcm: bytes) -> bytes:
    return b"".join(pcm[at : at + 2] for at in range(0, len(pcm), 2) if pcm[at : at + 2] != b"\0\0")


def test_a_sender_that_sends_too_much_is_put_right_in_pauses_and_no_word_is_cut() -> None:
    """19.8 ms of clock for every 20 ms of audio, for a minute."""
    track = TrackBuffer(RATE)
    heard = b""
    for number in range(3000):
        heard += track.push(number, number * 1584 // 10, talk(number))[1]
        assert track.position - (number + 1) * 1584 // 10 <= 150 * 8  # what three seconds bring, and the tolerance
    assert without_silence(heard) == spoken(range(3000))
    assert track.lost == 0


def test_the_noise_of_a_line_is_no_speech_that_a_late_track_has_to_keep() -> None:
    track = TrackBuffer(RATE)
    sent = [loud(n) if n % 150 < 100 else hum(n) for n in range(3000)]
    heard = b"".join(track.push(number, number * 1584 // 10, pcm)[1] for number, pcm in enumerate(sent))
    assert track.position - 3000 * 1584 // 10 <= 250 * 8
    at = 0
    for number in range(3000):
        if number % 150 < 100:
            at = heard.index(loud(number), at) + 2 * PACKET  # whole and in order
    assert track.lost == 0


def test_speech_without_a_pause_is_heard_late_rather_than_cut_and_lost_only_beyond_the_bound() -> None:
    """A rate that is wrong by half: no pause can mend that."""
    track = TrackBuffer(RATE)
    late = PacketLimits().max_behind_ms * 8
    heard = b"".join(track.push(number, number * 80, loud(number))[1] for number in range(490))
    assert heard == b"".join(loud(number) for number in range(490))
    for number in range(490, 1500):
        track.push(number, number * 80, loud(number))
        assert track.position - (number + 1) * 80 <= late + PACKET
    assert track.lost == 1500 * PACKET - track.position


def test_a_pause_keeps_its_beginning() -> None:
    track = TrackBuffer(RATE)
    track.push(0, 0, loud(0) * 50)
    heard = track.push(1, 10 * PACKET, silence(50 * PACKET))[1]  # 800 ms more than the timestamps allow
    assert heard == silence(10 * PACKET)
    assert track.position == 60 * PACKET


def test_a_track_that_lags_by_seconds_is_heard_all_the_same() -> None:
    """A network path that is 2 s slower than the other: late in call time, but whole."""
    intake = both()
    found = heard_of(intake, *(packet(n) for n in range(100)))
    later = heard_of(intake, *(one for n in range(100) for one in (packet(100 + n), packet(n, "agent"))))
    agent = found["agent"] + later["agent"]
    assert agent.replace(silence(PACKET), b"") == clean(*range(100))


def test_a_path_that_stalls_and_then_delivers_all_leaves_both_channels_where_they_belong() -> None:
    intake = both()
    found = {"caller": b"", "agent": b""}

    def send(channel: Channel, number: int) -> None:
        one = Packet(channel=channel, seq=number, timestamp_ms=20 * number, payload=talk(number))
        for name, pcm in intake.take(one).parts:
            found[name] += pcm

    for number in range(1000):
        send("caller", number)
        if not 120 <= number < 320:
            send("agent", number)
        if number == 319:
            for late in range(120, 320):  # four seconds at once
                send("agent", late)
    assert found["caller"] == b"".join(talk(number) for number in range(1000))
    assert without_silence(found["agent"]) == spoken(range(1000))
    assert found["agent"][-2 * 200 * PACKET :] == found["caller"][-2 * 200 * PACKET :]
    assert (intake.received_ms, intake.resume_ms, intake.flush().lost_ms) == (20_000, 20_000, 0)


def test_a_packet_that_overtakes_a_stalled_path_does_not_cost_what_it_overtook() -> None:
    intake = both()
    heard = heard_of(intake, packet(0), packet(0, "agent"), *(packet(number) for number in range(1, 200)))
    rest = [packet(199, "agent"), packet(200), *(packet(number, "agent") for number in range(1, 199)), packet(201)]
    found = heard_of(intake, *rest)
    assert (heard["agent"] + found["agent"]).replace(silence(PACKET), b"") == clean(*range(200))
    assert heard["caller"] + found["caller"] == clean(*range(202))
    assert intake.flush().lost_ms == 0


def test_a_path_that_stalls_for_long_costs_its_oldest_audio_and_not_the_call() -> None:
    intake = both()
    heard_of(intake, packet(0), packet(0, "agent"), *(packet(number) for number in range(1, 1000)))
    lost = [intake.take(packet(number, "agent")).lost_ms for number in range(1, 1000)]
    assert sum(lost) == 20_000 - MAX_SKEW_MS - PacketLimits().max_behind_ms - 20
    assert lost[-1] == 0


def test_what_a_stalled_path_had_not_delivered_is_asked_for_again_when_the_connection_breaks() -> None:
    intake = both()
    before = heard_of(intake, packet(0), packet(0, "agent"), *(packet(number) for number in range(1, 200)))
    intake.reconnect()
    assert intake.resume_ms == 20
    assert intake.realign(intake.resume_ms).lost_ms == 0
    again = [packet(n, c, seq=7 + n) for n in range(1, 250) for c in ("caller", "agent")]
    after = heard_of(intake, *again)
    assert before["caller"] + after["caller"] == clean(*range(250))
    assert (before["agent"] + after["agent"]).replace(silence(PACKET), b"") == clean(*range(250))
