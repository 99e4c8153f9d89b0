"""What a run cost: CPU time and memory of this process and all that it started."""

from dataclasses import dataclass
from types import ModuleType

from callcue.core.errors import MissingExtra


def _psutil() -> ModuleType:
    try:
        import psutil
    except ImportError as error:
        raise MissingExtra("Measuring CPU time of worker processes", "dev") from error
    return psutil


def cpu_seconds(pid: int | None = None) -> float:
    """User and system time, so far, of a process (default: this one) and its living descendants."""
    psutil = _psutil()
    root = psutil.Process(pid)
    total = 0.0
    for process in (root, *root.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Resident memory in MB."""

    main_mb: float
    """The process itself."""
    all_mb: float
    """With its descendants; pages that they share are counted once for each."""


def memory(pid: int) -> Memory:
    """Of a running process and its descendants."""
    psutil = _psutil()
    root = psutil.Process(pid)
    main = root.memory_info().rss / 1e6
    children = sum(process.memory_info().rss for process in root.children(recursive=True)) / 1e6
    return Memory(main_mb=main, all_mb=main + children)
