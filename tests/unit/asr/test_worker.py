"""What a recogniser's process finds out about the processor, and the memory that it gives back."""

import platform
from pathlib import Path

import pytest

from asr import worker
from asr.worker import cpu_flags
from callcue.core.errors import ModelError


class Decoder:
    def decode(self, windows: list[object]) -> list[object]:
        return windows


def test_the_first_processor_speaks_for_all(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nvmx flags\t: x\nflags\t\t: fpu avx2 avx512f\n\nflags\t\t: fpu\n")
    assert cpu_flags(cpuinfo) == {"fpu", "avx2", "avx512f"}


def test_a_processor_that_says_nothing_can_do_nothing_special(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "none") == frozenset()
    (tmp_path / "cpuinfo").write_bytes(b"\xff\xfe")
    assert cpu_flags(tmp_path / "cpuinfo") == frozenset()


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
