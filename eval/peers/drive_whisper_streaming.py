"""Drives ``whisper-streaming`` (the LocalAgreement algorithm of Macháček et al. 2023) with the faster-whisper back end.

One processor per stream, as the package is made; the model is loaded once for all of them. A decode begins when a
second of audio is new, the original's default, and takes all that has come by then. The package has no end of
utterance: words are committed when two decodes agree, the last ones when the stream ends.
"""

import logging
from collections import deque
from collections.abc import Callable
from importlib.metadata import version
from queue import Empty
from threading import Condition, Thread
from typing import Any

import numpy as np
import whisper_streaming
from whisper_streaming.backend import (
    FasterWhisperASR,
    FasterWhisperFeatureExtractorConfig,
    FasterWhisperModelConfig,
    FasterWhisperTranscribeConfig,
)

from eval.peers.protocol import RATE, Wire, drive

_CHUNK = RATE  # samples: the original's --min-chunk-size 1.0
_BUFFER_S = 15.0  # the original's --buffer_trimming_sec


class _Joined:
    """A queue whose reader gets everything that has come, once that is a chunk or the end."""

    def __init__(self) -> None:
        self._parts: deque[Any] = deque()
        self._size = 0
        self._ended = False
        self._changed = Condition()

    @property
    def ended(self) -> bool:
        """Nothing more will come."""
        return self._ended

    def put_nowait(self, samples: Any) -> None:
        with self._changed:
            self._parts.append(samples)
            self._size += len(samples)
            self._changed.notify_all()

    def end(self) -> None:
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def get(self, timeout: float) -> Any:
        """Raises Empty at the end, which is how the processor learns of it."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._size >= _CHUNK)
            if not self._parts:
                raise Empty
            samples = np.concatenate(list(self._parts))
            self._parts.clear()
            self._size = 0
            return samples


class _Receiver(whisper_streaming.AudioReceiver):  # type: ignore[misc] # untyped there
    """Has no source of its own: the driver fills its queue."""

    def __init__(self) -> None:
        super().__init__()
        self.queue = _Joined()

    def start(self) -> None:
        """No thread is needed."""

    def _do_receive(self) -> None:
        return None

    def _do_close(self) -> None:
        return None


class _Outlet:
    """Takes what was committed at once, not at a later poll."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self.queue = self
        self._take = take

    def put_nowait(self, word: Any) -> None:
        self._take(word.word)

    def start(self) -> None:
        """No thread is needed."""

    def close(self) -> None:
        """Nothing is held."""


class _LastError(logging.Handler):
    """Keeps what a processor logs when it gives up."""

    text = "it did not say why"

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info is not None and record.exc_info[1] is not None:
            self.text = f"{type(record.exc_info[1]).__name__}: {record.exc_info[1]}"


_LAST_ERROR = _LastError(logging.ERROR)


class _Stream:
    """One processor in its thread."""

    def __init__(self, name: str, wire: Wire, make: Callable[[Any, Any], Any]) -> None:
        self.name, self.wire = name, wire
        self.receiver = _Receiver()
        self._committed = ""
        self._processor = make(self.receiver, _Outlet(self._commit))
        buffer = self._processor._transcription_buffer
        insert = buffer.insert

        def watched(words: Any) -> Any:
            found = insert(words)
            # what is in limbo is what the package would show as unstable; it has no way to ask for it
            self._limbo = "".join(word.word for word in buffer.transcriptions_in_limbo)
            if not found:
                self._tell()
            return found

        buffer.insert = watched
        self._limbo = ""
        self._thread = Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        self._processor.run()
        if not self.receiver.queue.ended:  # it logs its errors and returns
            self.wire.say("failed", reason=f"the processor gave up in the middle of a stream: {_LAST_ERROR.text}")
        self._limbo = ""
        self._tell()
        self.wire.say("closed", stream=self.name)

    def _commit(self, text: str) -> None:
        self._committed += text
        self._tell()

    def _tell(self) -> None:
        self.wire.text(self.name, self._committed, self._limbo)


def main(wire: Wire, folder: str, language: str) -> None:
    """Until the measurement has closed the pipe."""
    model_config = FasterWhisperModelConfig(
        model_size_or_path=folder, device="cpu", compute_type="int8", local_files_only=True
    )
    model = FasterWhisperASR._load_model(None, model_config)
    FasterWhisperASR._load_model = lambda _self, _config: model

    def make(receiver: Any, outlet: Any) -> Any:
        return whisper_streaming.ASRProcessor(
            whisper_streaming.ASRProcessor.ProcessorConfig(
                sampling_rate=RATE,
                prompt_size=200,
                audio_receiver_timeout=1.0,
                audio_trimming=whisper_streaming.TimeTrimming(seconds=_BUFFER_S),
                language=language,
            ),
            receiver,
            outlet,
            whisper_streaming.Backend.FASTER_WHISPER,
            model_config,
            FasterWhisperTranscribeConfig(),
            FasterWhisperFeatureExtractorConfig(),
        )

    logging.getLogger().addHandler(_LAST_ERROR)
    wire.say("ready", name="whisper_streaming", version=version("whisper-streaming"))
    streams: dict[str, _Stream] = {}
    for message in wire.messages():
        if message.event == "open":
            streams[message.stream] = _Stream(message.stream, wire, make)
        elif message.event == "audio":
            samples = np.frombuffer(message.pcm, dtype="<i2").astype(np.float32) / 32768
            streams[message.stream].receiver.queue.put_nowait(samples)
        else:
            streams[message.stream].receiver.queue.end()


if __name__ == "__main__":
    drive(main)
