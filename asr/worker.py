"""What runs inside a recogniser's process. Imports nothing heavy: the parent imports it too, to name the functions."""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import wait
from pathlib import Path
from typing import TYPE_CHECKING

from asr.config import EngineConfig
from callcue.core.errors import ModelError
from callcue.core.speech import Hypothesis, Window

if TYPE_CHECKING:
    from asr.decode import WindowDecoder

_THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_NICENESS = 5
_ISA = "CT2_FORCE_CPU_ISA"
_AVX512 = frozenset(("avx512f", "avx512cd", "avx512vl", "avx512bw", "avx512dq"))
_TRIM_EVERY = 32
"""Decodes after which free memory goes back to the system. The allocator keeps what the largest batch needed: after one
with four windows of 14 s a process stayed at 461 MB, and went to 361 MB when it gave back, which took 4 to 36 ms; small
batches then need 420 MB. What is in use does not grow: 343 MB after 56 decodes and after 120 [measured]."""

_decoder: "WindowDecoder | None" = None
_decodes = 0


def environment() -> dict[str, str]:
    """What a recogniser's process must be born with: one core, the processor's best instructions. Set later it has no
    effect: the child loads the parent's main module, and whatever numeric library that imports, before anything of ours
    runs in it. Two threads then spin on each of two cores, at nearly twice the processor time for a decode [measured].
    """
    return {
        **dict.fromkeys(_THREAD_LIMITS, "1"),
        **({_ISA: "AVX512"} if cpu_flags() >= _AVX512 and _ISA not in os.environ else {}),
    }


@contextlib.contextmanager
def born_with(values: Mapping[str, str]) -> Iterator[None]:
    """Processes that are started within get this environment; this process has its own back afterwards."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def prepare() -> None:
    """Initialiser: no Ctrl-C of the parent's terminal, and no life after the parent's death."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(_NICENESS)  # the parent's event loop goes first
    threading.Thread(target=_die_with_parent, name="parent-watch", daemon=True).start()


def cpu_flags(cpuinfo: Path = Path("/proc/cpuinfo")) -> frozenset[str]:
    """What the processor can do, by Linux's names; empty where that cannot be read. CTranslate2 stops at AVX2 by itself
    even where AVX-512 is there; with it the encoder needs a fifth less time [measured]."""
    try:
        lines = cpuinfo.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return frozenset()
    found = (line.partition(":")[2].split() for line in lines if line.startswith("flags"))
    return frozenset(next(found, ()))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def load(model_dir: Path, config: EngineConfig) -> int:
    """Load the model; returns this process's id. Raises ModelError."""
    global _decoder  # noqa: PLW0603 -- one model per process is what this process is for
    from asr.decode import WindowDecoder

    _decoder = WindowDecoder(model_dir, config)
    return os.getpid()


def decode(windows: Sequence[Window]) -> list[Hypothesis]:
    """Decode a batch; ``load`` came before."""
    global _decodes  # noqa: PLW0603 -- as above
    if _decoder is None:
        raise ModelError("the process was asked to decode before it loaded a model")
    _decodes += 1
    if _decodes % _TRIM_EVERY == 0:
        give_back_memory()
    return _decoder.decode(windows)


def give_back_memory() -> bool:
    """Return the allocator's free pages to the system; False where the C library (musl, macOS) cannot."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    return trim is not None and bool(trim(0) in (0, 1))
