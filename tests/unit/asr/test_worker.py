"""What a recogniser's process finds out about the processor before it loads a model."""

from pathlib import Path

from asr.worker import cpu_flags


def test_the_first_processor_speaks_for_all(tmp_path: Path) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text("processor\t: 0\nvmx flags\t: x\nflags\t\t: fpu avx2 avx512f\n\nflags\t\t: fpu\n")
    assert cpu_flags(cpuinfo) == {"fpu", "avx2", "avx512f"}


def test_a_processor_that_says_nothing_can_do_nothing_special(tmp_path: Path) -> None:
    assert cpu_flags(tmp_path / "none") == frozenset()
    (tmp_path / "cpuinfo").write_bytes(b"\xff\xfe")
    assert cpu_flags(tmp_path / "cpuinfo") == frozenset()
