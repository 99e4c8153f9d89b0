"""A recogniser's process gives back the memory that its allocator keeps."""

import platform

import pytest

from asr import worker
from callcue.core.errors import ModelError


class Decoder:
    def decode(self, windows: list[object]) -> list[object]:
        return windows


def test_free_memory_goes_back_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr(worker, "_decoder", Decoder())
    monkeypatch.setattr(worker, "_decodes", 0)
    monkeypatch.setattr(worker, "give_back_memory", lambda: given.append(worker._decodes))
    for _ in range(100):
        assert worker.decode([]) == []
    assert given == [32, 64, 96]


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim")
def test_glibc_takes_it() -> None:
    assert worker.give_back_memory()


def test_a_process_without_a_model_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_decoder", None)
    with pytest.raises(ModelError):
        worker.decode([])
