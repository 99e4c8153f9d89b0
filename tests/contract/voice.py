"""What every VoiceActivity promises; subclass it, give ``voice`` and ``speech``."""

import pytest

from callcue.core.ports import VoiceActivity
from callcue.testing.tones import tone


class VoiceActivityContract:
    """Tests for a fixture ``voice``."""

    @pytest.mark.parametrize("sample_rate", [8000, 16000])
    def test_digital_silence_is_no_speech(self, voice: VoiceActivity, sample_rate: int) -> None:
        frame = bytes(sample_rate * voice.frame_ms // 1000 * 2)
        assert not any(voice.is_speech(frame, sample_rate) for _ in range(20))

    @pytest.mark.parametrize("sample_rate", [8000, 16000])
    def test_sound_in_the_voice_band_after_silence_is_noticed(self, voice: VoiceActivity, sample_rate: int) -> None:
        size = sample_rate * voice.frame_ms // 1000 * 2
        for _ in range(10):
            voice.is_speech(bytes(size), sample_rate)
        sound = tone(0, 500, sample_rate)
        frames = [sound[start : start + size] for start in range(0, len(sound) - size + 1, size)]
        assert True in [voice.is_speech(frame, sample_rate) for frame in frames]

    def test_a_frame_of_another_length_is_refused(self, voice: VoiceActivity) -> None:
        with pytest.raises(Exception):  # noqa: B017, PT011 - which error is the implementation's affair
            voice.is_speech(b"\0\0\0", 8000)

    def test_its_frames_are_short(self, voice: VoiceActivity) -> None:
        assert voice.frame_ms in (10, 20, 30)
