"""A track's packets become the stream that was sent: in order, whole, at its place in call time."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callcue.calls.intake import MAX_SKEW_MS, Packet, PacketIntake
from callcue.calls.losses import EVERY_MS, WORTH_MS, LossReport
from callcue.calls.packets import PacketLimits, TrackBuffer, Unwrapper
from callcue.core.errors import BadAudio, BadInput
from tests.unit.calls.tracks import PACKET, RATE, audio, both, clean, heard_of, packet, pushed, silence


@pytest.mark.parametrize("first_seq", [0, 65_530, 2**31, 2**32 - 3])
@pytest.mark.parametrize("bits", [16, 32])
def test_numbers_wrap_around_without_a_trace(first_seq: int, bits: int) -> None:
    track = TrackBuffer(RATE)
    numbers = [0, 1, 3, 2, 4, 6, 5, 7, 8, 9, 9, 8]
    assert pushed(track, *numbers, first_seq=first_seq, bits=bits) == clean(*range(10))
    assert (track.lost, track.waiting) == (0, 0)


@given(st.integers(0, 2**32 - 1), st.lists(st.integers(1, 400), max_size=60), st.sampled_from([16, 32]))
def test_unwrapped_numbers_grow_by_what_was_sent(start: int, steps: list[int], bits: int) -> None:
    unwrapper = Unwrapper()
    sent = start % 2**bits
    before = unwrapper.unwrap(sent)
    for step in steps:
        sent = (sent + step) % 2**bits
        found = unwrapper.unwrap(sent)
        assert found - before == step
        before = found


@given(st.data())
def test_whatever_order_they_come_in_within_the_window_nothing_is_lost_and_nothing_twice(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 40))
    order = sorted(range(count), key=lambda number: number + data.draw(st.floats(0, 5)))
    again = data.draw(st.lists(st.sampled_from(order), max_size=10))
    track = TrackBuffer(RATE)
    heard = pushed(track, *order) + pushed(track, *again) + track.flush()
    assert heard == clean(*range(count))
    assert track.lost == 0


@given(st.integers(0, 2**32), st.sampled_from([8000, 16000]))
def test_call_time_is_kept_whatever_is_lost(seed: int, rate: int) -> None:
    """Packets that arrive lie at their timestamps; in place of the others there is silence of the same length."""
    chance = random.Random(seed)
    per_packet = rate // 50
    kept = [number for number in range(100) if number in (0, 99) or chance.random() > 0.2]
    track = TrackBuffer(rate)
    heard = b"".join(track.push(number, number * per_packet, audio(number, per_packet))[1] for number in kept)
    heard += track.flush()
    wanted = b"".join(audio(n, per_packet) if n in kept else silence(per_packet) for n in range(100))
    assert heard == wanted
    assert track.lost == (100 - len(kept)) * per_packet


def test_waiting_for_a_lost_packet_is_bounded_in_audio_time() -> None:
    track = TrackBuffer(RATE, PacketLimits(window_ms=100))
    assert pushed(track, 0, 2, 3, 4, 5) == clean(0)
    assert pushed(track, 6) == silence(PACKET) + clean(2, 3, 4, 5, 6)
    assert track.push(1, PACKET, audio(1)) == ("late", b"")
    assert track.push(4, 4 * PACKET, audio(4)) == ("duplicate", b"")
    assert track.lost == PACKET


def test_tiny_packets_are_bounded_by_their_number() -> None:
    track = TrackBuffer(RATE, PacketLimits(max_packets=5))
    track.push(0, 0, audio(0, 8))
    for number in range(2, 6):
        assert track.push(number, number * 8, audio(number, 8))[1] == b""
    assert track.push(6, 48, audio(6, 8))[1] == silence(8) + b"".join(audio(n, 8) for n in range(2, 7))


def test_what_was_not_sent_is_silence_but_not_lost() -> None:
    """Silence suppression: the numbers go on, the timestamps jump."""
    track = TrackBuffer(RATE)
    pushed(track, 0)
    assert track.push(1, 50 * PACKET, audio(1))[1] == silence(49 * PACKET) + audio(1)
    assert track.lost == 0


def test_timestamps_that_jitter_move_nothing() -> None:
    chance = random.Random(5)
    track = TrackBuffer(RATE)
    heard = b"".join(track.push(n, n * PACKET + chance.randint(-200, 200) * (n > 0), audio(n))[1] for n in range(200))
    assert heard == clean(*range(200))


def test_a_sender_that_sends_too_little_is_put_right_from_time_to_time() -> None:
    """21 ms of clock for every 20 ms of audio: the place in call time stays right within the tolerance."""
    track = TrackBuffer(RATE)
    for number in range(500):
        track.push(number, number * 168, audio(number))
        assert abs(track.position - number * 168 - PACKET) <= PacketLimits().tolerance_ms * 8


def test_a_track_that_starts_later_begins_with_silence() -> None:
    track = TrackBuffer(RATE)
    heard = b"".join(track.push(900 + n, (50 + n) * PACKET, audio(n))[1] for n in range(12))
    assert heard == silence(50 * PACKET) + clean(*range(12))
    assert track.lost == 0


def test_the_first_packet_need_not_come_first() -> None:
    track = TrackBuffer(RATE)
    assert pushed(track, 4, 3, first_seq=65_533, bits=16) == b""
    assert pushed(track, 0, 1, 2, first_seq=65_533, bits=16) == clean(*range(5))


@pytest.mark.parametrize("at", [121 * RATE, 10**6 * RATE])
def test_a_jump_of_hours_is_an_error_and_no_memory(at: int) -> None:
    track = TrackBuffer(RATE)
    pushed(track, 0)
    with pytest.raises(BadAudio, match="timestamp"):
        track.push(1, at, audio(1))
    assert pushed(track, 1) == clean(1)


def test_a_clock_that_goes_back_is_an_error() -> None:
    track = TrackBuffer(RATE)
    pushed(track, *range(500))
    with pytest.raises(BadAudio, match="back in time"):
        track.push(500, 0, audio(500))


def test_a_new_numbering_goes_on_where_the_old_one_was() -> None:
    track = TrackBuffer(RATE)
    pushed(track, *range(5), first_seq=20_000)
    assert track.push(7, 5 * PACKET, audio(5)) == ("in_order", audio(5))
    assert track.push(8, 6 * PACKET, audio(6)) == ("in_order", audio(6))
    assert track.lost == 0


@pytest.mark.parametrize("first_seq", [20_000, 50_000])
def test_a_sender_that_begins_anew_is_told_instead_of_being_dropped_for_ever(first_seq: int) -> None:
    track = TrackBuffer(RATE)
    pushed(track, *range(400), first_seq=first_seq)
    with pytest.raises(BadAudio, match="anew"):
        b"".join(track.push(number, number * PACKET, audio(500 + number))[1] for number in range(150))
    assert track.position == 400 * PACKET


@pytest.mark.parametrize("back", [1, 5, 40, 999])
def test_a_numbering_that_begins_a_little_lower_is_no_row_of_copies(back: int) -> None:
    track = TrackBuffer(RATE)
    heard = pushed(track, *range(50), first_seq=1000)
    heard += b"".join(track.push(1050 - back + n, (50 + n) * PACKET, audio(50 + n))[1] for n in range(60))
    assert heard == clean(*range(110))
    assert track.lost == 0


@pytest.mark.parametrize("back", [20, 30_000, -2_000])
def test_copies_from_before_a_new_numbering_are_copies_still(back: int) -> None:
    track = TrackBuffer(RATE)
    heard = pushed(track, *range(50), first_seq=40_000)
    for number in range(50, 110):
        heard += track.push(40_000 + number - back, number * PACKET, audio(number))[1]
        heard += track.push(39_980 + number, (number - 20) * PACKET, audio(number - 20))[1]
    assert heard + track.flush() == clean(*range(110))
    assert track.lost == 0


def test_copies_are_known_by_what_they_hold_however_they_are_stamped() -> None:
    track = TrackBuffer(RATE)
    heard = b""
    for number in range(100):
        heard += pushed(track, number)
        heard += track.push(number, number * PACKET + 100, audio(number))[1]
    assert heard == clean(*range(100))
    assert track.lost == 0


def test_copies_that_were_changed_on_the_way_are_neither_heard_nor_a_new_beginning() -> None:
    """A second path, or redundancy at a lower rate."""
    track = TrackBuffer(RATE)
    heard = b""
    for number in range(300):
        heard += pushed(track, number)
        assert track.push(number, number * PACKET, audio(number + 1)) == ("duplicate", b"")
    assert heard == clean(*range(300))
    assert track.lost == 0


def test_numbers_and_timestamps_that_both_begin_anew_are_told_and_counted() -> None:
    track = TrackBuffer(RATE)
    pushed(track, *range(400))
    for number in range(99):
        assert track.push(number, number * PACKET, audio(1000 + number)) == ("duplicate", b"")
    assert 90 * PACKET <= track.lost <= 99 * PACKET
    with pytest.raises(BadAudio, match="anew"):
        track.push(99, 99 * PACKET, audio(1099))


def test_an_error_takes_nothing_along_that_was_ready_or_that_waits() -> None:
    track = TrackBuffer(RATE, PacketLimits(window_ms=80))
    pushed(track, *range(300))
    pushed(track, 301)
    track.push(302, 0, audio(302))  # follows 301 by its number, and went back in time
    pushed(track, 303)
    with pytest.raises(BadAudio, match="back in time"):
        pushed(track, 304)
    assert track.flush() == silence(PACKET) + clean(301, 303, 304)
    assert track.lost == 2 * PACKET


def test_what_still_waits_at_the_end_is_heard_but_for_what_cannot_be_placed() -> None:
    track = TrackBuffer(RATE)
    pushed(track, *range(300))
    pushed(track, 301)
    track.push(302, 0, audio(302))
    pushed(track, 303)
    assert track.flush() == silence(PACKET) + clean(301, 303)
    assert (track.lost, track.waiting) == (2 * PACKET, 0)


@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(0, 40), st.integers(65_500, 65_535), st.integers(0, 2**32 - 1)),
            st.one_of(st.integers(0, 40 * PACKET), st.integers(0, 400 * RATE)),
            st.integers(1, 400),
            st.sampled_from(["push", "push", "push", "push", "flush", "advance", "restart"]),
        ),
        max_size=60,
    )
)
def test_whatever_a_sender_does_the_stream_goes_on_and_is_as_long_as_its_position(
    steps: list[tuple[int, int, int, str]],
) -> None:
    track = TrackBuffer(RATE)
    heard = 0
    for seq, at, samples, what in steps:
        before = track.position
        try:
            if what == "push":
                heard += len(track.push(seq, at, bytes(2 * samples))[1])
            elif what == "flush":
                heard += len(track.flush())
            elif what == "advance":
                heard += len(track.advance_to(at))
            else:
                heard += len(track.restart(at))
        except BadAudio:
            return  # the call is over
        assert heard == 2 * track.position
        assert track.position >= before
        assert track.position - before <= 500 * RATE
        assert track.waiting <= PacketLimits().max_packets


def test_each_channel_is_a_track_of_its_own() -> None:
    found = heard_of(both(), *(packet(n, channel) for n in (0, 2, 1, 3) for channel in ("caller", "agent")))
    assert found == {"caller": clean(0, 1, 2, 3), "agent": clean(0, 1, 2, 3)}


def test_a_track_that_says_nothing_follows_as_silence() -> None:
    """Or the last words of somebody whose line then sends nothing would never end."""
    intake = both()
    found = heard_of(intake, packet(0, "agent"), *(packet(n) for n in range(100)))
    assert found["agent"] == audio(0) + silence((2000 - MAX_SKEW_MS) * 8 - PACKET)
    assert (intake.received_ms, intake.resume_ms) == (2000, 20)  # a sender that kept it may still send it
    found = heard_of(intake, packet(100, "agent", seq=1))
    assert found["agent"] == silence(MAX_SKEW_MS * 8) + audio(100)


@pytest.mark.parametrize("resent", [True, False])
def test_a_connection_that_comes_back_repeats_nothing_and_marks_what_is_missing(resent: bool) -> None:
    intake = both()
    before = heard_of(intake, *(packet(n, c) for n in (0, 1, 2, 4) for c in ("caller", "agent")))
    intake.reconnect()
    if resent:
        taken = intake.realign(intake.resume_ms)
        rest = [packet(n, c, seq=500 + n) for n in range(1, 8) for c in ("caller", "agent")]
        wanted = clean(*range(8))
    else:
        taken = intake.realign(200)
        rest = [packet(n, c, seq=500 + n) for n in range(10, 12) for c in ("caller", "agent")]
        wanted = clean(0, 1, 2) + silence(PACKET) + clean(4) + silence(5 * PACKET) + clean(10, 11)
    assert taken.lost_ms == (0 if resent else 140)
    gap = dict(taken.parts)
    after = heard_of(intake, *rest)
    for channel in ("caller", "agent"):
        assert before[channel] + gap[channel] + after[channel] == wanted


def test_a_resume_without_a_position_by_a_sender_that_kept_nothing_counts_what_is_missing() -> None:
    intake = both()
    heard_of(intake, packet(0), packet(0, "agent"))
    intake.reconnect()
    intake.realign(intake.resume_ms)
    assert sum(intake.take(packet(n)).lost_ms for n in range(51, 70)) == 1000


def test_impossible_resumes_and_packets_are_refused() -> None:
    intake = PacketIntake(("caller",), "pcm_s16le", RATE)
    with pytest.raises(BadInput, match="from_ms"):
        intake.realign(500_000)
    with pytest.raises(BadInput, match="no channel agent"):
        intake.take(packet(0, "agent"))
    with pytest.raises(BadInput, match="media frames"):
        intake.take(bytes(320))
    with pytest.raises(BadAudio, match="16-bit"):
        intake.take(Packet(channel="caller", seq=0, timestamp_ms=0, payload=bytes(321)))
    with pytest.raises(BadAudio, match="no audio"):
        intake.take(Packet(channel="caller", seq=0, timestamp_ms=0, payload=b""))


def test_losses_are_reported_at_once_and_then_in_sums() -> None:
    report = LossReport()
    assert report.note(WORTH_MS - 20, 1000) == 0
    assert report.note(20, 2000) == WORTH_MS
    assert report.note(5 * WORTH_MS, 3000) == 0
    assert report.note(20, 2000 + EVERY_MS) == 5 * WORTH_MS + 20
    assert report.note(20, 2000 + 9 * EVERY_MS) == 0
    assert (report.rest(), report.rest()) == (20, 0)
