"""One running service per database file: a second one would take the first one's live calls for crashed ones."""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from callcue.core.errors import Conflict


class InstanceLock:
    """An advisory lock on ``<data_dir>/service.lock``; the system releases it when the process dies."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "service.lock"
        self._fd: int | None = None

    def __enter__(self) -> "InstanceLock":
        """Take the lock, or raise Conflict that names the process that holds it."""
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 32).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise Conflict(
                f"another CallCue (process {holder}) serves the data in {self._path.parent}; nothing was started. "
                "Talk to it with --server, or give this one another CALLCUE_DATA_DIR"
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, str(os.getpid()).encode())
        self._fd = fd
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
