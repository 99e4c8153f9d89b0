"""Packets of a track and of a call, with audio that can be told apart."""

from callcue.calls.intake import Packet, PacketIntake
from callcue.calls.packets import TrackBuffer

RATE = 8000
PACKET = 160
"""Samples of 20 ms."""


def audio(number: int, samples: int = PACKET) -> bytes:
    """Samples that nothing else holds."""
    return b"".join((1 + (number * samples + nth) % 30_000).to_bytes(2, "little") for nth in range(samples))


def silence(samples: int) -> bytes:
    return bytes(2 * samples)


def pushed(track: TrackBuffer, *numbers: int, first_seq: int = 0, bits: int = 32) -> bytes:
    """Packets of a stream without pauses, by their place in it."""
    return b"".join(track.push((first_seq + number) % 2**bits, number * PACKET, audio(number))[1] for number in numbers)


def clean(*numbers: int) -> bytes:
    return b"".join(audio(number) for number in numbers)


def packet(number: int, channel: str = "caller", *, seq: int | None = None) -> Packet:
    return Packet(
        channel=channel,  # type: ignore[arg-type]
        seq=number if seq is None else seq,
        timestamp_ms=20 * number,
        payload=audio(number),
    )


def heard_of(intake: PacketIntake, *packets: Packet) -> dict[str, bytes]:
    found = {"caller": b"", "agent": b""}
    for one in packets:
        for channel, pcm in intake.take(one).parts:
            found[channel] += pcm
    return found


def both() -> PacketIntake:
    return PacketIntake(("caller", "agent"), "pcm_s16le", RATE)
