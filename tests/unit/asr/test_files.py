"""Recordings of any usual kind, and files that are none."""

import wave
from pathlib import Path

import av
import numpy as np
import pytest

from asr.files import read_audio
from callcue.core.errors import BadAudio


def sine(hz: float, rate: int, seconds: float) -> np.ndarray:
    return (np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate) * 9000).astype("<i2")


def write_wav(path: Path, channels: list[np.ndarray], rate: int) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(len(channels))
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.stack(channels, axis=1).tobytes())
    return path


def write_encoded(path: Path, codec: str, rate: int, samples: np.ndarray) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([samples, -samples], 1).reshape(1, -1), "s16", "stereo")
        frame.sample_rate = rate
        for piece in av.AudioResampler(format=stream.format, layout="stereo", rate=rate, frame_size=1152).resample(
            frame
        ):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def main_hz(pcm: bytes, rate: int) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.abs(np.fft.rfft(samples)).argmax() * rate / len(samples))


def test_telephone_wav_is_read_as_it_is(tmp_path: Path) -> None:
    left, right = sine(300, 8000, 1.0), sine(700, 8000, 1.0)
    audio = read_audio(write_wav(tmp_path / "a.wav", [left, right], 8000))
    assert (audio.sample_rate, audio.duration_ms) == (8000, 1000)
    assert audio.channels == (left.tobytes(), right.tobytes())


@pytest.mark.parametrize("rate", [11025, 22050, 44100, 48000])
def test_other_rates_become_16_khz(tmp_path: Path, rate: int) -> None:
    audio = read_audio(write_wav(tmp_path / "a.wav", [sine(440, rate, 1.0)] * 3, rate))
    assert (audio.sample_rate, len(audio.channels)) == (16000, 3)
    assert abs(audio.duration_ms - 1000) <= 5
    assert all(abs(main_hz(channel, 16000) - 440) < 3 for channel in audio.channels)


@pytest.mark.parametrize(("name", "codec"), [("a.flac", "flac"), ("a.mp3", "mp3"), ("a.m4a", "aac")])
def test_usual_formats(tmp_path: Path, name: str, codec: str) -> None:
    audio = read_audio(write_encoded(tmp_path / name, codec, 44100, sine(440, 44100, 1.0)))
    assert (audio.sample_rate, len(audio.channels)) == (16000, 2)
    assert abs(audio.duration_ms - 1000) < 100
    assert abs(main_hz(audio.channels[1], 16000) - 440) < 5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.wav", b""),
        ("noise.wav", bytes(range(256)) * 30),
        ("text.txt", b"good morning"),
        ("header.wav", b"RIFF" + b"\xff" * 60),
        ("list.m3u8", b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nother.wav\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", b"ffconcat version 1.0\nfile other.wav\n"),
        ("picture.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    write_wav(tmp_path / "other.wav", [sine(300, 8000, 0.1)], 8000)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadAudio, match=name):
        read_audio(tmp_path / name)


def test_missing_folder_and_too_long(tmp_path: Path) -> None:
    with pytest.raises(BadAudio, match="No such file"):
        read_audio(tmp_path / "none.wav")
    with pytest.raises(BadAudio, match="not a file"):
        read_audio(tmp_path)
    with pytest.raises(BadAudio, match="longer than"):
        read_audio(write_wav(tmp_path / "long.wav", [sine(300, 8000, 3.0)], 8000), max_duration_s=2.0)
    with pytest.raises(BadAudio, match="no audio"):
        read_audio(write_wav(tmp_path / "nothing.wav", [sine(300, 8000, 0.0)], 8000))


def test_a_cut_off_file_gives_what_is_there(tmp_path: Path) -> None:
    whole = write_wav(tmp_path / "a.wav", [sine(300, 8000, 1.0)], 8000).read_bytes()
    (tmp_path / "cut.wav").write_bytes(whole[: len(whole) // 2])
    assert abs(read_audio(tmp_path / "cut.wav").duration_ms - 500) < 5
